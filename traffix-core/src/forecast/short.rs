//! The short form: a log-normal peak from variance parts, for lists and outlooks.
//!
//! Instead of hundreds of draws, the curve is computed at the median world and at one standard deviation to
//! either side of every uncertain parameter. Half the difference of the two log peaks is that parameter's
//! part of the spread, and their curvature moves the median of the peak.

use super::audience::{LogNormal, joint_sigma};
use super::corrections::Corrections;
use super::curve::{duration_s, peak};
use super::engine::{Engine, rates};
use super::output::SigmaBudget;
use super::plan::Plan;
use super::priors;
use super::shared::running_share;
use super::world::{World, automatic, logit_normal, masses, mean_masses};
use crate::num;

/// The median world's curve and the peak's distribution.
#[derive(Debug, Clone)]
pub(crate) struct Short {
    /// Peak of the total, bit/s.
    pub(crate) peak: LogNormal,
    /// Bin of the median world's peak.
    pub(crate) bin: usize,
    pub(crate) budget: SigmaBudget,
    /// Curve of the median world by platform, flat.
    pub(crate) curves: Vec<f64>,
    /// Curve of the median world.
    pub(crate) total: Vec<f64>,
}

impl Short {
    /// The short form of a plan. `coarse` is the same question on a coarser, shorter grid around the peak, where
    /// the steps are taken; without it they are taken on the plan itself.
    pub(crate) fn new(plan: &Plan, coarse: Option<&Plan>) -> Self {
        let mut engine = Engine::new(plan);
        let median = World::median(plan);
        engine.run(plan, &median);
        let (top, bin) = peak(&engine.total);
        let (cv, share_spread) =
            (cv(plan, &median, &engine, bin), platform_spread(plan, &median, &engine, bin));
        let steps = match coarse {
            Some(coarse) => Steps::take(coarse, &World::median(coarse), &mut Engine::new(coarse)),
            None => Steps::take(plan, &median, &mut Engine::new(plan)),
        };
        let size_sigma = size_spread(plan, &engine, bin);
        let mut budget = SigmaBudget {
            audience: plan.audience.sigma,
            size: steps.size * size_sigma,
            shape: steps.shape,
            rates: steps.rates,
            platforms: share_spread,
            residual: priors::RESIDUAL_SIGMA,
            cv,
            total: 0.0,
        };
        budget.total = joint_sigma([
            budget.audience,
            budget.size,
            budget.shape,
            budget.rates,
            budget.platforms,
            budget.residual,
            budget.cv,
        ]);
        let median_peak = LogNormal::new(top * libm::exp(steps.shift), budget.total);
        Self { peak: median_peak, bin, budget, curves: engine.curves, total: engine.total }
    }

    /// Corrects the peak as every draw of a forecast is corrected, and the median world's curves with it.
    pub(crate) fn correct(&mut self, corrections: &Corrections) {
        let factor = corrections.scale(self.peak.median, (self.peak.median, 1.0));
        let narrowing = corrections.narrowing(self.peak.sigma);
        self.peak = LogNormal::new(self.peak.median * factor, self.peak.sigma * narrowing);
        self.budget.shrink(narrowing);
        self.curves.iter_mut().chain(&mut self.total).for_each(|x| *x *= factor);
    }
}

/// Log-scale spread of what peers leave on the interconnect: that of a Beta(19, 1) variable.
const PEER_LOG_SIGMA: f64 = 1.0 / 19.0;

/// Effects of one standard deviation of the parameters on the log of the peak.
#[derive(Debug, Default)]
struct Steps {
    /// Change of the log peak per change of the log size.
    size: f64,
    rates: f64,
    shape: f64,
    /// Move of the median by curvature.
    shift: f64,
}

/// A change of one parameter by `z` standard deviations.
type Step<'a> = Box<dyn Fn(&mut World, f64) + 'a>;

impl Steps {
    fn take(plan: &Plan, median: &World, engine: &mut Engine) -> Self {
        let mut log_peak = |world: &World| {
            engine.run(plan, world);
            let top = engine.total.iter().fold(0.0_f64, |a, &b| a.max(b));
            (top > 0.0).then(|| libm::log(top))
        };
        let mut result = Self::default();
        let Some(middle) = log_peak(median) else { return result };
        let mut world = median.clone();
        let mut effect = |change: &dyn Fn(&mut World, f64)| {
            let mut at = |z: f64| {
                world.clone_from(median);
                change(&mut world, z);
                log_peak(&world).unwrap_or(middle)
            };
            let (up, down) = (at(1.0), at(-1.0));
            ((up - down) / 2.0, (up + down - 2.0 * middle) / 2.0)
        };
        let size_step = 0.2;
        let scale_sizes =
            |w: &mut World, z: f64| w.bytes.iter_mut().for_each(|b| *b *= libm::exp(size_step * z));
        result.size = effect(&scale_sizes).0 / size_step;
        let (slope, bend) = effect(&|w, z| w.rate *= libm::exp(plan.rate_sigma * z));
        result.rates = slope.abs();
        result.shift += bend;
        let mut squares = 0.0;
        for step in shape_steps(plan) {
            let (slope, bend) = effect(&*step);
            squares += slope * slope + bend * bend / 2.0;
            result.shift += bend;
        }
        result.shape = libm::sqrt(squares);
        result
    }
}

