//! All hypotheses weighed against each other, and what they say together.

use super::covariance::{Parts, Root};
use super::data::Data;
use super::fit::{Fit, Fitter, Gram, chance_visible, even, ln_sum, ln_visible, sets, single};
use super::shares::{Carried, PlatformsSeen};
use super::source::{Source, Template};
use super::{Cause, Combination, ExplainOptions, Explanation, Observed};
use crate::num;

/// Candidates whose combinations are looked at; those that explain least by themselves are left out.
const KEPT: usize = 6;
/// Sizes of the unknown that are tried, evenly in the logarithm.
const LEVELS: usize = 6;
/// Share of the excess bytes below which a candidate did not take part.
const LEAST_SHARE: f64 = 0.02;
/// Combinations reported, and the least probability of one.
const COMBINATIONS: usize = 5;
const LEAST_COMBINATION: f64 = 0.01;

/// A set of candidates, with or without something unknown of some size.
pub(super) struct Hypothesis {
    pub(super) fit: Fit,
    pub(super) probability: f64,
    carried: Carried,
}

/// All hypotheses.
pub(super) struct Posterior<'a> {
    pub(super) sources: Vec<Source<'a>>,
    pub(super) hypotheses: Vec<Hypothesis>,
}

impl<'a> Posterior<'a> {
    pub(super) fn new(
        data: &Data,
        sources: Vec<Source<'a>>,
        observed: &Observed,
        options: &ExplainOptions,
    ) -> Self {
        let (sources, visible) = screened(data, sources, options);
        let hypotheses = weighed(data, (&sources, &visible), observed, options);
        Self { sources, hypotheses }
    }

    pub(super) fn explanation(&self, data: &Data, observed: &Observed) -> Explanation {
        let mut causes: Vec<Cause> = (0..self.sources.len()).map(|s| self.cause(s, data, observed)).collect();
        causes.sort_by(|a, b| {
            b.probability.total_cmp(&a.probability).then(b.took_part.total_cmp(&a.took_part))
        });
        let unknown = self.hypotheses.iter().map(|h| h.probability * h.carried.most_unknown).sum();
        let unexplained = self.hypotheses.iter().map(|h| h.probability * h.carried.left_bytes).sum();
        Explanation {
            causes,
            unknown,
            combinations: self.combinations(),
            excess_bytes: data.bytes(),
            unexplained_bytes: unexplained,
        }
    }

    fn cause(&self, source: usize, data: &Data, observed: &Observed) -> Cause {
        let (mut probability, mut took_part, mut bytes, mut squares) = (0.0, 0.0, 0.0, 0.0);
        for hypothesis in &self.hypotheses {
            let Some(i) = hypothesis.fit.parts.iter().position(|part| part.source == source) else {
                continue;
            };
            let (weight, log) = (hypothesis.probability, libm::log(hypothesis.carried.bytes[i].max(1.0)));
            let variance = hypothesis.fit.covariance[i * (hypothesis.fit.parts.len() + 1)];
            probability += weight * hypothesis.carried.most[i];
            took_part += weight;
            bytes += weight * log;
            squares += weight * (log * log + variance);
        }
        let weight = took_part.max(1e-300);
        let mean = bytes / weight;
        let candidate = self.sources[source].candidate;
        Cause {
            ru: candidate.ru.clone(),
            title: candidate.title.clone(),
            probability,
            took_part,
            bytes: libm::exp(mean),
            bytes_sigma: libm::sqrt((squares / weight - mean * mean).max(0.0)),
            evidence: super::evidence::list(self, source, data, observed),
        }
    }

    fn combinations(&self) -> Vec<Combination> {
        let mut all: Vec<(Vec<usize>, f64)> = Vec::new();
        for hypothesis in &self.hypotheses {
            let set: Vec<usize> = hypothesis.fit.parts.iter().map(|part| part.source).collect();
            match all.iter_mut().find(|(other, _)| *other == set) {
                Some((_, sum)) => *sum += hypothesis.probability,
                None => all.push((set, hypothesis.probability)),
            }
        }
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all.retain(|(_, probability)| *probability >= LEAST_COMBINATION);
        all.truncate(COMBINATIONS);
        let names = |set: Vec<usize>| set.iter().map(|s| self.sources[*s].candidate.ru.clone()).collect();
        all.into_iter().map(|(set, probability)| Combination { rus: names(set), probability }).collect()
    }

    /// The likeliest hypothesis in which a source took part, and its place there.
    pub(super) fn best_with(&self, source: usize) -> Option<(&Hypothesis, usize)> {
        let with = self.hypotheses.iter().filter_map(|hypothesis| {
            let place = hypothesis.fit.parts.iter().position(|part| part.source == source)?;
            Some((hypothesis, place))
        });
        with.max_by(|a, b| a.0.probability.total_cmp(&b.0.probability))
    }

