//! One possible world: a value for every uncertain parameter.

use super::audience::LogNormal;
use super::draws::Draws;
use super::plan::Plan;
use super::pouring::Paths;
use super::priors::{self, RuKind};
use crate::num;

/// Everything that differs between draws.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) audience: f64,
    /// Share of the downloads by platform.
    pub(crate) shares: Vec<f64>,
    /// Bytes over the interconnect by platform.
    pub(crate) bytes: Vec<f64>,
    /// Masses of preload, automatic, rush and return starts; they sum to 1.
    pub(crate) masses: [f64; 4],
    pub(crate) automatic_s: f64,
    pub(crate) nightly: f64,
    pub(crate) rush_s: f64,
    pub(crate) eta_s: f64,
    pub(crate) k: f64,
    pub(crate) preload_s: f64,
    /// Multiplies every line rate.
    pub(crate) rate: f64,
    /// Multiplies the whole curve.
    pub(crate) residual: f64,
    pub(crate) schedule: usize,
    /// Shares by platform and CDN, flat.
    pub(crate) cdn_shares: Vec<f64>,
    pub(crate) overflow: f64,
    pub(crate) cache_share: f64,
    /// Multiplies the baseline.
    pub(crate) baseline: f64,
}

impl World {
    /// Every parameter at its median or mean.
    pub(crate) fn median(plan: &Plan) -> Self {
        let mean = |(a, b): (f64, f64)| a / (a + b);
        let preload = if plan.has_preload() { priors::PRELOAD_MASS.0 } else { 0.0 };
        Self {
            audience: plan.audience.median,
            shares: plan.weights(),
            bytes: plan
                .platforms
                .iter()
                .map(|p| p.size.median * if p.peers { MEDIAN_KEPT } else { 1.0 })
                .collect(),
            masses: masses(preload, mean_masses(plan.kind, &plan.laws.masses)),
            automatic_s: automatic(plan.kind).median,
            nightly: mean(priors::NIGHTLY_SHARE),
            rush_s: plan.laws.rush.median,
            eta_s: plan.laws.eta.median,
            k: plan.laws.k.median,
            preload_s: priors::PRELOAD_S.median,
            rate: priors::DEVICE_FACTOR.median,
            residual: 1.0,
            schedule: plan.schedules.len() / 2,
            cdn_shares: plan.routes.mean_shares().to_vec(),
            overflow: mean(priors::OVERFLOW_SHARE),
            cache_share: mean(priors::CACHE_SHARE),
            baseline: 1.0,
        }
    }
}

impl World {
    /// What this world says about paths.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths {
            shares: &self.cdn_shares,
            overflow: self.overflow,
            cache_share: self.cache_share,
            baseline: self.baseline,
        }
    }
}

/// Exponent and scale of the return law of a kind.
pub(crate) const fn return_law(kind: RuKind) -> (LogNormal, LogNormal) {
    match kind {
        RuKind::Release | RuKind::Update => priors::RETURN_GAME,
        RuKind::App => priors::RETURN_APP,
        RuKind::PhoneOs => priors::RETURN_PHONE_OS,
        RuKind::WindowsPatch => priors::RETURN_WINDOWS_PATCH,
        RuKind::WindowsFeature => priors::RETURN_WINDOWS_FEATURE,
        RuKind::Media => priors::RETURN_MEDIA,
    }
}

/// Window of the automatic starts of a kind.
pub(crate) const fn automatic(kind: RuKind) -> LogNormal {
    match kind {
        RuKind::Media => LogNormal::new(priors::PREMIERE_S, 0.0),
        _ => priors::AUTOMATIC_S,
    }
}

/// Mean automatic and rush masses (the rest returns) before any preload.
pub(crate) fn mean_masses(kind: RuKind, game: &[f64; 3]) -> [f64; 2] {
    let [a, b, c] = *game;
    match kind {
        RuKind::Release | RuKind::Update => [a / (a + b + c), b / (a + b + c)],
        RuKind::Media => [priors::PREMIERE_MASS.0, 0.0],
        _ => [0.0, 0.0],
    }
}

/// Masses of preload, automatic, rush and return.
///
/// Those who preload would else have come back to the title later: the preload is taken from the return mass
/// first, and from the others only beyond it.
pub(crate) fn masses(preload: f64, [automatic, rush]: [f64; 2]) -> [f64; 4] {
    let back = 1.0 - automatic - rush - preload;
    if back >= 0.0 {
        return [preload, automatic, rush, back];
    }
    let scale = (1.0 - preload) / (automatic + rush);
    [preload, scale * automatic, scale * rush, 0.0]
}

/// Median of the share of bytes that does not come from peers: 0.5^(1/19).
const MEDIAN_KEPT: f64 = 0.964_176_6;

/// `m e^(s z) / (1 - m + m e^(s z))`: a share of median `m` at score `z`.
pub(crate) fn logit_normal((median, sigma): (f64, f64), z: f64) -> f64 {
    let odds = median / (1.0 - median) * libm::exp(sigma * z);
    odds / (1.0 + odds)
}

/// All draws of all parameters, by parameter.
pub(crate) struct Sample {
    audience: Vec<f64>,
    shares: Vec<f64>,
    /// Platform by platform, all draws.
    bytes: Vec<f64>,
    masses: Vec<[f64; 4]>,
    automatic_s: Vec<f64>,
    nightly: Vec<f64>,
    rush_s: Vec<f64>,
    eta_s: Vec<f64>,
    k: Vec<f64>,
    preload_s: Vec<f64>,
    rate: Vec<f64>,
    residual: Vec<f64>,
    schedule: Vec<usize>,
    cdn_shares: Vec<f64>,
    overflow: Vec<f64>,
    cache_share: Vec<f64>,
    baseline: Vec<f64>,
    count: usize,
}

