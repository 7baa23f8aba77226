//! Networks that differ from what priors say, and the events they see.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use traffix_core::forecast::{Corrections, ForecastInput, Laws, LogNormal, RuKind, Worlds, curve};
use traffix_core::learning::MeasuredCurve;
use traffix_core::samples::Samples;

use super::chance::Chance;

/// What priors do not know of the audience is a matter of the network and the title, and the same for all their events; the
/// residual is of one event. Both natural-log scale, as the model has them.
const SHARED_SD: f64 = 0.4;
const EVENT_SD: f64 = 0.2;
/// So sure is the truth of itself.
const SURE: f64 = 1e6;
/// Noise of the usual traffic, of its evening peak, and its memory over five minutes.
const NOISE: f64 = 0.02;
const NOISE_AR1: f64 = 0.9;
/// Usual traffic of a line in the evening, bit/s.
const LINE_PEAK_BPS: f64 = 2.9e6;
const LINES: f64 = 1e6;
const STEP_S: u32 = 300;

/// A network with habits of its own.
pub(crate) struct Place {
    id: String,
    effect: f64,
    truth: Corrections,
}

/// An event, and what was measured of it.
pub(crate) struct Seen {
    pub(crate) input: ForecastInput,
    pub(crate) peak_bps: f64,
    pub(crate) peak_at: DateTime<Utc>,
    pub(crate) bytes: f64,
    /// Truth by bin, bit/s.
    pub(crate) total: Vec<f64>,
    pub(crate) platforms: BTreeMap<String, f64>,
    pub(crate) curve: Option<MeasuredCurve>,
}

impl Place {
    pub(crate) fn new(number: u64, chance: &mut Chance) -> Self {
        let prior = Laws::of(RuKind::Update);
        let own =
            |x: LogNormal, chance: &mut Chance| LogNormal::new(chance.log_normal(x.median, x.sigma), 0.01);
        let strength: f64 = prior.masses.iter().sum();
        let masses = chance.dirichlet(&prior.masses.map(|mass| mass / strength), strength);
        let laws = Laws {
            masses: [masses[0], masses[1], masses[2]].map(|share| share.max(1e-3) * SURE),
            rush: own(prior.rush, chance),
            eta: own(prior.eta, chance),
            ..prior
        };
        let id = format!("network-{number}");
        let mix = mix(&id, chance);
        let truth = Corrections { laws: Some(laws), platforms: Some((mix, SURE)), ..Corrections::default() };
        Self { id, effect: SHARED_SD * chance.normal(), truth }
    }

    /// The update of a month.
    pub(crate) fn event(&self, month: usize, chance: &mut Chance) -> Seen {
        let hour = i64::from(chance.whole(9, 20));
        let first: DateTime<Utc> = "2025-01-07T00:00:00Z".parse().expect("a date");
        let days = 28 * i64::try_from(month).expect("few");
        let at = first + TimeDelta::days(days) + TimeDelta::hours(hour);
        let input = question(&self.id, at, chance.log_normal(20e9, 0.5));
        let mut drawn = input.clone();
        drawn.options.seed = chance.word();
        let worlds = Worlds::with(&drawn, &self.truth).expect("valid");
        let usual: f64 = median((0..worlds.len()).map(|draw| downloads(&worlds, draw)));
        let scale = usual * (self.effect + EVENT_SD * chance.normal()).exp() / downloads(&worlds, 0);
        let mut total = Vec::new();
        let mut platforms = BTreeMap::new();
        for mut cohort in worlds.cohorts(0) {
            cohort.downloads *= scale;
            let bps = curve(worlds.clock(), std::slice::from_ref(&cohort)).bps;
            platforms.insert(cohort.id, bps.iter().sum::<f64>() * f64::from(STEP_S) / 8.0);
            total.resize(bps.len(), 0.0);
            total.iter_mut().zip(bps).for_each(|(sum, x)| *sum += x);
        }
        let start = worlds.clock().grid().start();
        let (bin, peak) = total.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).expect("bins");
        let noise_bps = NOISE * LINES * LINE_PEAK_BPS;
        let mut off = 0.0;
        let fresh = (1.0 - NOISE_AR1 * NOISE_AR1).sqrt();
        let noisy = total.iter().map(|bps| {
            off = NOISE_AR1 * off + fresh * chance.normal();
            Some(bps + noise_bps * off)
        });
        let excess = Samples::new(start, STEP_S.try_into().expect("above 0"), noisy.collect::<Vec<_>>());
        Seen {
            peak_bps: peak * (0.05 * chance.normal()).exp(),
            peak_at: start + TimeDelta::seconds(i64::from(STEP_S) * i64::try_from(bin).expect("few")),
            total: total.clone(),
            bytes: total.iter().sum::<f64>() * f64::from(STEP_S) / 8.0,
            platforms,
            curve: MeasuredCurve::told_apart(&excess, at, noise_bps),
            input,
        }
    }
}

fn downloads(worlds: &Worlds, draw: usize) -> f64 {
    worlds.cohorts(draw).iter().map(|cohort| cohort.downloads).sum()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// How the game's players divide over platforms here: a draw of what the model thinks possible.
fn mix(id: &str, chance: &mut Chance) -> BTreeMap<String, f64> {
    let mut input = question(id, "2025-01-07T12:00:00Z".parse().expect("an instant"), 20e9);
    input.options.seed = chance.word();
    let worlds = Worlds::new(&input).expect("valid");
    let all = downloads(&worlds, 0);
    worlds.cohorts(0).into_iter().map(|cohort| (cohort.id, cohort.downloads / all)).collect()
}

fn question(network: &str, at: DateTime<Utc>, bytes: f64) -> ForecastInput {
    let items =
        ["playstation", "xbox", "steam"].map(|platform| json!({"platform": platform, "bytes": bytes}));
    let question = json!({
        "ru": {
            "id": format!("update-{at}"), "franchise": "game", "kind": "update", "release_at": at, "items": items,
            "signals": {"mau": 6e7},
        },
        "network": {
            "id": network, "country": "GB", "tz": "Europe/London", "lines": LINES, "national_lines": 28.5e6,
            "line_rate_bps": {"median": 90e6, "sigma": 0.8},
        },
        "options": {"step_s": STEP_S, "horizon_s": 172_800, "draws": 128, "seed": 1},
    });
    serde_json::from_value(question).expect("a question")
}
