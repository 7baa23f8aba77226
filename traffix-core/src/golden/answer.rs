//! What this crate answers to a case, in the shape of the case's `expect`: curves and links.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::answer_more as more;
use super::parse::{World, free_bps, read, sample_bins, world};
use crate::forecast::{Curve, bin_of_share, curve, shared_link, shot_noise, start_shares};
use crate::num;

/// Runs a case; the error says why it cannot be run.
pub(super) fn answer(case: &Value, by_id: &BTreeMap<&str, &Value>) -> Result<Value, String> {
    let (input, expect) = (&case["input"], &case["expect"]);
    match case["kind"].as_str().unwrap_or_default() {
        "curve" => curve_case(input, expect),
        "relation" => relation(input),
        "shared_link" => link_case(input, expect),
        "shot_noise" => noise_case(input),
        "paths" => more::paths(input),
        "cdn_split" => more::cdn_split(input),
        "free_capacity" => more::free_capacity(input),
        "audience" => more::audience(input),
        "quantiles" => more::quantiles(input),
        "monte_carlo" => more::monte_carlo(input, by_id),
        "ensemble" => more::ensemble(input),
        "update" => more::update(input),
        "weights" => more::weights(input),
        "nowcast" => more::nowcast(input),
        "scores" => more::scores(input),
        "crps_ensemble" => more::crps_ensemble(input),
        "missing" => more::missing(input),
        other => Err(format!("unknown kind {other:?}")),
    }
}

fn curve_case(input: &Value, expect: &Value) -> Result<Value, String> {
    let world = world(input)?;
    let (grid, extra) = (*world.clock.grid(), curve(&world.clock, &world.cohorts));
    let (peak_bps, peak_bin) = extra.peak();
    let samples: Vec<Value> =
        sample_bins(expect).into_iter().map(|bin| json!({"bin": bin, "bps": extra.bps.get(bin)})).collect();
    let mut got = json!({
        "peak_bps": peak_bps,
        "peak_bin": peak_bin,
        "grid_bytes": extra.grid_bytes(grid.step_s()),
        "in_flight_or_later_bytes": extra.later_bytes,
        "samples": samples,
        "operational_seconds_total": world.clock.edges()[grid.bins()],
    });
    if let Some(map) = got.as_object_mut() {
        about_starts(map, &world, &extra);
        about_long_day(map, &world);
    }
    conserved(&world, &extra)?;
    Ok(got)
}

/// Bytes in and after the grid are the bytes of the cohorts to 1e-9.
fn conserved(world: &World, extra: &Curve) -> Result<(), String> {
    let mass = |c: &crate::forecast::Cohort| {
        c.starts.iter().map(|s| s.mass).sum::<f64>() * c.classes.iter().map(|r| r.weight).sum::<f64>()
    };
    let all: f64 = world.cohorts.iter().map(|c| c.downloads * c.bytes * mass(c)).sum();
    let found = extra.grid_bytes(world.clock.grid().step_s()) + extra.later_bytes;
    if (found - all).abs() <= 1e-9 * all {
        Ok(())
    } else {
        Err(format!("bytes are not conserved: {found} of {all}"))
    }
}

/// Values at the instants the laws of the first cohort name.
fn about_starts(got: &mut Map<String, Value>, world: &World, extra: &Curve) {
    use crate::forecast::Law;
    let Some(cohort) = world.cohorts.first() else { return };
    let shares = start_shares(&world.clock, &cohort.starts);
    let grid = world.clock.grid();
    for start in &cohort.starts {
        match start.law {
            Law::Return { at, .. } => {
                let later = at + chrono::TimeDelta::days(2);
                if let Some(share) = edge_of(grid, later).and_then(|k| shares.get(k)) {
                    got.insert("F_after_2_days".into(), json!(share));
                }
            }
            Law::Preload { unlock, .. } => {
                let Some(k) = edge_of(grid, unlock).filter(|k| *k < shares.len()) else { continue };
                let before = extra.bps[..k].iter().sum::<f64>() * grid.step() / 8.0;
                got.insert("F_at_unlock".into(), json!(shares[k]));
                got.insert("bytes_before_unlock".into(), json!(before));
            }
            _ => {}
        }
    }
}

fn edge_of(grid: &crate::forecast::Grid, at: DateTime<Utc>) -> Option<usize> {
    let seconds = u64::try_from(at.timestamp() - grid.start().timestamp()).ok()?;
    usize::try_from(seconds / u64::from(grid.step_s())).ok()
}

/// Operational length of the first local day of 25 hours inside the grid.
fn about_long_day(got: &mut Map<String, Value>, world: &World) {
    use crate::forecast::local_instant;
    let (grid, tz) = (world.clock.grid(), world.clock.tz());
    let first = grid.start().with_timezone(&tz).date_naive();
    for day in first.iter_days().take(grid.bins()) {
        let Some(next) = day.succ_opt() else { return };
        let midnight = |d: chrono::NaiveDate| local_instant(tz, d.and_time(chrono::NaiveTime::MIN));
        let (from, to) = (midnight(day), midnight(next));
        if to > grid.edge(grid.bins()) {
            return;
        }
        if (to - from).num_hours() == 25 {
            let length = world.clock.at(to) - world.clock.at(from);
            got.insert("operational_seconds_25h_local_day".into(), json!(length));
            return;
        }
    }
}

