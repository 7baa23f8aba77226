//! Overlays: measured traffic of several times on one axis, so that they can be compared.
//!
//! [`align`] lays events on elapsed time, each from its own T0, if wanted in bit/s per 1,000 access lines, so that networks of
//! any size and times of any year compare. [`wall_clock`] lays days or weeks of one series over each other by the local
//! clock, where the daily pattern is.
//!
//! Bins of the axis are means over what is known of them, weighted by time. A bin of which less than half is known is a
//! gap; nothing is filled in.
//!
//! **Days of 23 and 25 hours.** The wall clock decides. The hour that the clocks skip is a gap on its day; of the hour that
//! they show twice the mean of both is shown. So 18:00 is in the same place on every day, and bytes are not to be summed
//! over the axis on those two days.

mod pour;
mod stretch;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::samples::Samples;
use pour::Bins;
pub use stretch::{Period, Stretch, stretches};

/// Most curves of an overlay: a year of days.
pub const MAX_CURVES: usize = 366;
/// Most values of an overlay, over all curves.
pub const MAX_VALUES: usize = 200_000;

/// Traffic of one event, to be laid over that of others.
#[derive(Debug, Clone)]
pub struct Trace<'a> {
    /// What to call it.
    pub label: String,
    /// The instant that is 0 on the axis: when it was released, unlocked, kicked off.
    pub t0: DateTime<Utc>,
    /// The traffic, in bit/s.
    pub samples: &'a Samples,
    /// Access lines of the network it was measured on, to divide by; of all traces or of none.
    pub lines: Option<f64>,
}

/// Which part of the time around T0 is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How long before T0, in seconds; lengthened to whole bins.
    pub before_secs: u32,
    /// How long after it, in seconds; lengthened to whole bins, one at least.
    pub after_secs: u32,
    /// Length of the bins wanted, in seconds. They are as long as the longest of the samples at least.
    pub step_secs: NonZeroU32,
}

/// Curves on one axis of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Overlay {
    /// What the values are.
    pub unit: Unit,
    /// Where the first bin begins: seconds after T0, negative before it.
    pub first_secs: i64,
    /// Length of a bin, in seconds: what was asked for, or more where the samples are longer.
    pub step_secs: NonZeroU32,
    /// The curves, all with as many values.
    pub curves: Vec<Curve>,
}

/// What values of an overlay are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "OverlayUnit"))]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Bit/s.
    Bps,
    /// Bit/s per 1,000 access lines.
    #[serde(rename = "bps-per-1000-lines")]
    BpsPer1000Lines,
}

/// One event, day or week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "OverlayCurve"))]
pub struct Curve {
    /// What it is called; a day or week by its first local day.
    pub label: String,
    /// The instant that is 0 on the axis.
    pub t0: DateTime<Utc>,
    /// Means of the bins, oldest first; null where too little is known.
    pub values: Vec<Option<f64>>,
}

impl Curve {
    /// The largest value with its bin; the first of equals.
    pub fn peak(&self) -> Option<(usize, f64)> {
        let known = self.values.iter().enumerate().filter_map(|(bin, value)| Some((bin, (*value)?)));
        known.reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}

/// Lays events over each other by the time elapsed since each one's T0.
///
/// # Errors
/// No traces or more than [`MAX_CURVES`], more than [`MAX_VALUES`] values, lines that are not above 0 or not given for all.
///
/// # Example
/// ```
/// use traffix_core::overlay::{Trace, Window, align};
/// use traffix_core::samples::Samples;
/// let start: chrono::DateTime<chrono::Utc> = "2026-11-01T00:00:00Z".parse()?;
/// let samples = Samples::new(start, 300.try_into()?, [Some(1e9), Some(2e9), None, Some(4e9)]);
/// let trace = |label: &str, t0: &str| Trace {
///     label: label.into(), t0: t0.parse().unwrap(), samples: &samples, lines: Some(20_000.0),
/// };
/// let traces = [trace("one", "2026-11-01T00:05:00Z"), trace("two", "2026-11-01T00:15:00Z")];
/// let window = Window { before_secs: 300, after_secs: 300, step_secs: 300.try_into()? };
/// let overlay = align(&traces, &window).unwrap();
/// assert_eq!((overlay.first_secs, overlay.step_secs.get()), (-300, 300));
/// assert_eq!(overlay.curves[0].values, [Some(5e7), Some(1e8)]);
/// assert_eq!(overlay.curves[1].values, [None, Some(2e8)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn align(traces: &[Trace<'_>], window: &Window) -> Result<Overlay, Vec<Invalid>> {
    let step_secs = traces.iter().map(|trace| trace.samples.step_secs()).fold(window.step_secs, Ord::max);
    let step = step_secs.get();
    let before = window.before_secs.div_ceil(step);
    let bins = u64::from(before) + u64::from(window.after_secs.div_ceil(step).max(1));
    let bins = usize::try_from(bins).unwrap_or(usize::MAX);
    let mut found = sizes("/traces", traces.len(), bins);
    for (i, trace) in traces.iter().enumerate().take(MAX_CURVES) {
        found.extend(lines_finding(trace.lines).map(|wrong| wrong.under(&format!("/traces/{i}"))));
    }
    let with_lines = traces.iter().filter(|trace| trace.lines.is_some()).count();
    if with_lines > 0 && with_lines < traces.len() {
        found.push(Invalid::new("/traces", "must all have the number of lines, or none"));
    }
    if !found.is_empty() {
        return Err(found);
    }
    let first_secs = -i64::from(before) * i64::from(step);
    let curve = |trace: &Trace<'_>| {
        let zero_ms = trace.t0.timestamp_millis() + first_secs * 1000;
        let mut axis = Bins::new(step_secs, bins);
        axis.pour(trace.samples, (zero_ms, i64::MAX), zero_ms);
        Curve { label: trace.label.clone(), t0: trace.t0, values: axis.means(trace.lines) }
    };
    let curves = traces.iter().map(curve).collect();
    Ok(Overlay { unit: unit(with_lines > 0), first_secs, step_secs, curves })
}

