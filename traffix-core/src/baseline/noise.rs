//! What is left of the bins when season and trend are taken away.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Baseline, Reader};
use crate::samples::Samples;
use crate::{num, robust};

/// Shortest bins that noise is told for: what a second carries is bursts of single transfers.
const MIN_STEP_SECS: u32 = 60;
/// Pairs of bins looked at; more change the third digit only.
const PAIRS: usize = 12_000;
/// Largest autocorrelation believed; at 1 the rest would have no level to come back to.
const MAX_AR1: f64 = 0.99;
/// Smallest spread: half a per mille, far below any traffic; keeps constants from dividing by zero. Assumed.
const MIN_SIGMA: f64 = 5e-4;

/// Noise of the bins about the level, on the natural-log scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Length of the bins it is told for, in seconds: that of the samples, at least a minute.
    pub step_secs: u32,
    /// Correlation of neighbouring bins, the level of the day taken away: 0 to .99.
    pub ar1: f64,
    /// Standard deviation of a bin, the level of the day taken away.
    pub sigma_log: f64,
    /// Standard deviation of what a bin adds to what the one before lets expect.
    pub innovation_sigma_log: f64,
    /// Standard deviation of the level of whole days.
    pub day_sigma_log: f64,
    /// Correlation of neighbouring days: 0 to .8.
    #[serde(default)]
    pub day_ar1: f64,
}

impl Noise {
    pub(super) const NONE: Self = Self {
        step_secs: 300,
        ar1: 0.0,
        sigma_log: MIN_SIGMA,
        innovation_sigma_log: MIN_SIGMA,
        day_sigma_log: 0.0,
        day_ar1: 0.0,
    };

    pub(super) fn is_valid(&self) -> bool {
        self.step_secs > 0
            && (0.0..1.0).contains(&self.ar1)
            && (0.0..1.0).contains(&self.day_ar1)
            && [self.sigma_log, self.innovation_sigma_log].iter().all(|s| s.is_finite() && *s > 0.0)
            && self.day_sigma_log.is_finite()
            && self.day_sigma_log >= 0.0
    }

    /// The same noise with a part of its variance that was lost, which neighbouring bins have in common.
    pub(super) fn with(self, variance: f64) -> Self {
        let (known, whole) = (self.sigma_log * self.sigma_log, self.sigma_log * self.sigma_log + variance);
        let ar1 = ((self.ar1 * known + variance) / whole).min(MAX_AR1);
        Self { ar1, sigma_log: libm::sqrt(whole), ..self }
    }

    /// The same noise in bins of another length, as a process in continuous time has it: correlation falls by the
    /// distance, the spread of a bin stays.
    #[must_use]
    pub fn at_step(&self, step_secs: u32) -> Self {
        if step_secs == self.step_secs {
            return *self;
        }
        let ar1 = libm::pow(self.ar1, f64::from(step_secs) / f64::from(self.step_secs)).min(MAX_AR1);
        let innovation_sigma_log = (self.sigma_log * libm::sqrt(1.0 - ar1 * ar1)).max(MIN_SIGMA);
        Self { step_secs, ar1, innovation_sigma_log, ..*self }
    }
}

/// The samples in bins that noise is told for, and by which factor they are longer.
pub(crate) fn coarse(samples: &Samples) -> (std::borrow::Cow<'_, Samples>, u32) {
    let factor = MIN_STEP_SECS.div_ceil(samples.step_secs().get());
    match std::num::NonZeroU32::new(factor).filter(|f| f.get() > 1) {
        Some(factor) => (std::borrow::Cow::Owned(samples.coarsen(factor)), factor.get()),
        None => (std::borrow::Cow::Borrowed(samples), 1),
    }
}

/// The noise about a baseline, and the spread of a bin with the level of its day.
///
/// `day` gives the level of a local day, `floor` is the smallest rate told apart from nothing.
pub(super) fn noise(
    baseline: &Baseline,
    samples: &Samples,
    kept: &[Range<usize>],
    day: impl Fn(i64) -> Option<f64>,
    floor: f64,
) -> (Noise, f64) {
    let (coarse, factor) = coarse(samples);
    let wide = usize::try_from(factor).unwrap_or(1);
    let whole = |run: &Range<usize>| run.start.div_ceil(wide)..(run.end / wide);
    let mut reader = Reader::new(baseline);
    let step = i64::from(coarse.step_secs().get());
    let first = coarse.start().timestamp() + step / 2;
    let mut rest = |bin: usize| {
        let value = coarse.get(bin).filter(|value| *value >= 0.0)?;
        let at_s = first + step * num::to_isize(bin);
        let off = libm::log(value.max(floor)) - reader.log(at_s)?.0;
        Some((off, off - day(reader.day(at_s))?))
    };
    let total: usize = kept.iter().map(|run| whole(run).len()).sum();
    let block = usize::try_from(1800 / step).unwrap_or(0).max(2);
    let stride = coprime(total.div_ceil(PAIRS));
    let (mut pairs, mut offs) = (Vec::with_capacity(PAIRS), Vec::with_capacity(PAIRS));
    for run in kept.iter().map(whole) {
        for start in run.clone().step_by(block * stride) {
            let mut before = None;
            for bin in start..(start + block).min(run.end) {
                let now = rest(bin);
                offs.extend(now.map(|(off, _)| off));
                pairs.extend(before.zip(now).map(|((_, a), (_, b)): ((f64, f64), (f64, f64))| (a, b)));
                before = now;
            }
        }
    }
    let mut rests: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let sigma_log = robust::spread(&mut rests, 0.0).unwrap_or(MIN_SIGMA).max(MIN_SIGMA);
    let ar1 = robust::correlation(&pairs).unwrap_or(0.0).clamp(0.0, MAX_AR1);
    let mut new: Vec<f64> = pairs.iter().map(|(a, b)| b - ar1 * a).collect();
    let innovation_sigma_log = robust::spread(&mut new, 0.0).unwrap_or(MIN_SIGMA).max(MIN_SIGMA);
    let bin_sigma = robust::spread(&mut offs, 0.0).unwrap_or(MIN_SIGMA);
    let step_secs = coarse.step_secs().get();
    (Noise { step_secs, ar1, sigma_log, innovation_sigma_log, ..Noise::NONE }, bin_sigma)
}

/// The next number that shares no factor with the half-hours of a week, so that every time of day is seen.
fn coprime(stride: usize) -> usize {
    let stride = stride.max(1);
    (stride..stride + 42).find(|n| [2, 3, 7].iter().all(|p| n % p != 0)).unwrap_or(1)
}
