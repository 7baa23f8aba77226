//! Effects: what an event did to a series, against the traffic that is usual at that time.
//!
//! The time around an event is taken in three parts: before, during and after. In each, what was measured is compared with
//! the [`Baseline`], which should be fitted without that time: [`Windows::span`] is what to leave out. "Before" and "after"
//! check the comparison: if nothing else happened, their excess is none within its error.
//!
//! # Error
//!
//! What would have been carried without the event is not known but estimated, and intervals hold the error of that
//! estimate alone; what was measured is taken as it stands. With `w` the level of a bin times how far its time of day
//! strays, the variance of the sum over the bins of a part is
//!
//! ```text
//! day    D² · Σ over pairs of days W W' d^|distance|     days run high or low as a whole
//! rest   S² · Σ over pairs of bins w w' a^|distance|     neighbouring bins stray together
//! level  m · (the same over pairs of weekdays + rest)    medians of few weeks err themselves
//! ```
//!
//! with W the sum of w over a day, counted from the beginning of the part; D, d, S and a of [`Noise`](crate::baseline::Noise); and m the variance of a median of so
//! many weeks. A sum of
//! factors about 1 is taken as log-normal. A trend is taken as found.
//!
//! A bin that was not measured, or for which no level is known, is in neither sum: [`Part::known`] says how much is left,
//! and bytes are those of the known bins.

mod error;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::baseline::{Baseline, Level, Reader, coarse};
use crate::num;
use crate::samples::Samples;
use error::{Spread, median_variance, quantile_90};

/// The time around an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// When it began.
    pub t0: DateTime<Utc>,
    /// How long before it is looked at, in seconds.
    pub before_secs: u32,
    /// How long it lasted, in seconds.
    pub during_secs: u32,
    /// How long after it is looked at, in seconds.
    pub after_secs: u32,
}

impl Windows {
    /// All three parts together, from the first instant to before the second: what a baseline must not be fitted to.
    pub fn span(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let [(from, _), _, (_, until)] = self.parts();
        (from, until)
    }

    /// Before, during, after.
    fn parts(&self) -> [(DateTime<Utc>, DateTime<Utc>); 3] {
        let later = |secs: i64| {
            let limit = if secs < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
            self.t0.checked_add_signed(TimeDelta::seconds(secs)).unwrap_or(limit)
        };
        let during = i64::from(self.during_secs);
        let (from, end) = (later(-i64::from(self.before_secs)), later(during));
        [(from, self.t0), (self.t0, end), (end, later(during + i64::from(self.after_secs)))]
    }
}

/// What an event did. See the [module](self).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Effect {
    /// The time before the event.
    pub before: Part,
    /// The event.
    pub during: Part,
    /// The time after it.
    pub after: Part,
}

/// One part of the time around an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EffectPart"))]
pub struct Part {
    /// Its beginning.
    pub from: DateTime<Utc>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// Share of the time for which both what was measured and what is usual are known.
    pub known: f64,
    /// What is known; null if nothing is.
    pub excess: Option<Excess>,
}

/// Measured against usual traffic, over the known bins of a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Excess {
    /// Mean that was measured, in bit/s.
    pub measured_bps: f64,
    /// Mean of what is usual, in bit/s.
    pub usual_bps: Estimate,
    /// Mean excess in bit/s, negative if less than usual was carried.
    pub mean_bps: Estimate,
    /// Bytes above what is usual, in the known bins.
    pub bytes: Estimate,
    /// Measured over usual: 1.1 is 10 % above. Null if nothing is usual.
    pub ratio: Option<Estimate>,
    /// The bin that was most above its level.
    pub peak: Peak,
}

/// The largest excess of a bin.
///
/// The interval is that of this bin by itself. Of many bins some are high by chance, so a peak of the size that the parts
/// before and after have says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EffectPeak"))]
pub struct Peak {
    /// Start of the bin.
    pub at: DateTime<Utc>,
    /// Length of the bin, in seconds.
    pub step_secs: u32,
    /// What was measured, in bit/s.
    pub measured_bps: f64,
    /// How much that is above usual, in bit/s.
    pub excess_bps: Estimate,
}

/// A number with its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// One chance in ten of less.
    pub p10: f64,
    /// As likely more as less.
    pub p50: f64,
    /// One chance in ten of more.
    pub p90: f64,
}

impl Estimate {
    fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Self { p10: of(self.p10), p50: of(self.p50), p90: of(self.p90) }
    }

    /// The same of something that falls as this rises.
    fn falling(self, of: impl Fn(f64) -> f64) -> Self {
        Self { p10: of(self.p90), p50: of(self.p50), p90: of(self.p10) }
    }

    /// A log-normal law of this median, whose logarithm is so far from it in one case of ten.
    fn log_normal(median: f64, distance: f64) -> Self {
        let wide = libm::exp(distance);
        Self { p10: median / wide, p50: median, p90: median * wide }
    }
}

