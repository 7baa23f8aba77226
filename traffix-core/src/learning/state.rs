//! All that an operator keeps of measured events.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::effects::Effects;
use super::shape::Shape;
use super::words;
use crate::forecast::engine_parts::byte_shares;
use crate::forecast::{AppliedCorrection, Corrections, ForecastInput, RuKind};
use crate::num;

/// What repeated events on one network differ by for no known reason, log scale. Measured on press-reported
/// peaks 2018-2024, 2026-11.
pub const RESIDUAL_SD: f64 = 0.25;
/// Log-scale spread of a peak measured by flow records of one's own. Assumed (2026-11).
pub const SD_FLOWS: f64 = 0.1;
/// Log-scale spread of a peak read from a press report. Assumed (2026-11).
pub const SD_PRESS: f64 = 0.2;
/// Effects kept at most; what appears beyond them is not learned.
pub const MAX_EFFECTS: usize = 200;

/// Variance by which the common effect becomes less sure in a year: the back-test's events grow by 14 % a year.
const DRIFT_PER_YEAR: f64 = 0.15 * 0.15;
const YEAR_S: f64 = 365.25 * 86_400.0;

/// Effects, platform weights and start laws learned on one network.
///
/// Begin with [`Learned::default`], [`observe`](Self::observe) events in order of time, store it as JSON, and hand
/// [`corrections`](Self::corrections) to [`forecast_with`](crate::forecast::forecast_with). It may also hold events
/// of several networks, which then share everything but the effect of the network.
///
/// # Example
///
/// ```
/// use traffix_core::forecast::{ForecastInput, forecast, forecast_with};
/// use traffix_core::learning::{Learned, Measured, SD_FLOWS};
///
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "franchise": "f", "release_at": "2026-03-05T10:00:00Z",
///            "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6},
///     "options": {"draws": 64, "horizon_s": 172800}
/// }"#).unwrap();
/// let before = forecast(&input).unwrap();
/// let mut learned = Learned::default();
/// let p50 = before.peak.bps.p50;
/// learned.observe(&Measured::of(&input, p50, 1.5 * p50, SD_FLOWS).unwrap());
///
/// let after = forecast_with(&input, Some(&learned.corrections(&input))).unwrap();
/// assert!(after.peak.bps.p50 > p50);
/// println!("{}", after.corrections[0].detail);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Learned {
    effects: Effects,
    seen: Vec<Seen>,
    last_at: Option<DateTime<Utc>>,
    pub(super) platforms: BTreeMap<String, f64>,
    pub(super) platform_strength: f64,
    pub(super) shape: Shape,
}

/// Name of an effect, and in how many events it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seen {
    name: String,
    events: u32,
}

/// A measured event beside what priors alone had predicted for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The effects that bear on it, by name, and how much: 1, or the share of a platform.
    pub design: BTreeMap<String, f64>,
    /// When it began.
    pub at: DateTime<Utc>,
    /// `log(observed / predicted)`; predicted is the P50 from priors alone, without corrections.
    pub log_ratio: f64,
    /// Log-scale spread of the measurement, such as [`SD_FLOWS`] or [`SD_PRESS`].
    pub sd: f64,
    /// True if a link or the CDN was full: the true demand is at least what was observed.
    pub at_least: bool,
}

impl Measured {
    /// An event from the question that was asked, its P50 from priors alone, and what was observed (both of the
    /// same quantity: peak bit/s, or bytes). `None` unless both are positive and finite.
    pub fn of(input: &ForecastInput, predicted: f64, observed: f64, sd: f64) -> Option<Self> {
        let log_ratio = libm::log(observed / predicted);
        let usable = predicted > 0.0 && observed > 0.0 && log_ratio.is_finite();
        let at = crate::forecast::engine_parts::Plan::span(input).0;
        usable.then(|| Self { design: design(input), at, log_ratio, sd, at_least: false })
    }

    /// The same as evidence about another instant, before or after: the time between makes it less sure.
    #[must_use]
    pub fn seen_from(&self, at: DateTime<Utc>) -> Self {
        let drift = libm::sqrt(DRIFT_PER_YEAR * years((at - self.at).abs()));
        Self { at, sd: libm::hypot(self.sd, drift), ..self.clone() }
    }

