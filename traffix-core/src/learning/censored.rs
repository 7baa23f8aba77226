//! A normal quantity of which only a lower bound was seen.

use crate::forecast::math::{normal_cdf, normal_pdf};

/// Mean and variance of a standard normal quantity that is known to exceed a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truncated {
    /// Mean: never below 0, nor below the bound.
    pub mean: f64,
    /// Variance: never above 1.
    pub variance: f64,
}

/// Above this bound the tail is too thin for its probability, and its asymptotic series takes over.
const FAR: f64 = 12.0;

/// The first two moments of a standard normal quantity above `bound`.
///
/// A bound that is not a number says nothing, as minus infinity does.
///
/// ```
/// use traffix_core::learning::truncated_above;
/// let half = truncated_above(0.0);
/// assert!((half.mean - 0.797_885).abs() < 1e-6 && (half.variance - 0.363_380).abs() < 1e-6);
/// assert_eq!(truncated_above(f64::NEG_INFINITY).variance, 1.0);
/// ```
///
/// # Sources
///
/// N. L. Johnson, S. Kotz, N. Balakrishnan, "Continuous Univariate Distributions", volume 1 (1994), section
/// 13.10.1.
pub fn truncated_above(bound: f64) -> Truncated {
    // Below minus twelve the bound cuts off less than one part in 10^32.
    if bound.is_nan() || bound < -FAR {
        return Truncated { mean: 0.0, variance: 1.0 };
    }
    if bound > FAR {
        let inverse = 1.0 / bound;
        let square = inverse * inverse;
        let mean = bound + inverse - 2.0 * inverse * square;
        return Truncated { mean, variance: square - 6.0 * square * square };
    }
    let mean = normal_pdf(bound) / normal_cdf(-bound);
    Truncated { mean, variance: (1.0 - mean * (mean - bound)).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_integration() {
        for bound in [-3.0, -1.0, 0.3, 2.0, 5.0, 11.0] {
            let (mut mass, mut first, mut second) = (0.0, 0.0, 0.0);
            let step = 1e-4;
            for i in 0..200_000 {
                let x = bound + (f64::from(i) + 0.5) * step;
                // Scaled by the density at the bound, so that the far tail does not vanish.
                let density = libm::exp(-0.5 * (x * x - bound * bound));
                mass += density;
                first += density * x;
                second += density * x * x;
            }
            let (mean, got) = (first / mass, truncated_above(bound));
            assert!((got.mean - mean).abs() < 1e-6, "{bound} {got:?} {mean}");
            assert!((got.variance - (second / mass - mean * mean)).abs() < 1e-6, "{bound} {got:?}");
        }
    }

    #[test]
    fn the_far_tail_joins_the_formula() {
        let (near, far) = (truncated_above(FAR), truncated_above(FAR + 1e-9));
        assert!((near.mean - far.mean).abs() < 1e-4 && (near.variance / far.variance - 1.0).abs() < 0.02);
        assert!(truncated_above(1e9).variance >= 0.0 && truncated_above(f64::INFINITY).variance >= 0.0);
    }
}
