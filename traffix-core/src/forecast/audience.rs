//! How many downloads: several rough estimates, joined.
//!
//! Each estimate is log-normal. They are joined by precision on the log scale, and a floor for the error
//! they share (the same press, the same boom) is added in quadrature, so that five weak hints never look
//! like one good one.

use super::math::normal_quantile;

/// A log-normal quantity: median and standard deviation of its natural logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogNormal {
    /// Median, in the unit of the quantity.
    pub median: f64,
    /// Standard deviation of the logarithm.
    pub sigma: f64,
}

impl LogNormal {
    /// The quantity with this median and log-scale spread.
    pub const fn new(median: f64, sigma: f64) -> Self {
        Self { median, sigma }
    }

    /// Value at standard-normal score `z`.
    pub fn at(&self, z: f64) -> f64 {
        self.median * libm::exp(self.sigma * z)
    }

    /// Quantile at `p` in (0, 1).
    ///
    /// ```
    /// use traffix_core::forecast::LogNormal;
    /// assert!((LogNormal::new(85e9, 0.55).quantile(0.9) / 172.002e9 - 1.0).abs() < 1e-5);
    /// ```
    pub fn quantile(&self, p: f64) -> f64 {
        if self.sigma <= 0.0 { self.median } else { self.at(normal_quantile(p)) }
    }

    /// Product of independent log-normal quantities.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        Self::new(self.median * other.median, libm::hypot(self.sigma, other.sigma))
    }

    /// The same multiplied by a known number.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self::new(self.median * factor, self.sigma)
    }

    /// Chance of a value strictly above `threshold`.
    ///
    /// ```
    /// use traffix_core::forecast::LogNormal;
    /// let extra = LogNormal::new(85e9, 0.55);
    /// assert!((extra.chance_above(200e9 - 90e9) - 0.319613).abs() < 1e-6);
    /// ```
    pub fn chance_above(&self, threshold: f64) -> f64 {
        if threshold < 0.0 || (threshold == 0.0 && self.median > 0.0) {
            return 1.0;
        }
        if self.median <= 0.0 {
            return 0.0;
        }
        if self.sigma <= 0.0 {
            return if self.median > threshold { 1.0 } else { 0.0 };
        }
        super::math::normal_cdf(libm::log(self.median / threshold) / self.sigma)
    }
}

/// Joins log-normal estimates by precision, then adds the floor in quadrature; none gives `None`.
///
/// The median lies between the smallest and the largest. An estimate of exactly zero makes the joint zero, and
/// one without any spread is trusted as if its spread were 0.001.
///
/// ```
/// use traffix_core::forecast::{LogNormal, fuse};
/// let joint = fuse(&[LogNormal::new(620e3, 0.8), LogNormal::new(410e3, 0.6)], 0.2).unwrap();
/// assert!(joint.median > 410e3 && joint.median < 620e3 && joint.sigma < 0.6);
/// ```
pub fn fuse(estimates: &[LogNormal], floor_sigma: f64) -> Option<LogNormal> {
    let (mut weight, mut sum) = (0.0, 0.0);
    for e in estimates {
        if e.median <= 0.0 {
            return Some(LogNormal::new(0.0, 0.0));
        }
        let w = 1.0 / (e.sigma * e.sigma).max(1e-6);
        weight += w;
        sum += w * libm::log(e.median);
    }
    (weight > 0.0).then(|| {
        LogNormal::new(libm::exp(sum / weight), libm::sqrt(1.0 / weight + floor_sigma * floor_sigma))
    })
}

/// Log-scale spread of independent parts: the root of the sum of their squares.
///
/// ```
/// use traffix_core::forecast::joint_sigma;
/// assert!((joint_sigma([0.45, 0.15, 0.25, 0.2]) - 0.572276).abs() < 1e-6);
/// ```
pub fn joint_sigma(parts: impl IntoIterator<Item = f64>) -> f64 {
    libm::sqrt(parts.into_iter().map(|s| s * s).sum())
}
