//! What this crate answers to a case: paths, audience, quantiles, learning, scores, missing inputs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::parse::{Numbers, read, world};
use crate::forecast::priors::RuKind;
use crate::forecast::{
    LogNormal, PathLimit, REPORTED, Size, curve, draw_log_normal, exceedance, free_capacity as free, fuse,
    joint_sigma, pour, quantile,
};
use crate::learning::{Effects, nowcast as correct, updated_weights};
use crate::score;

pub(super) fn paths(input: &Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    struct Path {
        cap_bps: f64,
        max_share: Option<f64>,
    }
    let paths: Vec<Path> = read(&input["paths"])?;
    let limits: Vec<PathLimit> = paths
        .iter()
        .map(|p| PathLimit { free_bps: p.cap_bps, max_share: p.max_share.unwrap_or(1.0) })
        .collect();
    let demands: Vec<f64> = read(&input["cdn_bps"])?;
    let rows: Vec<Value> = demands
        .iter()
        .map(|&bps| {
            let poured = pour(bps, &limits);
            json!({"cdn_bps": bps, "path_bps": poured.path_bps, "unserved_bps": poured.unserved_bps})
        })
        .collect();
    Ok(json!({ "rows": rows }))
}

pub(super) fn cdn_split(input: &Value) -> Result<Value, String> {
    let platform_bps: Numbers = read(&input["platform_bps"])?;
    let shares: BTreeMap<String, Numbers> = read(&input["cdn_share"])?;
    let split = crate::forecast::cdn_split(&platform_bps, &shares);
    Ok(json!({"cdn_bps": split, "total_bps": split.values().sum::<f64>()}))
}

pub(super) fn free_capacity(input: &Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    struct Row {
        capacity_bps: f64,
        headroom: f64,
        baseline_bps: f64,
    }
    let rows: Vec<Row> = read(&input["rows"])?;
    let free: Vec<f64> = rows.iter().map(|r| free(r.capacity_bps, r.headroom, r.baseline_bps)).collect();
    Ok(json!({ "free_bps": free }))
}

pub(super) fn audience(input: &Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    struct Estimate {
        median: f64,
        sigma: f64,
    }
    let estimates: Vec<Estimate> = read(&input["estimates"])?;
    let estimates: Vec<LogNormal> = estimates.iter().map(|e| LogNormal::new(e.median, e.sigma)).collect();
    let joint = fuse(&estimates, read(&input["floor_sigma"])?).ok_or("no estimates")?;
    Ok(spread(&joint, "median"))
}

fn spread(x: &LogNormal, median_name: &str) -> Value {
    json!({median_name: x.median, "sigma": x.sigma, "p10": x.quantile(0.1), "p90": x.quantile(0.9)})
}

fn named(values: impl IntoIterator<Item = f64>) -> Map<String, Value> {
    ["p10", "p50", "p90", "p99"]
        .iter()
        .map(|n| (*n).to_owned())
        .zip(values.into_iter().map(Value::from))
        .collect()
}

pub(super) fn quantiles(input: &Value) -> Result<Value, String> {
    let sigma = match input.get("sigma_parts") {
        Some(parts) => joint_sigma(read::<Numbers>(parts)?.into_values()),
        None => read(&input["sigma_log"])?,
    };
    let extra = LogNormal::new(read(&input["p50_bps"])?, sigma);
    let baseline: f64 = read(&input["baseline_at_peak_bps"])?;
    let capacities: Vec<f64> = read(&input["capacities_bps"])?;
    let exceed: Vec<Value> = capacities
        .iter()
        .map(|&c| json!({"capacity_bps": c, "probability": extra.chance_above(c - baseline)}))
        .collect();
    Ok(json!({
        "sigma_log": sigma,
        "quantiles": named(REPORTED.iter().map(|&p| extra.quantile(p))),
        "exceed": exceed,
    }))
}

/// A curve whose audience is drawn: every draw scales the curve of one download.
pub(super) fn monte_carlo(input: &Value, by_id: &BTreeMap<&str, &Value>) -> Result<Value, String> {
    let base = input["base"].as_str().unwrap_or_default();
    let mut world = world(&by_id.get(base).ok_or_else(|| format!("no case {base:?}"))?["input"])?;
    let audience = LogNormal::new(read(&input["audience_median"])?, read(&input["audience_sigma_log"])?);
    let (mut peaks, mut bytes, mut bins) = (Vec::new(), Vec::new(), Vec::new());
    for downloads in draw_log_normal(&audience, (base, "audience"), 1, 512) {
        world.cohorts.iter_mut().for_each(|c| c.downloads = downloads);
        let extra = curve(&world.clock, &world.cohorts);
        peaks.push(extra.peak().0);
        bins.push(extra.peak().1);
        bytes.push(extra.grid_bytes(world.clock.grid().step_s()));
    }
    bins.dedup();
    if bins.len() != 1 {
        return Err("the peak moves although only the audience is drawn".into());
    }
    let mut got = Map::new();
    for (name, p) in ["peak_p10_bps", "peak_p50_bps", "peak_p90_bps", "peak_p99_bps"].iter().zip(REPORTED) {
        got.insert((*name).to_owned(), quantile(&peaks, p).into());
    }
    got.insert("bytes_p50".into(), quantile(&bytes, 0.5).into());
    got.insert("exceed_40gbps".into(), exceedance(&peaks, 40e9).into());
    Ok(got.into())
}

