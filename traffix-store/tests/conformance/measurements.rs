//! Measurements: what is added is there once, whatever happens in between.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Connection as _;
use traffix_core::measurement::{Batch, Key};
use traffix_store::{
    Dimensions, Measured, MeasuredNetwork, MeasurementQuery, Retention, RolledUp, Store, StoreError,
    WatchedBin,
};

use crate::support::rus::day;
use crate::support::{On, StoppedClock, TestDb};

crate::on_every_engine!(
    batches_add_up_once,
    bins_of_all_lengths_are_summed_to_what_they_have_in_common,
    answers_are_filtered_and_grouped,
    what_cannot_be_added_is_refused_with_the_reason,
    what_cannot_be_answered_is_refused_with_the_reason,
    old_days_become_coarser_and_are_forgotten,
    a_batch_that_was_forgotten_is_not_added_again,
    late_batches_find_their_place,
    writers_of_one_network_lose_nothing,
);

const DAY: i64 = 86_400;
const GB: u64 = 1_000_000_000;

/// A store, with batches of the day before today.
async fn at_day(db: &TestDb, today: i64) -> Arc<dyn Store> {
    let clock = StoppedClock::default();
    clock.advance(today * DAY);
    db.open_at(&clock).await
}

fn at(secs: i64) -> DateTime<Utc> {
    day(0) + TimeDelta::seconds(secs)
}

