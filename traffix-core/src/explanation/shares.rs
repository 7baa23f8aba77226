//! Who carried how much in a hypothesis, and what the platforms say to it.

use std::collections::BTreeMap;

use super::data::Data;
use super::fit::{Fit, Part};
use super::source::Source;
use super::{Excess, Observed};
use crate::forecast::UNKNOWN_CDN;
use crate::forecast::math::normal_cdf;
use crate::forecast::priors::PLATFORM_STRENGTH_DEFAULT;
use crate::num;

/// Part of a release's bytes that is told to be its platform's, where platforms are told apart. Assumed (2026-12): what
/// comes over CDNs of many platforms is often not.
const ATTRIBUTED: f64 = 0.5;
/// Share of the bytes that any platform may have for reasons of its own.
const LEAST_PLATFORM_SHARE: f64 = 0.03;

/// Bytes of the parts of a hypothesis.
pub(super) struct Carried {
    /// By part; that of the unknown among them.
    pub(super) bytes: Vec<f64>,
    /// What no candidate carried.
    pub(super) left_bytes: f64,
    /// Chance of each part to have carried most; 0 for the unknown.
    pub(super) most: Vec<f64>,
    /// Chance that what no candidate carried is the most.
    pub(super) most_unknown: f64,
}

impl Carried {
    pub(super) fn new(fit: &Fit, sources: &[&Source<'_>], data: &Data) -> Self {
        let n = fit.parts.len();
        let of_part = |part: &Part| libm::exp(part.x) * sources[part.source].templates[part.template].bytes;
        let mut bytes: Vec<f64> = fit.parts.iter().map(of_part).collect();
        let (mut left_bytes, left_variance) = fit.left_bytes;
        // Where the forecasts erred in shape or mix, what they carried is more or less than their curves say.
        let share = (data.bytes() - left_bytes).max(0.0) / bytes.iter().sum::<f64>().max(1e-300);
        for x in &mut bytes {
            *x *= share;
        }
        let unknown = fit.parts.iter().position(|part| sources[part.source].candidate.is_none());
        left_bytes += unknown.map_or(0.0, |u| bytes[u]);
        // Errors of the bytes, which are small beside them: covariance of the logarithms times the bytes.
        let error = |i: usize, j: usize| fit.covariance[i * n + j] * bytes[i] * bytes[j];
        let apart = |i: usize, j: usize| error(i, i) + error(j, j) - 2.0 * error(i, j);
        let beats_left = |i: usize| {
            // What is left and what was carried add up to what was seen: an error of one is an error of the others.
            let variance = unknown.map_or(0.0, |u| apart(i, u)) + 4.0 * left_variance;
            above(bytes[i] - left_bytes, variance)
        };
        let named: Vec<usize> = (0..n).filter(|i| Some(*i) != unknown).collect();
        let score = |i: usize| {
            let others = named.iter().filter(|j| **j != i);
            others.map(|j| above(bytes[i] - bytes[*j], apart(i, *j))).product::<f64>() * beats_left(i)
        };
        let left: f64 = named.iter().map(|i| 1.0 - beats_left(*i)).product();
        let mut most = vec![0.0; n];
        for i in &named {
            most[*i] = score(*i);
        }
        let all = (most.iter().sum::<f64>() + left).max(1e-300);
        for x in &mut most {
            *x /= all;
        }
        Self { bytes, left_bytes, most, most_unknown: left / all }
    }
}

/// Chance that a normal quantity is above 0.
fn above(mean: f64, variance: f64) -> f64 {
    normal_cdf(mean / libm::sqrt(variance.max(1e-6 * mean * mean).max(1e-12)))
}

/// Excess bytes by platform, as shares; those of no known platform are the rest.
pub(super) struct PlatformsSeen<'a> {
    shares: BTreeMap<&'a str, f64>,
    /// How many observations they are worth.
    strength: f64,
}

impl<'a> PlatformsSeen<'a> {
    pub(super) fn new(observed: &'a Observed, data: &Data) -> Self {
        let window = |excess: &Excess| -> (f64, f64) {
            let samples = &excess.bps;
            let inside = |bin: &usize| {
                samples.start_of(*bin).is_some_and(|at| at >= observed.from && at < observed.until)
            };
            let known: Vec<f64> =
                (0..samples.len()).filter(inside).filter_map(|bin| samples.get(bin)).collect();
            let bytes = f64::from(samples.step_secs().get()) / 8.0;
            (known.iter().sum::<f64>() * bytes, num::of_usize(known.len()) * excess.sigma_bps * bytes)
        };
        let known = observed.by_platform.iter().filter(|(name, _)| *name != UNKNOWN_CDN);
        let seen: Vec<(&str, (f64, f64))> =
            known.map(|(name, excess)| (name.as_str(), window(excess))).collect();
        let attributed: f64 = seen.iter().map(|(_, (sum, _))| sum.max(0.0)).sum();
        let all = attributed.max(data.bytes());
        let error: f64 = seen.iter().map(|(_, (_, sigma))| sigma * sigma).sum();
        if seen.is_empty() || all <= 0.0 {
            return Self { shares: BTreeMap::new(), strength: 0.0 };
        }
        // Worth as much as the belief in platform weights, less what may be the baseline's error.
        let strength = PLATFORM_STRENGTH_DEFAULT * all * all / (all * all + error);
        let shares = seen.into_iter().map(|(name, (sum, _))| (name, sum.max(0.0) / all)).collect();
        Self { shares, strength }
    }

    /// Logarithm of how likely the shares seen are, up to a constant: few observations of a multinomial.
    pub(super) fn ln_likelihood(&self, carried: &Carried, fit: &Fit, sources: &[&Source<'_>]) -> f64 {
        if self.strength <= 0.0 {
            return 0.0;
        }
        let left = carried.left_bytes.max(0.0);
        let candidates = || {
            let parts = fit.parts.iter().zip(&carried.bytes);
            parts.map(|(part, bytes)| (sources[part.source], *bytes)).filter(|(s, _)| s.candidate.is_some())
        };
        let all = (candidates().map(|(_, bytes)| bytes).sum::<f64>() + left).max(1e-300);
        let term = |seen: f64, expected: f64| {
            if seen > 0.0 { seen * libm::log(seen / expected.max(LEAST_PLATFORM_SHARE)) } else { 0.0 }
        };
        let of = |(name, seen): (&&str, &f64)| {
            let bytes: f64 =
                candidates().map(|(s, b)| b * s.platforms.get(name).copied().unwrap_or(0.0)).sum();
            term(*seen, ATTRIBUTED * bytes / all)
        };
        let rest = (1.0 - self.shares.values().sum::<f64>()).max(0.0);
        let carried_share = 1.0 - left / all;
        let divergence =
            self.shares.iter().map(of).sum::<f64>() + term(rest, 1.0 - ATTRIBUTED * carried_share);
        -self.strength * divergence
    }
}
