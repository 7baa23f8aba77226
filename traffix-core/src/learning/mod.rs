//! What a measured event teaches the next forecast.
//!
//! Three small conjugate updates: effects on the log of observed over predicted ([`Effects`]), platform weights
//! ([`updated_weights`]) and the correction of a running event ([`nowcast`]).
//!
//! Not here: censored measurements (a link was full while measuring). They are a lower bound and must not
//! go through the plain step.

use std::collections::BTreeMap;

/// Normal beliefs about additive effects on `log(observed / predicted)`: a mean vector and a covariance.
///
/// # Example
///
/// ```
/// use traffix_core::learning::Effects;
/// let mut effects = Effects::new(&[0.5, 0.3]);
/// let before = effects.correction(&[1.0, 1.0], 0.3).sigma_log;
/// effects.learn(&[1.0, 1.0], (2e12_f64 / 1e12).ln(), 0.3);
/// let after = effects.correction(&[1.0, 1.0], 0.3);
/// assert!(after.factor > 1.0 && after.sigma_log < before);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    mean: Vec<f64>,
    covariance: Vec<f64>,
}

/// What the effects say about one forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correction {
    /// Mean of `log(observed / predicted)`.
    pub log_correction: f64,
    /// Its exponential: multiply the forecast by it.
    pub factor: f64,
    /// Log-scale spread, the residual included.
    pub sigma_log: f64,
}

impl Effects {
    /// Independent effects of mean zero with the given prior standard deviations.
    pub fn new(prior_sd: &[f64]) -> Self {
        let n = prior_sd.len();
        let mut covariance = vec![0.0; n * n];
        for (i, sd) in prior_sd.iter().enumerate() {
            covariance[i * n + i] = sd * sd;
        }
        Self { mean: vec![0.0; n], covariance }
    }

    /// Mean of every effect.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Standard deviation of every effect.
    pub fn sd(&self) -> Vec<f64> {
        let n = self.mean.len();
        (0..n).map(|i| libm::sqrt(self.covariance[i * n + i].max(0.0))).collect()
    }

    /// The correction of a forecast with design row `design` (missing entries count as 0).
    pub fn correction(&self, design: &[f64], residual_sd: f64) -> Correction {
        let gain = self.covariance_with(design);
        let log_correction = dot(design, &self.mean);
        let variance = dot(design, &gain) + residual_sd * residual_sd;
        Correction {
            log_correction,
            factor: libm::exp(log_correction),
            sigma_log: libm::sqrt(variance.max(0.0)),
        }
    }

    /// One Kalman step on a measured `log(observed / predicted)`. The spread of every effect only shrinks.
    ///
    /// A value that is not finite teaches nothing.
    pub fn learn(&mut self, design: &[f64], log_ratio: f64, residual_sd: f64) {
        let gain = self.covariance_with(design);
        let variance = dot(design, &gain) + residual_sd * residual_sd;
        if !log_ratio.is_finite() || variance <= 0.0 {
            return;
        }
        let surprise = log_ratio - dot(design, &self.mean);
        let n = self.mean.len();
        for i in 0..n {
            self.mean[i] += gain[i] / variance * surprise;
            for j in 0..n {
                self.covariance[i * n + j] -= gain[i] * gain[j] / variance;
            }
        }
    }

    /// Adds variance to one effect: time has passed since it was last seen.
    pub fn drift(&mut self, effect: usize, variance: f64) {
        let n = self.mean.len();
        if effect < n {
            self.covariance[effect * n + effect] += variance.max(0.0);
        }
    }

