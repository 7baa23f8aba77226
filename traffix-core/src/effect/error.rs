//! The error of a sum of levels.

use std::collections::BTreeMap;

use crate::baseline::{Level, Noise};
use crate::num;

/// Quantile .9 of what is estimated from so many weeks, in standard deviations: Student's law with two degrees of freedom
/// a week, which is how well spreads were found on simulated traffic (2026-12).
pub(super) fn quantile_90(weeks: f64) -> f64 {
    const NORMAL: f64 = 1.281_551_565_544_600_4;
    // The first term of Peizer and Pratt's expansion.
    let freedom = 2.0 * (weeks - 1.0).max(1.0);
    NORMAL * (1.0 + (NORMAL * NORMAL + 1.0) / (4.0 * freedom))
}

/// Variance of a median of so many values, of that of one value: exact for one, within 5 % for few, and pi / 2n for many.
pub(super) fn median_variance(count: f64) -> f64 {
    use std::f64::consts::PI;
    PI / (2.0 * count.max(1.0) + PI - 2.0)
}

/// Sums levels, and what they stray together.
pub(super) struct Spread<'a> {
    noise: &'a Noise,
    /// Standard deviation of a bin, the level of the day included.
    sigma: f64,
    levels: f64,
    /// How far bins stray, each with its number.
    bins: Vec<(i64, f64)>,
    /// The same summed by day.
    days: BTreeMap<i64, f64>,
}

impl<'a> Spread<'a> {
    pub(super) fn new(noise: &'a Noise) -> Self {
        let sigma = libm::hypot(noise.sigma_log, noise.day_sigma_log);
        Self { noise, sigma, levels: 0.0, bins: Vec::new(), days: BTreeMap::new() }
    }

    /// Bins so far.
    pub(super) const fn bins(&self) -> usize {
        self.bins.len()
    }

    /// Adds a bin, later than those before.
    pub(super) fn add(&mut self, bin: usize, day: i64, level: Level) {
        let weight = level.bps * level.sigma_log / self.sigma;
        // The mean of a log-normal law is above its median.
        self.levels += level.bps * libm::exp(level.sigma_log * level.sigma_log / 2.0);
        *self.days.entry(day).or_default() += weight;
        self.bins.push((num::to_isize(bin), weight));
    }

    /// The mean level, and the standard deviation of its natural log.
    pub(super) fn finish(self, level_variance: f64) -> (f64, f64) {
        if self.levels <= 0.0 {
            return (0.0, 0.0);
        }
        let count = num::of_usize(self.bins.len());
        let mut weekdays = BTreeMap::<i64, f64>::new();
        for (day, weight) in &self.days {
            *weekdays.entry(day.rem_euclid(7)).or_default() += weight;
        }
        let Noise { ar1, sigma_log, day_ar1, day_sigma_log, .. } = *self.noise;
        let rest = sigma_log * sigma_log * pairs(self.bins, ar1);
        let days = day_sigma_log * day_sigma_log * pairs(self.days, day_ar1);
        let weekdays = day_sigma_log * day_sigma_log * pairs(weekdays, day_ar1);
        let variance = days + rest + level_variance * (weekdays + rest);
        (self.levels / count, libm::sqrt(variance) / self.levels)
    }
}

/// Sum over all pairs, each with itself too, of the product of their weights and what is left of the correlation at their
/// distance.
fn pairs(places: impl IntoIterator<Item = (i64, f64)>, correlation: f64) -> f64 {
    let (mut sum, mut felt, mut last) = (0.0, 0.0, None);
    for (place, weight) in places {
        let distance = place - last.unwrap_or(place);
        felt *= libm::pow(correlation, num::of_i64(distance));
        sum += weight * (weight + 2.0 * felt);
        felt += weight;
        last = Some(place);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOISE: Noise = Noise {
        step_secs: 300,
        ar1: 0.8,
        sigma_log: 0.03,
        innovation_sigma_log: 0.018,
        day_sigma_log: 0.05,
        day_ar1: 0.4,
    };

    #[test]
    fn it_is_the_sum_over_all_pairs() {
        let bins: Vec<(usize, i64, f64)> =
            vec![(0, 4, 1.0), (1, 4, 2.0), (5, 5, 3.0), (6, 7, 1.0), (40, 11, 2.0)];
        let sigma_log = libm::hypot(NOISE.sigma_log, NOISE.day_sigma_log);
        let mut sum = Spread::new(&NOISE);
        for (bin, day, bps) in &bins {
            sum.add(*bin, *day, Level { bps: *bps, sigma_log });
        }
        let mut want = 0.0;
        for (a, day_a, x) in &bins {
            for (b, day_b, y) in &bins {
                let at = |distance: u64, ar1: f64| ar1.powf(num::of_i64(i64::try_from(distance).unwrap()));
                let day = at(day_a.abs_diff(*day_b), NOISE.day_ar1) * NOISE.day_sigma_log.powi(2);
                // The days 4 and 11 are one weekday.
                let weekday =
                    at((day_a % 7).abs_diff(day_b % 7), NOISE.day_ar1) * NOISE.day_sigma_log.powi(2);
                let rest = at(num::to_u64(a.abs_diff(*b)), NOISE.ar1) * NOISE.sigma_log.powi(2);
                want += x * y * (day + rest + 0.25 * (weekday + rest));
            }
        }
        let levels: f64 = bins.iter().map(|(_, _, bps)| bps * (sigma_log * sigma_log / 2.0).exp()).sum();
        let (mean, sigma) = sum.finish(0.25);
        assert!((mean - levels / 5.0).abs() < 1e-12);
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
