//! The baseline on simulated traffic: what it finds, and what does not move it.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a broken fit should stop these tests")]

mod simulated;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use simulated::{QUIET, Quiet, at, pattern};
use traffix_core::baseline::{Baseline, BaselineError, BaselineOptions};
use traffix_core::samples::Samples;

const LONDON: chrono_tz::Tz = chrono_tz::Europe::London;

fn monday() -> DateTime<Utc> {
    at("2026-06-01T00:00:00Z")
}

fn options() -> BaselineOptions {
    BaselineOptions::new(LONDON)
}

/// Largest log error of the level against the pattern over the week from an instant on.
fn worst(baseline: &Baseline, from: DateTime<Utc>) -> f64 {
    let off = |hour: i64| {
        let instant = from + TimeDelta::minutes(10 * hour);
        let level = baseline.at(instant).unwrap().bps / 1e12;
        (level.ln() - pattern(LONDON, instant)).abs()
    };
    (0..1008).map(off).fold(0.0, f64::max)
}

#[test]
fn it_finds_the_pattern_and_the_noise() {
    let baseline = Baseline::fit(&QUIET.samples(monday()), &options()).unwrap();
    let worst = worst(&baseline, monday() + TimeDelta::weeks(3));
    let noise = baseline.noise();
    println!("worst {worst:.3}, {noise:?}, trend {:.4}", baseline.trend_per_week());
    assert!(worst < 0.12, "{worst}");
    assert!((0.8..0.95).contains(&noise.ar1), "{noise:?}");
    assert!((0.03..0.055).contains(&noise.sigma_log), "{noise:?}");
    assert!((0.03..0.09).contains(&noise.day_sigma_log), "{noise:?}");
    assert!((baseline.coverage() - 1.0).abs() < 1e-9);
    let text = serde_json::to_string(&baseline).unwrap();
    assert!(text.len() < 10_000, "{}", text.len());
    assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline);
}

#[test]
fn steps_from_a_second_to_an_hour_agree() {
    for step_secs in [1, 7, 60, 300, 900, 1800, 2700, 3600] {
        let still = Quiet { step_secs, weeks: 2, sigma: 0.0, day_sigma: 0.0, ..QUIET };
        let baseline = Baseline::fit(&still.samples(monday()), &options()).unwrap();
        let worst = worst(&baseline, monday() + TimeDelta::weeks(1));
        let limit = if step_secs > 1800 { 0.05 } else { 0.02 };
        assert!(worst < limit, "{step_secs} s: {worst}");
        let bins = 86_400 / usize::try_from(step_secs).unwrap();
        let start = monday() + TimeDelta::days(1);
        let levels = baseline.levels(start, step_secs.try_into().unwrap(), bins);
        let middle = |bin: usize| {
            start
                + TimeDelta::milliseconds((i64::try_from(bin).unwrap() * 2 + 1) * i64::from(step_secs) * 500)
        };
        let off = levels
            .iter()
            .enumerate()
            .map(|(bin, level)| (level.unwrap().bps / 1e12).ln() - pattern(LONDON, middle(bin)));
        let staircase = off.map(f64::abs).fold(0.0, f64::max);
        assert!(staircase < if step_secs > 1800 { 0.02 } else { 0.01 }, "{step_secs} s: {staircase}");
    }
}

#[test]
fn days_of_23_and_25_hours_keep_the_local_pattern() {
    // Four weeks in winter, asked in the weeks of the change and after it; and the other way round.
    for (start, change) in
        [("2027-02-22T00:00:00Z", "2027-03-25T00:00:00Z"), ("2026-09-21T00:00:00Z", "2026-10-22T00:00:00Z")]
    {
        let still = Quiet { weeks: 4, sigma: 0.0, day_sigma: 0.0, ..QUIET };
        let baseline = Baseline::fit(&still.samples(at(start)), &options()).unwrap();
        assert!(worst(&baseline, at(change)) < 0.09);
        // A fit across the change is no worse.
        let across = Quiet { weeks: 8, ..still };
        let baseline = Baseline::fit(&across.samples(at(start)), &options()).unwrap();
        assert!(worst(&baseline, at(start)) < 0.09);
        assert!(baseline.noise().sigma_log < 0.01, "{:?}", baseline.noise());
    }
}

