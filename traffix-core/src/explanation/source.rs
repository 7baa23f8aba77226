//! A candidate as curves over the blocks of what was measured: begun on time or late, fast or slow.

use std::collections::BTreeMap;

use super::data::{Block, Data};
use super::fit::even;
use super::{Candidate, Observed};
use crate::forecast::{Fan, Forecast, UNKNOWN_CDN};
use crate::num;

/// Delays after the announced instant, s, and how likely they are. Assumed (2026-12): servers open on the minute, and
/// half of what is late is late by less than half an hour.
const DELAYS: [(f64, f64); 7] = [
    (-600.0, 0.04),
    (0.0, 0.50),
    (600.0, 0.18),
    (1_500.0, 0.11),
    (2_700.0, 0.07),
    (4_500.0, 0.06),
    (7_200.0, 0.04),
];
/// Step of the delays where only the day is known, s.
const HOUR_STEP_S: f64 = 1_800.0;
/// Durations over the forecast's, and how likely. Assumed (2026-12), from the spreads of the start laws.
const STRETCHES: [(f64, f64); 3] = [(0.7, 0.25), (1.0, 0.5), (1.4, 0.25)];
/// A candidate that could not carry this share of the excess with good luck is left out.
const VISIBLE_SHARE: f64 = 0.03;
/// Good luck, in standard deviations.
const LUCK_SIGMA: f64 = 2.5;
/// Price of a CDN mix that is not known and therefore fits: the share of all mixes that looks like the one seen, as a
/// logarithm. Assumed (2026-12).
const LN_FREE_MIX: f64 = -1.5;
/// How long something unknown lasts, h; none for something that fades. Assumed (2026-12): a show, a match, an evening.
const LASTING_H: [Option<f64>; 4] = [Some(1.0), Some(2.0), Some(4.0), None];
/// Time in which it ends, and in which it fades, s. Assumed (2026-12).
const RISE_S: f64 = 900.0;
const FADE_S: f64 = 5_400.0;
/// Its height: median in standard deviations of the baseline's error, and log-scale spread. Assumed (2026-12).
const UNKNOWN_SIGMAS: f64 = 6.0;
const UNKNOWN_SIZE_SIGMA: f64 = 1.0;
/// Least log-scale spread of a forecast: none is surer of itself than what nothing explains.
const LEAST_SIGMA: f64 = crate::forecast::priors::RESIDUAL_SIGMA;

/// One way a candidate may have gone.
pub(super) struct Template {
    /// Logarithm of its prior probability.
    pub(super) ln_prior: f64,
    /// How late, s.
    pub(super) delay_s: f64,
    /// Total by block, in units, at the forecast's median.
    pub(super) curve: Vec<f64>,
    /// Bytes in the window.
    pub(super) bytes: f64,
}

/// A candidate that may show, or something that is in no catalogue.
pub(super) struct Source<'a> {
    /// None for the unknown.
    pub(super) candidate: Option<&'a Candidate<'a>>,
    /// Chance of coming at all.
    pub(super) plausibility: f64,
    pub(super) templates: Vec<Template>,
    /// Share of its bytes by channel.
    pub(super) mix: Vec<f64>,
    /// Share of its bytes by platform.
    pub(super) platforms: BTreeMap<&'a str, f64>,
    /// Log-scale spread.
    pub(super) sigma: f64,
}

impl<'a> Source<'a> {
    /// `None` for a candidate that cannot have shown in the window.
    pub(super) fn new(candidate: &'a Candidate<'a>, data: &Data, observed: &Observed) -> Option<Self> {
        let forecast = candidate.forecast;
        let sigma = candidate.sigma.max(LEAST_SIGMA);
        let luck = libm::exp(LUCK_SIGMA * sigma);
        let seen: f64 = data.total.iter().map(|x| x.max(0.0)).sum::<f64>().max(1.0);
        let pivot_s = pivot(candidate, data, observed);
        let (mix, mix_unknown) = mix(forecast, data);
        let mut templates = Vec::new();
        for (delay_s, delay) in delays(candidate) {
            for (stretch, slow) in STRETCHES {
                let curve = curve(candidate, data, (pivot_s, delay_s, stretch));
                if luck * curve.iter().sum::<f64>() < VISIBLE_SHARE * seen {
                    continue;
                }
                let ln_prior = libm::log(delay * slow) + mix_unknown * LN_FREE_MIX;
                templates.push(Template { ln_prior, delay_s, bytes: data.bytes_of(&curve), curve });
            }
        }
        let plausible = candidate.plausibility > 0.0 && sigma.is_finite();
        (plausible && !templates.is_empty()).then(|| Self {
            candidate: Some(candidate),
            plausibility: candidate.plausibility.min(1.0),
            templates,
            mix,
            platforms: shares(&forecast.platforms),
            sigma,
        })
    }

