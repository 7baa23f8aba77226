//! A measured quantity on a regular grid, with its gaps.
//!
//! What baselines, detection of spikes, explanations and overlays read. A bin that nobody watched has no value;
//! a bin that was watched and saw nothing has 0.

use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::num;

/// Values by bin, mostly mean rates in bit/s.
///
/// Inside, a gap is a NaN, so that a year of minutes takes eight bytes a bin; outside it is `None`.
///
/// ```
/// use traffix_core::samples::Samples;
/// let start: chrono::DateTime<chrono::Utc> = "2026-11-01T00:00:00Z".parse()?;
/// let samples = Samples::new(start, 300.try_into()?, [Some(2e9), None, Some(0.0)]);
/// assert_eq!(samples.get(0), Some(2e9));
/// assert_eq!(samples.get(1), None);
/// assert_eq!(samples.at("2026-11-01T00:14:59Z".parse()?), Some(0.0));
/// assert_eq!(samples.known(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Bins", into = "Bins")]
pub struct Samples {
    start: DateTime<Utc>,
    step_secs: NonZeroU32,
    values: Vec<f64>,
}

/// [`Samples`] as they are written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Samples"))]
#[serde(deny_unknown_fields)]
struct Bins {
    /// Start of the first bin.
    start: DateTime<Utc>,
    /// Length of a bin, in seconds.
    step_secs: NonZeroU32,
    /// A value for each bin, oldest first; null where nobody watched.
    values: Vec<Option<f64>>,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Samples {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Bins::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Bins::json_schema(generator)
    }
}

impl From<Bins> for Samples {
    fn from(bins: Bins) -> Self {
        Self::new(bins.start, bins.step_secs, bins.values)
    }
}

impl From<Samples> for Bins {
    fn from(samples: Samples) -> Self {
        Self { start: samples.start, step_secs: samples.step_secs, values: samples.iter().collect() }
    }
}

impl PartialEq for Samples {
    fn eq(&self, other: &Self) -> bool {
        self.start == other.start && self.step_secs == other.step_secs && self.iter().eq(other.iter())
    }
}

impl Samples {
    /// Bins from `start` on, `step_secs` long each. A value that is no finite number is a gap.
    pub fn new(
        start: DateTime<Utc>,
        step_secs: NonZeroU32,
        values: impl IntoIterator<Item = Option<f64>>,
    ) -> Self {
        let values =
            values.into_iter().map(|value| value.filter(|v| v.is_finite()).unwrap_or(f64::NAN)).collect();
        Self { start, step_secs, values }
    }

    /// Start of the first bin.
    pub const fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// Length of a bin, in seconds.
    pub const fn step_secs(&self) -> NonZeroU32 {
        self.step_secs
    }

    /// Bins, with gaps.
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no bin.
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bins with a value.
    pub fn known(&self) -> usize {
        self.values.iter().filter(|value| !value.is_nan()).count()
    }

    /// The value of a bin; `None` in a gap and outside.
    pub fn get(&self, bin: usize) -> Option<f64> {
        self.values.get(bin).copied().filter(|value| !value.is_nan())
    }

    /// The values as they are kept: NaN in a gap.
    pub(crate) fn raw(&self) -> &[f64] {
        &self.values
    }

    /// The same quantity in bins `factor` times as long: means of what is known, a gap where less than half is.
    ///
    /// A last bin that is not complete counts like one with a gap at its end.
    #[must_use]
    pub fn coarsen(&self, factor: NonZeroU32) -> Self {
        let wide = usize::try_from(factor.get()).unwrap_or(usize::MAX);
        let mean = |bins: &[f64]| {
            let (sum, known) = bins
                .iter()
                .filter(|value| !value.is_nan())
                .fold((0.0, 0_usize), |(sum, known), value| (sum + value, known + 1));
            if known * 2 >= wide { sum / num::of_usize(known) } else { f64::NAN }
        };
        let values = self.values.chunks(wide).map(mean).collect();
        Self { start: self.start, step_secs: self.step_secs.saturating_mul(factor), values }
    }

    /// The values of all bins, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<f64>> + DoubleEndedIterator + '_ {
        self.values.iter().map(|&value| (!value.is_nan()).then_some(value))
    }

    /// The bin that an instant lies in.
    pub fn bin_at(&self, at: DateTime<Utc>) -> Option<usize> {
        let step = i64::from(self.step_secs.get()).checked_mul(1000)?;
        let bin = (at - self.start).num_milliseconds().div_euclid(step);
        usize::try_from(bin).ok().filter(|&bin| bin < self.values.len())
    }

    /// The value at an instant.
    pub fn at(&self, at: DateTime<Utc>) -> Option<f64> {
        self.get(self.bin_at(at)?)
    }

    /// Start of a bin, also of one outside; `None` beyond the calendar.
    pub fn start_of(&self, bin: usize) -> Option<DateTime<Utc>> {
        let secs = i64::try_from(bin).ok()?.checked_mul(i64::from(self.step_secs.get()))?;
        self.start.checked_add_signed(TimeDelta::try_seconds(secs)?)
    }
}

#[cfg(test)]
mod tests {
    use super::Samples;

    fn samples() -> Samples {
        let start = "2026-11-01T00:00:00Z".parse().unwrap();
        Samples::new(start, 60.try_into().unwrap(), [Some(1.0), None, Some(f64::NAN), Some(0.0)])
    }

    #[test]
    fn what_is_not_known_is_null_and_comes_back() {
        let text = serde_json::to_string(&samples()).unwrap();
        assert!(text.ends_with(r#""step_secs":60,"values":[1.0,null,null,0.0]}"#), "{text}");
        assert_eq!(serde_json::from_str::<Samples>(&text).unwrap(), samples());
    }

    #[test]
    fn coarse_bins_are_means_of_what_is_known() {
        let coarse = samples().coarsen(2.try_into().unwrap());
        assert_eq!(coarse.step_secs().get(), 120);
        assert_eq!(coarse.iter().collect::<Vec<_>>(), [Some(1.0), Some(0.0)]);
        assert_eq!(samples().coarsen(3.try_into().unwrap()).iter().collect::<Vec<_>>(), [None, None]);
    }

    #[test]
    fn an_instant_is_in_the_bin_that_begins_before_it() {
        let samples = samples();
        assert_eq!(samples.bin_at(samples.start()), Some(0));
        assert_eq!(samples.bin_at("2026-11-01T00:03:59.999Z".parse().unwrap()), Some(3));
        assert_eq!(samples.bin_at("2026-11-01T00:04:00Z".parse().unwrap()), None);
        assert_eq!(samples.bin_at("2026-10-31T23:59:59.999Z".parse().unwrap()), None);
        assert_eq!(samples.start_of(3), Some("2026-11-01T00:03:00Z".parse().unwrap()));
    }
}