#[test]
fn growth_is_followed_and_then_ends() {
    // All instants asked for lie in summer time.
    let start = at("2026-04-06T00:00:00Z");
    let quiet = Quiet { weeks: 20, ..QUIET };
    let grow = |(bin, bps): (usize, f64)| bps * (0.01 * bin as f64 / 2016.0).exp();
    let values = quiet.values(start).into_iter().enumerate().map(grow).collect();
    let baseline = Baseline::fit(&quiet.of(start, values), &options()).unwrap();
    assert!((baseline.trend_per_week() - 0.01).abs() < 0.002, "{}", baseline.trend_per_week());
    let level = |week: i64| baseline.at(start + TimeDelta::weeks(week)).unwrap().bps.ln();
    let (inside, soon, late) = (level(19) - level(9), level(22) - level(20), level(120) - level(20));
    assert!((inside - 0.1).abs() < 0.02, "{inside}");
    assert!((0.012..0.022).contains(&soon), "{soon}");
    assert!((0.06..0.1).contains(&late), "{late}");
}

#[test]
fn holidays_are_sundays() {
    let still = Quiet { weeks: 4, sigma: 0.0, day_sigma: 0.0, ..QUIET };
    let mut options = options();
    options.holidays = BTreeSet::from(["2026-08-31".parse().unwrap()]);
    let baseline = Baseline::fit(&still.samples(monday()), &options).unwrap();
    let noon = |text: &str| baseline.at(at(text)).unwrap().bps;
    assert!((noon("2026-08-31T12:10:00Z") / noon("2026-08-30T12:10:00Z") - 1.0).abs() < 1e-6);
    assert!(noon("2026-08-31T12:10:00Z") > 1.1 * noon("2026-09-07T12:10:00Z"));
}

#[test]
fn what_is_missing_is_borrowed_wider_or_unknown() {
    let mut values: Vec<Option<f64>> = QUIET.values(monday()).into_iter().map(Some).collect();
    // Tuesdays are known once, four in the morning never.
    for (bin, value) in values.iter_mut().enumerate() {
        let hour = bin / 12;
        let (day, time) = (hour / 24, (hour + 1) % 24);
        if (day % 7 == 1 && day > 1) || time == 4 {
            *value = None;
        }
    }
    let samples = Samples::new(monday(), 300.try_into().unwrap(), values);
    let baseline = Baseline::fit(&samples, &options()).unwrap();
    let next = monday() + TimeDelta::weeks(8);
    let evening = |day: i64| baseline.at(next + TimeDelta::hours(24 * day + 19)).unwrap();
    assert!(evening(1).sigma_log > 1.3 * evening(2).sigma_log);
    assert!((evening(1).bps / evening(2).bps - 1.0).abs() < 0.1);
    assert_eq!(baseline.at(next + TimeDelta::minutes(3 * 60 + 20)), None);
    assert_eq!(baseline.hour_of_week().iter().filter(|level| level.is_none()).count(), 7);
}

#[test]
fn refusals_say_what_to_do() {
    let fit = |step: u32, values: Vec<Option<f64>>| {
        let samples = Samples::new(monday(), step.try_into().unwrap(), values);
        Baseline::fit(&samples, &options()).unwrap_err()
    };
    assert!(matches!(fit(3600, vec![Some(1.0); 100]), BaselineError::TooLittle { known: 200, .. }));
    assert_eq!(fit(3600, vec![Some(0.0); 200]), BaselineError::Silent);
    assert_eq!(fit(7200, vec![Some(1.0); 200]), BaselineError::Step(7200));
    assert!(fit(3600, Vec::new()).to_string().contains("at least one week"));
    let broken = r#"{"tz":"UTC","from":"2026-06-01T00:00:00Z","until":"2026-07-01T00:00:00Z","log_bps":[1.0],
        "sigma_log":[1.0],"trend_per_week":0.0,"coverage":1.0,"weeks":4.0,
        "noise":{"step_secs":300,"ar1":0.0,"sigma_log":0.1,"innovation_sigma_log":0.1,"day_sigma_log":0.1}}"#;
    assert!(serde_json::from_str::<Baseline>(broken).unwrap_err().to_string().contains("336"));
}

