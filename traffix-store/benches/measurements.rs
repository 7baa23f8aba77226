//! Measurements on both engines: a minute of 500 keys added, a year of minutes of 50 links read by the hour. Beside
//! it, the year as rows in SQLite and as columns in DuckDB (`overlay_duckdb.py`), with the same answer.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

#[path = "../tests/support/mod.rs"]
mod support;

mod databases;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use databases::{ENGINES, database};
use sqlx::Connection as _;
use support::rus::day;
use support::{StoppedClock, TestDb};
use tokio::runtime::Runtime;
use traffix_core::measurement::{Batch, Key};
use traffix_store::{Dimensions, Measured, MeasurementQuery, OpenOptions, Store, open};

const LINKS: i64 = 50;
const DAYS: i64 = 365;
const MINUTES: i64 = DAYS * 1_440;

/// Bytes of a link in a minute of the year: a daily wave, and noise of up to a percent that nothing can pack. The
/// rivals compute the same in SQL.
fn bytes(link: i64, minute: i64) -> u64 {
    let wave = (link + 1) * 10_000_000 * (800 + (minute % 1_440 - 720).abs());
    let noise = (minute + link * MINUTES) * 2_654_435_761 % 4_294_967_296 % 100_000_000;
    u64::try_from(wave + noise).unwrap()
}

const BYTES_IN_SQL: &str = "(link + 1) * 10000000 * (800 + abs(minute % 1440 - 720)) \
     + (minute + link * 525600) * 2654435761 % 4294967296 % 100000000";

fn link(n: i64) -> Key {
    Key { link: Some(format!("link-{n:03}")), ..Key::default() }
}

fn at(minute: i64) -> DateTime<Utc> {
    day(0) + TimeDelta::minutes(minute)
}

async fn empty(url: &str) -> Arc<dyn Store> {
    let clock = StoppedClock::default();
    clock.advance((DAYS + 1) * 86_400);
    let options = OpenOptions { clock: Arc::new(move || clock.now()), ..OpenOptions::default() };
    open(url, options).await.unwrap()
}

/// A batch of links in minutes.
fn batch(id: &str, links: i64, minutes: std::ops::Range<i64>) -> Batch {
    let mut batch = Batch::new(id, "acme", 60.try_into().unwrap());
    for minute in minutes {
        for n in 0..links {
            batch.add(at(minute), link(n), bytes(n % LINKS, minute % MINUTES)).unwrap();
        }
    }
    batch
}

/// A minute of 500 links, added to a day that is half full.
fn add_a_minute(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("add a minute of 500 keys");
    group.sample_size(20).measurement_time(Duration::from_secs(5));
    for (engine, on) in ENGINES {
        let db = database(on);
        let store = runtime.block_on(empty(&db.url));
        assert!(runtime.block_on(store.add_batch(&batch("half", 500, 0..720))).unwrap());
        let mut n = 0;
        group.bench_function(BenchmarkId::from_parameter(engine), |b| {
            b.iter_custom(|iterations| {
                let numbers = n..n + i64::try_from(iterations).unwrap();
                n = numbers.end;
                let minute = |n: i64| 720 + n % 720;
                let batches: Vec<_> =
                    numbers.map(|n| batch(&format!("minute/{n}"), 500, minute(n)..minute(n) + 1)).collect();
                let start = Instant::now();
                for batch in batches {
                    assert!(runtime.block_on(store.add_batch(&batch)).unwrap());
                }
                start.elapsed()
            });
        });
    }
    group.finish();
}

/// The year by the hour and link.
fn year() -> MeasurementQuery {
    MeasurementQuery {
        network: "acme".into(),
        from: at(0),
        until: at(MINUTES),
        step_secs: 3_600,
        by: Dimensions { link: true, ..Dimensions::default() },
        platform: None,
        cdn: None,
        link: None,
    }
}

/// The sum of all bytes, and one that tells the hours apart.
type Sums = (i128, i128);

fn expected() -> Sums {
    let hour =
        |link, hour| (hour * 60..hour * 60 + 60).map(|minute| i128::from(bytes(link, minute))).sum::<i128>();
    let hours = (0..LINKS).flat_map(|link| (0..DAYS * 24).map(move |h| (link * 8_760 + h, hour(link, h))));
    hours
        .fold((0, 0), |(total, check), (n, bytes)| (total + bytes, check + bytes % 1_000_003 * i128::from(n)))
}

fn sums(measured: &Measured) -> Sums {
    let hours = measured.series.iter().flat_map(|series| &series.bytes).map(|bytes| i128::from(*bytes));
    hours.zip(0..).fold((0, 0), |(total, check), (bytes, n)| (total + bytes, check + bytes % 1_000_003 * n))
}

