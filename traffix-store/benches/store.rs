//! Imports and lists on both engines, side by side.
//!
//! The PostgreSQL cluster is private and has its default durability: every commit waits for the disk, on both
//! engines.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

#[path = "../tests/support/mod.rs"]
mod support;

mod databases;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use databases::{Database, ENGINES, database};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use support::rus::{actor, day, many, many_companies};
use tokio::runtime::Runtime;
use traffix_core::catalogue::Ru;
use traffix_store::{Expect, OpenOptions, PageRequest, RuQuery, SeriesKey, Store, open};

async fn empty(database: &Database) -> Arc<dyn Store> {
    let store = open(&database.url, OpenOptions::default()).await.unwrap();
    store.put_companies(&many_companies(), &actor()).await.unwrap();
    store
}

async fn bulk(database: &Database, rus: &[Ru]) -> Duration {
    let store = empty(database).await;
    let start = Instant::now();
    let report = store.merge_rus(rus, &actor()).await.unwrap();
    let took = start.elapsed();
    assert_eq!(report.created, rus.len() as u64);
    took
}

/// The tables that an import of RUs fills, with the types of their columns on PostgreSQL.
const TABLES: [(&str, &[(&str, &str)]); 7] = [
    (
        "change",
        &[
            ("seq", "bigint"),
            ("at", "timestamptz"),
            ("actor", "text"),
            ("entity", "text"),
            ("id", "text"),
            ("op", "text"),
            ("prev", "bigint"),
            ("doc", "jsonb"),
        ],
    ),
    (
        "ru",
        &[
            ("row_key", "bigint"),
            ("id", "text"),
            ("rev", "bigint"),
            ("kind", "text"),
            ("content", "text"),
            ("release_id", "text"),
            ("first_at", "timestamptz"),
            ("last_at", "timestamptz"),
            ("wire_bytes", "bigint"),
            ("words", "text"),
        ],
    ),
    ("ru_platform", &[("ru", "text"), ("platform", "text"), ("first_at", "timestamptz")]),
    ("ru_external", &[("ru", "text"), ("platform", "text"), ("external_id", "text"), ("main", "boolean")]),
    ("ru_company", &[("ru", "text"), ("role", "text"), ("company", "text"), ("first_at", "timestamptz")]),
    ("ru_category", &[("ru", "text"), ("category", "text"), ("first_at", "timestamptz")]),
    ("ru_window", &[("ru", "text"), ("start_at", "timestamptz"), ("end_at", "timestamptz")]),
];

type Rows = Vec<Vec<Option<String>>>;

/// Rows of all tables as text, without the companies and their changes.
macro_rules! read_tables {
    ($connection:ty, $url:expr) => {{
        let mut connection = <$connection>::connect($url).await.unwrap();
        let mut tables: Vec<Rows> = Vec::new();
        for (table, columns) in TABLES {
            let names: Vec<String> =
                columns.iter().map(|(name, _)| format!("CAST({name} AS text)")).collect();
            let only = if table == "change" { "WHERE entity = 'ru'" } else { "" };
            let sql = format!("SELECT {} FROM {table} {only} ORDER BY {}", names.join(","), columns[0].0);
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            tables.push(rows.iter().map(|row| (0..columns.len()).map(|i| row.get(i)).collect()).collect());
        }
        connection.close().await.unwrap();
        tables
    }};
}

async fn read(database: &Database) -> Vec<Rows> {
    if database.url.starts_with("sqlite") {
        read_tables!(sqlx::SqliteConnection, &database.url)
    } else {
        read_tables!(sqlx::PgConnection, &database.url)
    }
}