/// Lays days or weeks of one series over each other by the local clock: see the [module](self) about days of 23 and 25
/// hours. `lines` are the network's access lines, to divide by.
///
/// # Errors
/// No stretches or more than [`MAX_CURVES`], stretches of different periods, more than [`MAX_VALUES`] values, lines that
/// are not above 0.
///
/// # Example
/// ```
/// use traffix_core::overlay::{Period, stretches, wall_clock};
/// use traffix_core::samples::Samples;
/// // The clocks of London go back on the second day, which has 25 hours.
/// let start: chrono::DateTime<chrono::Utc> = "2026-10-23T23:00:00Z".parse()?;
/// let hour_of_day = (0..24).chain([0, 1]).chain(1..24).map(|hour| Some(f64::from(hour)));
/// let samples = Samples::new(start, 3600.try_into()?, hour_of_day);
/// let zone = chrono_tz::Europe::London;
/// let days = stretches(zone, Period::Day, "2026-10-25T12:00:00Z".parse()?, 2);
/// let overlay = wall_clock(&samples, zone, &days, 3600.try_into()?, None).unwrap();
/// assert_eq!(overlay.curves[0].values, overlay.curves[1].values);
/// assert_eq!(overlay.curves[1].label, "2026-10-25");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wall_clock(
    samples: &Samples,
    zone: Tz,
    stretches: &[Stretch],
    step_secs: NonZeroU32,
    lines: Option<f64>,
) -> Result<Overlay, Vec<Invalid>> {
    let step_secs = step_secs.max(samples.step_secs());
    let period = stretches.first().map_or(Period::Day, |first| first.period);
    let bins = usize::try_from(period.wall_secs().div_ceil(step_secs.get())).unwrap_or(usize::MAX);
    let mut found = sizes("/stretches", stretches.len(), bins);
    found.extend(lines_finding(lines));
    if stretches.iter().any(|stretch| stretch.period != period) {
        found.push(Invalid::new("/stretches", "must be all days or all weeks"));
    }
    if !found.is_empty() {
        return Err(found);
    }
    let curve = |stretch: &Stretch| {
        let mut axis = Bins::new(step_secs, bins);
        for (from_ms, until_ms, zero_ms) in stretch.pieces(zone) {
            axis.pour(samples, (from_ms, until_ms), zero_ms);
        }
        Curve { label: stretch.first_day.to_string(), t0: stretch.from, values: axis.means(lines) }
    };
    let curves = stretches.iter().map(curve).collect();
    Ok(Overlay { unit: unit(lines.is_some()), first_secs: 0, step_secs, curves })
}

fn unit(per_lines: bool) -> Unit {
    if per_lines { Unit::BpsPer1000Lines } else { Unit::Bps }
}

fn sizes(pointer: &str, curves: usize, bins: usize) -> Vec<Invalid> {
    let mut found = Vec::new();
    if curves == 0 || curves > MAX_CURVES {
        found.push(Invalid::new(pointer, format!("must be 1 to {MAX_CURVES}, got {curves}")));
    }
    if curves.saturating_mul(bins) > MAX_VALUES {
        let detail = format!("gives more than {MAX_VALUES} values; take longer bins or fewer curves");
        found.push(Invalid::new("/step_secs", detail));
    }
    found
}

fn lines_finding(lines: Option<f64>) -> Option<Invalid> {
    let wrong = lines.filter(|lines| !(lines.is_finite() && *lines > 0.0))?;
    Some(Invalid::new("/lines", format!("must be above 0, got {wrong}")))
}
