//! The error of a sum of levels.

use std::collections::BTreeMap;

use crate::baseline::{Level, Noise};
use crate::num;

/// Quantile .9 of the standard normal.
pub(super) const Z90: f64 = 1.281_551_565_544_600_4;

/// Variance of a median of so many values, of that of one value: exact for one, within 5 % for an odd few (Kenney and
/// Keeping 1962 for the limit of many).
pub(super) fn median_variance(count: f64) -> f64 {
    use std::f64::consts::PI;
    PI / (2.0 * count.max(1.0) + PI - 2.0)
}

/// Sums levels, and what they stray together.
pub(super) struct Spread<'a> {
    noise: &'a Noise,
    /// Variance of a bin, the level of the day included.
    variance: f64,
    bins: usize,
    levels: f64,
    /// Weights by day and by weekday.
    days: BTreeMap<i64, f64>,
    weekdays: [f64; 7],
    /// Sum over pairs of bins.
    pairs: f64,
    /// The bin before, and the weights up to it, each as far as it is still felt there.
    last: (usize, f64),
}

impl<'a> Spread<'a> {
    pub(super) fn new(noise: &'a Noise) -> Self {
        let variance = noise.sigma_log * noise.sigma_log + noise.day_sigma_log * noise.day_sigma_log;
        Self {
            noise,
            variance,
            bins: 0,
            levels: 0.0,
            days: BTreeMap::new(),
            weekdays: [0.0; 7],
            pairs: 0.0,
            last: (0, 0.0),
        }
    }

    /// Bins so far.
    pub(super) const fn bins(&self) -> usize {
        self.bins
    }

    /// Adds a bin, later than those before.
    pub(super) fn add(&mut self, bin: usize, day: i64, level: Level) {
        let weight = level.bps * level.sigma_log / libm::sqrt(self.variance);
        self.bins += 1;
        // The mean of a log-normal law is above its median.
        self.levels += level.bps * libm::exp(level.sigma_log * level.sigma_log / 2.0);
        *self.days.entry(day).or_default() += weight;
        let weekday = usize::try_from(day.rem_euclid(7)).unwrap_or(0);
        self.weekdays[weekday] += weight;
        let distance = num::of_usize(bin.saturating_sub(self.last.0));
        let felt = self.last.1 * libm::pow(self.noise.ar1, distance);
        self.pairs += weight * (weight + 2.0 * felt);
        self.last = (bin, felt + weight);
    }

    /// The mean level, and the standard deviation of its natural log.
    pub(super) fn finish(self, level_variance: f64) -> (f64, f64) {
        if self.levels <= 0.0 {
            return (0.0, 0.0);
        }
        let day = self.noise.day_sigma_log * self.noise.day_sigma_log;
        let rest = self.noise.sigma_log * self.noise.sigma_log * self.pairs;
        let squares = |sums: &mut dyn Iterator<Item = &f64>| sums.map(|sum| sum * sum).sum::<f64>();
        let days = day * squares(&mut self.days.values());
        let level = level_variance * (day * squares(&mut self.weekdays.iter()) + rest);
        let sigma = libm::sqrt(days + rest + level) / self.levels;
        (self.levels / num::of_usize(self.bins), sigma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOISE: Noise =
        Noise { step_secs: 300, ar1: 0.8, sigma_log: 0.03, innovation_sigma_log: 0.018, day_sigma_log: 0.05 };

    #[test]
    fn it_is_the_sum_over_all_pairs() {
        let bins: Vec<(usize, f64)> = [0, 1, 2, 5, 6, 40].map(|bin| (bin, 1.0 + num::of_usize(bin % 3))).into();
        let sigma_log = libm::sqrt(NOISE.sigma_log.powi(2) + NOISE.day_sigma_log.powi(2));
        let mut sum = Spread::new(&NOISE);
        for (bin, bps) in &bins {
            sum.add(*bin, i64::from(*bin >= 6), Level { bps: *bps, sigma_log });
        }
        let mut want = 0.0;
        for (a, x) in &bins {
            for (b, y) in &bins {
                let same_day = if (*a >= 6) == (*b >= 6) { NOISE.day_sigma_log.powi(2) } else { 0.0 };
                let rest = NOISE.sigma_log.powi(2) * NOISE.ar1.powf(num::of_usize(a.abs_diff(*b)));
                want += x * y * (same_day + rest) * 1.25;
            }
        }
        let levels: f64 = bins.iter().map(|(_, bps)| bps * (sigma_log * sigma_log / 2.0).exp()).sum();
        let (mean, sigma) = sum.finish(0.25);
        assert!((mean - levels / 6.0).abs() < 1e-12);
        assert!((sigma - want.sqrt() / levels).abs() < 1e-12, "{sigma}");
    }

    #[test]
    fn the_median_of_few_is_nearly_that_of_the_tables() {
        // Variances of the median of 1, 3, 5 and 9 standard normals.
        for (count, exact) in [(1.0, 1.0), (3.0, 0.4487), (5.0, 0.2868), (9.0, 0.1661)] {
            let off: f64 = median_variance(count) / exact - 1.0;
            assert!(off.abs() < 0.05, "{count}: {off}");
        }
    }
}
