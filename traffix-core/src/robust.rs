//! Statistics that a few wild values do not move.
//!
//! # Sources
//!
//! - P. J. Rousseeuw, C. Croux, "Alternatives to the median absolute deviation", Journal of the American
//!   Statistical Association 88 (1993) 1273-1283: the MAD and its factor.
//! - P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of the American
//!   Statistical Association 63 (1968) 1379-1389.
//! - H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945) 245-259.
//! - R. Gnanadesikan, J. R. Kettenring, "Robust estimates, residuals, and outlier detection with multiresponse
//!   data", Biometrics 28 (1972) 81-124: correlation from the spreads of sums and differences.

use crate::num;

/// Standard deviations of a normal law per median absolute deviation. Published (Rousseeuw and Croux 1993).
const SD_PER_MAD: f64 = 1.4826;
/// Quantile .95 of the standard normal.
const NORMAL_95: f64 = 1.645;

/// The median, in linear time; orders the values anew. `None` of nothing.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if !even {
        return Some(upper);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(lower.midpoint(upper))
}

/// Standard deviation about a known centre, from the median absolute deviation; overwrites the values.
pub(crate) fn spread(values: &mut [f64], centre: f64) -> Option<f64> {
    for value in &mut *values {
        *value = (*value - centre).abs();
    }
    Some(SD_PER_MAD * median(values)?)
}

/// Variance that [`spread`] about medians of groups of `count` values does not show, of what it shows: a median is drawn
/// to its own values; of three, one is the median itself. Simulated with normal values (2026-12), where three alone give
/// 3.5, and less among groups of other sizes.
pub(crate) fn lost_to_median(count: usize) -> f64 {
    const LOST: [f64; 12] = [0.0, 1.01, 2.0, 0.88, 0.88, 0.67, 0.48, 0.45, 0.33, 0.32, 0.24, 0.24];
    let lost = count.checked_sub(1).and_then(|place| LOST.get(place).copied());
    lost.unwrap_or_else(|| 2.5 / num::of_usize(count.max(1)))
}

/// Slope of the line through points `(x, y)`: the median of the slopes of all pairs, or 0 where Mann's test does not
/// tell it from 0 at the level of 10 %. `None` below two points.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let pairs = points.iter().enumerate().flat_map(|(i, a)| points[..i].iter().map(move |b| (a, b)));
    let mut slopes: Vec<f64> =
        pairs.filter(|(a, b)| a.0 > b.0).map(|(a, b)| (a.1 - b.1) / (a.0 - b.0)).collect();
    let up = slopes.iter().filter(|slope| **slope > 0.0).count();
    let down = slopes.iter().filter(|slope| **slope < 0.0).count();
    let n = num::of_usize(points.len());
    let sd = libm::sqrt(n * (n - 1.0) * (2.0 * n + 5.0) / 18.0);
    let found = median(&mut slopes)?;
    Some(if num::of_usize(up.abs_diff(down)) > NORMAL_95 * sd { found } else { 0.0 })
}

/// Correlation of pairs of equal spread about 0. `None` where nothing varies.
pub(crate) fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let variance = |of: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(of).collect();
        spread(&mut values, 0.0).map(|sd| sd * sd)
    };
    let (sums, differences) = (variance(|p| p.0 + p.1)?, variance(|p| p.0 - p.1)?);
    (sums + differences > 0.0).then(|| (sums - differences) / (sums + differences))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wild_values_do_not_move_them() {
        assert_eq!(median(&mut [3.0, 1.0, 1e9]), Some(3.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 1e9]), Some(3.0));
        assert_eq!(median(&mut []), None);
        assert_eq!(spread(&mut [1.0, 2.0, 3.0, 4.0, 1e9], 3.0), Some(SD_PER_MAD));
        let mut line: Vec<(f64, f64)> = (0..20).map(f64::from).map(|x| (x, 2.0 * x + 1.0)).collect();
        line[7].1 = 1e6;
        assert!((slope(&line).unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 2.0), (3.0, 2.5)]), Some(0.0));
        assert_eq!(correlation(&[(0.0, 0.0); 4]), None);
        assert_eq!(correlation(&[(1.0, 1.0), (2.0, 2.0), (-1.0, -1.0)]), Some(1.0));
    }

    proptest! {
        #[test]
        fn the_median_is_that_of_sorting(mut values in proptest::collection::vec(-1e6..1e6_f64, 1..50)) {
            let found = median(&mut values.clone()).unwrap();
            values.sort_by(f64::total_cmp);
            let n = values.len();
            prop_assert_eq!(found.total_cmp(&values[(n - 1) / 2].midpoint(values[n / 2])), std::cmp::Ordering::Equal);
        }
    }
}