    /// The template and the size of a part.
    pub(super) fn part(&self, hypothesis: &Hypothesis, place: usize) -> (&Template, f64) {
        let part = hypothesis.fit.parts[place];
        (&self.sources[part.source].templates[part.template], libm::exp(part.x))
    }
}

/// Sizes of the unknown, in units: none, then from the error of the baseline to twice what was seen.
fn levels(data: &Data) -> Vec<f64> {
    let largest = data.total.iter().fold(4.0_f64, |top, x| top.max(x.abs()));
    let ratio = libm::log(2.0 * largest) / num::of_usize(LEVELS - 1);
    std::iter::once(0.0).chain((0..LEVELS).map(|k| libm::exp(ratio * num::of_usize(k)))).collect()
}

/// The sources that explain most by themselves, each with the logarithm of the size from which it is seen.
fn screened<'a>(
    data: &Data,
    sources: Vec<Source<'a>>,
    options: &ExplainOptions,
) -> (Vec<Source<'a>>, Vec<f64>) {
    if sources.is_empty() {
        return (sources, Vec::new());
    }
    let noise_s = options.noise_correlation_secs;
    let noise = Root::new(data, Parts { unknown: 0.0, forecasts: false, noise_s });
    let level = levels(data)[LEVELS / 2];
    let middle = Root::new(data, Parts { unknown: level, forecasts: true, noise_s });
    let seen: f64 = data.total.iter().map(|x| x.max(0.0)).sum();
    let scored = sources.into_iter().map(|source| {
        let sum = |template: &Template| template.curve.iter().sum::<f64>();
        let largest = source.templates.iter().max_by(|a, b| sum(a).total_cmp(&sum(b)));
        let visible = largest.map_or(0.0, |template| {
            let mut cells = source.cells(template, data);
            noise.whiten(&mut cells);
            ln_visible(super::covariance::dot(&cells, &cells), LEAST_SHARE * seen / sum(template))
        });
        let prior = libm::log(source.candidate.plausibility.clamp(1e-9, 1.0));
        (single(data, &middle, &source, visible) + prior, visible, source)
    });
    let mut scored: Vec<_> = scored.collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.truncate(KEPT);
    scored.into_iter().map(|(_, visible, source)| (source, visible)).unzip()
}

fn weighed(
    data: &Data,
    (sources, visible): (&[Source<'_>], &[f64]),
    observed: &Observed,
    options: &ExplainOptions,
) -> Vec<Hypothesis> {
    let noise_s = options.noise_correlation_secs;
    let unknown_prior = options.unknown_prior.clamp(1e-3, 0.999);
    let borrowed: Vec<&Source<'_>> = sources.iter().collect();
    let sets = sets(sources.len(), options.at_most_together.clamp(1, 3));
    let platforms = PlatformsSeen::new(observed);
    let mut weights = Vec::new();
    let mut hypotheses = Vec::new();
    for unknown in levels(data) {
        let level_prior = if unknown > 0.0 { unknown_prior * even(LEVELS) } else { 1.0 - unknown_prior };
        let alone = Gram::new(data, &Root::new(data, Parts { unknown, forecasts: false, noise_s }), &[]);
        let together = (!sources.is_empty()).then(|| {
            Gram::new(data, &Root::new(data, Parts { unknown, forecasts: true, noise_s }), &borrowed)
        });
        for set in &sets {
            let gram = together.as_ref().filter(|_| !set.is_empty()).unwrap_or(&alone);
            let fit = Fitter { gram, sources: &borrowed, visible }.fit(set);
            let carried = Carried::new(&fit, &borrowed, data);
            let by_platform = platforms.ln_likelihood(&carried, &fit, &borrowed);
            let prior = libm::log(level_prior) + ln_prior(set, sources, visible);
            weights.push(fit.ln_evidence + by_platform + prior);
            hypotheses.push(Hypothesis { fit, probability: 0.0, carried });
        }
    }
    let all = ln_sum(weights.iter().copied());
    for (hypothesis, weight) in hypotheses.iter_mut().zip(weights) {
        hypothesis.probability = libm::exp(weight - all);
    }
    hypotheses
}

/// Prior of a set: those in it came, those outside did not come or cannot be seen.
fn ln_prior(set: &[usize], sources: &[Source<'_>], visible: &[f64]) -> f64 {
    let term = |(s, source): (usize, &Source<'_>)| {
        let comes = source.candidate.plausibility.clamp(1e-9, 1.0);
        let shows = comes * chance_visible(visible[s], source.sigma);
        libm::log(if set.contains(&s) { comes } else { (1.0 - shows).max(1e-9) })
    };
    sources.iter().enumerate().map(term).sum()
}