fn relation(input: &Value) -> Result<Value, String> {
    if input.get("shifted").is_some() {
        return shifted(input);
    }
    let mut world = world(input)?;
    let base = curve(&world.clock, &world.cohorts);
    if let Some(factors) = input["size_factors"].as_array() {
        let bytes: Vec<f64> = world.cohorts.iter().map(|c| c.bytes).collect();
        let mut peaks = Vec::new();
        for factor in factors {
            let factor: f64 = read(factor)?;
            for (cohort, bytes) in world.cohorts.iter_mut().zip(&bytes) {
                cohort.bytes = bytes * factor;
            }
            peaks.push(curve(&world.clock, &world.cohorts).peak().0);
        }
        return Ok(json!({ "peak_bps": peaks }));
    }
    let (peak, bin) = base.peak();
    let running = shot_noise(&world.clock, &world.cohorts, bin).running;
    for cohort in &mut world.cohorts {
        cohort.downloads *= 10.0;
    }
    let scaled = curve(&world.clock, &world.cohorts);
    for cohort in &mut world.cohorts {
        cohort.downloads /= 10.0;
        cohort.classes.iter_mut().for_each(|class| class.bps *= 2.0);
    }
    let fast = curve(&world.clock, &world.cohorts);
    Ok(json!({
        "base_peak_bps": peak,
        "scaled_peak_bps": scaled.peak().0,
        "max_abs_rel_dev_from_10x": largest_deviation(&scaled.bps, &base.bps, 10.0),
        "peak_bps_x1": peak,
        "peak_bps_x2": fast.peak().0,
        "active_at_peak_x1": running,
    }))
}

fn shifted(input: &Value) -> Result<Value, String> {
    let (base, moved) = (world(&input["base"])?, world(&input["shifted"])?);
    let (base, moved) = (curve(&base.clock, &base.cohorts), curve(&moved.clock, &moved.cohorts));
    let (peak_bps, peak_bin) = moved.peak();
    let deviation = largest_deviation(&moved.bps, &base.bps, 1.0);
    Ok(json!({"peak_bps": peak_bps, "peak_bin": peak_bin, "max_rel_dev": deviation}))
}

fn largest_deviation(a: &[f64], b: &[f64], factor: f64) -> f64 {
    a.iter()
        .zip(b)
        .map(|(x, y)| if *y > 0.0 { (x / (y * factor) - 1.0).abs() } else { x.abs() })
        .fold(0.0, f64::max)
}

fn link_case(input: &Value, expect: &Value) -> Result<Value, String> {
    let world = world(input)?;
    let free = free_bps(input, world.clock.grid().bins())?;
    let link = shared_link(&world.clock, &world.cohorts, &free);
    let bytes = |bps: &[f64]| bps.iter().sum::<f64>() * world.clock.grid().step() / 8.0;
    let samples: Vec<Value> = sample_bins(expect)
        .into_iter()
        .map(|bin| {
            json!({
                "bin": bin,
                "delivered_bps": link.delivered_bps.get(bin),
                "unconstrained_bps": link.unconstrained.bps.get(bin),
                "slowdown": link.slowdown.get(bin),
                "per_cohort_bps": link.per_cohort_bps.iter().map(|c| c.get(bin)).collect::<Vec<_>>(),
            })
        })
        .collect();
    Ok(json!({
        "unconstrained_peak_bps": link.unconstrained.peak().0,
        "delivered_peak_bps": link.delivered_peak_bps(),
        "bins_limited": link.limited_bins(),
        "first_limited_bin": link.limited_span().map(|s| s.0),
        "last_limited_bin": link.limited_span().map(|s| s.1),
        "grid_bytes": bytes(&link.delivered_bps),
        "unconstrained_grid_bytes": bytes(&link.unconstrained.bps),
        "min_slowdown": link.min_slowdown(),
        "bin_99pct_delivered": bin_of_share(&link.delivered_bps, 0.99),
        "bin_99pct_unconstrained": bin_of_share(&link.unconstrained.bps, 0.99),
        "samples": samples,
    }))
}

fn noise_case(input: &Value) -> Result<Value, String> {
    let world = world(input)?;
    let (_, bin) = curve(&world.clock, &world.cohorts).peak();
    let noise = shot_noise(&world.clock, &world.cohorts, bin);
    Ok(json!({
        "peak_bin": num::to_isize(bin),
        "mean_bps": noise.mean_bps,
        "sd_bps": noise.sd_bps,
        "cv": noise.cv(),
    }))
}
