//! Do things claimed with probability 0.8 happen in eight of ten cases?

use serde::{Deserialize, Serialize};

use super::mean;
use crate::num;

/// Claims of about one probability, and how often they were right: a point of a calibration curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CalibrationBin {
    /// Least probability of the bin.
    pub from: f64,
    /// Largest, itself in the next bin save 1.
    pub to: f64,
    /// Claims in the bin.
    pub n: usize,
    /// Mean probability claimed; absent where there is no claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<f64>,
    /// Share that was right; absent where there is no claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<f64>,
}

/// Calibration of claims in `bins` bins of equal width: pairs of a probability in 0..=1 and whether it came true.
///
/// ```
/// use traffix_core::score::calibration;
/// let table = calibration(&[(0.9, true), (0.92, true), (0.95, false), (0.1, false)], 5);
/// assert_eq!((table[4].n, table[4].frequency), (3, Some(2.0 / 3.0)));
/// assert_eq!(table[2].claimed, None);
/// ```
pub fn calibration(claims: &[(f64, bool)], bins: usize) -> Vec<CalibrationBin> {
    let width = num::of_usize(bins.max(1)).recip();
    let place = |p: f64| num::to_usize(p / width).min(bins.saturating_sub(1));
    let bin = |k: usize| {
        let inside: Vec<&(f64, bool)> = claims.iter().filter(|(p, _)| place(*p) == k).collect();
        let some = |values: Vec<f64>| (!values.is_empty()).then(|| mean(&values));
        CalibrationBin {
            from: num::of_usize(k) * width,
            to: num::of_usize(k + 1) * width,
            n: inside.len(),
            claimed: some(inside.iter().map(|(p, _)| *p).collect()),
            frequency: some(inside.iter().map(|(_, right)| f64::from(u8::from(*right))).collect()),
        }
    };
    (0..bins).map(bin).collect()
}

/// Mean squared difference of claim and outcome (Brier 1950): 0 is perfect, 0.25 says nothing; 0 for no claims.
///
/// ```
/// use traffix_core::score::brier;
/// assert!((brier(&[(0.9, true), (0.2, false)]) - 0.025).abs() < 1e-12);
/// ```
pub fn brier(claims: &[(f64, bool)]) -> f64 {
    let squares: Vec<f64> =
        claims.iter().map(|(p, right)| (p - f64::from(u8::from(*right))).powi(2)).collect();
    mean(&squares)
}
