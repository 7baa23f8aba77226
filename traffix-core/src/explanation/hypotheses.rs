//! All hypotheses weighed against each other, and what they say together.

use super::covariance::{Forecasted, Parts, Root};
use super::data::{Data, pulled};
use super::fit::{Fit, Fitter, Gram, chance_visible, even, ln_sum, ln_visible, sets, single};
use super::shares::{Carried, PlatformsSeen};
use super::source::{Source, Template};
use super::{Candidate, Cause, Combination, ExplainOptions, Explanation, Observed};
use crate::num;

/// Candidates whose combinations are looked at; those that explain least by themselves are left out.
const KEPT: usize = 6;
/// Sizes of what is like nothing else that are tried, evenly in the logarithm.
const LEVELS: usize = 3;
/// Chance of traffic that is like nothing else, of any shape. Assumed (2026-12).
const ODD: f64 = 0.1;
/// Hypotheses that are fitted again, and how often.
const REFINED: usize = 24;
const REFINEMENTS: usize = 2;
/// Share of the excess bytes below which a candidate did not take part.
const LEAST_SHARE: f64 = 0.02;
/// Combinations reported, and the least probability of one.
const COMBINATIONS: usize = 5;
const LEAST_COMBINATION: f64 = 0.01;

/// A set of candidates, with or without something unknown.
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
        let named = self.sources.iter().enumerate();
        let causes = named.filter_map(|(s, source)| Some(self.cause(s, source.candidate?, (data, observed))));
        let mut causes: Vec<Cause> = causes.collect();
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

    fn cause(&self, source: usize, candidate: &Candidate<'_>, (data, observed): (&Data, &Observed)) -> Cause {
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
        Cause {
            ru: candidate.ru.clone(),
            title: candidate.title.clone(),
            probability,
            took_part,
            bytes: libm::exp(mean),
            bytes_sigma: libm::sqrt((squares / weight - mean * mean).max(0.0)),
            evidence: super::evidence::list(self, (source, candidate), data, observed),
        }
    }

    fn combinations(&self) -> Vec<Combination> {
        let mut all: Vec<(Vec<usize>, f64)> = Vec::new();
        for hypothesis in &self.hypotheses {
            let parts = hypothesis.fit.parts.iter().map(|part| part.source);
            let set: Vec<usize> = parts.filter(|s| self.sources[*s].candidate.is_some()).collect();
            match all.iter_mut().find(|(other, _)| *other == set) {
                Some((_, sum)) => *sum += hypothesis.probability,
                None => all.push((set, hypothesis.probability)),
            }
        }
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all.retain(|(_, probability)| *probability >= LEAST_COMBINATION);
        all.truncate(COMBINATIONS);
        let name = |s: &usize| self.sources[*s].candidate.map(|candidate| candidate.ru.clone());
        let names = |set: Vec<usize>| set.iter().filter_map(name).collect();
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

/// Sizes of what is like nothing else, in units: none, then from the error of the baseline to twice what was seen.
fn levels(data: &Data) -> Vec<f64> {
    let largest = data.total.iter().fold(4.0_f64, |top, x| top.max(x.abs()));
    let ratio = libm::log(2.0 * largest) / num::of_usize(LEVELS - 1);
    std::iter::once(0.0).chain((0..LEVELS).map(|k| libm::exp(ratio * num::of_usize(k)))).collect()
}

/// The sources that explain most by themselves, and the unknown as the last; each with the logarithm of the size from
/// which it is seen.
fn screened<'a>(
    data: &Data,
    sources: Vec<Source<'a>>,
    options: &ExplainOptions,
) -> (Vec<Source<'a>>, Vec<f64>) {
    let noise_s = options.noise_correlation_secs;
    let noise = Root::new(data, Parts { odd: 0.0, forecast: None, noise_s });
    let seen_as_forecast = Forecasted::seen(data);
    let odd = levels(data)[LEVELS / 2];
    let middle = Root::new(data, Parts { odd, forecast: Some(&seen_as_forecast), noise_s });
    let seen: f64 = data.total.iter().map(|x| x.max(0.0)).sum();
    let visible = |source: &Source<'_>| {
        let sum = |template: &Template| template.curve.iter().sum::<f64>();
        let largest = source.templates.iter().max_by(|a, b| sum(a).total_cmp(&sum(b)));
        largest.map_or(0.0, |template| {
            let mut cells = source.cells(template, data);
            noise.whiten(&mut cells);
            ln_visible(super::covariance::dot(&cells, &cells), LEAST_SHARE * seen / sum(template))
        })
    };
    let scored = sources.into_iter().map(|source| {
        let visible = visible(&source);
        let prior = libm::log(source.plausibility.max(1e-9));
        (single(data, &middle, &source, visible) + prior, visible, source)
    });
    let mut scored: Vec<_> = scored.collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.truncate(KEPT);
    let unknown = Source::unknown(data, options.unknown_prior.clamp(1e-3, 0.999));
    let last = (visible(&unknown), unknown);
    let all = scored.into_iter().map(|(_, visible, source)| (visible, source)).chain([last]);
    let (visible, sources) = all.unzip::<_, _, Vec<_>, Vec<_>>();
    (sources, visible)
}