    /// The same as a lower bound: something was full while it was measured.
    #[must_use]
    pub fn at_least(self) -> Self {
        Self { at_least: true, ..self }
    }
}

/// Why a stored state is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the learned state is damaged: {0}; begin again from the default and observe the events anew")]
pub struct LearnedError(&'static str);

impl Learned {
    /// Learns from one event. Events in order of time; one that began before the last is taken as of the last.
    ///
    /// A measurement that is not finite teaches nothing.
    pub fn observe(&mut self, event: &Measured) {
        if !event.log_ratio.is_finite() || !event.sd.is_finite() {
            return;
        }
        self.advance(event.at);
        for name in event.design.keys() {
            self.know(name);
        }
        let row = self.row(&event.design);
        let sd = libm::hypot(RESIDUAL_SD, event.sd);
        if event.at_least {
            self.effects.learn_at_least(&row, event.log_ratio, sd);
        } else {
            self.effects.learn(&row, event.log_ratio, sd);
        }
        for (seen, h) in self.seen.iter_mut().zip(row) {
            seen.events = seen.events.saturating_add(u32::from(h != 0.0));
        }
    }

    /// The start laws as learned so far.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The start laws, to learn them from a measured curve.
    pub const fn shape_mut(&mut self) -> &mut Shape {
        &mut self.shape
    }

    /// What this means for a question.
    pub fn corrections(&self, input: &ForecastInput) -> Corrections {
        let mut then = self.clone();
        then.advance(crate::forecast::engine_parts::Plan::span(input).0);
        let design = design(input);
        let row = then.row(&design);
        let now = then.effects.correction(&row, 0.0);
        let before: f64 = then.seen.iter().zip(&row).map(|(s, h)| (h * prior_sd(&s.name)).powi(2)).sum();
        let left = now.sigma_log * now.sigma_log;
        let structure = self.structure(input);
        let mut applied = then.explain(&row);
        if let Some((mix, _)) = &structure.platforms {
            let own = mix.iter().filter(|(id, _)| input.ru.items.iter().any(|item| item.platform == **id));
            applied.extend(words::platforms(own));
        }
        if structure.laws.is_some() {
            applied.push(words::starts(&self.shape));
        }
        Corrections {
            factor: now.factor,
            variance_removed: (before - left).max(0.0),
            sigma_floor: libm::hypot(now.sigma_log, RESIDUAL_SD),
            applied,
            ..structure
        }
    }

    /// Names of the effects with their mean and standard deviation on the log scale.
    pub fn effects(&self) -> impl Iterator<Item = (&str, f64, f64)> {
        let sd = self.effects.sd();
        self.seen.iter().zip(self.effects.mean()).zip(sd).map(|((s, m), sd)| (s.name.as_str(), *m, sd))
    }

    /// Everything in words: effects as they bear on a forecast in full, platforms, start laws.
    ///
    /// ```
    /// use traffix_core::learning::Learned;
    /// assert!(Learned::default().told().is_empty());
    /// ```
    pub fn told(&self) -> Vec<AppliedCorrection> {
        let mut told = self.explain(&vec![1.0; self.seen.len()]);
        told.extend(words::platforms(self.platforms.iter()));
        told.extend((self.shape.events > 0).then(|| words::starts(&self.shape)));
        told
    }

    fn explain(&self, row: &[f64]) -> Vec<AppliedCorrection> {
        let parts = self.seen.iter().zip(row).zip(self.effects.mean()).zip(self.effects.sd());
        let told = parts.filter(|(((seen, h), _), _)| **h != 0.0 && seen.events > 0);
        told.map(|(((seen, h), mean), sd)| AppliedCorrection {
            effect: seen.name.clone(),
            factor: libm::exp(h * mean),
            detail: words::detail(&seen.name, seen.events, (*h, *mean, sd)),
        })
        .collect()
    }

    fn advance(&mut self, to: DateTime<Utc>) {
        let Some(last) = self.last_at else {
            self.last_at = Some(to);
            return;
        };
        let years = years((to - last).max(TimeDelta::zero()));
        if let Some(all) = self.seen.iter().position(|s| s.name == ALL) {
            // What is forgotten is at most as unknown as it was at first.
            let known = prior_sd(ALL).powi(2) - self.effects.sd()[all].powi(2);
            self.effects.drift(all, (DRIFT_PER_YEAR * years).min(known.max(0.0)));
        }
        self.last_at = Some(last.max(to));
    }

    fn know(&mut self, name: &str) {
        let known = self.seen.iter().any(|s| s.name == name);
        if !known && self.seen.len() < MAX_EFFECTS {
            self.seen.push(Seen { name: name.to_owned(), events: 0 });
            self.effects.add(prior_sd(name));
        }
    }

    fn row(&self, design: &BTreeMap<String, f64>) -> Vec<f64> {
        self.seen.iter().map(|s| design.get(&s.name).copied().unwrap_or(0.0)).collect()
    }
}

fn years(time: TimeDelta) -> f64 {
    num::of_i64(time.num_seconds()) / YEAR_S
}

/// The effect that every event has.
const ALL: &str = "all";

/// Prior standard deviation of an effect, log scale. Assumed (2026-11).
fn prior_sd(name: &str) -> f64 {
    match name.split_once(':') {
        None => 0.3,
        Some(("network", _)) => 0.25,
        Some(_) => 0.2,
    }
}

/// Which effects bear on a question, and how much.
fn design(input: &ForecastInput) -> BTreeMap<String, f64> {
    let franchise = input.ru.franchise.iter().map(|f| (format!("franchise:{f}"), 1.0));
    let platforms = byte_shares(input).into_iter().map(|(p, share)| (format!("platform:{p}"), share));
    let fixed = [
        (ALL.to_owned(), 1.0),
        (format!("network:{}", input.network.id), 1.0),
        (format!("kind:{}", kind_name(input.ru.kind)), 1.0),
    ];
    let mut design: BTreeMap<String, f64> = BTreeMap::new();
    for (name, h) in fixed.into_iter().chain(franchise).chain(platforms) {
        *design.entry(name).or_default() += h;
    }
    design
}

/// The name of a kind, as in JSON.
const fn kind_name(kind: RuKind) -> &'static str {
    match kind {
        RuKind::Release => "release",
        RuKind::Update => "update",
        RuKind::PhoneOs => "phone-os",
        RuKind::WindowsPatch => "windows-patch",
        RuKind::WindowsFeature => "windows-feature",
        RuKind::App => "app",
        RuKind::Media => "media",
    }
}

