//! Who carried how much in a hypothesis, and what the platforms say to it.

use std::collections::BTreeMap;

use super::Observed;
use super::data::Data;
use super::fit::Fit;
use super::source::Source;
use crate::forecast::UNKNOWN_CDN;
use crate::forecast::math::normal_cdf;
use crate::forecast::priors::PLATFORM_STRENGTH_DEFAULT;
use crate::num;

/// Share of the bytes that any platform may have for reasons of its own.
const LEAST_PLATFORM_SHARE: f64 = 0.03;

/// Bytes of the parts of a hypothesis.
pub(super) struct Carried {
    /// By part.
    pub(super) bytes: Vec<f64>,
    /// What no part carried.
    pub(super) left_bytes: f64,
    /// Chance of each part to have carried most.
    pub(super) most: Vec<f64>,
    /// Chance that what is left is the most.
    pub(super) most_unknown: f64,
}

impl Carried {
    pub(super) fn new(fit: &Fit, sources: &[&Source<'_>], data: &Data) -> Self {
        let n = fit.parts.len();
        let of_part =
            |part: &super::fit::Part| libm::exp(part.x) * sources[part.source].templates[part.template].bytes;
        let bytes: Vec<f64> = fit.parts.iter().map(of_part).collect();
        let left_bytes = data.bytes() - bytes.iter().sum::<f64>();
        // Errors of the bytes, which are small beside them: covariance of the logarithms times the bytes.
        let error = |i: usize, j: usize| fit.covariance[i * n + j] * bytes[i] * bytes[j];
        let beats =
            |i: usize, j: usize| above(bytes[i] - bytes[j], error(i, i) + error(j, j) - 2.0 * error(i, j));
        let beats_left = |i: usize| {
            let weight = |j: usize| if i == j { 2.0 } else { 1.0 };
            let all = (0..n).flat_map(|j| (0..n).map(move |k| (j, k)));
            let variance = all.map(|(j, k)| weight(j) * weight(k) * error(j, k)).sum();
            above(bytes[i] - left_bytes, variance)
        };
        let score =
            |i: usize| (0..n).filter(|j| *j != i).map(|j| beats(i, j)).product::<f64>() * beats_left(i);
        let scores: Vec<f64> = (0..n).map(score).collect();
        let left: f64 = (0..n).map(|i| 1.0 - beats_left(i)).product();
        let all = (scores.iter().sum::<f64>() + left).max(1e-300);
        Self { bytes, left_bytes, most: scores.iter().map(|s| s / all).collect(), most_unknown: left / all }
    }
}

/// Chance that a normal quantity is above 0.
fn above(mean: f64, variance: f64) -> f64 {
    normal_cdf(mean / libm::sqrt(variance.max(1e-6 * mean * mean).max(1e-12)))
}

/// Excess bytes by platform.
pub(super) struct PlatformsSeen<'a> {
    shares: BTreeMap<&'a str, f64>,
    /// How many observations they are worth.
    strength: f64,
}

impl<'a> PlatformsSeen<'a> {
    pub(super) fn new(observed: &'a Observed) -> Self {
        let window = |excess: &super::Excess| -> (f64, f64) {
            let samples = &excess.bps;
            let inside = |bin: &usize| {
                samples.start_of(*bin).is_some_and(|at| at >= observed.from && at < observed.until)
            };
            let known: Vec<f64> =
                (0..samples.len()).filter(inside).filter_map(|bin| samples.get(bin)).collect();
            (known.iter().sum::<f64>(), num::of_usize(known.len()) * excess.sigma_bps)
        };
        let sums = observed.by_platform.iter().map(|(name, excess)| (name.as_str(), window(excess)));
        let (mut shares, mut known, mut all, mut error) = (BTreeMap::new(), 0.0, 0.0, 0.0);
        for (name, (sum, sigma)) in sums {
            all += sum.max(0.0);
            if name != UNKNOWN_CDN && sum > 0.0 {
                known += sum;
                error += sigma * sigma;
                shares.insert(name, sum);
            }
        }
        for share in shares.values_mut() {
            *share /= known;
        }
        // Worth as much as the belief in platform weights, less what is not attributed or may be the baseline's error.
        let clear = known * known / (known * known + 0.25 * error).max(1e-300);
        let strength = if known > 0.0 { PLATFORM_STRENGTH_DEFAULT * known / all * clear } else { 0.0 };
        Self { shares, strength }
    }

    /// Logarithm of how likely the shares seen are, up to a constant: few observations of a multinomial.
    pub(super) fn ln_likelihood(&self, carried: &Carried, fit: &Fit, sources: &[&Source<'_>]) -> f64 {
        if self.strength <= 0.0 {
            return 0.0;
        }
        let even = super::fit::even(self.shares.len());
        let left = carried.left_bytes.max(0.0);
        let all = (carried.bytes.iter().sum::<f64>() + left).max(1e-300);
        let divergence: f64 = self
            .shares
            .iter()
            .map(|(name, share)| {
                let of = |(part, bytes): (&super::fit::Part, &f64)| {
                    bytes * sources[part.source].platforms.get(name).copied().unwrap_or(0.0)
                };
                let parts: f64 = fit.parts.iter().zip(&carried.bytes).map(of).sum();
                let expected = (parts + left * even) / all;
                share * libm::log(share / expected.max(LEAST_PLATFORM_SHARE))
            })
            .sum();
        -self.strength * divergence
    }
}