/// Everything that hypotheses are weighed with.
struct Scales<'a> {
    data: &'a Data,
    sources: &'a [&'a Source<'a>],
    visible: &'a [f64],
    platforms: PlatformsSeen<'a>,
    noise_s: f64,
}

/// A hypothesis before all are known.
struct Weighed {
    set: Vec<usize>,
    odd: f64,
    fit: Fit,
    carried: Carried,
    ln_weight: f64,
}

/// All hypotheses, the likeliest ones fitted again: first with errors of forecasts in proportion to what was seen, which
/// is generous and needs one covariance for all sets, then in proportion to what the set is fitted to carry.
fn weighed(
    data: &Data,
    (sources, visible): (&[Source<'_>], &[f64]),
    observed: &Observed,
    options: &ExplainOptions,
) -> Vec<Hypothesis> {
    let borrowed: Vec<&Source<'_>> = sources.iter().collect();
    let scales = Scales {
        data,
        sources: &borrowed,
        visible,
        platforms: PlatformsSeen::new(observed, data),
        noise_s: options.noise_correlation_secs,
    };
    let unknown = sources.len() - 1;
    let named = sets(unknown, options.at_most_together.clamp(1, 3));
    let with_unknown = named.iter().map(|set| [set.as_slice(), &[unknown]].concat());
    let sets: Vec<Vec<usize>> = named.iter().skip(1).cloned().chain(with_unknown).collect();
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    let seen = Forecasted::seen(data);
    for odd in levels(data) {
        let none = scales.gram(odd, None, &[]);
        alone.push(scales.weigh(&none, &[], odd));
        let gram = scales.gram(odd, Some(&seen), &borrowed);
        together.extend(sets.iter().map(|set| scales.weigh(&gram, set, odd)));
    }
    together.sort_by(|a, b| b.ln_weight.total_cmp(&a.ln_weight));
    together.truncate(REFINED);
    let refined = together.into_iter().map(|rough| scales.refine(rough));
    let all: Vec<Weighed> = alone.into_iter().chain(refined).collect();
    let sum = ln_sum(all.iter().map(|w| w.ln_weight));
    if std::env::var("DBGH").is_ok() {
        let mut v: Vec<&Weighed> = all.iter().collect();
        v.sort_by(|a, b| b.ln_weight.total_cmp(&a.ln_weight));
        for w in v
            .iter()
            .filter(|w| {
                std::env::var("ONLY").map_or(true, |o| {
                    w.fit.parts.len() == 1
                        && sources[w.fit.parts[0].source].candidate.map_or(o == "U", |c| c.ru == o)
                })
            })
            .take(3)
        {
            let names: Vec<String> = w
                .fit
                .parts
                .iter()
                .map(|p| {
                    format!(
                        "{} t{} x{:.2}(s{:.2})",
                        sources[p.source].candidate.map_or("U", |c| c.ru.as_str()),
                        p.template,
                        p.x,
                        sources[p.source].sigma
                    )
                })
                .collect();
            let fc = scales.forecasted(&w.fit);
            let root = Root::new(
                data,
                Parts {
                    odd: w.odd,
                    forecast: if w.fit.parts.is_empty() { None } else { Some(&fc) },
                    noise_s: scales.noise_s,
                },
            );
            let mut r: Vec<f64> = data
                .cells
                .iter()
                .map(|c| {
                    let model: f64 = w
                        .fit
                        .parts
                        .iter()
                        .map(|p| {
                            let s = borrowed[p.source];
                            libm::exp(p.x) * s.templates[p.template].curve[c.block] * s.mix[c.channel]
                        })
                        .sum();
                    c.y - model
                })
                .collect();
            let raw = r.clone();
            root.whiten(&mut r);
            let mut by_block = vec![0.0; data.blocks.len()];
            for (c, x) in data.cells.iter().zip(&r) {
                by_block[c.block] += x * x;
            }
            eprintln!(
                "   quad {:.1} volume {:.1} n {} by block {:?}",
                -0.5 * r.iter().map(|x| x * x).sum::<f64>(),
                -root.ln_volume,
                r.len(),
                by_block.iter().map(|x| x.round()).collect::<Vec<_>>()
            );
            if std::env::var("RAW").is_ok() {
                for b in 0..data.blocks.len() {
                    eprintln!(
                        "   {b} total {:.1} fc {:.1} y {:?} r {:?}",
                        data.total[b],
                        fc.total[b],
                        data.cells
                            .iter()
                            .filter(|c| c.block == b)
                            .map(|c| (c.y * 10.0).round() / 10.0)
                            .collect::<Vec<_>>(),
                        data.cells
                            .iter()
                            .zip(&raw)
                            .filter(|(c, _)| c.block == b)
                            .map(|(_, x)| (x * 10.0).round() / 10.0)
                            .collect::<Vec<_>>()
                    );
                }
            }
            eprintln!(
                "H {:.2} odd {:.1} ev {:.1} pl {:.2} prior {:.2} left {:.0} {:?}",
                w.ln_weight - sum,
                w.odd,
                w.fit.ln_evidence,
                scales.platforms.ln_likelihood(&w.carried, &w.fit, &borrowed),
                scales.ln_prior(&w.set),
                w.carried.left_bytes / 1e12,
                names
            );
        }
        eprintln!("mix {:?} {:?}", data.cdns, data.mix);
        for s in sources {
            eprintln!("  src {} mix {:?} vis", s.candidate.map_or("U", |c| c.ru.as_str()), s.mix);
        }
    }
    let hypothesis =
        |w: Weighed| Hypothesis { fit: w.fit, probability: libm::exp(w.ln_weight - sum), carried: w.carried };
    all.into_iter().map(hypothesis).collect()
}

impl Scales<'_> {
    fn gram(&self, odd: f64, forecast: Option<&Forecasted>, sources: &[&Source<'_>]) -> Gram {
        let parts = Parts { odd, forecast, noise_s: self.noise_s };
        Gram::new(self.data, &Root::new(self.data, parts), sources)
    }

    /// Fits a set under a covariance for all sources.
    fn weigh(&self, gram: &Gram, set: &[usize], odd: f64) -> Weighed {
        let fit = Fitter { gram, sources: self.sources, visible: self.visible }.fit(set);
        self.weighed(set.to_vec(), odd, fit)
    }

    fn weighed(&self, set: Vec<usize>, odd: f64, fit: Fit) -> Weighed {
        let carried = Carried::new(&fit, self.sources, self.data);
        let level = if odd > 0.0 { ODD * even(LEVELS) } else { 1.0 - ODD };
        let prior = libm::log(level) + self.ln_prior(&set);
        let by_platform = self.platforms.ln_likelihood(&carried, &fit, self.sources);
        let ln_weight = fit.ln_evidence + by_platform + prior;
        Weighed { set, odd, fit, carried, ln_weight }
    }

    /// Fits a set again under a covariance of its own.
    fn refine(&self, mut rough: Weighed) -> Weighed {
        let own: Vec<&Source<'_>> = rough.set.iter().map(|s| self.sources[*s]).collect();
        let visible: Vec<f64> = rough.set.iter().map(|s| self.visible[*s]).collect();
        let places: Vec<usize> = (0..own.len()).collect();
        for _ in 0..REFINEMENTS {
            let forecast = self.forecasted(&rough.fit);
            let gram = self.gram(rough.odd, Some(&forecast), &own);
            let mut fit = Fitter { gram: &gram, sources: &own, visible: &visible }.fit(&places);
            for part in &mut fit.parts {
                part.source = rough.set[part.source];
            }
            rough = self.weighed(rough.set, rough.odd, fit);
        }
        rough
    }

    /// What a set is fitted to carry.
    fn forecasted(&self, fit: &Fit) -> Forecasted {
        let mut total = vec![0.0; self.data.blocks.len()];
        let mut sums = vec![0.0; self.data.channels()];
        for part in &fit.parts {
            let source = self.sources[part.source];
            let template = &source.templates[part.template];
            let size = libm::exp(part.x);
            for (sum, x) in total.iter_mut().zip(&template.curve) {
                *sum += size * x;
            }
            for (sum, share) in sums.iter_mut().zip(&source.mix) {
                *sum += size * template.bytes * share;
            }
        }
        Forecasted { total: self.data.risen(&total), mix: pulled(&sums) }
    }

    /// Prior of a set: those in it came, those outside did not come or cannot be seen.
    fn ln_prior(&self, set: &[usize]) -> f64 {
        let term = |(s, source): (usize, &&Source<'_>)| {
            let comes = source.plausibility.max(1e-9);
            let shows = comes * chance_visible(self.visible[s], source.sigma);
            libm::log(if set.contains(&s) { comes } else { (1.0 - shows).max(1e-9) })
        };
        self.sources.iter().enumerate().map(term).sum()
    }
}
