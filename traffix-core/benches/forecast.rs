//! One forecast at full size, and an outlook of a hundred RUs by the short form.
//!
//! Each run first checks that the fast engine and a naive one agree, and prints what one call allocates.

use std::alloc::System;
use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use traffix_core::forecast::{Forecast, ForecastInput, Worlds, curve, forecast, quantile};
use traffix_core::outlook::{OutlookInput, OutlookOptions, outlook};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Four platforms, eight classes, fourteen days of five minutes, 512 draws.
fn question() -> ForecastInput {
    serde_json::from_str(
        r#"{"ru": {"id": "bench", "kind": "update", "release_at": "2025-11-06T17:00:00Z",
            "items": [{"platform": "playstation", "bytes": 30e9}, {"platform": "xbox", "bytes": 35e9},
                      {"platform": "steam", "bytes": 40e9}, {"platform": "nintendo", "bytes": 12e9}],
            "signals": {"mau": 60e6}},
         "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6, "national_lines": 28.5e6,
            "line_rate_bps": {"median": 70e6, "sigma": 0.8},
            "platform_mix": {"playstation": 0.46, "xbox": 0.27, "steam": 0.15, "nintendo": 0.12}}}"#,
    )
    .expect("the question is valid")
}

/// The same with CDNs, four links and a baseline.
fn question_with_links() -> ForecastInput {
    let mut input = question();
    let shares = |list: &[(&str, f64)]| {
        Some(list.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect::<BTreeMap<_, _>>())
    };
    for item in &mut input.ru.items {
        item.cdn_shares = match item.platform.as_str() {
            "steam" => shares(&[("valve", 0.85), ("akamai", 0.15)]),
            "playstation" => shares(&[("akamai", 0.5), ("sony", 0.3), ("fastly", 0.2)]),
            _ => shares(&[("akamai", 0.6), ("fastly", 0.4)]),
        };
    }
    input.network.baseline_bps = Some((0..168).map(|h| 1e12 + 5e11 * f64::from(h % 24) / 23.0).collect());
    input.network.links = serde_json::from_str(
        r#"[{"id": "cache", "cdns": ["akamai"], "kind": "embedded-cache", "capacity_bps": 4e11},
            {"id": "pni-akamai", "cdns": ["akamai"], "kind": "pni", "capacity_bps": 8e11, "headroom": 0.1},
            {"id": "ix", "cdns": ["fastly", "valve"], "kind": "exchange", "capacity_bps": 6e11, "headroom": 0.1},
            {"id": "transit", "cdns": [], "kind": "transit", "capacity_bps": 4e11, "headroom": 0.1}]"#,
    )
    .expect("the links are valid");
    input
}

/// The question repeated a hundred times over a fortnight, as an outlook on the same network.
fn hundred() -> OutlookInput {
    let ForecastInput { ru, network, .. } = question_with_links();
    let from: chrono::DateTime<chrono::Utc> = "2025-11-03T00:00:00Z".parse().expect("an instant");
    let rus = (0..100_u32)
        .map(|i| {
            let mut ru = ru.clone();
            ru.id = format!("ru-{i}");
            ru.release_at = Some((from + chrono::TimeDelta::hours(3 * i64::from(i))).into());
            ru.signals.mau = Some(1e6 * (1.0 + f64::from(i)));
            ru
        })
        .collect();
    OutlookInput { network, rus, options: OutlookOptions::from_instant(from) }
}

/// The plain way: every draw by the public curve, every bin sorted.
fn naive(input: &ForecastInput) -> Vec<f64> {
    let worlds = Worlds::new(input).expect("valid");
    let draws: Vec<Vec<f64>> =
        (0..worlds.len()).map(|i| curve(worlds.clock(), &worlds.cohorts(i)).bps).collect();
    let bins = worlds.clock().grid().bins();
    (0..bins).map(|k| quantile(&draws.iter().map(|d| d[k]).collect::<Vec<_>>(), 0.9)).collect()
}

fn assert_equal_answers(fast: &Forecast, plain: &[f64]) {
    let top = plain.iter().fold(0.0_f64, |a, &b| a.max(b));
    for (a, b) in fast.total.p90.iter().zip(plain) {
        assert!((a - b).abs() < 2e-4 * top, "the fast engine answers {a}, the naive one {b}");
    }
}

fn megabytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
}

fn counted(name: &str, input: &ForecastInput) -> Forecast {
    let region = Region::new(ALLOCATOR);
    let answer = forecast(input).expect("the question is valid");
    let change = region.change();
    println!(
        "{name}: {} allocations, {:.1} MB in all, {:.1} MB kept in the answer",
        change.allocations,
        megabytes(change.bytes_allocated),
        megabytes(change.bytes_allocated - change.bytes_deallocated)
    );
    answer
}

fn benches(c: &mut Criterion) {
    let (plain, links) = (question(), question_with_links());
    assert_equal_answers(&counted("forecast", &plain), &naive(&plain));
    counted("forecast with links", &links);
    let mut group = c.benchmark_group("forecast");
    group.sample_size(10);
    group.bench_function("one RU, 4 platforms, 8 classes, 14 d at 300 s, 512 draws", |b| {
        b.iter(|| forecast(black_box(&plain)).expect("valid"));
    });
    group.bench_function("the same with 4 CDNs and 4 links", |b| {
        b.iter(|| forecast(black_box(&links)).expect("valid"));
    });
    group
        .bench_function("the first by the naive engine, total only", |b| b.iter(|| naive(black_box(&plain))));
    group.finish();
    let hundred = hundred();
    let region = Region::new(ALLOCATOR);
    let days = outlook(&hundred).expect("valid");
    println!("outlook of 100: {} allocations; {} clashes", region.change().allocations, days.clashes.len());
    assert_eq!(days.rus.len(), 100);
    c.bench_function("outlook of 100 RUs, 14 d at 900 s, 256 joint draws, 4 links", |b| {
        b.iter(|| outlook(black_box(&hundred)).expect("valid"));
    });
    let mut alone = hundred;
    alone.network.links.clear();
    c.bench_function("outlook of 100 RUs, total only", |b| {
        b.iter(|| outlook(black_box(&alone)).expect("valid"));
    });
}

criterion_group!(forecasts, benches);
criterion_main!(forecasts);
