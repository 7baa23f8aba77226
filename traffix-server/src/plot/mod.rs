//! Charts: the same drawing for `--plot`, for the page and, in characters, for a terminal.
//!
//! A [`FanChart`] shows how sure a forecast is: a band from P10 to P90 around the P50 line, over the ordinary
//! traffic and under the capacity. [`FanChart::to_svg`] draws it without script, fonts or colours from
//! elsewhere, in the same bytes every time; [`FanChart::to_text`] draws it in block characters. A
//! [`HeatStrip`] shows many links at once, one cell a few hours. A [`LineChart`] lays events, days or weeks
//! over each other, as thin lines.

mod axis;
mod fan;
mod frame;
mod heat;
mod lines;
mod num;
mod rail;
mod shape;
mod stack;
mod svg;
mod text;
mod when;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

pub use axis::offset_label;
pub use frame::{STYLE, SvgOptions};
pub use heat::HeatStrip;
pub use lines::{Across, LineChart, NamedLine};
pub use stack::stacked;
pub use svg::escape;
pub use text::TextOptions;
pub use when::{day_time, day_window};

/// Curves on equal bins with the instants and limits that explain them.
#[derive(Debug, Clone, PartialEq)]
pub struct FanChart {
    /// Headline.
    pub title: String,
    /// One line under it: the verdict, the assumptions.
    pub subtitle: String,
    /// Start of the first bin.
    pub start: DateTime<Utc>,
    /// Length of a bin.
    pub step_secs: u32,
    /// Zone of the time axis.
    pub zone: Tz,
    /// The forecast, in bit/s per bin.
    pub fan: Fan,
    /// Ordinary traffic in bit/s per bin, drawn as a grey area. The fan is drawn as given: add the baseline
    /// to it first if it is to stand on it.
    pub baseline: Option<Vec<f64>>,
    /// Horizontal lines, such as the capacity of a link.
    pub limits: Vec<Limit>,
    /// The present, drawn as a rule.
    pub now: Option<DateTime<Utc>>,
    /// What happens when.
    pub marks: Vec<Mark>,
}

/// Quantile curves in bit/s; all of one length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fan {
    /// One in ten worlds is below.
    pub p10: Vec<f64>,
    /// Half of the worlds are below.
    pub p50: Vec<f64>,
    /// Nine in ten worlds are below.
    pub p90: Vec<f64>,
    /// Ninety-nine in a hundred worlds are below; drawn as a thin line.
    pub p99: Option<Vec<f64>>,
}

impl Fan {
    /// The same fan standing on another curve.
    #[must_use]
    pub fn on(&self, baseline: &[f64]) -> Self {
        let add = |curve: &[f64]| {
            let below = baseline.iter().copied().chain(std::iter::repeat(0.0));
            curve.iter().zip(below).map(|(x, b)| x + b).collect()
        };
        Self {
            p10: add(&self.p10),
            p50: add(&self.p50),
            p90: add(&self.p90),
            p99: self.p99.as_deref().map(add),
        }
    }

    /// The same with so many bins of nothing in front, and so many bins in all.
    #[must_use]
    pub fn placed(mut self, before: usize, bins: usize) -> Self {
        for curve in [Some(&mut self.p10), Some(&mut self.p50), Some(&mut self.p90), self.p99.as_mut()] {
            let Some(curve) = curve else { continue };
            curve.splice(0..0, std::iter::repeat_n(0.0, before));
            curve.resize(bins, 0.0);
        }
        self
    }

    /// Number of bins that all curves have.
    pub fn bins(&self) -> usize {
        let p99 = self.p99.as_ref().map_or(usize::MAX, Vec::len);
        self.p10.len().min(self.p50.len()).min(self.p90.len()).min(p99)
    }
}

/// A horizontal line that should not be crossed.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// What it is, for example `capacity`.
    pub label: String,
    /// Where it lies.
    pub bps: f64,
}

/// What kind of moment a [`Mark`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// Download ahead of the unlock.
    Preload,
    /// A release or update starts.
    Unlock,
    /// Anything else worth knowing: a match, a holiday.
    Other,
}

/// A labelled moment or span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// What kind.
    pub kind: MarkKind,
    /// When it starts.
    pub at: DateTime<Utc>,
    /// When it ends, if it lasts.
    pub until: Option<DateTime<Utc>>,
    /// Its name.
    pub label: String,
}

impl FanChart {
    /// End of the last bin.
    pub fn end(&self) -> DateTime<Utc> {
        let secs = num::int(num::float(self.fan.bins()) * f64::from(self.step_secs));
        let length = chrono::TimeDelta::try_seconds(secs).unwrap_or(chrono::TimeDelta::MAX);
        self.start.checked_add_signed(length).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The chart of the first bins only.
    #[must_use]
    pub fn first_bins(mut self, bins: usize) -> Self {
        let Fan { p10, p50, p90, p99 } = &mut self.fan;
        for curve in
            [Some(p10), Some(p50), Some(p90), p99.as_mut(), self.baseline.as_mut()].into_iter().flatten()
        {
            curve.truncate(bins);
        }
        self
    }

    /// The largest value that must fit on the vertical axis.
    fn top(&self) -> f64 {
        let curves = [Some(&self.fan.p90), self.fan.p99.as_ref(), self.baseline.as_ref()];
        let highest = curves.into_iter().flatten().flatten().copied().filter(|x| x.is_finite());
        let highest = highest.fold(0.0, f64::max);
        // A limit far above everything would press the fan flat: it is then said in words instead.
        let limits = self.limits.iter().map(|l| l.bps).filter(|&bps| bps <= highest * 3.0);
        limits.fold(highest, f64::max)
    }
}

#[cfg(test)]
pub(crate) mod tests;