pub(crate) fn key(platform: &str, cdn: &str, link: &str) -> Key {
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

/// Everything of many years.
fn query(step_secs: u32, by: Dimensions) -> MeasurementQuery {
    MeasurementQuery {
        network: "acme".into(),
        from: day(-10_000),
        until: day(10_000),
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

/// All bytes of many years, by start of the bins.
async fn totals(store: &dyn Store, step_secs: u32) -> (u32, Vec<(i64, u64)>) {
    let measured = store.measurements(&query(step_secs, Dimensions::default())).await.unwrap();
    let points = numbers(&measured).pop().map(|(_, points)| points).unwrap_or_default();
    (measured.step_secs, points)
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: &Result<T, StoreError>, pointer: &str, reason: &str) {
    let Err(StoreError::Invalid(found)) = result else { panic!("{result:?}") };
    assert_eq!(found[0].pointer, pointer, "{found:?}");
    assert!(found[0].detail.contains(reason), "{found:?}");
}

async fn batches_add_up_once(on: On) {
    let db = TestDb::new(on);
    let store = at_day(&db, 1).await;
    let (steam, epic) = (key("steam", "", "transit"), key("epic", "akamai", ""));
    let big = u64::from(u32::MAX) + 1;
    let counts = [(0, steam.clone(), 5), (60, steam.clone(), 6), (60, epic.clone(), big)];
    let mut first = batch("a", 60, &counts);
    first.watch(at(180));
    assert_eq!(store.measured_networks().await.unwrap(), []);
    assert!(store.add_batch(&first).await.unwrap());
    assert!(!store.add_batch(&first).await.unwrap());
    assert!(store.add_batch(&batch("b", 60, &[(60, steam.clone(), 1)])).await.unwrap());
    let measured = store.measurements(&query(60, EVERYTHING)).await.unwrap();
    let expected = [(epic, vec![(0, 0), (60, big), (180, 0)]), (steam, vec![(0, 5), (60, 7), (180, 0)])];
    assert_eq!(numbers(&measured), expected);
    assert!(measured.bins.iter().all(|bin| bin.watched_secs == 60));
    let hourly = store.measurements(&query(3_600, Dimensions::default())).await.unwrap();
    assert_eq!(numbers(&hourly), [(Key::default(), vec![(0, big + 12)])]);
    assert_eq!(hourly.bins, [WatchedBin { start: at(0), watched_secs: 180 }]);
    let other = MeasurementQuery { network: "other\0".into(), ..query(60, EVERYTHING) };
    assert_eq!(store.measurements(&other).await.unwrap().bins, []);
    let acme = MeasuredNetwork { network: "acme".into(), first: at(0), last: at(180) };
    assert_eq!(store.measured_networks().await.unwrap(), [acme]);
    assert_eq!(store.sequence().await.unwrap(), 0, "measurements are not catalogue");
}

/// Seconds and hours of one network: an answer is never finer than what it is made of.
async fn bins_of_all_lengths_are_summed_to_what_they_have_in_common(on: On) {
    let db = TestDb::new(on);
    let store = at_day(&db, 5).await;
    let any = Key::default;
    store.add_batch(&batch("seconds", 1, &[(0, any(), 1), (59, any(), 2), (60, any(), 4)])).await.unwrap();
    assert_eq!(totals(&*store, 60).await, (60, vec![(0, 3), (60, 4)]), "seconds are kept as minutes");
    store.add_batch(&batch("hour", 3_600, &[(0, any(), 100), (7_200, any(), 200)])).await.unwrap();
    assert_eq!(totals(&*store, 60).await, (3_600, vec![(0, 107), (7_200, 200)]));
    assert_eq!(totals(&*store, 300).await, (3_600, vec![(0, 107), (7_200, 200)]));
    store.add_batch(&batch("next day", 60, &[(DAY, any(), 8)])).await.unwrap();
    let next_day = MeasurementQuery { from: day(1), ..query(60, EVERYTHING) };
    let measured = store.measurements(&next_day).await.unwrap();
    assert_eq!(numbers(&measured), [(any(), vec![(DAY, 8)])], "other days do not matter");
    store.add_batch(&batch("odd", 45, &[(45, any(), 16)])).await.unwrap();
    store.add_batch(&batch("odder", 2_700, &[(2_700, any(), 32)])).await.unwrap();
    let expected = (10_800, vec![(0, 355), (DAY, 8)]);
    assert_eq!(totals(&*store, 3_600).await, expected, "45 minutes and an hour meet after three hours");
}

async fn answers_are_filtered_and_grouped(on: On) {
    let db = TestDb::new(on);
    let store = at_day(&db, 1).await;
    let counts = [
        (0, key("steam", "akamai", "transit"), 1),
        (0, key("steam", "", "peering"), 2),
        (60, key("", "akamai", "transit"), 4),
        (60, Key::default(), 8),
        (60, key("epic", "", ""), 0),
    ];
    store.add_batch(&batch("a", 60, &counts)).await.unwrap();
    let by = |platform, cdn, link| Dimensions { platform, cdn, link };
    let ask = async |query: MeasurementQuery| numbers(&store.measurements(&query).await.unwrap());
    let points = |first, second| vec![(0, first), (60, second)];
    let platforms = ask(query(60, by(true, false, false))).await;
    assert_eq!(platforms, [(Key::default(), points(0, 12)), (key("steam", "", ""), points(3, 0))]);
    let links = ask(query(60, by(false, false, true))).await;
    let expected = [
        (Key::default(), points(0, 8)),
        (key("", "", "peering"), points(2, 0)),
        (key("", "", "transit"), points(1, 4)),
    ];
    assert_eq!(links, expected);
    let steam = MeasurementQuery { platform: "steam".parse().ok(), ..query(60, by(false, true, false)) };
    assert_eq!(ask(steam).await, [(Key::default(), points(2, 0)), (key("", "akamai", ""), points(1, 0))]);
    let transit = MeasurementQuery { link: Some("transit".into()), ..query(60, by(false, false, false)) };
    assert_eq!(ask(transit).await, [(Key::default(), points(1, 4))]);
    let epic = MeasurementQuery { platform: "epic".parse().ok(), ..query(60, by(false, false, false)) };
    assert_eq!(ask(epic).await, [(Key::default(), points(0, 0))], "watched, and nothing of it");
    let one = |from, until| MeasurementQuery {
        from: at(from),
        until: at(until),
        ..query(60, by(false, false, false))
    };
    assert_eq!(ask(one(60, 61)).await, [(Key::default(), vec![(60, 12)])]);
    assert_eq!(ask(one(59, 60)).await, [(Key::default(), vec![(0, 3)])], "whole bins");
    assert_eq!(ask(one(60, 60)).await, []);
    assert_eq!(ask(one(120, DAY)).await, []);
    let ever =
        MeasurementQuery { from: DateTime::<Utc>::MIN_UTC, until: DateTime::<Utc>::MAX_UTC, ..one(0, 0) };
    assert_eq!(ask(ever).await, [(Key::default(), points(3, 12))]);
}

async fn what_cannot_be_added_is_refused_with_the_reason(on: On) {
    let db = TestDb::new(on);
    let store = at_day(&db, 1).await;
    let steam = || key("steam", "", "");
    let good = batch("good", 60, &[(0, steam(), 1)]);
    store.add_batch(&good).await.unwrap();
    let before = totals(&*store, 60).await;

    let future = batch("future", 60, &[(0, steam(), 1), (DAY + 360, steam(), 1)]);
    assert_refused(&store.add_batch(&future).await, "/bins/2024-01-02T00:06:00Z", "future");
    assert_refused(
        &store.add_batch(&batch("grid", 60, &[(61, steam(), 1)])).await,
        "/bins/2024-01-01T00:01:01Z",
        "multiple",
    );
    assert_refused(&store.add_batch(&batch("step", 7, &[])).await, "/step_secs", "divide a day");
    assert_refused(&store.add_batch(&batch("", 60, &[])).await, "/id", "printable");
    assert_refused(
        &store.add_batch(&batch("link", 60, &[(0, key("", "", "x\0"), 1)])).await,
        "/bins/link",
        "printable",
    );

    let restarted = batch("good", 60, &[(0, steam(), 2)]);
    assert_refused(&store.add_batch(&restarted).await, "/id", "another batch");
    let elsewhere = Batch { network: "other".into(), ..good.clone() };
    assert_refused(&store.add_batch(&elsewhere).await, "/id", "another batch");

    let broken = batch("broken", 60, &[(60, steam(), 1), (120, steam(), u64::MAX)]);
    assert_refused(&store.add_batch(&broken).await, "/bins/2024-01-01T00:00:00Z", "290 PB");
    let within = batch("within", 1, &[(0, steam(), u64::MAX), (1, steam(), 1)]);
    assert_refused(&store.add_batch(&within).await, "/bins/2024-01-01T00:00:01Z", "cannot be counted");
    let together = batch("together", 60, &[(0, steam(), 1 << 58)]);
    assert_refused(&store.add_batch(&together).await, "/bins/2024-01-01T00:00:00Z", "290 PB");

    let many: Vec<_> = (0..=50_000).map(|n| (0, key("", "", &format!("link-{n}")), 1)).collect();
    assert_refused(&store.add_batch(&batch("many", 60, &many)).await, "/bins", "50000");

    assert_eq!(totals(&*store, 60).await, before, "what is refused leaves nothing");
    assert_eq!(store.measured_networks().await.unwrap().len(), 1);
    assert!(store.add_batch(&batch("broken", 60, &[(60, steam(), 1)])).await.unwrap(), "nor its identifier");
}

async fn what_cannot_be_answered_is_refused_with_the_reason(on: On) {
    let db = TestDb::new(on);
    let store = at_day(&db, 400).await;
    for step in [0, 1, 59, 90, 420, 172_800] {
        assert_refused(&store.measurements(&query(step, EVERYTHING)).await, "/step_secs", "divides a day");
    }
    // Two days of 2,000 keys are 5.76 million numbers by the minute.
    let counts: Vec<_> = (0..2_000).map(|n| (0, key("", "", &format!("link-{n}")), 1)).collect();
    let mut large = batch("large", 60, &counts);
    (0..2_880).for_each(|minute| large.watch(at(minute * 60)));
    store.add_batch(&large).await.unwrap();
    assert_refused(&store.measurements(&query(60, EVERYTHING)).await, "", "a longer step");
    assert_eq!(totals(&*store, 60).await.1.len(), 2_880);
    let links = store.measurements(&query(3_600, EVERYTHING)).await.unwrap();
    assert_eq!((links.series.len(), links.bins.len()), (2_000, 48));
    let hour = MeasurementQuery { from: at(0), until: at(3_600), ..query(60, EVERYTHING) };
    let links = store.measurements(&hour).await.unwrap();
    assert_eq!((links.series.len(), links.bins.len()), (2_000, 60));
}

/// The day that it is, counted from the first day, when a day is so many days old.
fn today(days_old: u32) -> DateTime<Utc> {
    day(i64::from(days_old)) + TimeDelta::hours(12)
}

async fn old_days_become_coarser_and_are_forgotten(on: On) {
    let db = TestDb::new(on);
    let store = at_day(&db, 2).await;
    let (steam, epic) = (key("steam", "", ""), key("epic", "", ""));
    let minutes = |n: i64| (n * 60, steam.clone(), u64::try_from(n).unwrap() * GB + 1);
    let mut counts: Vec<_> = (0..1_440).filter(|minute| minute % 7 != 3).map(minutes).collect();
    counts.extend([(3_600, epic.clone(), 7), (DAY, epic.clone(), 9)]);
    store.add_batch(&batch("a", 60, &counts)).await.unwrap();
    let whole: u64 = counts.iter().map(|(.., bytes)| *bytes).sum();
    let by_hour = store.measurements(&query(3_600, EVERYTHING)).await.unwrap();
    let (retention, minutes) = (Retention::default(), totals(&*store, 60).await);
    let roll_up = async |days_old| {
        let done = store.roll_up(today(days_old), &retention).await.unwrap();
        assert_eq!(store.roll_up(today(days_old), &retention).await.unwrap(), RolledUp::default());
        (done.days_rolled_up, done.days_forgotten, done.batches_forgotten)
    };
    assert_eq!(roll_up(9).await, (0, 0, 1));
    assert_eq!(roll_up(14).await, (0, 0, 0));
    assert_eq!(totals(&*store, 60).await, minutes);
    for (days_old, done, step) in [
        (15, (1, 0, 0), 300),
        (16, (1, 0, 0), 300),
        (120, (0, 0, 0), 300),
        (121, (1, 0, 0), 3_600),
        (122, (1, 0, 0), 3_600),
    ] {
        assert_eq!(roll_up(days_old).await, done, "{days_old}");
        let (now_step, points) = totals(&*store, 60).await;
        assert_eq!((now_step, points.iter().map(|(_, bytes)| bytes).sum()), (step, whole), "{days_old}");
        assert_eq!(store.measurements(&query(3_600, EVERYTHING)).await.unwrap(), by_hour, "{days_old}");
    }
    assert_eq!(roll_up(1_826).await, (0, 0, 0));
    assert_eq!(roll_up(1_827).await, (0, 1, 0));
    assert_eq!(totals(&*store, 60).await, (3_600, vec![(DAY, 9)]));
    let acme = MeasuredNetwork { network: "acme".into(), first: day(1), last: day(1) };
    assert_eq!(store.measured_networks().await.unwrap(), [acme]);
    assert_eq!(roll_up(9_999).await, (0, 1, 0));
    assert_eq!(store.measured_networks().await.unwrap(), []);
    assert_eq!(store.roll_up(DateTime::<Utc>::MIN_UTC, &retention).await.unwrap(), RolledUp::default());
    assert_eq!(store.roll_up(DateTime::<Utc>::MAX_UTC, &retention).await.unwrap(), RolledUp::default());
}

/// Identifiers do not stay for ever, yet a batch that comes once more after that is not counted twice, whatever the
/// clock says.
async fn a_batch_that_was_forgotten_is_not_added_again(on: On) {
    let db = TestDb::new(on);
    let clock = StoppedClock::default();
    let store = db.open_at(&clock).await;
    clock.advance(DAY);
    let steam = || key("steam", "", "");
    let old = batch("old", 60, &[(0, steam(), 1), (60, steam(), 1)]);
    let new = batch("new", 60, &[(DAY - 60, steam(), 1)]);
    let empty = batch("empty", 60, &[]);
    for batch in [&old, &new, &empty] {
        assert!(store.add_batch(batch).await.unwrap());
    }
    let before = totals(&*store, 3_600).await;
    let forgotten = async |now| store.roll_up(now, &Retention::default()).await.unwrap().batches_forgotten;
    assert_eq!(forgotten(at(8 * DAY - 61)).await, 0, "all was added less than a week ago");
    // A clock that jumps a year ahead takes all identifiers with it, and comes back.
    assert_eq!(forgotten(at(365 * DAY)).await, 3);
    for batch in [&old, &new] {
        assert_refused(&store.add_batch(batch).await, "/bins", "up to 2024-01-01T23:59:00Z");
    }
    let late = batch("late", 60, &[(600, steam(), 1)]);
    assert_refused(&store.add_batch(&late).await, "/bins", "time series");
    assert_eq!(totals(&*store, 3_600).await, before, "an old batch is not added again");
    let across = batch("across", 60, &[(600, steam(), 1), (DAY, steam(), 1)]);
    assert!(
        store.add_batch(&across).await.unwrap(),
        "it has a bin that no forgotten batch had, so it is new"
    );
    assert!(!store.add_batch(&across).await.unwrap());
    let elsewhere = Batch { network: "other".into(), ..old };
    assert!(store.add_batch(&elsewhere).await.unwrap(), "of another network nothing was forgotten");
}

async fn late_batches_find_their_place(on: On) {
    let db = TestDb::new(on);
    let store = at_day(&db, 2).await;
    let steam = || key("steam", "", "");
    store.add_batch(&batch("a", 60, &[(0, steam(), 1), (3_600, steam(), 2)])).await.unwrap();
    let retention = Retention { minute_days: 0, five_minute_days: 1, hour_days: 10 };
    assert_eq!(store.roll_up(day(1), &retention).await.unwrap().days_rolled_up, 1);
    assert_eq!(totals(&*store, 60).await, (300, vec![(0, 1), (3_600, 2)]));
    store.add_batch(&batch("late", 60, &[(60, steam(), 4), (7_200, steam(), 8)])).await.unwrap();
    let expected = (300, vec![(0, 5), (3_600, 2), (7_200, 8)]);
    assert_eq!(totals(&*store, 60).await, expected, "at the day's step");
    assert_eq!(store.roll_up(day(1), &retention).await.unwrap().days_rolled_up, 1);
    assert_eq!(totals(&*store, 60).await, expected);
    assert_eq!(store.roll_up(day(2), &retention).await.unwrap().days_rolled_up, 1);
    let expected = (3_600, vec![(0, 5), (3_600, 2), (7_200, 8)]);
    assert_eq!(totals(&*store, 60).await, expected);
    let measured = store.measurements(&query(3_600, EVERYTHING)).await.unwrap();
    assert_eq!(measured.bins[0].watched_secs, 120, "which minutes were watched is known to the end");
}

/// Writers read a day, change it and write it back, and roll-ups move it: none may work on what another is changing.
async fn writers_of_one_network_lose_nothing(on: On) {
    let db = TestDb::new(on);
    let one = at_day(&db, 3).await;
    let other = if on == On::Memory { Arc::clone(&one) } else { at_day(&db, 3).await };
    let keys = ["steam", "epic", "gog"].map(|platform| key(platform, "", ""));
    let numbered = |n: i64| {
        let counts =
            (0..3).map(|k| (n % 5 * 60 + (n + k) % 2 * DAY, keys[usize::try_from(k).unwrap()].clone(), 1));
        batch(&format!("batch/{}", n / 2), 60, &counts.collect::<Vec<_>>())
    };
    let tasks = (0..48).map(|n| {
        let store = Arc::clone(if n % 3 == 0 { &one } else { &other });
        // Every batch comes twice, mostly at the same time.
        let batch = numbered(n / 2 * 2);
        tokio::spawn(async move {
            if n % 8 == 7 {
                let retention = Retention { minute_days: 1, ..Retention::default() };
                store.roll_up(day(n % 3), &retention).await.unwrap();
            }
            let (step, points) = totals(&*store, 60).await;
            assert!(
                points.iter().map(|(_, bytes)| bytes).sum::<u64>() % 3 == 0,
                "half a batch: {step} {points:?}"
            );
            u64::from(store.add_batch(&batch).await.unwrap())
        })
    });
    let mut added = 0;
    for task in tasks.collect::<Vec<_>>() {
        added += task.await.unwrap();
    }
    assert_eq!(added, 24);
    assert_eq!(totals(&*one, 86_400).await.1.iter().map(|(_, bytes)| bytes).sum::<u64>(), 24 * 3);
}

mod corrupt {
    use super::*;

    /// Whatever else wrote into the database, reading it is an error with a reason, not a panic.
    async fn is_an_error(on: On, sql: &str) {
        let db = TestDb::new(on);
        let store = at_day(&db, 1).await;
        let counts = [(0, key("steam", "", ""), 1), (60, key("steam", "", ""), 2)];
        store.add_batch(&batch("a", 60, &counts)).await.unwrap();
        if on == On::Postgres {
            let mut connection = sqlx::PgConnection::connect(&db.url).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = sqlx::SqliteConnection::connect(&db.url).await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        let step = if sql.contains("hours") { 3_600 } else { 60 };
        let read = store.measurements(&query(step, EVERYTHING)).await;
        assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{sql}: {read:?}");
        if !sql.contains("coarse") {
            let write = store.add_batch(&batch("b", 60, &counts)).await;
            assert!(matches!(write, Err(StoreError::Corrupt { .. })), "{sql}: {write:?}");
        }
    }

    async fn are_errors(on: On, bytes: impl Fn(&str) -> String) {
        for packed in ["", "02", "0141", "01060102", "010000ff"] {
            is_an_error(on, &format!("UPDATE measured_bytes SET points = {}", bytes(packed))).await;
        }
        for hours in ["01", "0105", "010102"] {
            is_an_error(on, &format!("UPDATE measured_day SET hours = {}", bytes(hours))).await;
        }
        is_an_error(on, &format!("UPDATE measured_day SET minutes = {}", bytes("0102"))).await;
        is_an_error(on, "UPDATE measured_series SET platform = 'No Slug'").await;
        for step in [7, 61, 172_800] {
            is_an_error(on, &format!("UPDATE measured_day SET coarse_secs = {step}")).await;
        }
        is_an_error(
            on,
            "UPDATE measured_bytes SET step_secs = 86400; UPDATE measured_day SET coarse_secs = 60",
        )
        .await;
    }

    #[tokio::test]
    async fn on_sqlite_file() {
        are_errors(On::File, |hex| format!("x'{hex}'")).await;
    }
    #[tokio::test]
    async fn on_postgres() {
        are_errors(On::Postgres, |hex| format!("'\\x{hex}'::bytea")).await;
    }
}
