//! A year of minutes of fifty series: baselines, and spikes found.
//!
//! `sorted medians` is what a first script does: every half-hour of week collected, sorted, its middle taken. It has no
//! trend, no noise, no days, and sees summer time an hour late; it is the least that any baseline must do. Both must
//! find the same levels on the series without trend.

use std::hint::black_box;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use traffix_core::baseline::{Baseline, BaselineOptions};
use traffix_core::samples::Samples;
use traffix_core::spike::{DetectOptions, detect};

#[path = "../tests/simulated/mod.rs"]
mod simulated;

const SERIES: u64 = 50;
const WEEKS: usize = 52;

fn start() -> DateTime<Utc> {
    simulated::at("2025-09-01T00:00:00Z")
}

fn series() -> Vec<Samples> {
    let quiet = simulated::Quiet {
        tz: chrono_tz::UTC,
        step_secs: 60,
        weeks: WEEKS,
        ar1: 0.98,
        day_sigma: 0.02,
        ..simulated::QUIET
    };
    (0..SERIES).map(|seed| simulated::Quiet { seed, ..quiet }.samples(start())).collect()
}

/// Level of each half-hour of week, Monday 00:00 UTC first.
fn sorted_medians(samples: &Samples) -> Vec<f64> {
    let mut slots: Vec<Vec<f64>> = vec![Vec::new(); 336];
    for (minute, value) in samples.iter().enumerate() {
        slots[minute / 30 % 336].extend(value);
    }
    slots
        .into_iter()
        .map(|mut slot| {
            slot.sort_by(f64::total_cmp);
            slot[slot.len() / 2]
        })
        .collect()
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn year_of_minutes(c: &mut Criterion) {
    let all = series();
    let options = BaselineOptions::new(chrono_tz::UTC);
    let before = peak_kib();
    let fitted: Vec<Baseline> = all.iter().map(|s| Baseline::fit(s, &options).expect("a year")).collect();
    let bins: usize = all.iter().map(Samples::len).sum();
    println!(
        "{} series of {} minutes take {} MiB; fitting them adds {} KiB at its peak",
        all.len(),
        all[0].len(),
        bins * 8 / (1 << 20),
        peak_kib() - before
    );
    // The same levels, to the noise of a median of a year.
    for (samples, baseline) in all.iter().zip(&fitted) {
        for (slot, level) in sorted_medians(samples).into_iter().enumerate() {
            let middle = start()
                + TimeDelta::weeks(26)
                + TimeDelta::minutes(30 * i64::try_from(slot).expect("small") + 15);
            let ours = baseline.at(middle).expect("known").bps;
            assert!((ours / level).ln().abs() < 0.05, "slot {slot}: {ours} {level}");
        }
    }
    let mut group = c.benchmark_group("year of minutes, 50 series");
    group
        .throughput(Throughput::Elements(bins as u64))
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    group.bench_function("traffix", |b| {
        b.iter(|| {
            all.iter().map(|s| Baseline::fit(black_box(s), &options).expect("a year").weeks()).sum::<f64>()
        });
    });
    group.bench_function("sorted medians", |b| {
        b.iter(|| all.iter().map(|s| sorted_medians(black_box(s))[0]).sum::<f64>());
    });
    let watch = DetectOptions::default();
    group.bench_function("traffix, spikes", |b| {
        b.iter(|| all.iter().zip(&fitted).map(|(s, f)| detect(black_box(s), f, &watch).len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, year_of_minutes);
criterion_main!(benches);