    fn covariance_with(&self, design: &[f64]) -> Vec<f64> {
        let n = self.mean.len();
        (0..n).map(|i| dot(design, &self.covariance[i * n..(i + 1) * n])).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Platform shares after a measured event.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Downloads per platform: measured bytes over bytes of one download.
    pub downloads: BTreeMap<String, f64>,
    /// Mean shares after the event; they sum to 1.
    pub posterior: BTreeMap<String, f64>,
    /// Strength of the belief afterwards, in pseudo-observations.
    pub strength: f64,
}

/// One Dirichlet step: prior shares worth `prior_strength` observations, the event worth `event_strength`.
///
/// Platforms without measured bytes or without a size count as zero downloads. When nothing was measured the
/// prior comes back unchanged.
///
/// ```
/// use std::collections::BTreeMap;
/// use traffix_core::learning::updated_weights;
/// let map = |a: f64, b: f64| BTreeMap::from([("ps".to_owned(), a), ("pc".to_owned(), b)]);
/// let after = updated_weights(&map(0.5, 0.5), (8.0, 6.0), &map(30e12, 10e12), &map(10e9, 10e9));
/// assert!(after.posterior["ps"] > 0.5);
/// ```
pub fn updated_weights(
    prior: &BTreeMap<String, f64>,
    (prior_strength, event_strength): (f64, f64),
    measured_bytes: &BTreeMap<String, f64>,
    bytes_each: &BTreeMap<String, f64>,
) -> Weights {
    let downloads: BTreeMap<String, f64> = prior
        .keys()
        .map(|platform| {
            let each = bytes_each.get(platform).copied().unwrap_or(0.0);
            let measured = measured_bytes.get(platform).copied().unwrap_or(0.0);
            (platform.clone(), if each > 0.0 { measured / each } else { 0.0 })
        })
        .collect();
    let total: f64 = downloads.values().sum();
    let event_strength = if total > 0.0 { event_strength } else { 0.0 };
    let strength = prior_strength + event_strength;
    let posterior = prior
        .iter()
        .map(|(platform, share)| {
            let seen = if total > 0.0 { downloads[platform] / total } else { 0.0 };
            (platform.clone(), (share * prior_strength + seen * event_strength) / strength)
        })
        .collect();
    Weights { downloads, posterior, strength }
}

/// Spread of a measurement of an event that is complete, log scale. Assumed (2026-11).
const NOWCAST_FLOOR_SD: f64 = 0.25;
/// Further spread of a measurement before the event has begun, log scale. Assumed (2026-11).
const NOWCAST_EARLY_SD: f64 = 0.35;

/// Correction of a forecast while the event runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nowcast {
    /// Log-scale spread of the measurement so far.
    pub observation_sd: f64,
    /// Weight of the measurement, 0 to 1.
    pub gain: f64,
    /// Multiply the rest of the forecast by this.
    pub factor: f64,
    /// Log-scale spread afterwards.
    pub sigma_log: f64,
}

/// Corrects a running event by measured over predicted bytes so far, which counts more the larger the share
/// of the bytes that was predicted to have passed. A ratio that is not positive and finite changes nothing.
///
/// ```
/// use traffix_core::learning::nowcast;
/// let early = nowcast(0.6, 1.42, 0.1);
/// let late = nowcast(0.6, 1.42, 0.9);
/// assert!(1.0 < early.factor && early.factor < late.factor && late.factor < 1.42);
/// ```
pub fn nowcast(prior_sigma_log: f64, measured_over_predicted: f64, predicted_share_elapsed: f64) -> Nowcast {
    let early = 1.0 - predicted_share_elapsed.clamp(0.0, 1.0);
    let noise = NOWCAST_FLOOR_SD * NOWCAST_FLOOR_SD + NOWCAST_EARLY_SD * NOWCAST_EARLY_SD * early;
    let prior = prior_sigma_log * prior_sigma_log;
    let usable = measured_over_predicted.is_finite() && measured_over_predicted > 0.0;
    let gain = if usable { prior / (prior + noise) } else { 0.0 };
    let log_ratio = if usable { libm::log(measured_over_predicted) } else { 0.0 };
    Nowcast {
        observation_sd: libm::sqrt(noise),
        gain,
        factor: libm::exp(gain * log_ratio),
        sigma_log: libm::sqrt(prior * (1.0 - gain)),
    }
}