impl Effect {
    /// What an event did to a series, against its baseline. Bins shorter than a minute are joined to minutes.
    ///
    /// ```
    /// use traffix_core::baseline::{Baseline, BaselineOptions};
    /// use traffix_core::effect::{Effect, Windows};
    /// use traffix_core::samples::Samples;
    /// // Four weeks of hours at 1 Gbit/s; in the last one, six hours with 3 Gbit/s.
    /// let start: chrono::DateTime<chrono::Utc> = "2026-10-05T00:00:00Z".parse()?;
    /// let bps = |hour| if (600..606).contains(&hour) { 3e9 } else { 1e9 };
    /// let samples = Samples::new(start, 3600.try_into()?, (0..672).map(|hour| Some(bps(hour))));
    /// let windows = Windows {
    ///     t0: start + chrono::TimeDelta::hours(600), before_secs: 86_400, during_secs: 6 * 3600, after_secs: 86_400,
    /// };
    /// let mut options = BaselineOptions::new(chrono_tz::UTC);
    /// options.excluded.push(windows.span());
    /// let effect = Effect::of(&samples, &Baseline::fit(&samples, &options)?, &windows);
    /// let during = effect.during.excess.unwrap();
    /// assert!((during.mean_bps.p50 / 2e9 - 1.0).abs() < 1e-3);
    /// assert!((during.bytes.p50 / 5.4e12 - 1.0).abs() < 1e-3);
    /// assert!((effect.before.excess.unwrap().ratio.unwrap().p50 - 1.0).abs() < 1e-3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(samples: &Samples, baseline: &Baseline, windows: &Windows) -> Self {
        let (samples, _) = coarse(samples);
        let [before, during, after] = windows.parts().map(|span| part(&samples, baseline, span));
        Self { before, during, after }
    }
}

fn part(samples: &Samples, baseline: &Baseline, (from, until): (DateTime<Utc>, DateTime<Utc>)) -> Part {
    let step_secs = samples.step_secs().get();
    let noise = baseline.noise().at_step(step_secs);
    let (step, start_s) = (i64::from(step_secs), samples.start().timestamp());
    // Bins belong to the part that their middle lies in.
    let place = |at: DateTime<Utc>| at.timestamp().saturating_sub(start_s + step / 2);
    let place = |at: DateTime<Utc>| (place(at) + step - 1).div_euclid(step);
    let (first, end) = (place(from), place(until));
    let inside = usize::try_from(first.max(0)).unwrap_or(0)..usize::try_from(end.max(0)).unwrap_or(0);
    let (mut reader, mut sum) = (Reader::new(baseline), Spread::new(&noise));
    let (mut measured, mut peak) = (0.0, None::<(f64, usize, f64, Level)>);
    for bin in inside.start..inside.end.min(samples.len()) {
        let middle_s = start_s + step * num::to_isize(bin) + step / 2;
        let value = samples.get(bin).filter(|value| *value >= 0.0);
        let Some((value, level)) = value.zip(reader.level(middle_s)) else { continue };
        measured += value;
        // Days run from the beginning of the part on, because levels do not change sharply at midnight.
        sum.add(bin, (middle_s - from.timestamp()).div_euclid(86_400), level);
        let excess = value - level.bps;
        if peak.is_none_or(|(most, ..)| excess > most) {
            peak = Some((excess, bin, value, level));
        }
    }
    let known = num::of_usize(sum.bins()) / num::of_i64((end - first).max(1));
    let (level_variance, quantile) = (median_variance(baseline.weeks()), quantile_90(baseline.weeks()));
    let excess = peak.map(|(_, bin, value, level)| {
        let wider = libm::sqrt(1.0 + level_variance);
        let usual = Estimate::log_normal(level.bps, quantile * level.sigma_log * wider);
        let peak = Peak {
            at: samples.start_of(bin).unwrap_or(from),
            step_secs,
            measured_bps: value,
            excess_bps: usual.falling(|usual| value - usual),
        };
        let bins = num::of_usize(sum.bins());
        let (mean, sigma) = sum.finish(level_variance);
        let usual = Estimate::log_normal(mean * libm::exp(-sigma * sigma / 2.0), quantile * sigma);
        excess(measured / bins, usual, bins, peak)
    });
    Part { from, until, known, excess }
}

fn excess(measured_bps: f64, usual_bps: Estimate, bins: f64, peak: Peak) -> Excess {
    let mean_bps = usual_bps.falling(|usual| measured_bps - usual);
    let secs = bins * f64::from(peak.step_secs);
    Excess {
        measured_bps,
        usual_bps,
        mean_bps,
        bytes: mean_bps.map(|bps| bps * secs / 8.0),
        ratio: (usual_bps.p10 > 0.0).then(|| usual_bps.falling(|usual| measured_bps / usual)),
        peak,
    }
}