/// Largest change of the logs of the hours of week.
fn moved(a: &Baseline, b: &Baseline) -> f64 {
    let pairs = a.hour_of_week().into_iter().zip(b.hour_of_week());
    pairs.map(|(a, b)| (a.unwrap() / b.unwrap()).ln().abs()).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn it_scales(factor in 1e-6..1e3_f64, seed in 0..1000_u64) {
        let quiet = Quiet { step_secs: 900, weeks: 4, seed, ..QUIET };
        let values = quiet.values(monday());
        let scaled = values.iter().map(|bps| bps * factor).collect();
        let fit = |values| Baseline::fit(&quiet.of(monday(), values), &options()).unwrap();
        let (one, other) = (fit(values), fit(scaled));
        for (a, b) in one.hour_of_week().into_iter().zip(other.hour_of_week()) {
            prop_assert!((b.unwrap() / a.unwrap() / factor - 1.0).abs() < 3e-6);
        }
        prop_assert!((one.noise().ar1 - other.noise().ar1).abs() < 1e-4);
    }

    #[test]
    fn what_is_left_out_has_no_influence(from in 0..5000_usize, bins in 1..800_usize, factor in 0.0..50.0_f64, seed in 0..1000_u64) {
        let quiet = Quiet { weeks: 3, seed, ..QUIET };
        let values = quiet.values(monday());
        let mut wild = values.clone();
        let end = (from + bins).min(wild.len());
        for bps in &mut wild[from..end] {
            *bps *= factor;
        }
        let instant = |bin: usize| monday() + TimeDelta::seconds(300 * i64::try_from(bin).unwrap());
        let mut options = options();
        options.excluded = vec![(instant(from), instant(end) - TimeDelta::seconds(10))];
        let fit = |values| Baseline::fit(&quiet.of(monday(), values), &options).unwrap();
        prop_assert_eq!(fit(values), fit(wild));
    }

    #[test]
    fn a_wild_day_hardly_moves_it(day in 0..56_usize, factor in prop_oneof![Just(0.0), 0.01..20.0_f64], seed in 0..1000_u64) {
        let quiet = Quiet { seed, ..QUIET };
        let values = quiet.values(monday());
        let mut wild = values.clone();
        for bps in &mut wild[day * 288..(day + 1) * 288] {
            *bps *= factor;
        }
        let fit = |values| Baseline::fit(&quiet.of(monday(), values), &options()).unwrap();
        let (calm, moved_to) = (fit(values), fit(wild));
        prop_assert!(moved(&calm, &moved_to) < 0.09, "{}", moved(&calm, &moved_to));
        let mean = |b: &Baseline| b.hour_of_week().iter().flatten().map(|bps| bps.ln()).sum::<f64>() / 168.0;
        // One week more or less may decide whether there is growth at all.
        prop_assert!((mean(&calm) - mean(&moved_to)).abs() < 0.05);
    }

    #[test]
    fn gaps_never_panic(
        step in prop_oneof![Just(1_u32), 2..61_u32, 61..3601_u32],
        runs in proptest::collection::vec((0..4_u8, 1..700_usize), 0..60),
        offset in 0..100_000_000_i64,
    ) {
        let values = runs.into_iter().flat_map(|(kind, bins)| {
            let value = match kind { 0 => None, 1 => Some(0.0), 2 => Some(-5.0), _ => Some(1e9) };
            std::iter::repeat_n(value, bins)
        });
        let start = monday() + TimeDelta::milliseconds(offset);
        let samples = Samples::new(start, step.try_into().unwrap(), values);
        if let Ok(baseline) = Baseline::fit(&samples, &options()) {
            for level in baseline.levels(start, step.try_into().unwrap(), 100).into_iter().flatten() {
                prop_assert!(level.bps.is_finite() && level.bps > 0.0 && level.sigma_log > 0.0);
            }
        }
    }
}
