//! Reads the inputs of cases: grids, clocks, cohorts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::forecast::{Activity, Clock, Cohort, Grid, Law, RateClass, Start};

/// Largest grid a case may ask for: ten years of five-minute bins.
const MAX_BINS: usize = 1_100_000;

#[derive(Deserialize)]
struct GridDoc {
    start: DateTime<Utc>,
    step_s: u32,
    bins: usize,
}

#[derive(Deserialize)]
struct CurveDoc {
    tz: String,
    day24: Option<[f64; 24]>,
    weekend_factor: Option<f64>,
    grid: GridDoc,
    cohorts: Vec<CohortDoc>,
}

#[derive(Deserialize)]
struct CohortDoc {
    id: String,
    downloads: f64,
    bytes: f64,
    classes: Vec<ClassDoc>,
    starts: Vec<StartDoc>,
}

#[derive(Deserialize)]
struct ClassDoc {
    weight: f64,
    bps: f64,
}

#[derive(Deserialize)]
struct StartDoc {
    mass: f64,
    law: LawDoc,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum LawDoc {
    Uniform { from: DateTime<Utc>, to: DateTime<Utc> },
    Exp { at: DateTime<Utc>, tau_s: f64 },
    Return { at: DateTime<Utc>, eta_s: f64, k: f64 },
    Preload { open: DateTime<Utc>, unlock: DateTime<Utc>, tau_s: f64 },
    Nightly { at: DateTime<Utc>, h1: u32, h2: u32, q: f64 },
}

/// A clock and the cohorts on it.
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) cohorts: Vec<Cohort>,
}

/// Reads any part of a case, with the reason if it has another shape.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|e| format!("cannot read the input: {e}"))
}

/// Reads the input of a curve.
pub(super) fn world(input: &Value) -> Result<World, String> {
    let doc: CurveDoc = read(input)?;
    let tz = doc.tz.parse().map_err(|_| format!("unknown time zone {:?}", doc.tz))?;
    let activity = match &doc.day24 {
        Some(day) => Activity::from_day(day, doc.weekend_factor.unwrap_or(1.0)),
        None => Activity::Flat,
    };
    if doc.grid.bins == 0 || doc.grid.bins > MAX_BINS || doc.grid.step_s == 0 {
        return Err(format!("a grid needs 1 to {MAX_BINS} bins and a step of at least 1 s"));
    }
    let clock = Clock::new(Grid::new(doc.grid.start, doc.grid.step_s, doc.grid.bins), tz, &activity);
    Ok(World { clock, cohorts: doc.cohorts.into_iter().map(cohort).collect() })
}

fn cohort(doc: CohortDoc) -> Cohort {
    Cohort {
        id: doc.id,
        downloads: doc.downloads,
        bytes: doc.bytes,
        classes: doc.classes.iter().map(|c| RateClass { weight: c.weight, bps: c.bps }).collect(),
        starts: doc.starts.iter().map(|s| Start { mass: s.mass, law: law(&s.law) }).collect(),
    }
}

fn law(doc: &LawDoc) -> Law {
    match *doc {
        LawDoc::Uniform { from, to } => Law::Uniform { from, to },
        LawDoc::Exp { at, tau_s } => Law::Exp { at, tau_s },
        LawDoc::Return { at, eta_s, k } => Law::Return { at, eta_s, k },
        LawDoc::Preload { open, unlock, tau_s } => Law::Preload { open, unlock, tau_s },
        LawDoc::Nightly { at, h1, h2, q } => Law::Nightly { at, h1, h2, q },
    }
}

/// The bins that `expect.samples` asks for.
pub(super) fn sample_bins(expect: &Value) -> Vec<usize> {
    let samples = expect["samples"].as_array().map(Vec::as_slice).unwrap_or_default();
    samples.iter().filter_map(|s| usize::try_from(s["bin"].as_u64()?).ok()).collect()
}

/// Free capacity per bin from the steps of a `link`.
pub(super) fn free_bps(input: &Value, bins: usize) -> Result<Vec<f64>, String> {
    #[derive(Deserialize)]
    struct Step {
        from_bin: usize,
        to_bin: usize,
        bps: f64,
    }
    let steps: Vec<Step> = read(&input["link"]["free_bps"])?;
    let mut free = vec![0.0; bins];
    for step in steps {
        if let Some(range) = free.get_mut(step.from_bin..step.to_bin.min(bins)) {
            range.fill(step.bps);
        }
    }
    Ok(free)
}

/// A map of numbers.
pub(super) type Numbers = BTreeMap<String, f64>;
