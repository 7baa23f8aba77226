//! A recorded series, each of its weeks watched with what the others teach.
#![allow(dead_code, reason = "not every user takes all of it")]
#![allow(clippy::cast_precision_loss, reason = "small counts")]
#![allow(clippy::unwrap_used, reason = "the file is part of the tests; a broken one should stop them")]

use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::baseline::{Baseline, BaselineOptions};
use traffix_core::samples::Samples;
use traffix_core::spike::{DetectOptions, Spike, detect};

/// Hourly traffic of an academic backbone; the README beside it names the source.
const UK_ACADEMIC: &str = include_str!("../data/uk_academic_2004.csv");
const HOUR: NonZeroU32 = NonZeroU32::new(3600).unwrap();

/// Mondays of the weeks of term; the first and the last are in the recording in part.
pub(crate) const WEEKS: [&str; 8] = [
    "2004-11-15",
    "2004-11-22",
    "2004-11-29",
    "2004-12-06",
    "2004-12-13",
    "2005-01-10",
    "2005-01-17",
    "2005-01-24",
];
/// Those in which the eye sees nothing.
pub(crate) const CALM: [&str; 5] = ["2004-12-06", "2004-12-13", "2005-01-10", "2005-01-17", "2005-01-24"];
/// Between the terms.
const VACATION: (&str, &str) = ("2004-12-18", "2005-01-10");
const HALF_HOUR: TimeDelta = TimeDelta::minutes(30);
/// How long a rise lasts that is put in.
const RISE: TimeDelta = TimeDelta::hours(4);

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn monday(day: &str) -> DateTime<Utc> {
    at(&format!("{day}T00:00:00Z"))
}

pub(crate) fn samples() -> Samples {
    let mut rows = UK_ACADEMIC.lines().skip(1).map(|line| line.split_once(',').unwrap()).peekable();
    let start = at(rows.peek().unwrap().0);
    Samples::new(start, HOUR, rows.map(|(_, value)| Some(value.parse().unwrap())))
}

/// Weeks of term in the recording.
pub(crate) fn weeks(samples: &Samples) -> f64 {
    let hours = |from: DateTime<Utc>, until: DateTime<Utc>| (until - from).as_seconds_f64() / 604_800.0;
    let end = samples.start_of(samples.len()).unwrap();
    hours(samples.start(), monday(VACATION.0)) + hours(monday(VACATION.1), end)
}

/// The usual traffic, from all weeks of term but one.
fn usual(samples: &Samples, monday: DateTime<Utc>) -> Baseline {
    let mut options = BaselineOptions::new(chrono_tz::Europe::London);
    options.excluded =
        vec![(monday, monday + TimeDelta::weeks(1)), (self::monday(VACATION.0), self::monday(VACATION.1))];
    Baseline::fit(samples, &options).unwrap()
}

/// How the bins of a week stray from what the other weeks say: natural log, and in standard deviations.
fn strays(samples: &Samples, week: &str) -> Vec<(f64, f64)> {
    let monday = monday(week);
    let usual = usual(samples, monday);
    let first = samples.bin_at(monday).unwrap();
    let bins = first..samples.len().min(first + 168);
    let level = |bin| Some((samples.get(bin)?, usual.at(samples.start_of(bin)? + HALF_HOUR)?));
    let stray = |(value, level): (f64, traffix_core::baseline::Level)| {
        let log = (value / level.bps).ln();
        (log, log / level.sigma_log)
    };
    bins.filter_map(level).map(stray).collect()
}

/// What calm weeks stray by: bins, median error (natural log, either way), share within 80 % intervals.
pub(crate) fn usual_error(samples: &Samples) -> (usize, f64, f64) {
    let strays: Vec<_> = CALM.iter().flat_map(|week| strays(samples, week)).collect();
    let mut sizes: Vec<f64> = strays.iter().map(|(log, _)| log.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let held = strays.iter().filter(|(_, z)| z.abs() <= 1.2816).count();
    (sizes.len(), sizes[sizes.len() / 2], held as f64 / sizes.len() as f64)
}

/// The spikes of a week, with a baseline that saw neither that week nor the vacation. The day before leads in.
pub(crate) fn spikes(samples: &Samples, monday: DateTime<Utc>) -> Vec<Spike> {
    let from = samples.bin_at(monday - TimeDelta::days(1)).unwrap_or(0);
    let until = samples.bin_at(monday + TimeDelta::weeks(1)).unwrap_or(samples.len());
    let week = samples.iter().take(until).skip(from);
    let week = Samples::new(samples.start_of(from).unwrap(), samples.step_secs(), week);
    let mut found = detect(&week, &usual(samples, monday), &DetectOptions::default());
    found.retain(|spike| spike.start >= monday);
    found
}

/// Delays of detection in bins, of rises put into each morning and each evening of a week, one at a time.
pub(crate) fn delays(samples: &Samples, week: &str, share: f64) -> Vec<Option<i64>> {
    let monday = monday(week);
    let onsets = (0..7).flat_map(|day| [9, 19].map(|hour| TimeDelta::days(day) + TimeDelta::hours(hour)));
    let onsets = onsets.map(|after| monday + after + TimeDelta::minutes(30));
    let inside = onsets.filter_map(|onset| Some((onset, samples.bin_at(onset)?)));
    inside
        .map(|(onset, bin)| {
            let rising = bin..bin + 4;
            let values = samples.iter().enumerate().map(|(bin, value)| {
                value.map(|value| if rising.contains(&bin) { value * (1.0 + share) } else { value })
            });
            let risen = Samples::new(samples.start(), HOUR, values);
            let hit =
                spikes(&risen, monday).into_iter().find(|s| s.detected_at > onset && s.start < onset + RISE);
            hit.map(|spike| (spike.detected_at - onset).num_hours())
        })
        .collect()
}
