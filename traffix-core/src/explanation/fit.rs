//! How well a set of candidates fits: the best delays and sizes, and the evidence around them.

use super::covariance::{Root, dot};
use super::data::Data;
use super::source::Source;
use crate::forecast::math::normal_cdf;
use crate::num;

/// Rounds in which the candidates of a set settle beside each other.
const ROUNDS: usize = 3;
/// Steps of Newton's method; sizes are settled to a few parts in a thousand.
const STEPS: usize = 8;

/// Inner products of everything whitened under one covariance.
pub(super) struct Gram {
    /// Logarithm of the likelihood without any candidate.
    pub(super) ln_alone: f64,
    /// With what was measured, by template.
    with_seen: Vec<f64>,
    /// Among templates, row by row.
    among: Vec<f64>,
    /// First template of each source, and the end.
    first: Vec<usize>,
    /// What is no candidate's: its expected bytes if nothing was seen to be one, how a size of 1 of each template lowers
    /// them, and their variance.
    left_alone: f64,
    left_by: Vec<f64>,
    left_variance: f64,
}

impl Gram {
    pub(super) fn new(data: &Data, root: &Root, sources: &[&Source<'_>]) -> Self {
        let mut seen: Vec<f64> = data.cells.iter().map(|cell| cell.y).collect();
        root.whiten(&mut seen);
        let mut first = vec![0];
        let mut white = Vec::new();
        for source in sources {
            for template in &source.templates {
                let mut cells = source.cells(template, data);
                root.whiten(&mut cells);
                white.push(cells);
            }
            first.push(white.len());
        }
        let n = white.len();
        let mut among = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let product = dot(&white[i], &white[j]);
                among[i * n + j] = product;
                among[j * n + i] = product;
            }
        }
        let mut left = root.with_left.clone();
        root.whiten(&mut left);
        let to_bytes = data.unit_bps / 8.0;
        Self {
            ln_alone: -0.5 * dot(&seen, &seen) - root.ln_volume,
            with_seen: white.iter().map(|cells| dot(cells, &seen)).collect(),
            among,
            first,
            left_alone: to_bytes * dot(&left, &seen),
            left_by: white.iter().map(|cells| to_bytes * dot(&left, cells)).collect(),
            left_variance: to_bytes * to_bytes * (root.left_variance - dot(&left, &left)).max(0.0),
        }
    }

    fn product(&self, a: usize, b: usize) -> f64 {
        self.among[a * self.with_seen.len() + b]
    }

    /// Templates of a source.
    fn of(&self, source: usize) -> std::ops::Range<usize> {
        self.first[source]..self.first[source + 1]
    }
}

/// One candidate of a set, as fitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) source: usize,
    /// Its template, counted inside the source.
    pub(super) template: usize,
    /// Logarithm of its size over the forecast's median.
    pub(super) x: f64,
}

/// A set of candidates, as fitted.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    pub(super) parts: Vec<Part>,
    /// Covariance of the logarithms of the sizes, row by row.
    pub(super) covariance: Vec<f64>,
    /// Bytes that are no candidate's: mean and variance.
    pub(super) left_bytes: (f64, f64),
    /// Logarithm of the evidence, the priors of delays and sizes included.
    pub(super) ln_evidence: f64,
}

/// What a fit needs beside the products.
pub(super) struct Fitter<'a> {
    pub(super) gram: &'a Gram,
    pub(super) sources: &'a [&'a Source<'a>],
    /// Logarithm of the size from which a source can be seen.
    pub(super) visible: &'a [f64],
}