fn overlay(c: &mut Criterion) {
    if !std::env::args().any(|argument| argument == "--bench") {
        eprintln!("the year of minutes takes minutes: only with `cargo bench`");
        return;
    }
    let runtime = Runtime::new().unwrap();
    let expected = expected();
    let rival = duckdb(expected);
    rows_in_sqlite(&runtime, expected);
    let mut group = c.benchmark_group("a year of minutes of 50 links by the hour");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for (engine, on) in ENGINES {
        let db = database(on);
        let store = runtime.block_on(empty(&db.url));
        let start = Instant::now();
        for day in 0..DAYS {
            let batch = batch(&format!("day/{day}"), LINKS, day * 1_440..(day + 1) * 1_440);
            assert!(runtime.block_on(store.add_batch(&batch)).unwrap());
        }
        eprintln!("{engine}: a year, added by days, in {:.1?}", start.elapsed());
        let mut best = Took::MAX;
        group.bench_function(BenchmarkId::from_parameter(engine), |b| {
            b.iter(|| {
                let (measured, took) = Took::of(|| runtime.block_on(store.measurements(&year())).unwrap());
                best = best.min(took);
                measured
            });
        });
        assert_eq!(sums(&runtime.block_on(store.measurements(&year())).unwrap()), expected);
        // Hours are kept beside the minutes; quarters of an hour are summed from these.
        let quarters = MeasurementQuery { step_secs: 900, ..year() };
        let from_minutes = || runtime.block_on(store.measurements(&quarters)).unwrap();
        let took = (0..5).fold(Took::MAX, |best, _| best.min(Took::of(from_minutes).1));
        eprintln!("{engine}: by the quarter of an hour, from minutes: {took:?}");
        if let Some(rival) = rival {
            let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
            let (wall, work) = (ratio(rival.wall, best.wall), ratio(rival.work, best.work));
            eprintln!(
                "{engine}: {best:?}; DuckDB takes {wall:.1} times as long and {work:.1} times the work"
            );
        }
    }
    group.finish();
}

/// The time that something takes, and the processor time of all threads of the process meanwhile. On a busy machine
/// the second says more; what a PostgreSQL server works is not in it.
#[derive(Debug, Clone, Copy)]
struct Took {
    wall: Duration,
    work: Duration,
}

impl Took {
    const MAX: Self = Self { wall: Duration::MAX, work: Duration::MAX };

    fn of<T>(work: impl FnOnce() -> T) -> (T, Self) {
        let (start, worked) = (Instant::now(), worked());
        let done = work();
        (done, Self { wall: start.elapsed(), work: self::worked().saturating_sub(worked) })
    }

    fn min(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), work: self.work.min(other.work) }
    }
}

/// The processor time of all threads so far, as Linux counts it.
fn worked() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// The year as columns in DuckDB, in memory with one thread; `None` without Python's package `duckdb`.
fn duckdb(expected: Sums) -> Option<Took> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/overlay_duckdb.py");
    let output = Command::new("python3").arg(script).output().ok().filter(|output| output.status.success());
    let Some(output) = output else {
        eprintln!("no DuckDB: python3 -m pip install duckdb");
        return None;
    };
    let output = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = output.split_whitespace().collect();
    let [version, wall, work, total, check] = words[..] else { panic!("{output}") };
    assert_eq!((total.parse(), check.parse()), (Ok(expected.0), Ok(expected.1)), "DuckDB answers otherwise");
    let secs = |text: &str| Duration::from_secs_f64(text.parse().unwrap());
    let best = Took { wall: secs(wall), work: secs(work) };
    eprintln!("DuckDB {version}: {best:?}");
    Some(best)
}

/// The year as rows in SQLite, in the order that they are asked for.
fn rows_in_sqlite(runtime: &Runtime, expected: Sums) {
    let db = TestDb::new(support::On::File);
    runtime.block_on(async {
        let options: sqlx::sqlite::SqliteConnectOptions = db.url.parse().unwrap();
        let mut connection = sqlx::SqliteConnection::connect_with(&options.create_if_missing(true)).await.unwrap();
        let fill = format!(
            "PRAGMA journal_mode = OFF; \
             CREATE TABLE points (link INTEGER, minute INTEGER, bytes INTEGER, PRIMARY KEY (link, minute)) WITHOUT ROWID; \
             WITH RECURSIVE link(link) AS (VALUES (0) UNION ALL SELECT link + 1 FROM link WHERE link < {LINKS} - 1), \
             minute(minute) AS (VALUES (0) UNION ALL SELECT minute + 1 FROM minute WHERE minute < {MINUTES} - 1) \
             INSERT INTO points SELECT link, minute, {BYTES_IN_SQL} FROM link CROSS JOIN minute"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(fill)).execute(&mut connection).await.unwrap();
        let (start, before) = (Instant::now(), worked());
        let sql = "SELECT link, minute / 60 AS hour, sum(bytes) FROM points GROUP BY link, hour";
        let hours: Vec<(i64, i64, i64)> = sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap();
        let took = Took { wall: start.elapsed(), work: worked().saturating_sub(before) };
        eprintln!("rows in SQLite: {took:?}");
        let check = hours.iter().fold((0, 0), |(total, check), (link, hour, bytes)| {
            let n = i128::from(link * 8_760 + hour);
            (total + i128::from(*bytes), check + i128::from(bytes % 1_000_003) * n)
        });
        assert_eq!(check, expected);
    });
}

criterion_group!(benches, add_a_minute, overlay);
criterion_main!(benches);
