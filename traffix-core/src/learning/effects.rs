//! Additive effects on the log of observed over predicted, and the steps that learn them.

use super::censored::truncated_above;

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
#[derive(Debug, Clone, PartialEq, Default)]
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
        let mut effects = Self { mean: Vec::new(), covariance: Vec::new() };
        for sd in prior_sd {
            effects.add(*sd);
        }
        effects
    }

    /// Effects from means and a covariance in rows; `None` if they do not fit or are not finite.
    pub(super) fn from_parts(mean: Vec<f64>, covariance: Vec<f64>) -> Option<Self> {
        let n = mean.len();
        let finite = mean.iter().chain(&covariance).all(|x| x.is_finite());
        let fits = covariance.len() == n * n && (0..n).all(|i| covariance[i * n + i] >= 0.0);
        let even = fits && (0..n).all(|i| (0..i).all(|j| same(covariance[i * n + j], covariance[j * n + i])));
        (finite && even).then_some(Self { mean, covariance })
    }

    /// Adds an effect of mean zero that is independent of all others.
    pub fn add(&mut self, prior_sd: f64) {
        let n = self.mean.len();
        let mut grown = Vec::with_capacity((n + 1) * (n + 1));
        for i in 0..n {
            grown.extend_from_slice(&self.covariance[i * n..(i + 1) * n]);
            grown.push(0.0);
        }
        grown.resize((n + 1) * (n + 1), 0.0);
        grown[n * (n + 1) + n] = prior_sd * prior_sd;
        self.mean.push(0.0);
        self.covariance = grown;
    }

    /// Mean of every effect.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Covariance of the effects, row by row.
    pub fn covariance(&self) -> &[f64] {
        &self.covariance
    }

    /// Standard deviation of every effect.
    pub fn sd(&self) -> Vec<f64> {
        let n = self.mean.len();
        (0..n).map(|i| libm::sqrt(self.covariance[i * n + i].max(0.0))).collect()
    }

    /// What the effects say about a forecast with design row `design` (missing entries count as 0).
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
        let surprise = log_ratio - dot(design, &self.mean);
        if log_ratio.is_finite() {
            self.step(design, residual_sd, |_| (surprise, 1.0));
        }
    }

    /// The step of a measurement that is only a lower bound, because something was full while it was made.
    ///
    /// The measured quantity is normal and exceeds the bound; the effects take the mean and the variance of that
    /// truncated quantity. A bound far below what was expected teaches nothing, one far above it teaches almost
    /// what a measurement teaches, and none moves the forecast down.
    ///
    /// ```
    /// use traffix_core::learning::Effects;
    /// let mut effects = Effects::new(&[0.5]);
    /// effects.learn_at_least(&[1.0], -0.4, 0.3);
    /// assert!(effects.mean()[0] > 0.0);
    /// ```
    pub fn learn_at_least(&mut self, design: &[f64], log_ratio: f64, residual_sd: f64) {
        let distance = log_ratio - dot(design, &self.mean);
        if !log_ratio.is_finite() {
            return;
        }
        self.step(design, residual_sd, |variance| {
            let sd = libm::sqrt(variance);
            let seen = truncated_above(distance / sd);
            (sd * seen.mean, 1.0 - seen.variance)
        });
    }

    /// Moves the effects by a share of the surprise. `seen` is told the variance of what was expected and says the
    /// mean surprise and which part of that variance is gone.
    fn step(&mut self, design: &[f64], residual_sd: f64, seen: impl FnOnce(f64) -> (f64, f64)) {
        let gain = self.covariance_with(design);
        let variance = dot(design, &gain) + residual_sd * residual_sd;
        if !variance.is_finite() || variance <= 0.0 {
            return;
        }
        let (surprise, gone) = seen(variance);
        let n = self.mean.len();
        for i in 0..n {
            self.mean[i] += gain[i] / variance * surprise;
            for j in 0..n {
                self.covariance[i * n + j] -= gone * gain[i] * gain[j] / variance;
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

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}