impl Fitter<'_> {
    /// The best fit of a set, and its evidence by Laplace's method.
    pub(super) fn fit(&self, set: &[usize]) -> Fit {
        let mut chosen: Vec<usize> = set.iter().map(|s| self.gram.first[*s]).collect();
        let mut sizes = vec![0.0; set.len()];
        let mut choices = vec![0.0; set.len()];
        for _ in 0..if set.len() > 1 { ROUNDS } else { 1 } {
            for i in 0..set.len() {
                let (template, x, freedom) = self.best_template(set[i], i, (&chosen, &sizes));
                (chosen[i], sizes[i], choices[i]) = (template, libm::exp(x), freedom);
            }
        }
        let sigma: Vec<f64> = set.iter().map(|s| self.sources[*s].sigma).collect();
        let mut x: Vec<f64> = sizes.iter().map(|a| libm::log(*a)).collect();
        let hessian = self.newton(&chosen, &sigma, &mut x);
        let (covariance, ln_det) = inverse(&hessian, set.len());
        let mut ln_evidence = self.ln_likelihood(&chosen, &x) - 0.5 * ln_det;
        for (i, source) in set.iter().enumerate() {
            let z = x[i] / sigma[i];
            let sd = libm::sqrt(covariance[i * set.len() + i].max(1e-12));
            // Only what can be seen counts as taking part.
            let seen = normal_cdf((x[i] - self.visible[*source]) / sd).max(1e-30);
            ln_evidence += choices[i] - 0.5 * z * z - libm::log(sigma[i]) + libm::log(seen);
        }
        let part = |(i, source): (usize, &usize)| Part {
            source: *source,
            template: chosen[i] - self.gram.first[*source],
            x: x[i],
        };
        let taken: f64 = chosen.iter().zip(&x).map(|(t, x)| libm::exp(*x) * self.gram.left_by[*t]).sum();
        Fit {
            parts: set.iter().enumerate().map(part).collect(),
            covariance,
            left_bytes: (self.gram.left_alone - taken, self.gram.left_variance),
            ln_evidence,
        }
    }

    /// The best template of a source beside the others of its set, the logarithm of its size, and the logarithm of the
    /// prior probability of all templates, each weighed by how well it fits compared with the best.
    fn best_template(&self, source: usize, own: usize, others: (&[usize], &[f64])) -> (usize, f64, f64) {
        let (chosen, sizes) = others;
        let sigma = self.sources[source].sigma;
        let mut best = (0, 0.0, f64::NEG_INFINITY);
        let mut scores = Vec::with_capacity(self.sources[source].templates.len());
        for (t, template) in self.gram.of(source).zip(&self.sources[source].templates) {
            let beside = (0..chosen.len()).filter(|j| *j != own);
            let taken: f64 = beside.map(|j| sizes[j] * self.gram.product(t, chosen[j])).sum();
            let target = self.gram.with_seen[t] - taken;
            let (x, score) = size(self.gram.product(t, t), target, sigma, self.visible[source]);
            scores.push((score, template.ln_prior));
            if score + template.ln_prior > best.2 {
                best = (t, x, score + template.ln_prior);
            }
        }
        let at_best = scores[best.0 - self.gram.first[source]].0;
        let weights = scores.iter().map(|(score, ln_prior)| libm::exp(score - at_best + ln_prior));
        (best.0, best.1, libm::log(weights.sum::<f64>().max(1e-300)))
    }

    /// Refines the sizes of chosen templates together; returns the curvature there.
    fn newton(&self, chosen: &[usize], sigma: &[f64], x: &mut [f64]) -> Vec<f64> {
        let n = chosen.len();
        let mut hessian = vec![0.0; n * n];
        for step in 0..=STEPS {
            let sizes: Vec<f64> = x.iter().map(|x| libm::exp(*x)).collect();
            let mut slope = vec![0.0; n];
            for i in 0..n {
                let precision = 1.0 / (sigma[i] * sigma[i]);
                let pull = |j: usize| sizes[j] * self.gram.product(chosen[i], chosen[j]);
                let push = (0..n).map(pull).sum::<f64>() - self.gram.with_seen[chosen[i]];
                slope[i] = sizes[i] * push + x[i] * precision;
                for j in 0..n {
                    hessian[i * n + j] = sizes[i] * sizes[j] * self.gram.product(chosen[i], chosen[j]);
                }
                hessian[i * n + i] += precision;
            }
            if step == STEPS {
                break;
            }
            let (inverse, _) = inverse(&hessian, n);
            for i in 0..n {
                let change = dot(&inverse[i * n..(i + 1) * n], &slope);
                x[i] -= change.clamp(-0.7, 0.7);
            }
        }
        hessian
    }

    fn ln_likelihood(&self, chosen: &[usize], x: &[f64]) -> f64 {
        let sizes: Vec<f64> = x.iter().map(|x| libm::exp(*x)).collect();
        let mut sum = self.gram.ln_alone;
        for (i, a) in sizes.iter().enumerate() {
            let square = |j: usize| sizes[j] * self.gram.product(chosen[i], chosen[j]);
            sum += a * (self.gram.with_seen[chosen[i]] - 0.5 * (0..sizes.len()).map(square).sum::<f64>());
        }
        sum
    }
}

