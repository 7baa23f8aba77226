//! From the bins of samples to those of an axis: means over what is known, weighted by time.

use std::num::NonZeroU32;

use crate::num;
use crate::samples::Samples;

/// Bins of an axis while they are filled.
pub(super) struct Bins {
    step_ms: i64,
    /// Value times milliseconds, and the milliseconds that are known.
    sums: Vec<(f64, i64)>,
}

impl Bins {
    /// `bins` empty bins.
    pub(super) fn new(step_secs: NonZeroU32, bins: usize) -> Self {
        Self { step_ms: i64::from(step_secs.get()) * 1000, sums: vec![(0.0, 0); bins] }
    }

    /// Adds what samples know between two instants; `zero_ms` is the instant that the axis begins at. All are
    /// milliseconds since 1970.
    pub(super) fn pour(&mut self, samples: &Samples, (from_ms, until_ms): (i64, i64), zero_ms: i64) {
        let length_ms = num::to_isize(self.sums.len()).saturating_mul(self.step_ms);
        let (from_ms, until_ms) = (from_ms.max(zero_ms), until_ms.min(zero_ms.saturating_add(length_ms)));
        let step_ms = i64::from(samples.step_secs().get()) * 1000;
        let start_ms = samples.start().timestamp_millis();
        let bin_of = |at_ms: i64| at_ms.saturating_sub(start_ms).div_euclid(step_ms);
        let first = usize::try_from(bin_of(from_ms).max(0)).unwrap_or(usize::MAX);
        let end = usize::try_from((bin_of(until_ms.saturating_sub(1)) + 1).max(0)).unwrap_or(0);
        for bin in first..end.min(samples.len()) {
            let Some(value) = samples.get(bin) else { continue };
            let bin_ms = start_ms + num::to_isize(bin) * step_ms;
            self.add(value, bin_ms.max(from_ms) - zero_ms, (bin_ms + step_ms).min(until_ms) - zero_ms);
        }
    }

    /// Adds a value that holds from one place of the axis to another, in milliseconds.
    fn add(&mut self, value: f64, from_ms: i64, until_ms: i64) {
        let mut at_ms = from_ms;
        while at_ms < until_ms {
            let bin = at_ms.div_euclid(self.step_ms);
            let next_ms = until_ms.min((bin + 1) * self.step_ms);
            if let Some((sum, known_ms)) = usize::try_from(bin).ok().and_then(|bin| self.sums.get_mut(bin)) {
                *sum += value * num::of_i64(next_ms - at_ms);
                *known_ms += next_ms - at_ms;
            }
            at_ms = next_ms;
        }
    }

    /// The means, each per 1,000 of `lines`; nothing for bins of which less than half is known.
    pub(super) fn means(self, lines: Option<f64>) -> Vec<Option<f64>> {
        let scale = lines.map_or(1.0, |lines| 1000.0 / lines);
        let mean = |(sum, known_ms): (f64, i64)| {
            let enough = known_ms > 0 && known_ms.saturating_mul(2) >= self.step_ms;
            enough.then(|| sum / num::of_i64(known_ms) * scale).filter(|mean| mean.is_finite())
        };
        self.sums.into_iter().map(mean).collect()
    }
}