macro_rules! insert_tables {
    ($connection:ty, $url:expr, $tables:expr) => {{
        let mut connection = <$connection>::connect($url).await.unwrap();
        let start = Instant::now();
        let mut tx = connection.begin().await.unwrap();
        for ((table, columns), rows) in TABLES.iter().zip($tables) {
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            let values: Vec<String> =
                columns.iter().enumerate().map(|(i, (_, of))| placeholder($url, i, of)).collect();
            let sql = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(","), values.join(","));
            for row in rows {
                let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
                for value in row {
                    query = query.bind(value.as_deref());
                }
                query.execute(&mut *tx).await.unwrap();
            }
        }
        tx.commit().await.unwrap();
        let took = start.elapsed();
        connection.close().await.unwrap();
        took
    }};
}

fn placeholder(url: &str, i: usize, of: &str) -> String {
    if url.starts_with("sqlite") { "?".to_owned() } else { format!("${}::text::{of}", i + 1) }
}

/// The same rows, each inserted by a statement of its own, all in one transaction: what the bulk import
/// replaces. It does less than the import, which also checks, compares, derives and writes the JSON.
async fn row_by_row(database: &Database, tables: &[Rows]) -> Duration {
    empty(database).await;
    if database.url.starts_with("sqlite") {
        insert_tables!(sqlx::SqliteConnection, &database.url, tables)
    } else {
        insert_tables!(sqlx::PgConnection, &database.url, tables)
    }
}

/// Every RU by a call of its own, each on the disk before the next.
async fn one_by_one(database: &Database, rus: &[Ru]) -> Duration {
    let store = empty(database).await;
    let start = Instant::now();
    for ru in rus {
        store.put_ru(ru, Expect::Absent, &actor()).await.unwrap();
    }
    start.elapsed()
}

/// All variants must have stored the same, but for the instants of the writes.
fn assert_same(a: &[Rows], b: &[Rows]) {
    for ((a, b), (table, columns)) in a.iter().zip(b).zip(TABLES) {
        assert_eq!(a.len(), b.len(), "{table}");
        for (a, b) in a.iter().zip(b) {
            let differing = (0..columns.len()).filter(|i| a[*i] != b[*i] && columns[*i].0 != "at");
            assert_eq!(differing.count(), 0, "{table}: {a:?} {b:?}");
        }
    }
}

fn import(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let rus = many(0, 2_000);
    let mut group = c.benchmark_group("import 2000 RUs of 3 listings");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(8));
    group.throughput(Throughput::Elements(rus.len() as u64));
    for (engine, on) in ENGINES {
        let source = database(on);
        let tables = runtime.block_on(async {
            bulk(&source, &rus).await;
            read(&source).await
        });
        runtime.block_on(async {
            let copy = database(on);
            row_by_row(&copy, &tables).await;
            assert_same(&tables, &read(&copy).await);
        });
        let total = |n: u64, one: &dyn Fn(&Database) -> Duration| {
            (0..n).map(|_| one(&database(on))).sum::<Duration>()
        };
        group.bench_function(BenchmarkId::new("bulk", engine), |b| {
            b.iter_custom(|n| total(n, &|db| runtime.block_on(bulk(db, &rus))));
        });
        group.bench_function(BenchmarkId::new("row by row in a transaction", engine), |b| {
            b.iter_custom(|n| total(n, &|db| runtime.block_on(row_by_row(db, &tables))));
        });
        group.bench_function(BenchmarkId::new("put_ru one by one", engine), |b| {
            b.iter_custom(|n| total(n, &|db| runtime.block_on(one_by_one(db, &rus))));
        });
    }
    group.finish();
}

/// The lists that pages are taken from.
fn queries() -> Vec<(&'static str, RuQuery)> {
    let all = RuQuery::default;
    vec![
        ("all", all()),
        ("descending", RuQuery { descending: true, ..all() }),
        ("platform", RuQuery { platform: "playstation".parse().ok(), ..all() }),
        ("publisher", RuQuery { publisher: "company-7".parse().ok(), ..all() }),
        ("month", RuQuery { from: Some(day(2_000)), until: Some(day(2_030)), ..all() }),
        ("large", RuQuery { min_bytes: Some(140_000_000_000), ..all() }),
        ("words", RuQuery { text: Some("shadow leg 17".into()), ..all() }),
    ]
}

