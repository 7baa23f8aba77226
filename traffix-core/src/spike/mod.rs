//! Spikes: traffic above its [baseline](crate::baseline) that does not look like the noise about it.
//!
//! On the natural-log scale a bin is the level of its half-hour, the level of its day, and a rest that remembers the
//! bin before (an autoregression of order 1). What is new in a bin,
//!
//! ```text
//! u(t) = (x(t) - ar1 x(t-1)) / innovation sigma
//! ```
//!
//! is white noise of variance 1 while nothing happens. Two one-sided cumulative sums (Page 1954) watch it,
//! `S = max(0, S + u - k)`: one with `k = 2` sees a release that is all there in one bin, one with `k = 1/2` sees one
//! that takes an hour to fill. Their limits follow from the rate of false alarms that the caller wants
//! ([`DetectOptions::false_alarm_days`]; Siegmund's approximation). The bin after must confirm: a single wild bin is a
//! glitch of whoever counted. The level of the day is followed slowly and stands still during a spike, so that a spike
//! does not become usual while it lasts.
//!
//! A gap neither begins nor ends a spike. What was already running at the first bin is not seen.
//!
//! ```
//! use traffix_core::baseline::{Baseline, BaselineOptions};
//! use traffix_core::samples::Samples;
//! use traffix_core::spike::{DetectOptions, detect};
//! let start: chrono::DateTime<chrono::Utc> = "2026-10-05T00:00:00Z".parse()?;
//! // Four weeks around 1 Tbit/s; half as much again on the last Thursday from 18:00 to 21:00.
//! let usual = |bin: u32| 1e12 * (1.0 + 0.02 * f64::from(bin * 37 % 101) / 101.0);
//! let released = 288 * 24 + 216;
//! let traffic = |bin| if (released..released + 36).contains(&bin) { 1.5 * usual(bin) } else { usual(bin) };
//! let samples = Samples::new(start, 300.try_into()?, (0..288 * 28).map(|bin| Some(traffic(bin))));
//! let baseline = Baseline::fit(&samples, &BaselineOptions::new(chrono_tz::UTC))?;
//! let found = detect(&samples, &baseline, &DetectOptions::default());
//! assert_eq!(found.len(), 1);
//! assert_eq!(found[0].start.to_rfc3339(), "2026-10-29T18:00:00+00:00");
//! assert_eq!(found[0].end.unwrap().to_rfc3339(), "2026-10-29T21:00:00+00:00");
//! assert!((found[0].excess_bytes / (0.5e12 * 3.0 * 3600.0 / 8.0) - 1.0).abs() < 0.05);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Sources
//!
//! - E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954) 100-115.
//! - D. Siegmund, "Sequential Analysis", Springer 1985, chapter 2: the mean time to a false alarm of a cumulative sum,
//!   with the correction of 1.166 for its overshoot.
//! - L. C. Alwan, H. V. Roberts, "Time-series modeling for statistical process control", Journal of Business and
//!   Economic Statistics 6 (1988) 87-95: watch what is new, not what remembers.

mod day;
mod watch;

use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::baseline::Baseline;
use crate::explanation::Excess;
use crate::num;
use crate::samples::Samples;

/// Shortest bins that are watched, s.
const WATCHED_SECS: u32 = 300;

/// How a series is watched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct DetectOptions {
    /// Days between false alarms that are put up with, per series, above 0. The rate is that of noise as the baseline
    /// has it; weather and football come on top.
    pub false_alarm_days: f64,
    /// Smallest excess that is worth a word, as a share of usual traffic.
    pub least_share: f64,
    /// How long traffic must be usual again for a spike to have ended, s.
    pub calm_secs: u32,
    /// What lasts longer is a new level and not a spike any more, s.
    pub longest_secs: u32,
}

impl Default for DetectOptions {
    /// One false alarm in four weeks, from 5 % of the usual traffic on, ended after half an hour, at most a week. All
    /// Assumed (2026-12).
    fn default() -> Self {
        Self { false_alarm_days: 28.0, least_share: 0.05, calm_secs: 1800, longest_secs: 604_800 }
    }
}

/// Traffic above usual for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Spike {
    /// Start of the first bin that rose.
    pub start: DateTime<Utc>,
    /// End of the bin that confirmed it: nobody who watched could have known sooner.
    pub detected_at: DateTime<Utc>,
    /// When traffic was usual again; `None` while it runs.
    pub end: Option<DateTime<Utc>>,
    /// Start of the bin with the highest excess.
    pub peak_at: DateTime<Utc>,
    /// The highest excess, bit/s.
    pub peak_bps: f64,
    /// Usual traffic in that bin, bit/s.
    pub usual_at_peak_bps: f64,
    /// `peak_bps / usual_at_peak_bps`.
    pub share: f64,
    /// Bytes above usual from `start` to `end`, in the bins that are known.
    pub excess_bytes: f64,
    /// Standard deviation of `excess_bytes`: the noise of the bins, and that the day may have changed meanwhile.
    pub excess_sd_bytes: f64,
}

/// The spikes of a series, oldest first.
///
/// Bins shorter than five minutes are watched in bins of about five minutes, those of the 95th percentile: noise by the
/// minute is known too badly for a stated rate of false alarms. Bins without a level, as in hours that the baseline
/// never saw, are gaps.
pub fn detect(samples: &Samples, baseline: &Baseline, options: &DetectOptions) -> Vec<Spike> {
    match NonZeroU32::new(WATCHED_SECS.div_ceil(samples.step_secs().get())).filter(|factor| factor.get() > 1)
    {
        Some(factor) => watch::Watch::new(&samples.coarsen(factor), baseline, options).run(),
        None => watch::Watch::new(samples, baseline, options).run(),
    }
}

/// What was measured above usual, bin by bin, on the grid of the samples.
///
/// `began_at` is when something began: the level of the day is followed up to it and then stands still. Works for any
/// series that the spike may show in, such as that of one CDN with its own baseline.
pub fn excess(samples: &Samples, baseline: &Baseline, began_at: DateTime<Utc>) -> Excess {
    let mut logs = day::Logs::new(samples, baseline);
    let until =
        samples.bin_at(began_at).unwrap_or(if began_at < samples.start() { 0 } else { samples.len() });
    let mut day = day::Day::new(&mut logs, samples.len());
    for bin in 0..until {
        if let Some(log) = logs.at(bin) {
            day.follow(log.x(day.level()));
        }
    }
    let mut usual = Vec::with_capacity(samples.len());
    let above = |bin: usize| {
        let log = logs.at(bin)?;
        let level = log.usual_bps(day.level());
        usual.push(level);
        Some(log.bps - level)
    };
    let bps =
        Samples::new(samples.start(), samples.step_secs(), (0..samples.len()).map(above).collect::<Vec<_>>());
    let middle = crate::robust::median(&mut usual).unwrap_or(0.0);
    Excess { bps, sigma_bps: middle * logs.noise().sigma_log }
}

/// The instant some bins after another.
fn after(start: DateTime<Utc>, bins: usize, step_secs: u32) -> DateTime<Utc> {
    let secs = num::to_isize(bins).saturating_mul(i64::from(step_secs));
    let later = TimeDelta::try_seconds(secs).and_then(|delta| start.checked_add_signed(delta));
    later.unwrap_or(DateTime::<Utc>::MAX_UTC)
}
