//! Measurements: what is added is there once, whatever happens in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use traffix_core::measurement::{Batch, Key, Sums};
use traffix_store::{
    Dimensions, Measured, MeasurementQuery, Retention, RolledUp, Store, StoreError, WatchedBin,
};

use crate::support::rus::day;
use crate::support::{On, StoppedClock, TestDb};

crate::on_every_engine!(batches_add_up_once,);

fn at(secs: i64) -> DateTime<Utc> {
    day(0) + TimeDelta::seconds(secs)
}

fn key(platform: &str, cdn: &str, link: &str) -> Key {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Key {
        platform: some(platform).map(|text| text.parse().unwrap()),
        cdn: some(cdn).map(|text| text.parse().unwrap()),
        link: some(link),
    }
}

fn batch(id: &str, step_secs: u32, counts: &[(i64, Key, u64)]) -> Batch {
    let mut batch = Batch::new(id, "acme", step_secs.try_into().unwrap());
    for (secs, key, bytes) in counts {
        batch.add(at(*secs), key.clone(), *bytes).unwrap();
    }
    batch
}

const EVERYTHING: Dimensions = Dimensions { platform: true, cdn: true, link: true };

/// Everything of the first hundred days.
fn query(step_secs: u32, by: Dimensions) -> MeasurementQuery {
    MeasurementQuery {
        network: "acme".into(),
        from: day(-100),
        until: day(100),
        step_secs,
        by,
        platform: None,
        cdn: None,
        link: None,
    }
}

/// The numbers of an answer: by key, seconds from the first day on and bytes.
fn numbers(measured: &Measured) -> Vec<(Key, Vec<(i64, u64)>)> {
    let secs = |start: DateTime<Utc>| (start - day(0)).num_seconds();
    let points = |series| measured.points(series).map(|(start, bytes)| (secs(start), bytes)).collect();
    measured.series.iter().map(|series| (series.key.clone(), points(series))).collect()
}

async fn batches_add_up_once(on: On) {
    let db = TestDb::new(on);
    let clock = StoppedClock::default();
    let store = db.open_at(&clock).await;
    clock.advance(86_400);
    let (steam, epic) = (key("steam", "", "transit"), key("epic", "akamai", ""));
    let mut first = batch(
        "a",
        60,
        &[(0, steam.clone(), 5), (60, steam.clone(), 6), (60, epic.clone(), u64::from(u32::MAX))],
    );
    first.watch(at(180));
    assert!(store.add_batch(&first).await.unwrap());
    assert!(!store.add_batch(&first).await.unwrap());
    assert!(store.add_batch(&batch("b", 60, &[(60, steam.clone(), 1)])).await.unwrap());
    let measured = store.measurements(&query(60, EVERYTHING)).await.unwrap();
    let big = u64::from(u32::MAX);
    assert_eq!(
        numbers(&measured),
        [(epic, vec![(0, 0), (60, big), (180, 0)]), (steam, vec![(0, 5), (60, 7), (180, 0)])]
    );
    assert!(measured.bins.iter().all(|bin| bin.watched_secs == 60));
    let hourly = store.measurements(&query(3_600, Dimensions::default())).await.unwrap();
    assert_eq!(numbers(&hourly), [(Key::default(), vec![(0, big + 12)])]);
    assert_eq!(hourly.bins, [WatchedBin { start: at(0), watched_secs: 180 }]);
}