/// The first page and the page in the middle of every list, in tables of growing size.
fn lists(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    for (engine, on) in ENGINES {
        let db = database(on);
        let store = runtime.block_on(empty(&db));
        let mut stored = 0;
        for size in [1_000, 10_000, 100_000] {
            let rus = many(stored, size);
            let start = Instant::now();
            runtime.block_on(store.merge_rus(&rus, &actor())).unwrap();
            eprintln!("{engine}: {} RUs into a table of {stored} in {:.2?}", rus.len(), start.elapsed());
            stored = size;
            let mut group = c.benchmark_group(format!("page of 100, {engine}"));
            group
                .sample_size(10)
                .warm_up_time(Duration::from_millis(100))
                .measurement_time(Duration::from_millis(500));
            for (name, query) in queries() {
                let first = PageRequest::default();
                group.bench_function(BenchmarkId::new(name, size), |b| {
                    b.iter(|| black_box(runtime.block_on(store.rus(&query, &first)).unwrap()));
                });
            }
            let middle = runtime.block_on(middle(&*store));
            group.bench_function(BenchmarkId::new("all, in the middle", size), |b| {
                b.iter(|| black_box(runtime.block_on(store.rus(&RuQuery::default(), &middle)).unwrap()));
            });
            group.finish();
        }
    }
}

/// The page that starts in the middle of the list of all.
async fn middle(store: &dyn Store) -> PageRequest {
    let query = RuQuery { from: Some(day(2_000)), ..RuQuery::default() };
    let page = PageRequest { limit: 100, after: None };
    let after = store.rus(&query, &page).await.unwrap().next;
    PageRequest { after, ..page }
}

/// Players of a title by the minute for a year: a daily wave, a trend and noise of a fifth of a percent.
fn year_of_minutes() -> Vec<(DateTime<Utc>, f64)> {
    let mut noise = 1_u64;
    (0..365 * 1_440)
        .map(|minute| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = f64::from(u32::try_from(noise >> 40).unwrap()) / f64::from(1 << 24) - 0.5;
            let wave = (f64::from(minute) / 1_440.0 * std::f64::consts::TAU).sin();
            let players = 500_000.0 + f64::from(minute) / 10.0 + 150_000.0 * wave + 2_000.0 * noise;
            (day(0) + TimeDelta::minutes(i64::from(minute)), players.round())
        })
        .collect()
}

/// One series: a year at once, a minute more, a year read and a day read.
fn series(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let year = year_of_minutes();
    let key = |subject: &str| SeriesKey {
        metric: "players".into(),
        subject: subject.into(),
        source: "bench".into(),
        step_secs: 60,
    };
    let mut group = c.benchmark_group("series of a year of minutes");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(3));
    for (engine, on) in ENGINES {
        let db = database(on);
        let store = runtime.block_on(empty(&db));
        let mut n = 0;
        group.bench_function(BenchmarkId::new("write", engine), |b| {
            b.iter(|| {
                n += 1;
                let written = runtime.block_on(store.put_points(&key(&format!("bench/{n}")), &year)).unwrap();
                assert_eq!(written, year.len() as u64);
            });
        });
        let first = key("bench/1");
        let mut minute = 0;
        group.bench_function(BenchmarkId::new("write a minute more", engine), |b| {
            b.iter(|| {
                minute += 1;
                let at = day(366) + TimeDelta::minutes(minute);
                runtime.block_on(store.put_points(&first, &[(at, 500_000.0)])).unwrap();
            });
        });
        group.bench_function(BenchmarkId::new("read", engine), |b| {
            b.iter(|| {
                let read = runtime.block_on(store.points(&first, day(0), day(365))).unwrap();
                assert_eq!(read.len(), year.len());
            });
        });
        group.bench_function(BenchmarkId::new("read a day", engine), |b| {
            b.iter(|| black_box(runtime.block_on(store.points(&first, day(180), day(181))).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, import, lists, series);
criterion_main!(benches);
