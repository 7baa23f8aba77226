//! Effects on simulated traffic whose excess is known: how often intervals hold the truth, and what gaps do.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a broken effect should stop these tests"
)]

mod simulated;

use chrono::{DateTime, TimeDelta, Utc};
use simulated::{QUIET, Quiet, at};
use traffix_core::baseline::{Baseline, BaselineOptions};
use traffix_core::effect::{Effect, Estimate, Windows};
use traffix_core::samples::Samples;

const SEEDS: u64 = 240;
/// What the event brings, in bit/s.
const EXTRA_BPS: f64 = 3e11;

fn monday() -> DateTime<Utc> {
    at("2026-06-01T00:00:00Z")
}

/// Six hours from a Thursday on, near the end of the time, looked at from a day before to a day after.
fn windows(weeks: usize, hour: u64) -> Windows {
    let days = TimeDelta::days(i64::try_from(weeks).unwrap() * 7 - 4);
    let t0 = monday() + days + TimeDelta::hours(i64::try_from(hour).unwrap());
    Windows { t0, before_secs: 86_400, during_secs: 6 * 3600, after_secs: 86_400 }
}

/// The event on simulated traffic, and what it did there.
fn effect(quiet: Quiet, windows: &Windows, extra_bps: f64) -> Effect {
    let quiet_samples = quiet.samples(monday());
    let loud = |bin: usize| {
        let since = (quiet_samples.start_of(bin).unwrap() - windows.t0).num_seconds();
        let during = (0..i64::from(windows.during_secs)).contains(&since);
        quiet_samples.get(bin).unwrap() + if during { extra_bps } else { 0.0 }
    };
    let samples = quiet.of(monday(), (0..quiet_samples.len()).map(loud).collect());
    of(&samples, windows)
}

fn of(samples: &Samples, windows: &Windows) -> Effect {
    let mut options = BaselineOptions::new(QUIET.tz);
    options.excluded.push(windows.span());
    Effect::of(samples, &Baseline::fit(samples, &options).unwrap(), windows)
}

fn holds(estimate: Estimate, truth: f64) -> bool {
    (estimate.p10..=estimate.p90).contains(&truth)
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let mut worst = Vec::new();
    for (weeks, step_secs) in [(4, 300), (5, 300), (8, 300), (8, 3600), (12, 900)] {
        let mut held = [0_usize; 5];
        for seed in 1..=SEEDS {
            // Days of the simulation run highest or lowest at midnight, so every hour is looked at.
            let windows = windows(weeks, seed % 24);
            let effect = effect(Quiet { step_secs, weeks, seed, ..QUIET }, &windows, EXTRA_BPS);
            let during = effect.during.excess.unwrap();
            let (before, after) = (effect.before.excess.unwrap(), effect.after.excess.unwrap());
            let truths = [
                holds(during.mean_bps, EXTRA_BPS),
                holds(during.bytes, EXTRA_BPS * 6.0 * 3600.0 / 8.0),
                holds(before.mean_bps, 0.0),
                holds(before.ratio.unwrap(), 1.0),
                holds(after.mean_bps, 0.0),
            ];
            for (count, truth) in held.iter_mut().zip(truths) {
                *count += usize::from(truth);
            }
        }
        let shares = held.map(|count| count as f64 / SEEDS as f64);
        println!("{weeks} weeks of {step_secs} s: {shares:?}");
        worst.push(shares);
    }
    assert!(worst.iter().flatten().all(|share| (0.7..=0.9).contains(share)), "{worst:?}");
}

#[test]
fn gaps_are_left_out_and_told() {
    let windows = windows(5, 17);
    let samples = Quiet { weeks: 5, ..QUIET }.samples(monday());
    let gap = windows.t0 + TimeDelta::hours(3)..windows.t0 + TimeDelta::days(4);
    let values = samples.iter().enumerate().map(|(bin, value)| {
        value.filter(|_| !gap.contains(&samples.start_of(bin).unwrap())).map(|value| value + EXTRA_BPS)
    });
    let effect = of(&Samples::new(monday(), samples.step_secs(), values), &windows);
    assert!((effect.before.known - 1.0).abs() < 1e-12);
    assert!((effect.during.known - 0.5).abs() < 1e-12);
    assert_eq!((effect.after.known, effect.after.excess.is_some()), (0.0, false));
    let during = effect.during.excess.unwrap();
    let bytes = during.mean_bps.p50 * 3.0 * 3600.0 / 8.0;
    assert!((during.bytes.p50 / bytes - 1.0).abs() < 1e-9, "of the known bins only");
    // What has not come yet is unknown as well.
    let later = Windows { t0: monday() + TimeDelta::weeks(6), ..windows };
    assert!(of(&samples, &later).during.excess.is_none());
}

#[test]
fn the_peak_is_the_bin_most_above_its_level() {
    let windows = windows(5, 17);
    let still = Quiet { weeks: 5, sigma: 0.0, day_sigma: 0.0, ..QUIET };
    let mut values = still.values(monday());
    let summit = windows.t0 + TimeDelta::hours(2);
    let bin = still.samples(monday()).bin_at(summit).unwrap();
    values[bin] += EXTRA_BPS;
    let peak = of(&still.of(monday(), values.clone()), &windows).during.excess.unwrap().peak;
    assert_eq!((peak.at, peak.step_secs, peak.measured_bps), (summit, 300, values[bin]));
    assert!((peak.excess_bps.p50 / EXTRA_BPS - 1.0).abs() < 0.05, "{peak:?}");
    // Seconds are looked at as minutes.
    let seconds = Quiet { weeks: 1, step_secs: 10, ..still };
    let windows = Windows {
        t0: monday() + TimeDelta::days(8),
        before_secs: 7 * 86_400,
        during_secs: 60,
        after_secs: 0,
    };
    let samples = seconds.samples(monday());
    let baseline = Baseline::fit(&samples, &BaselineOptions::new(QUIET.tz)).unwrap();
    assert_eq!(Effect::of(&samples, &baseline, &windows).before.excess.unwrap().peak.step_secs, 60);
}