impl Sample {
    /// Draws every parameter; `residual_sigma` includes the shot noise of small networks.
    pub(crate) fn new(plan: &Plan, draws: &Draws<'_>, residual_sigma: f64) -> Self {
        let log_normal = |name: &str, x: &LogNormal| -> Vec<f64> {
            draws.normals(name).into_iter().map(|z| x.at(z)).collect()
        };
        let last = plan.schedules.len().saturating_sub(1);
        let pick = |u: f64| num::to_usize(u * num::of_usize(last + 1)).min(last);
        Self {
            audience: log_normal("audience", &plan.audience),
            shares: platform_shares(plan, draws),
            bytes: bytes(plan, draws),
            masses: start_masses(plan, draws),
            automatic_s: log_normal("automatic", &automatic(plan.kind)),
            nightly: draws.betas("nightly", priors::NIGHTLY_SHARE),
            rush_s: log_normal("rush", &plan.laws.rush),
            eta_s: log_normal("eta", &plan.laws.eta),
            k: log_normal("k", &plan.laws.k),
            preload_s: log_normal("preload-tau", &priors::PRELOAD_S),
            rate: log_normal("rate", &LogNormal::new(priors::DEVICE_FACTOR.median, plan.rate_sigma)),
            residual: log_normal("residual", &LogNormal::new(1.0, residual_sigma)),
            schedule: draws.uniforms("release").into_iter().map(pick).collect(),
            cdn_shares: plan.routes.draw_shares(plan, draws),
            overflow: draws.betas("overflow", priors::OVERFLOW_SHARE),
            cache_share: draws.betas("cache", priors::CACHE_SHARE),
            baseline: log_normal("baseline", &LogNormal::new(1.0, priors::BASELINE_SIGMA)),
            count: draws.count,
        }
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Multiplies the curve of draw `i`.
    pub(crate) fn scale(&mut self, i: usize, factor: f64) {
        self.residual[i] *= factor;
    }

    /// Writes draw `i` into `world`, reusing its memory.
    pub(crate) fn put(&self, i: usize, world: &mut World) {
        let (platforms, cells) = (world.shares.len(), world.cdn_shares.len());
        world.audience = self.audience[i];
        world.shares.copy_from_slice(&self.shares[i * platforms..(i + 1) * platforms]);
        for (p, bytes) in world.bytes.iter_mut().enumerate() {
            *bytes = self.bytes[p * self.count + i];
        }
        world.masses = self.masses[i];
        world.automatic_s = self.automatic_s[i];
        world.nightly = self.nightly[i];
        world.rush_s = self.rush_s[i];
        world.eta_s = self.eta_s[i];
        world.k = self.k[i];
        world.preload_s = self.preload_s[i];
        world.rate = self.rate[i];
        world.residual = self.residual[i];
        world.schedule = self.schedule[i];
        world.cdn_shares.copy_from_slice(&self.cdn_shares[i * cells..(i + 1) * cells]);
        world.overflow = self.overflow[i];
        world.cache_share = self.cache_share[i];
        world.baseline = self.baseline[i];
    }
}

fn platform_shares(plan: &Plan, draws: &Draws<'_>) -> Vec<f64> {
    let names: Vec<String> = plan.platforms.iter().map(|p| format!("weight/{}", p.id)).collect();
    draws.shares(&names, &plan.weights(), plan.platform_strength)
}

/// Bytes over the interconnect: size less what peers deliver.
fn bytes(plan: &Plan, draws: &Draws<'_>) -> Vec<f64> {
    let (_, b) = priors::PEER_SHARE;
    // A beta variable with first parameter 1 has a closed quantile.
    let all_kept: Vec<f64> = draws.uniforms("peer").into_iter().map(|u| libm::pow(u, 1.0 / b)).collect();
    let mut bytes = Vec::with_capacity(plan.platforms.len() * draws.count);
    for platform in &plan.platforms {
        let name = if platform.class_size { "size".to_owned() } else { format!("size/{}", platform.id) };
        let scores = draws.normals(&name);
        let kept = |kept: f64| if platform.peers { kept } else { 1.0 };
        bytes.extend(scores.iter().zip(&all_kept).map(|(z, k)| platform.size.at(*z) * kept(*k)));
    }
    bytes
}

fn start_masses(plan: &Plan, draws: &Draws<'_>) -> Vec<[f64; 4]> {
    let preload: Vec<f64> = if plan.has_preload() {
        draws.normals("preload-mass").into_iter().map(|z| logit_normal(priors::PRELOAD_MASS, z)).collect()
    } else {
        vec![0.0; draws.count]
    };
    let split: Vec<[f64; 2]> = match plan.kind {
        RuKind::Release | RuKind::Update => {
            let names = ["mass/automatic", "mass/rush", "mass/return"].map(String::from);
            let total: f64 = plan.laws.masses.iter().sum();
            let flat = draws.shares(&names, &plan.laws.masses.map(|m| m / total), total);
            flat.chunks_exact(3).map(|row| [row[0], row[1]]).collect()
        }
        RuKind::Media => {
            let scores = draws.normals("mass/premiere").into_iter();
            scores.map(|z| [logit_normal(priors::PREMIERE_MASS, z), 0.0]).collect()
        }
        kind => vec![mean_masses(kind, &plan.laws.masses); draws.count],
    };
    preload.iter().zip(split).map(|(preload, split)| masses(*preload, split)).collect()
}