/// How a state is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    effects: Vec<Seen>,
    mean: Vec<f64>,
    covariance: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    platforms: BTreeMap<String, f64>,
    #[serde(default)]
    platform_strength: f64,
    #[serde(default)]
    shape: Shape,
}

impl From<Learned> for Stored {
    fn from(state: Learned) -> Self {
        Self {
            mean: state.effects.mean().to_vec(),
            covariance: state.effects.covariance().to_vec(),
            effects: state.seen,
            last_at: state.last_at,
            platforms: state.platforms,
            platform_strength: state.platform_strength,
            shape: state.shape,
        }
    }
}

impl TryFrom<Stored> for Learned {
    type Error = LearnedError;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        if stored.effects.len() != stored.mean.len() || stored.effects.len() > MAX_EFFECTS {
            return Err(LearnedError("effects, mean and covariance must be of one length, at most 200"));
        }
        let effects = Effects::from_parts(stored.mean, stored.covariance)
            .ok_or(LearnedError("mean and covariance must be finite, the latter square and symmetric"))?;
        let share = |x: &f64| (0.0..=1.0).contains(x);
        let sum: f64 = stored.platforms.values().sum();
        let fits = stored.platforms.values().all(share) && (sum - 1.0).abs() < 1e-6;
        if !(stored.platforms.is_empty() || fits) || !(0.0..=1e6).contains(&stored.platform_strength) {
            return Err(LearnedError("shares of platforms must sum to 1, with a strength of 0 to a million"));
        }
        if !stored.shape.is_valid() {
            return Err(LearnedError("masses and scales of the start laws must be positive"));
        }
        Ok(Self {
            effects,
            seen: stored.effects,
            last_at: stored.last_at,
            platforms: stored.platforms,
            platform_strength: stored.platform_strength,
            shape: stored.shape,
        })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
