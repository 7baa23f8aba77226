//! Time series.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use sqlx::Connection as _;
use traffix_store::{SeriesKey, Store, StoreError};

use crate::support::rus::day;
use crate::support::{On, TestDb};

crate::on_every_engine!(
    values_are_replaced_and_ranged,
    what_is_off_the_grid_is_refused,
    series_are_found_by_their_beginning,
    writers_of_one_series_do_not_lose_values,
);

fn key(subject: &str, step_secs: u32) -> SeriesKey {
    SeriesKey { metric: "players".into(), subject: subject.into(), source: "steam".into(), step_secs }
}

fn at(secs: i64) -> DateTime<Utc> {
    day(0) + TimeDelta::seconds(secs)
}

async fn all(store: &dyn Store, key: &SeriesKey) -> Vec<(DateTime<Utc>, f64)> {
    store.points(key, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC).await.unwrap()
}

async fn values_are_replaced_and_ranged(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let dota = key("steam/570", 3600);
    assert_eq!(all(&*store, &dota).await, []);
    let points = [(at(7200), 2.0), (at(-3600), 0.5), (at(0), 7.0), (at(0), 1.0), (at(86_400), 3.5)];
    assert_eq!(store.put_points(&dota, &points).await.unwrap(), 4, "of one instant the last counts");
    let stored = [(at(-3600), 0.5), (at(0), 1.0), (at(7200), 2.0), (at(86_400), 3.5)];
    assert_eq!(all(&*store, &dota).await, stored, "a gap is a gap");
    assert_eq!(store.put_points(&dota, &points).await.unwrap(), 0, "the same again is no news");
    assert_eq!(store.put_points(&dota, &[(at(0), 9.0), (at(7200), 2.0)]).await.unwrap(), 1);
    assert_eq!(store.put_points(&dota, &[]).await.unwrap(), 0);
    let range = async |from, until| {
        let points = store.points(&dota, at(from), at(until)).await.unwrap();
        points.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    assert_eq!(range(0, 7200).await, [9.0], "without its end");
    assert_eq!(range(-3600, 7201).await, [0.5, 9.0, 2.0]);
    assert_eq!(range(1, 86_401).await, [2.0, 3.5]);
    assert_eq!(range(7200, 0).await, [] as [f64; 0]);
    for other in
        [key("steam/570", 60), key("steam/57", 3600), SeriesKey { source: "me".into(), ..dota.clone() }]
    {
        assert_eq!(all(&*store, &other).await, [], "{other:?}");
    }
    let extreme = [(DateTime::from_timestamp(-8_000_000_000_000, 0).unwrap(), f64::MAX), (at(0), -0.0)];
    store.put_points(&key("extreme", 1), &extreme).await.unwrap();
    let read = all(&*store, &key("extreme", 1)).await;
    assert!(read == extreme && read[1].1.is_sign_negative(), "{read:?}");
    assert_eq!(store.sequence().await.unwrap(), 0, "measurements are not catalogue");
}

async fn what_is_off_the_grid_is_refused(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let minute = key("steam/570", 60);
    let nano = at(0) + TimeDelta::nanoseconds(1);
    let points = [(at(0), 1.0), (at(61), 1.0), (at(60), f64::NAN), (nano, 1.0), (at(0), f64::INFINITY)];
    let refused = store.put_points(&minute, &points).await;
    let Err(StoreError::Invalid(found)) = refused else { panic!("{refused:?}") };
    let pointers: Vec<_> = found.iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(pointers, ["/points/1/0", "/points/2/1", "/points/3/0", "/points/4/1"]);
    let keys = [
        (key("steam/570", 0), "/step_secs"),
        (key("steam/570", 7), "/step_secs"),
        (key("steam/570", 172_800), "/step_secs"),
        (key("", 60), "/subject"),
        (SeriesKey { metric: "nul\0".into(), ..minute.clone() }, "/metric"),
        (SeriesKey { source: "x".repeat(201), ..minute.clone() }, "/source"),
    ];
    for (bad, pointer) in keys {
        let refused = store.put_points(&bad, &[(at(0), 1.0)]).await;
        assert!(
            matches!(&refused, Err(StoreError::Invalid(found)) if found[0].pointer == pointer),
            "{refused:?}"
        );
        assert_eq!(all(&*store, &bad).await, []);
    }
    assert_eq!(store.series("players", "").await.unwrap(), [], "what is refused leaves nothing");
}

async fn series_are_found_by_their_beginning(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let keys = ["ixp/bcix", "steam/1", "steam/10", "steam/2", "steam_x", "steamé/1"].map(|s| key(s, 60));
    let hourly = key("steam/1", 3600);
    let other = SeriesKey { metric: "traffic_bps".into(), ..keys[1].clone() };
    for key in keys.iter().rev().chain([&hourly, &other]) {
        store.put_points(key, &[(at(0), 1.0)]).await.unwrap();
    }
    let found = async |prefix: &str| store.series("players", prefix).await.unwrap();
    assert_eq!(found("steam/").await, [&keys[1], &hourly, &keys[2], &keys[3]].map(Clone::clone));
    assert_eq!(found("steam/1").await.len(), 3);
    assert_eq!(found("steamé").await, keys[5..]);
    assert_eq!(found("").await.len(), 7);
    for none in ["steam%", "STEAM", "t", "nul\0"] {
        assert_eq!(found(none).await, [], "{none:?}");
    }
    assert_eq!(store.series("traffic_bps", "").await.unwrap(), [other]);
    assert_eq!(store.series("traffic", "").await.unwrap(), []);
}

/// Writers of the same day read it, change it and write it back: none may work on what another is changing.
async fn writers_of_one_series_do_not_lose_values(on: On) {
    let db = TestDb::new(on);
    let one = db.open().await;
    let other = if on == On::Memory { Arc::clone(&one) } else { db.open().await };
    let tasks = (0..16).map(|n| {
        let store = Arc::clone(if n % 2 == 0 { &one } else { &other });
        let point = (at(i64::from(n) * 60), f64::from(n));
        tokio::spawn(async move { store.put_points(&key("steam/570", 60), &[point]).await.unwrap() })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap(), 1);
    }
    assert_eq!(all(&*one, &key("steam/570", 60)).await.len(), 16);
}

mod corrupt {
    use super::*;

    /// Whatever else wrote into the database, reading it is an error with a reason, not a panic.
    async fn is_an_error(on: On) {
        let db = TestDb::new(on);
        let store = db.open().await;
        let minute = key("steam/570", 60);
        store.put_points(&minute, &[(at(0), 1.0)]).await.unwrap();
        for bytes in ["", "02", "0100", "0100010102030405060708090a"] {
            overwrite(&db, on, bytes).await;
            let read = store.points(&minute, at(0), at(60)).await;
            assert!(matches!(read, Err(StoreError::Corrupt { entity: "series", .. })), "{bytes}: {read:?}");
            let write = store.put_points(&minute, &[(at(60), 1.0)]).await;
            assert!(matches!(write, Err(StoreError::Corrupt { entity: "series", .. })), "{bytes}: {write:?}");
        }
    }

    async fn overwrite(db: &TestDb, on: On, hex: &str) {
        if on == On::Postgres {
            let mut connection = sqlx::PgConnection::connect(&db.url).await.unwrap();
            let sql = "UPDATE series_day SET points = decode($1, 'hex')";
            sqlx::query(sql).bind(hex).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = sqlx::SqliteConnection::connect(&db.url).await.unwrap();
            let sql = "UPDATE series_day SET points = unhex($1)";
            sqlx::query(sql).bind(hex).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    #[tokio::test]
    async fn on_sqlite_file() {
        is_an_error(On::File).await;
    }
    #[tokio::test]
    async fn on_postgres() {
        is_an_error(On::Postgres).await;
    }
}

/// Steps that divide a day, from the longest to a second.
const STEPS: [u32; 5] = [86_400, 3_600, 300, 60, 1];

/// Points of one call: step numbers from the first day on, and values.
type Call = Vec<(i64, f64)>;

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => (0_u32..200_000).prop_map(f64::from),
        1 => (0_u32..1_000).prop_map(|n| f64::from(n) / 8.0),
        1 => any::<f64>().prop_filter("finite", |value| value.is_finite()),
    ]
}

/// Series, points, and a range to be read after the write.
fn calls() -> impl Strategy<Value = Vec<(usize, Call, (i64, i64))>> {
    let call = prop::collection::vec((-50_i64..3_000, value()), 0..60);
    prop::collection::vec((0..STEPS.len(), call, (-60_i64..3_000, -60_i64..3_000)), 1..12)
}

async fn answers_like_a_map(on: On, calls: &[(usize, Call, (i64, i64))]) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let mut model: BTreeMap<(usize, DateTime<Utc>), u64> = BTreeMap::new();
    for (n, call, (from, until)) in calls {
        let step = STEPS[*n];
        let instant = |number: &i64| at(number * i64::from(step));
        let points: Vec<_> = call.iter().map(|(number, value)| (instant(number), *value)).collect();
        let last: BTreeMap<_, _> = points.iter().map(|(at, value)| ((*n, *at), value.to_bits())).collect();
        let news = last.iter().filter(|(place, bits)| model.get(place) != Some(bits)).count();
        assert_eq!(store.put_points(&key("it", step), &points).await.unwrap(), news as u64);
        model.extend(last);
        let read = store.points(&key("it", step), instant(from), instant(until)).await.unwrap();
        let read: Vec<_> = read.into_iter().map(|(at, value)| (at, value.to_bits())).collect();
        let range = |at: &DateTime<Utc>| *at >= instant(from) && *at < instant(until);
        let expected = model.iter().filter(|((series, at), _)| series == n && range(at));
        assert_eq!(read, expected.map(|((_, at), bits)| (*at, *bits)).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn series_answer_like_a_map(calls in calls()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for on in [On::Memory, On::Postgres] {
            runtime.block_on(answers_like_a_map(on, &calls));
        }
    }
}