    /// Something that is in no catalogue: it may begin at any time, last for one to four hours or fade away, and come
    /// over any CDNs.
    pub(super) fn unknown(data: &Data, plausibility: f64) -> Self {
        let onsets = even(data.blocks.len() * LASTING_H.len());
        let ln_prior = libm::log(onsets) + if data.cdns.is_empty() { 0.0 } else { LN_FREE_MIX };
        let template = |start_s: f64, lasting_h: Option<f64>| {
            let block = |block: &Block| {
                let middle = 0.5 * (block.from_s + block.to_s) - start_s;
                let rise = ((block.to_s - start_s) / (block.to_s - block.from_s)).clamp(0.0, 1.0);
                let kept = match lasting_h {
                    Some(hours) => ((hours * 3_600.0 - middle) / RISE_S + 0.5).clamp(0.0, 1.0),
                    None => libm::exp(-middle.max(0.0) / FADE_S),
                };
                UNKNOWN_SIGMAS * rise.min(1.0) * kept
            };
            let curve: Vec<f64> = data.blocks.iter().map(block).collect();
            Template { ln_prior, delay_s: 0.0, bytes: data.bytes_of(&curve), curve }
        };
        let starts = data.blocks.iter().map(|block| block.from_s);
        let templates = starts.flat_map(|at| LASTING_H.map(|hours| template(at, hours))).collect();
        let mix = data.mix.clone();
        let sigma = UNKNOWN_SIZE_SIGMA;
        Self { candidate: None, plausibility, templates, mix, platforms: BTreeMap::new(), sigma }
    }

    /// Cells of a template, whitened later.
    pub(super) fn cells(&self, template: &Template, data: &Data) -> Vec<f64> {
        data.cells.iter().map(|cell| template.curve[cell.block] * self.mix[cell.channel]).collect()
    }
}

/// The instant to which delays and stretches refer, s into the window: the last that was due when the spike began.
fn pivot(candidate: &Candidate<'_>, data: &Data, observed: &Observed) -> f64 {
    let due = candidate.instants.iter().rev().find(|at| **at <= observed.began_at);
    let at = due.or(candidate.instants.first()).copied().unwrap_or(candidate.forecast.grid.start);
    num::of_i64((at - data.from).num_seconds())
}

fn delays(candidate: &Candidate<'_>) -> Vec<(f64, f64)> {
    let Some(slack) = candidate.slack else { return DELAYS.to_vec() };
    let half_s = num::of_i64(slack.num_seconds());
    let steps = num::to_usize(2.0 * half_s / HOUR_STEP_S).min(96);
    let even = num::of_usize(steps + 1).recip();
    (0..=steps).map(|i| (num::of_usize(i) * HOUR_STEP_S - half_s, even)).collect()
}

/// The median curve moved by a delay and stretched from the pivot on, by block, in units. Bytes stay.
fn curve(candidate: &Candidate<'_>, data: &Data, (pivot_s, delay_s, stretch): (f64, f64, f64)) -> Vec<f64> {
    let forecast = candidate.forecast;
    let step_s = f64::from(forecast.grid.step_s.max(1));
    let start_s = num::of_i64((forecast.grid.start - data.from).num_seconds());
    let at = |second: f64| {
        let elapsed = second - delay_s - pivot_s;
        let (elapsed, factor) =
            if elapsed > 0.0 { (elapsed / stretch, stretch.recip()) } else { (elapsed, 1.0) };
        let bin = (pivot_s + elapsed - start_s) / step_s;
        if bin < 0.0 {
            0.0
        } else {
            factor * forecast.total.p50.get(num::to_usize(bin)).copied().unwrap_or(0.0)
        }
    };
    let block = |block: &Block| {
        let length = block.to_s - block.from_s;
        let points = num::to_usize(length / step_s).clamp(1, 12);
        let each = length / num::of_usize(points);
        let sum: f64 = (0..points).map(|k| at(block.from_s + (num::of_usize(k) + 0.5) * each)).sum();
        sum / num::of_usize(points) / data.unit_bps
    };
    data.blocks.iter().map(block).collect()
}

/// Shares by channel, and the part whose CDN is not known, which is taken to be mixed as what was seen.
fn mix(forecast: &Forecast, data: &Data) -> (Vec<f64>, f64) {
    let rest = data.cdns.len();
    let mut mix = vec![0.0; rest + 1];
    if data.cdns.is_empty() {
        mix[rest] = 1.0;
        return (mix, 0.0);
    }
    let mut unknown = 0.0;
    for (cdn, share) in shares(&forecast.cdns) {
        match data.cdns.iter().position(|name| name == cdn) {
            _ if cdn == UNKNOWN_CDN => unknown += share,
            Some(channel) => mix[channel] += share,
            None => mix[rest] += share,
        }
    }
    for (share, seen) in mix.iter_mut().zip(&data.mix) {
        *share += unknown * seen;
    }
    if std::env::var("MIXH").is_ok() {
        mix = data.mix.clone();
    }
    (mix, unknown)
}

/// Shares of the bytes that fans by name add up to.
pub(super) fn shares(fans: &BTreeMap<String, Fan>) -> BTreeMap<&str, f64> {
    let sum = |fan: &Fan| fan.p50.iter().sum::<f64>();
    let all: f64 = fans.values().map(sum).sum();
    let share = |fan: &Fan| if all > 0.0 { sum(fan) / all } else { 0.0 };
    fans.iter().map(|(name, fan)| (name.as_str(), share(fan))).collect()
}