/// Logarithm of the best size of one template of squared length `square` whose product with what is left is `target`,
/// and the logarithm of its evidence.
fn size(square: f64, target: f64, sigma: f64, visible: f64) -> (f64, f64) {
    let precision = 1.0 / (sigma * sigma);
    let fitted = if target > 0.0 && square > 0.0 { libm::log(target / square) } else { visible };
    let mut x = fitted.max(visible).min(8.0 * sigma);
    for _ in 0..5 {
        let a = libm::exp(x);
        let slope = a * (a * square - target) + x * precision;
        x -= (slope / (a * a * square + precision)).clamp(-0.7, 0.7);
    }
    let a = libm::exp(x);
    let curvature = a * a * square + precision;
    (x, a * (target - 0.5 * a * square) - 0.5 * x * x * precision - 0.5 * libm::log(curvature))
}

/// Inverse of a small positive matrix and the logarithm of its determinant, by elimination.
fn inverse(matrix: &[f64], n: usize) -> (Vec<f64>, f64) {
    let mut left = matrix.to_vec();
    let mut right: Vec<f64> = (0..n * n).map(|k| if k % (n + 1) == 0 { 1.0 } else { 0.0 }).collect();
    let mut ln_det = 0.0;
    for i in 0..n {
        let pivot = left[i * n + i].max(1e-12);
        ln_det += libm::log(pivot);
        for k in 0..n {
            left[i * n + k] /= pivot;
            right[i * n + k] /= pivot;
        }
        for j in (0..n).filter(|j| *j != i) {
            let factor = left[j * n + i];
            for k in 0..n {
                left[j * n + k] -= factor * left[i * n + k];
                right[j * n + k] -= factor * right[i * n + k];
            }
        }
    }
    (right, ln_det)
}

/// All sets of at most `most` of `count` things, the empty one first.
pub(super) fn sets(count: usize, most: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    let mut done = 0;
    while done < all.len() {
        let set = all[done].clone();
        let next = set.last().map_or(0, |last| last + 1);
        if set.len() < most {
            all.extend((next..count).map(|more| [set.as_slice(), &[more]].concat()));
        }
        done += 1;
    }
    all
}

/// Logarithm of a sum of exponentials.
pub(super) fn ln_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if top.is_finite() { top + libm::log(logs.map(|x| libm::exp(x - top)).sum::<f64>()) } else { top }
}

/// Used by screening: the evidence of one source alone.
pub(super) fn single(data: &Data, root: &Root, source: &Source<'_>, visible: f64) -> f64 {
    let mut seen: Vec<f64> = data.cells.iter().map(|cell| cell.y).collect();
    root.whiten(&mut seen);
    let score = |template: &super::source::Template| {
        let mut cells = source.cells(template, data);
        root.whiten(&mut cells);
        size(dot(&cells, &cells), dot(&cells, &seen), source.sigma, visible).1 + template.ln_prior
    };
    let scores: Vec<f64> = source.templates.iter().map(score).collect();
    ln_sum(scores.iter().copied()) - libm::log(source.sigma)
}

/// A length as a logarithm: the size at which something of squared length `strength` is just seen.
pub(super) fn ln_visible(strength: f64, least: f64) -> f64 {
    let threshold = if strength > 0.0 { 1.0 / libm::sqrt(strength) } else { 1.0 };
    libm::log(threshold.max(least).max(1e-12))
}

/// Chance that a standard log-normal size of spread `sigma` is above the logarithm `visible`.
pub(super) fn chance_visible(visible: f64, sigma: f64) -> f64 {
    normal_cdf(-visible / sigma)
}

/// Even weights.
pub(super) fn even(count: usize) -> f64 {
    num::of_usize(count.max(1)).recip()
}
