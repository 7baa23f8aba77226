//! The forecast itself: draws, curves, quantiles.

use std::collections::BTreeMap;

use super::clock::instant;
use super::corrections::{Corrections, spread};
use super::curve::peak;
use super::delay::{Delay, delay};
use super::engine::Engine;
use super::input::ForecastInput;
use super::output::{
    Exceed, Fan, Forecast, GridInfo, InstantQuantiles, LinkForecast, PeakForecast, Quantiles,
};
use super::plan::Plan;
use super::pouring::TILE;
use super::priors;
use super::quantile::{exceedance, sorted_quantile};
use super::reduce::{LinkDraws, Reduced};
use super::short::Short;
use super::world::{Sample, World};
use super::worlds::draw;
use crate::{Invalid, num};

/// Why no forecast was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// The input is wrong: every finding with its place. Correct it and ask again.
    #[error("the input is not valid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Invalid>),
}

/// What one RU will do to one network: quantile curves per platform, CDN and link.
///
/// Draws `options.draws` worlds of all uncertain parameters, computes the closed-form curve of each, and reports
/// quantiles of the curves and of their peak, instant and bytes. The grid begins with the first instant of the
/// RU, rounded down to a multiple of the step. Assumes no correlation between parameters.
///
/// Deterministic: the same input gives the same bytes on every platform. Draws are keyed by the RU's id and
/// the parameter, so two forecasts of one RU differ only by what was changed.
///
/// # Errors
///
/// [`ForecastError::Invalid`] with everything [`ForecastInput::validate`] finds.
///
/// # Example
///
/// ```
/// use traffix_core::forecast::{ForecastInput, forecast};
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
///            "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6},
///     "options": {"draws": 64, "horizon_s": 172800}
/// }"#).unwrap();
/// let answer = forecast(&input).unwrap();
/// assert!(answer.peak.bps.p10 < answer.peak.bps.p90);
/// assert!(answer.missing.iter().any(|m| m.pointer == "/network/line_rate_bps"));
/// ```
pub fn forecast(input: &ForecastInput) -> Result<Forecast, ForecastError> {
    forecast_with(input, None)
}

/// The same with what measured events have taught, see [`Learned`](crate::learning::Learned).
///
/// `corrections` of the answer says in words what was changed.
///
/// # Errors
///
/// [`ForecastError::Invalid`] with everything [`ForecastInput::validate`] finds.
pub fn forecast_with(
    input: &ForecastInput,
    corrections: Option<&Corrections>,
) -> Result<Forecast, ForecastError> {
    observed(input, corrections, |_| ()).map(|made| made.0)
}

/// A forecast before its draws become quantiles.
pub(super) struct Drawn<'a> {
    pub(super) plan: &'a Plan,
    pub(super) sample: &'a Sample,
    pub(super) curves: &'a Curves,
    pub(super) links: &'a [LinkDraws],
}

