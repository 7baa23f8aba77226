//! Was the forecast right? Scores on the natural-log scale.
//!
//! A peak twice too high and a peak twice too low are equally wrong, so peaks are scored on the log scale.
//! Lower is better for every score but [`coverage_80`], which should be 0.8, and [`skill`].
//!
//! # Sources
//!
//! T. Gneiting, A. E. Raftery, "Strictly proper scoring rules, prediction, and estimation", Journal of the
//! American Statistical Association 102 (2007) 359-378.

pub mod backtest;
pub mod proof;

mod calibration;

pub use calibration::{CalibrationBin, brier, calibration};

use crate::forecast::math::{normal_cdf, normal_pdf, normal_quantile};
use crate::forecast::{LogNormal, quantile};
use crate::num;

/// Continuous ranked probability score of a log-normal forecast, on the log scale.
///
/// With a spread of zero it is the absolute log error. Not finite when either side is not positive.
///
/// ```
/// use traffix_core::{forecast::LogNormal, score::crps_log};
/// assert!((crps_log(&LogNormal::new(1e12, 0.5), 1.6e12) - 0.281187).abs() < 1e-6);
/// ```
pub fn crps_log(forecast: &LogNormal, observed: f64) -> f64 {
    let error = libm::log(observed / forecast.median);
    if forecast.sigma <= 0.0 {
        return error.abs();
    }
    let z = error / forecast.sigma;
    let inverse_root_pi = 0.564_189_583_547_756_3;
    forecast.sigma * (z * (2.0 * normal_cdf(z) - 1.0) + 2.0 * normal_pdf(z) - inverse_root_pi)
}

/// Pinball loss of a quantile forecast on the log scale.
///
/// ```
/// use traffix_core::score::pinball_log;
/// assert!((pinball_log(1e12, 1.6e12, 0.5) - 0.235002).abs() < 1e-6);
/// ```
pub fn pinball_log(forecast_quantile: f64, observed: f64, p: f64) -> f64 {
    let error = libm::log(observed / forecast_quantile);
    if error >= 0.0 { p * error } else { (p - 1.0) * error }
}

/// Pinball loss of the quantile at `p` of a log-normal forecast.
pub fn pinball_of(forecast: &LogNormal, observed: f64, p: f64) -> f64 {
    let error = libm::log(observed / forecast.median) - forecast.sigma * normal_quantile(p);
    if error >= 0.0 { p * error } else { (p - 1.0) * error }
}

/// Whether the observation lies between the forecast's P10 and P90.
pub fn in_80(forecast: &LogNormal, observed: f64) -> bool {
    (forecast.quantile(0.1)..=forecast.quantile(0.9)).contains(&observed)
}

/// Share of forecasts whose P10-P90 range holds the observation; 0 for none.
pub fn coverage_80(pairs: &[(LogNormal, f64)]) -> f64 {
    let hits = pairs.iter().filter(|(f, o)| in_80(f, *o)).count();
    if pairs.is_empty() { 0.0 } else { num::of_usize(hits) / num::of_usize(pairs.len()) }
}

/// `exp |log(predicted / observed)|`: 1 is perfect, 2 is a factor of two in either direction.
///
/// ```
/// use traffix_core::score::factor_error;
/// assert_eq!(factor_error(300e9, 240e9), 1.25);
/// ```
pub fn factor_error(predicted: f64, observed: f64) -> f64 {
    let ratio = predicted / observed;
    if ratio < 1.0 { 1.0 / ratio } else { ratio }
}

/// Median of [`factor_error`] over pairs of predicted and observed; 0 for none.
pub fn median_factor_error(pairs: &[(f64, f64)]) -> f64 {
    let errors: Vec<f64> = pairs.iter().map(|&(p, o)| factor_error(p, o)).collect();
    quantile(&errors, 0.5)
}

/// Continuous ranked probability score of draws, on the scale of the draws; 0 for no draws.
///
/// Mean distance to the observation less half the mean distance between all ordered pairs of draws.
///
/// ```
/// use traffix_core::score::crps_ensemble;
/// assert_eq!(crps_ensemble(&[2.0], 3.5), 1.5);
/// ```
pub fn crps_ensemble(draws: &[f64], observed: f64) -> f64 {
    if draws.is_empty() {
        return 0.0;
    }
    let mut sorted = draws.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let m = num::of_usize(sorted.len());
    let error = sorted.iter().map(|x| (x - observed).abs()).sum::<f64>() / m;
    // In a sorted sample the x at place i is the larger one in i pairs and the smaller one in m - 1 - i.
    let spread: f64 =
        sorted.iter().enumerate().map(|(i, x)| x * (2.0 * num::of_usize(i) + 1.0 - m)).sum::<f64>();
    error - spread / (m * m)
}

/// `1 - mean score / mean score of a baseline`: 1 is perfect, 0 no better, negative worse.
///
/// `None` when the baseline's mean is not positive.
///
/// ```
/// use traffix_core::score::skill;
/// assert_eq!(skill(&[0.5], &[1.0]), Some(0.5));
/// ```
pub fn skill(scores: &[f64], baseline: &[f64]) -> Option<f64> {
    let reference = mean(baseline);
    (reference > 0.0).then(|| 1.0 - mean(scores) / reference)
}

/// Mean of values; 0 for none.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / num::of_usize(values.len()) }
}
