//! The drawn worlds in the public terms of the model: to look at one draw, or to check the fast engine.

use super::clock::Clock;
use super::corrections::Corrections;
use super::curve::{Cohort, RateClass};
use super::draws::Draws;
use super::engine::{Engine, rates};
use super::input::ForecastInput;
use super::law::{Law, Start};
use super::plan::{Automatic, Plan, Schedule};
use super::priors;
use super::run::ForecastError;
use super::short::Short;
use super::world::{Sample, World};
use crate::num;

/// The worlds that [`forecast()`](super::forecast) draws for an input.
///
/// # Example
///
/// ```
/// use traffix_core::forecast::{ForecastInput, Worlds, curve, forecast};
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
///            "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6},
///     "options": {"draws": 32, "horizon_s": 172800}
/// }"#).unwrap();
/// let worlds = Worlds::new(&input).unwrap();
/// let extra = curve(worlds.clock(), &worlds.cohorts(0));
/// assert!(extra.peak().0 > 0.0);
/// ```
pub struct Worlds {
    plan: Plan,
    sample: Sample,
}

impl Worlds {
    /// Draws the worlds of an input.
    ///
    /// # Errors
    ///
    /// [`ForecastError::Invalid`] with everything [`ForecastInput::validate`] finds.
    pub fn new(input: &ForecastInput) -> Result<Self, ForecastError> {
        Self::with(input, &Corrections::default())
    }

    /// The same with platforms and start laws as learned. Their factor and spread change quantiles and no world.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with(input: &ForecastInput, corrections: &Corrections) -> Result<Self, ForecastError> {
        let findings = input.validate();
        if !findings.is_empty() {
            return Err(ForecastError::Invalid(findings));
        }
        let mut plan = Plan::new(&corrections.ask(input));
        corrections.prepare(&mut plan);
        let (sample, _) = draw(&plan, input);
        Ok(Self { plan, sample })
    }

    /// The clock that all worlds share.
    pub const fn clock(&self) -> &Clock {
        &self.plan.clock
    }

    /// Number of worlds.
    pub const fn len(&self) -> usize {
        self.sample.count()
    }

    /// True if there are no worlds.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One cohort per platform of world `draw` (taken modulo the number of worlds).
    pub fn cohorts(&self, draw: usize) -> Vec<Cohort> {
        let mut world = World::median(&self.plan);
        self.sample.put(draw % self.len().max(1), &mut world);
        let schedule = &self.plan.schedules[world.schedule.min(self.plan.schedules.len() - 1)];
        let cohort = |(p, platform): (usize, &super::plan::Platform)| Cohort {
            id: platform.id.clone(),
            downloads: world.audience * world.shares[p] * world.residual,
            bytes: world.bytes[p],
            classes: rates(&self.plan, &world, p).map(|(weight, bps)| RateClass { weight, bps }).collect(),
            starts: starts(schedule, &world, platform.automatic),
        };
        self.plan.platforms.iter().enumerate().map(cohort).collect()
    }

    /// Total traffic of one world by the fast engine, bit/s: what [`forecast()`](super::forecast) takes
    /// quantiles of.
    pub fn total(&self, draw: usize) -> Vec<f64> {
        let mut world = World::median(&self.plan);
        self.sample.put(draw % self.len().max(1), &mut world);
        let mut engine = Engine::new(&self.plan);
        engine.run(&self.plan, &world);
        engine.total
    }
}

/// Draws all parameters of a plan; also its short form, which knows the shot noise of small networks.
pub(super) fn draw(plan: &Plan, input: &ForecastInput) -> (Sample, Short) {
    let short = Short::new(plan, None);
    let count = usize::try_from(input.options.draws).unwrap_or(1);
    let draws = Draws { seed: input.options.seed, ru_id: &plan.ru_id, count };
    let residual = libm::hypot(priors::RESIDUAL_SIGMA, short.budget.cv);
    (Sample::new(plan, &draws, residual), short)
}

fn starts(schedule: &Schedule, world: &World, automatic: Automatic) -> Vec<Start> {
    let [preload, auto, rush, mut back] = world.masses;
    let mut result = Vec::new();
    match &schedule.preload {
        Some(p) => {
            let law = Law::Preload { open: p.open, unlock: p.unlock, tau_s: world.preload_s };
            result.push(Start { mass: preload, law });
        }
        None => back += preload,
    }
    let (h1, h2) = priors::NIGHTLY_HOURS;
    let length = chrono::TimeDelta::milliseconds(num::to_i64(world.automatic_s * 1000.0));
    for wave in &schedule.waves {
        let at = wave.at;
        let mut push = |mass: f64, law: Law| result.push(Start { mass: mass * wave.share, law });
        let soon = if automatic == Automatic::Soon { auto } else { 0.5 * auto };
        push(soon, Law::Uniform { from: at, to: at + length });
        push(auto - soon, Law::Nightly { at, h1, h2, q: world.nightly });
        push(rush, Law::Return { at, eta_s: world.rush_s, k: 1.0 });
        push(back, Law::Return { at, eta_s: world.eta_s, k: world.k });
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{curve, curve::peak};

    /// The engine with shared tables and several classes per pass equals the plain one, in every world.
    #[test]
    fn the_fast_engine_equals_the_plain_curve() {
        let text = r#"{"ru": {"id": "x", "kind": "release", "release_at": "2025-11-07T05:00:00Z",
              "preload_at": "2025-11-05T18:00:00Z",
              "items": [{"platform": "steam", "bytes": 70e9}, {"platform": "xbox", "bytes": 30e3},
                        {"platform": "nintendo", "bytes": 12e12}], "signals": {"mau": 5e7}},
            "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6},
            "options": {"draws": 24, "horizon_s": 600000}}"#;
        let worlds = Worlds::new(&serde_json::from_str(text).unwrap()).unwrap();
        for draw in 0..worlds.len() {
            let (plain, fast) = (curve(worlds.clock(), &worlds.cohorts(draw)).bps, worlds.total(draw));
            let top = peak(&plain).0;
            for (k, (a, b)) in plain.iter().zip(&fast).enumerate() {
                // Instants of the public laws are whole seconds; the window of automatic updates is not.
                assert!((a - b).abs() < 2e-4 * top, "draw {draw} bin {k}: {a} {b}");
            }
            let (sum, fast_sum) = (plain.iter().sum::<f64>(), fast.iter().sum::<f64>());
            assert!((sum / fast_sum - 1.0).abs() < 1e-4);
        }
    }
}