/// The forecast, and what somebody sees in its draws.
pub(super) fn observed<T>(
    input: &ForecastInput,
    corrections: Option<&Corrections>,
    see: impl FnOnce(&Drawn<'_>) -> T,
) -> Result<(Forecast, T), ForecastError> {
    let findings = input.validate();
    if !findings.is_empty() {
        return Err(ForecastError::Invalid(findings));
    }
    let Some(corrections) = corrections else {
        return Ok(made(Plan::new(input), input, None, see));
    };
    let mut plan = Plan::new(&corrections.ask(input));
    corrections.prepare(&mut plan);
    Ok(made(plan, input, Some(corrections), see))
}

fn made<T>(
    plan: Plan,
    input: &ForecastInput,
    corrections: Option<&Corrections>,
    see: impl FnOnce(&Drawn<'_>) -> T,
) -> (Forecast, T) {
    let (mut sample, mut short) = draw(&plan, input);
    let mut curves = Curves::draw(&plan, &sample);
    if let Some(corrections) = corrections {
        let narrowing = curves.correct(corrections, &mut sample, plan.platforms.len());
        short.budget.shrink(narrowing);
    }
    let reduced = Reduced::new(&plan, &sample, &curves);
    let seen = see(&Drawn { plan: &plan, sample: &sample, curves: &curves, links: &reduced.link_draws });
    let mut answer = report(input, (plan, sample, short), (&curves, reduced));
    answer.corrections = corrections.map(|c| c.applied.clone()).unwrap_or_default();
    (answer, seen)
}

/// The curves of all draws and the functionals of their totals.
pub(super) struct Curves {
    /// Block, platform, draw, bin inside the block: so that a block of all draws lies together.
    pub(super) flat: Vec<f32>,
    pub(super) peaks: Vec<f64>,
    pub(super) peak_bins: Vec<f64>,
    pub(super) bytes: Vec<f64>,
}

impl Curves {
    fn draw(plan: &Plan, sample: &Sample) -> Self {
        let (platforms, bins, count) = (plan.platforms.len(), plan.bins(), sample.count());
        let blocks = bins.div_ceil(TILE);
        let mut flat = vec![0.0_f32; blocks * platforms * count * TILE];
        let (mut peaks, mut peak_bins, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        let mut engine = Engine::new(plan);
        let mut world = World::median(plan);
        for i in 0..count {
            sample.put(i, &mut world);
            engine.run(plan, &world);
            let (top, bin) = peak(&engine.total);
            peaks.push(top);
            peak_bins.push(num::of_usize(bin));
            bytes.push(engine.total.iter().sum::<f64>() * plan.clock.grid().step() / 8.0);
            for (p, curve) in engine.curves.chunks_exact(bins).enumerate() {
                for (block, values) in curve.chunks(TILE).enumerate() {
                    let place = ((block * platforms + p) * count + i) * TILE;
                    for (to, from) in flat[place..place + values.len()].iter_mut().zip(values) {
                        *to = num::to_f32(*from);
                    }
                }
            }
        }
        Self { flat, peaks, peak_bins, bytes }
    }

    /// Corrects every draw; returns the spread of the peak after over before.
    fn correct(&mut self, corrections: &Corrections, sample: &mut Sample, platforms: usize) -> f64 {
        let peak = quantiles(self.peaks.clone());
        let narrowing = corrections.narrowing(spread(peak.p10, peak.p90));
        let count = sample.count();
        let scales: Vec<f64> =
            self.peaks.iter().map(|x| corrections.scale(*x, (peak.p50, narrowing))).collect();
        for (i, scale) in scales.iter().enumerate() {
            sample.scale(i, *scale);
            self.peaks[i] *= scale;
            self.bytes[i] *= scale;
        }
        let per_block = platforms * count;
        for (cell, tile) in self.flat.chunks_exact_mut(TILE).enumerate() {
            let scale = num::to_f32(scales[cell % per_block % count]);
            for x in tile {
                *x *= scale;
            }
        }
        narrowing
    }
}

/// Sorts draws and reports their quantiles.
pub(super) fn quantiles(mut draws: Vec<f64>) -> Quantiles {
    draws.sort_unstable_by(f64::total_cmp);
    let [p10, p50, p90, p99] = super::quantile::REPORTED.map(|q| sorted_quantile(&draws, q));
    Quantiles { p10, p50, p90, p99 }
}

pub(super) fn rounded(q: Quantiles) -> Quantiles {
    Quantiles { p10: q.p10.round(), p50: q.p50.round(), p90: q.p90.round(), p99: q.p99.round() }
}

fn report(
    input: &ForecastInput,
    (mut plan, sample, short): (Plan, Sample, Short),
    (curves, mut reduced): (&Curves, Reduced),
) -> Forecast {
    let grid = *plan.clock.grid();
    let bins = quantiles(curves.peak_bins.clone());
    let at = |bin: f64| instant(grid.edge_s(0) + num::to_i64(bin * grid.step()));
    let links = link_reports(&plan, &sample, &mut reduced);
    let by_name =
        |names: Vec<String>, fans: Vec<Fan>| names.into_iter().zip(fans).collect::<BTreeMap<_, _>>();
    Forecast {
        model_version: priors::MODEL_VERSION.to_owned(),
        seed: input.options.seed,
        grid: GridInfo { start: grid.start(), step_s: grid.step_s(), bins: grid.bins() },
        total: reduced.total,
        platforms: by_name(plan.platforms.iter().map(|p| p.id.clone()).collect(), reduced.platforms),
        cdns: by_name(plan.routes.cdns.clone(), reduced.cdns),
        links,
        peak: PeakForecast {
            bps: rounded(quantiles(curves.peaks.clone())),
            at: InstantQuantiles { p10: at(bins.p10), p50: at(bins.p50), p90: at(bins.p90) },
        },
        bytes: rounded(quantiles(curves.bytes.clone())),
        sigma_budget: short.budget,
        missing: std::mem::take(&mut plan.missing),
        corrections: Vec::new(),
    }
}

fn link_reports(plan: &Plan, sample: &Sample, reduced: &mut Reduced) -> BTreeMap<String, LinkForecast> {
    let mut reports = BTreeMap::new();
    let mut world = World::median(plan);
    let minutes = plan.clock.grid().step() / 60.0;
    let draws = std::mem::take(&mut reduced.link_draws);
    let fans = std::mem::take(&mut reduced.links);
    for (l, ((link, draws), extra)) in plan.routes.links.iter().zip(draws).zip(fans).enumerate() {
        let delayed = delayed(plan, sample, (l, &draws), &mut world);
        let [full, usable] = &draws.above;
        let exceed = |capacity_bps: f64, above: &[f64]| Exceed {
            capacity_bps,
            probability: exceedance(above, 0.0),
            minutes_p50: super::quantile::quantile(above, 0.5) * minutes,
        };
        let mut passed = vec![exceed(link.capacity_bps, full)];
        if link.headroom > 0.0 {
            passed.push(exceed(link.capacity_bps * (1.0 - link.headroom), usable));
        }
        let report = LinkForecast {
            extra,
            capacity_bps: link.capacity_bps,
            peak_bps: rounded(quantiles(draws.peak)),
            exceed: passed,
            delayed_bytes_p50: delayed.bytes_p50.round(),
            limited_bins_p50: delayed.limited_bins_p50,
        };
        reports.insert(link.id.clone(), report);
    }
    reports
}

/// What a link delays, if it is the last path of some CDN.
fn delayed(plan: &Plan, sample: &Sample, (l, draws): (usize, &LinkDraws), world: &mut World) -> Delay {
    let links = &plan.routes.links;
    let last = |c: &usize| links.iter().rposition(|link| link.cdns.contains(c)) == Some(l);
    if !links[l].cdns.iter().any(last) {
        return Delay::default();
    }
    let mut over: Vec<usize> = (0..sample.count()).filter(|i| draws.above[1][*i] > 0.0).collect();
    over.sort_by(|a, b| draws.peak[*a].total_cmp(&draws.peak[*b]));
    delay(plan, sample, l, &over, world)
}