pub(super) fn ensemble(input: &Value) -> Result<Value, String> {
    let draws: Vec<f64> = read(&input["draws"])?;
    let thresholds: Vec<f64> = read(&input["thresholds"])?;
    let mut got = named(REPORTED.iter().map(|&p| quantile(&draws, p)));
    got.insert("exceed".into(), thresholds.iter().map(|&t| exceedance(&draws, t)).collect());
    Ok(got.into())
}

pub(super) fn update(input: &Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    struct Event {
        observed_bps: f64,
        predicted_bps: f64,
        design: Vec<f64>,
    }
    let events: Vec<Event> = read(&input["events"])?;
    let residual: f64 = read(&input["residual_sd"])?;
    let mut effects = Effects::new(&read::<Vec<f64>>(&input["prior_sd"])?);
    let mut steps = Vec::new();
    for event in &events {
        let before = effects.correction(&event.design, residual);
        effects.learn(&event.design, libm::log(event.observed_bps / event.predicted_bps), residual);
        steps.push(json!({
            "prior_mean_of_log_ratio": before.log_correction,
            "prior_sd_of_log_ratio": before.sigma_log,
            "posterior_mean": effects.mean(),
            "posterior_sd": effects.sd(),
        }));
    }
    let design: Vec<f64> = read(&input["next_design"])?;
    let next = effects.correction(&design, residual);
    let next = json!({
        "design": design,
        "log_correction": next.log_correction,
        "factor": next.factor,
        "sigma_log": next.sigma_log,
    });
    Ok(json!({"steps": steps, "next": next}))
}

pub(super) fn weights(input: &Value) -> Result<Value, String> {
    let strengths = (read(&input["prior_strength"])?, read(&input["event_strength"])?);
    let prior: Numbers = read(&input["prior"])?;
    let measured: Numbers = read(&input["measured_bytes"])?;
    let after = updated_weights(&prior, strengths, &measured, &read(&input["bytes_each"])?);
    Ok(json!({"downloads": after.downloads, "posterior": after.posterior}))
}

pub(super) fn nowcast(input: &Value) -> Result<Value, String> {
    let got = correct(
        read(&input["prior_sigma_log"])?,
        read(&input["measured_over_predicted"])?,
        read(&input["predicted_share_elapsed"])?,
    );
    Ok(json!({
        "observation_sd": got.observation_sd,
        "gain": got.gain,
        "factor": got.factor,
        "sigma_log": got.sigma_log,
    }))
}

pub(super) fn scores(input: &Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    struct Scored {
        p50_bps: f64,
        sigma_log: f64,
        observed_bps: f64,
    }
    let scored: Vec<Scored> = read(&input["forecasts"])?;
    let pairs: Vec<(LogNormal, f64)> =
        scored.iter().map(|s| (LogNormal::new(s.p50_bps, s.sigma_log), s.observed_bps)).collect();
    let crps: Vec<f64> = pairs.iter().map(|(f, o)| score::crps_log(f, *o)).collect();
    let rows: Vec<Value> = pairs
        .iter()
        .zip(&crps)
        .map(|((f, o), crps)| {
            json!({
                "crps_log": crps,
                "pinball_log": named(REPORTED.iter().map(|&p| score::pinball_of(f, *o, p))),
                "in_80": score::in_80(f, *o),
                "factor_error": score::factor_error(f.median, *o),
            })
        })
        .collect();
    let medians: Vec<(f64, f64)> = pairs.iter().map(|(f, o)| (f.median, *o)).collect();
    Ok(json!({
        "rows": rows,
        "coverage_80": score::coverage_80(&pairs),
        "mean_crps_log": score::mean(&crps),
        "skill": score::skill(&crps, &read::<Vec<f64>>(&input["baseline_crps_log"])?),
        "median_factor_error": score::median_factor_error(&medians),
    }))
}

pub(super) fn crps_ensemble(input: &Value) -> Result<Value, String> {
    let draws: Vec<f64> = read(&input["draws"])?;
    Ok(json!({"crps": score::crps_ensemble(&draws, read(&input["observed"])?)}))
}

pub(super) fn missing(input: &Value) -> Result<Value, String> {
    let kind = match input["ru_kind"].as_str().unwrap_or_default() {
        "game_update" | "update" => RuKind::Update,
        "game_release" | "release" => RuKind::Release,
        other => return Err(format!("unknown ru_kind {other:?}")),
    };
    let size = Size { bytes: input["bytes"].as_f64(), disk_bytes: input["disk_bytes"].as_f64(), sigma: None };
    Ok(spread(&size.estimate(kind), "median_bytes"))
}
