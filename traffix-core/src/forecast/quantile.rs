//! Quantiles and exceedance of a set of draws.

/// The probabilities reported everywhere: P10, P50, P90, P99.
pub const REPORTED: [f64; 4] = [0.1, 0.5, 0.9, 0.99];

/// Quantile of draws: linear interpolation at position `(M - 1) q` of the sorted draws; 0 for no draws.
///
/// ```
/// use traffix_core::forecast::quantile;
/// let draws = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6, 5.3, 5.8, 9.7, 9.3, 2.3, 8.4];
/// assert!((quantile(&draws, 0.9) - 9.27).abs() < 1e-12);
/// ```
pub fn quantile(draws: &[f64], q: f64) -> f64 {
    let mut sorted = draws.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted_quantile(&sorted, q)
}

/// Quantile of draws that are sorted already, see [`quantile`].
pub fn sorted_quantile(sorted: &[f64], q: f64) -> f64 {
    let (index, rest) = rank(sorted.len(), q);
    let Some(&low) = sorted.get(index) else { return 0.0 };
    let high = sorted.get(index + 1).copied().unwrap_or(low);
    low + rest * (high - low)
}

/// Whole and fractional part of `(count - 1) q`.
pub(crate) fn rank(count: usize, q: f64) -> (usize, f64) {
    let position = crate::num::of_usize(count.saturating_sub(1)) * q.clamp(0.0, 1.0);
    (crate::num::to_usize(position), position.fract())
}

/// Share of draws strictly above a threshold; 0 for no draws.
///
/// ```
/// use traffix_core::forecast::exceedance;
/// assert_eq!(exceedance(&[1.0, 2.0, 3.0, 4.0], 2.0), 0.5);
/// ```
pub fn exceedance(draws: &[f64], threshold: f64) -> f64 {
    if draws.is_empty() {
        return 0.0;
    }
    let above = draws.iter().filter(|x| **x > threshold).count();
    crate::num::of_usize(above) / crate::num::of_usize(draws.len())
}