/// One change per uncertain parameter of the start laws.
fn shape_steps(plan: &Plan) -> Vec<Step<'static>> {
    let kind = plan.kind;
    let laws = plan.laws;
    let (k, eta) = (laws.k, laws.eta);
    let mut steps: Vec<Step<'static>> = vec![
        Box::new(move |w, z| w.k *= libm::exp(k.sigma * z)),
        Box::new(move |w, z| w.eta_s *= libm::exp(eta.sigma * z)),
    ];
    if kind.is_game() {
        let [a, b, c] = laws.masses;
        // A Dirichlet vector breaks into independent beta shares: automatic of all, then rush of the rest.
        let (automatic_sd, rush_sd) = (beta_sd(a, b + c), beta_sd(b, c));
        let [auto, rush] = mean_masses(kind, &laws.masses);
        let of_rest = rush / (1.0 - auto);
        steps.push(Box::new(move |w, z| set_masses(w, auto + automatic_sd * z, of_rest)));
        steps.push(Box::new(move |w, z| set_masses(w, auto, of_rest + rush_sd * z)));
        steps.push(Box::new(move |w, z| w.rush_s *= libm::exp(laws.rush.sigma * z)));
        let window = automatic(kind);
        steps.push(Box::new(move |w, z| w.automatic_s *= libm::exp(window.sigma * z)));
    }
    if kind == priors::RuKind::Media {
        steps.push(Box::new(|w, z| set_masses(w, logit_normal(priors::PREMIERE_MASS, z), 0.0)));
    }
    if plan.has_preload() {
        let split = mean_masses(kind, &laws.masses);
        steps.push(Box::new(move |w, z| w.masses = masses(logit_normal(priors::PRELOAD_MASS, z), split)));
        steps.push(Box::new(|w, z| w.preload_s *= libm::exp(priors::PRELOAD_S.sigma * z)));
    }
    let schedules = plan.schedules.len();
    if schedules > 1 {
        // One standard deviation of a uniform choice is .29 of its range.
        let middle = num::of_usize(schedules - 1) / 2.0;
        let place = move |z: f64| num::to_usize(middle + 0.577 * middle * z + 0.5).min(schedules - 1);
        steps.push(Box::new(move |w, z| w.schedule = place(z)));
    }
    steps
}

/// Standard deviation of a beta variable.
fn beta_sd(a: f64, b: f64) -> f64 {
    libm::sqrt(a * b / (a + b + 1.0)) / (a + b)
}

/// Sets the automatic share and the rush share of the rest, leaving the preload as it is.
fn set_masses(world: &mut World, automatic: f64, rush_of_rest: f64) {
    let (automatic, rush) = (automatic.clamp(0.0, 1.0), rush_of_rest.clamp(0.0, 1.0));
    world.masses = masses(world.masses[0], [automatic, (1.0 - automatic) * rush]);
}

/// Traffic of every platform at a bin.
fn at_bin(plan: &Plan, engine: &Engine, bin: usize) -> Vec<f64> {
    let bins = plan.bins();
    (0..plan.platforms.len()).map(|p| engine.curves.get(p * bins + bin).copied().unwrap_or(0.0)).collect()
}

/// Log-scale spread of the size that all platforms have together at the peak.
fn size_spread(plan: &Plan, engine: &Engine, bin: usize) -> f64 {
    let parts = at_bin(plan, engine, bin);
    let total: f64 = parts.iter().sum();
    if total <= 0.0 {
        return 0.0;
    }
    let (mut own, mut common, mut peers) = (0.0, 0.0, 0.0);
    for (platform, part) in plan.platforms.iter().zip(parts) {
        let share = part / total;
        let weight = share * platform.size.sigma;
        if platform.class_size {
            common += weight;
        } else {
            own += weight * weight;
        }
        peers += if platform.peers { share * PEER_LOG_SIGMA } else { 0.0 };
    }
    libm::sqrt(own + common * common + peers * peers)
}

/// Log-scale spread of the peak by uncertain platform shares: the variance of a weighted sum of Dirichlet shares.
fn platform_spread(plan: &Plan, median: &World, engine: &Engine, bin: usize) -> f64 {
    let (mut mean, mut square) = (0.0, 0.0);
    for (part, weight) in at_bin(plan, engine, bin).into_iter().zip(&median.shares) {
        if *weight > 0.0 {
            mean += part;
            square += part * part / weight;
        }
    }
    let variance = (square - mean * mean).max(0.0) / (plan.platform_strength + 1.0);
    if mean > 0.0 { libm::sqrt(variance) / mean } else { 0.0 }
}

/// Relative spread by random starts at the peak, if few downloads run; else 0. Of the audience before it was
/// multiplied: so a factor changes no draw but by itself.
pub(crate) fn cv(plan: &Plan, median: &World, engine: &Engine, bin: usize) -> f64 {
    let (mut mean, mut variance, mut running) = (0.0, 0.0, 0.0);
    let factor = plan.audience_factor;
    let audience = if factor > 0.0 { median.audience / factor } else { 0.0 };
    for (p, platform) in plan.platforms.iter().enumerate() {
        let starts = engine.starts(platform.automatic);
        for (weight, bps) in rates(plan, median, p) {
            let bins = duration_s(median.bytes[p], bps) / plan.clock.grid().step();
            let n = audience * median.shares[p] * weight * running_share(starts, bin, bins);
            running += n;
            mean += n * bps;
            variance += n * bps * bps;
        }
    }
    let few = running > 0.0 && running < priors::SHOT_NOISE_BELOW && mean > 0.0;
    if few { libm::sqrt(variance) / mean } else { 0.0 }
}
