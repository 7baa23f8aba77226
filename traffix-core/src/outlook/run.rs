//! The outlook itself.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::clash::{Clash, clashes, quantiles};
use super::input::OutlookInput;
use super::sum::{LinkSums, Member, PathGroups, Sums, sum};
use crate::forecast::engine_parts::{Draws, Plan, Routes, Short, baseline};
use crate::forecast::{
    Activity, AppliedCorrection, Clock, Corrections, Fan, ForecastError, ForecastInput, Grid, GridInfo,
    LogNormal, Missing, Quantiles, RuInput, SigmaBudget, exceedance, priors, quantile,
};
use crate::learning::Learned;
use crate::network::Network;
use crate::{Invalid, num};

/// The coming days on one network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Outlook {
    /// Version of the model and its priors.
    pub model_version: String,
    /// Seed of the draws.
    pub seed: u64,
    /// Time grid of every series below.
    pub grid: GridInfo,
    /// Usual traffic of the network by bin, bit/s, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_bps: Option<Vec<f64>>,
    /// Extra traffic of all RUs.
    pub extra: Fan,
    /// Largest bin of the extra traffic, bit/s.
    pub peak_bps: Quantiles,
    /// By link.
    pub links: BTreeMap<String, LinkOutlook>,
    /// By RU, in order of time.
    pub rus: Vec<RuOutlook>,
    /// RUs whose peaks coincide, the largest first.
    pub clashes: Vec<Clash>,
    /// RUs that do not touch the horizon.
    pub skipped: Vec<Skipped>,
    /// Missing inputs of the network. Those of an RU are with the RU.
    pub missing: Vec<Missing>,
}

/// One link in the coming days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkOutlook {
    /// Capacity, bit/s.
    pub capacity_bps: f64,
    /// Usual plus extra traffic, bit/s.
    pub load: Fan,
    /// Chance of passing shares of the capacity.
    pub thresholds: Vec<ThresholdOutlook>,
    /// When it is most likely to be full (start of the bin), if it ever is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_at: Option<DateTime<Utc>>,
}

/// Chance of passing a share of a link's capacity anywhere in the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ThresholdOutlook {
    /// Share of the capacity.
    pub share: f64,
    /// Share of draws in which usual plus extra traffic passes it in some bin.
    pub probability: f64,
    /// Minutes above it.
    pub minutes_p50: f64,
}

/// One RU in an outlook, by its short form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RuOutlook {
    /// Its id.
    pub ru: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its short form.
    #[serde(flatten)]
    pub short: ShortForecast,
}

/// A forecast in short: a log-normal peak and where its spread comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShortForecast {
    /// Largest bin, bit/s.
    pub peak_bps: Quantiles,
    /// When it falls in the median world (start of the bin).
    pub peak_at: DateTime<Utc>,
    /// Bytes inside the grid in the median world.
    pub bytes_p50: f64,
    /// Where the spread comes from.
    pub sigma_budget: SigmaBudget,
    /// Inputs that were missing.
    pub missing: Vec<Missing>,
    /// Corrections applied from measured events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<AppliedCorrection>,
}

/// An RU that is not in the outlook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Skipped {
    /// Its id.
    pub ru: String,
    /// Why.
    pub reason: String,
}

/// Why no outlook was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutlookError {
    /// The input is wrong: every finding with its place.
    #[error("the input is not valid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Invalid>),
}

/// RUs that began longer ago are left out: what is left of them is part of the usual traffic by then.
const LOOK_BACK: TimeDelta = TimeDelta::days(28);
/// Bins of the coarse grid on which the short form takes its steps.
const COARSE_BINS: usize = 160;

/// The short form of one forecast: the same inputs and priors, no draws, a hundred times as fast.
///
/// The P90 of the peak is within 10 % of that of [`forecast()`](crate::forecast::forecast).
///
/// # Errors
///
/// [`ForecastError::Invalid`] with everything [`ForecastInput::validate`] finds.
///
/// # Example
///
/// ```
/// use traffix_core::{forecast::ForecastInput, outlook::short_forecast};
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
///            "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6}
/// }"#).unwrap();
/// let short = short_forecast(&input).unwrap();
/// assert!(short.peak_bps.p50 < short.peak_bps.p90);
/// ```
pub fn short_forecast(input: &ForecastInput) -> Result<ShortForecast, ForecastError> {
    let findings = input.validate();
    if !findings.is_empty() {
        return Err(ForecastError::Invalid(findings));
    }
    let plan = Plan::new(input);
    let short = Short::new(&plan, Some(&coarse(input, &Corrections::default())));
    Ok(report(&short, plan))
}

/// The question on a coarse grid around the peak.
fn coarse(input: &ForecastInput, corrections: &Corrections) -> Plan {
    let (first, last) = Plan::span(input);
    let length_s = (last - first).num_seconds().max(0) + 2 * 86_400;
    let bins = i64::try_from(COARSE_BINS).unwrap_or(i64::MAX);
    let step_s = u32::try_from(length_s / bins / 300 * 300).unwrap_or(86_400).clamp(900, 86_400);
    let step_s = step_s.min(input.options.horizon_s.max(1)).max(input.options.step_s);
    let length_s = length_s.min(i64::from(input.options.horizon_s));
    let bins = usize::try_from(length_s / i64::from(step_s)).unwrap_or(1).max(1);
    prepared(input, corrections, Grid::new(first, step_s, bins))
}

/// A plan without routes in which what was learned stands for priors.
fn prepared(input: &ForecastInput, corrections: &Corrections, grid: Grid) -> Plan {
    let mut plan = Plan::without_routes(&corrections.ask(input), grid);
    corrections.prepare(&mut plan);
    plan
}

fn report(short: &Short, plan: Plan) -> ShortForecast {
    let grid = plan.clock.grid();
    let [p10, p50, p90, p99] = crate::forecast::REPORTED.map(|q| short.peak.quantile(q).round());
    ShortForecast {
        peak_bps: Quantiles { p10, p50, p90, p99 },
        peak_at: grid.edge(short.bin),
        bytes_p50: (short.total.iter().sum::<f64>() * grid.step() / 8.0).round(),
        sigma_budget: short.budget,
        missing: plan.missing,
        corrections: Vec::new(),
    }
}

/// All RUs of a horizon on one network, jointly drawn.
///
/// # Errors
///
/// [`OutlookError::Invalid`] with everything [`OutlookInput::validate`] finds.
///
/// # Example
///
/// ```
/// use traffix_core::outlook::{OutlookInput, outlook};
/// let input: OutlookInput = serde_json::from_str(r#"{
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6},
///     "rus": [{"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
///              "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}}],
///     "options": {"from": "2026-03-01T00:00:00Z"}
/// }"#).unwrap();
/// let days = outlook(&input).unwrap();
/// assert_eq!(days.rus[0].ru, "x");
/// assert!(days.peak_bps.p90 > 0.0);
/// ```
pub fn outlook(input: &OutlookInput) -> Result<Outlook, OutlookError> {
    outlook_with(input, None)
}

/// The same with what measured events have taught: every RU is corrected as
/// [`forecast_with`](crate::forecast::forecast_with) would, and its `corrections` say so.
///
/// # Errors
///
/// [`OutlookError::Invalid`] with everything [`OutlookInput::validate`] finds.
pub fn outlook_with(input: &OutlookInput, learned: Option<&Learned>) -> Result<Outlook, OutlookError> {
    let findings = input.validate();
    if !findings.is_empty() {
        return Err(OutlookError::Invalid(findings));
    }
    let grid = grid(input);
    let activity = Activity::from_day(&priors::ACTIVITY_DAY, priors::ACTIVITY_WEEKEND);
    let clock = Clock::new(grid, input.network.tz.parse().unwrap_or_default(), &activity);
    let mut missing = Vec::new();
    let items = input.rus.iter().flat_map(|ru| &ru.items);
    let (routes, cdns, group_of) = Routes::of_many(items, &input.network, &clock, &mut missing).merged();
    let paths = PathGroups { cdns, group_of, groups: routes.cdns.len() };
    let (members, mut rus, skipped) = members((input, learned), &grid, &paths);
    let count = usize::try_from(input.options.draws).unwrap_or(1);
    let draws = Draws { seed: input.options.seed, ru_id: &input.network.id, count };
    let usual = LogNormal::new(1.0, priors::BASELINE_SIGMA);
    let usual: Vec<f64> = draws.normals("baseline").into_iter().map(|z| usual.at(z)).collect();
    let sums = sum(&members, &routes, (grid.bins(), &usual), &input.options.thresholds);
    let mut clashes = clashes(&members, &grid);
    for clash in &mut clashes {
        name_link(clash, &grid, &routes, &sums);
    }
    rus.sort_by(|a, b| (a.short.peak_at, &a.ru).cmp(&(b.short.peak_at, &b.ru)));
    let links = routes.links.iter().zip(sums.links);
    Ok(Outlook {
        model_version: priors::MODEL_VERSION.to_owned(),
        seed: input.options.seed,
        grid: GridInfo { start: grid.start(), step_s: grid.step_s(), bins: grid.bins() },
        baseline_bps: baseline(&input.network, &clock),
        extra: sums.extra,
        peak_bps: quantiles(sums.peaks),
        links: links
            .map(|(link, sums)| (link.id.clone(), link_outlook(link.capacity_bps, sums, (&grid, input))))
            .collect(),
        rus,
        clashes,
        skipped,
        missing,
    })
}

fn grid(input: &OutlookInput) -> Grid {
    let step = i64::from(input.options.step_s);
    let start_s = input.options.from.timestamp().div_euclid(step) * step;
    Grid::new(crate::forecast::engine_parts::instant(start_s), input.options.step_s, input.options.bins())
}

/// Members of the sum, their short forms, and who is left out.
fn members(
    (input, learned): (&OutlookInput, Option<&Learned>),
    grid: &Grid,
    paths: &PathGroups,
) -> (Vec<Member>, Vec<RuOutlook>, Vec<Skipped>) {
    let slim = Network { links: Vec::new(), baseline_bps: None, series: None, ..input.network.clone() };
    let (mut members, mut reports, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for ru in &input.rus {
        let single = input.single(ru, &slim);
        let (first, _) = Plan::span(&single);
        let reason = if first >= grid.edge(grid.bins()) {
            "begins after the horizon"
        } else if first < grid.start() - LOOK_BACK {
            "began more than 28 days before"
        } else {
            ""
        };
        if !reason.is_empty() {
            skipped.push(Skipped { ru: ru.id.clone(), reason: reason.to_owned() });
            continue;
        }
        let corrections = learned.map(|learned| learned.corrections(&single)).unwrap_or_default();
        let (member, report) = member((ru, &single), &corrections, (grid, paths), first);
        members.push(member);
        reports.push(report);
    }
    (members, reports, skipped)
}

fn member(
    (ru, single): (&RuInput, &ForecastInput),
    corrections: &Corrections,
    (grid, paths): (&Grid, &PathGroups),
    first: DateTime<Utc>,
) -> (Member, RuOutlook) {
    let step = i64::from(grid.step_s());
    // The RU's own grid begins no later than the RU, on an edge of the outlook's grid.
    let early_s = (grid.start() - first).num_seconds().max(0);
    let early = usize::try_from((early_s + step - 1) / step).unwrap_or(0);
    let start = grid.start() - TimeDelta::seconds(num::to_isize(early).saturating_mul(step));
    let plan = prepared(single, corrections, Grid::new(start, grid.step_s(), early + grid.bins()));
    let mut short = Short::new(&plan, Some(&coarse(single, corrections)));
    short.correct(corrections);
    let middle = short.total.iter().fold(0.0_f64, |a, &b| a.max(b));
    // The curve of the median world, moved to the median of the peak.
    let lift = if middle > 0.0 { short.peak.median / middle } else { 0.0 };
    let curves = short.curves.chunks_exact(early + grid.bins()).flat_map(|c| &c[early..]).copied().collect();
    let count = usize::try_from(single.options.draws).unwrap_or(1);
    let draws = Draws { seed: single.options.seed, ru_id: &ru.id, count };
    let factor = LogNormal::new(lift, short.peak.sigma);
    let factors = draws.normals("short").into_iter().map(|z| factor.at(z)).collect();
    let member = Member::new(&ru.id, curves, factors, (&ru.items, paths));
    let short = ShortForecast { corrections: corrections.applied.clone(), ..report(&short, plan) };
    let report = RuOutlook { ru: ru.id.clone(), title: ru.title.clone(), short };
    (member, report)
}

fn link_outlook(capacity_bps: f64, sums: LinkSums, (grid, input): (&Grid, &OutlookInput)) -> LinkOutlook {
    let threshold = |(share, above): (&f64, &Vec<f64>)| ThresholdOutlook {
        share: *share,
        probability: exceedance(above, 0.0),
        minutes_p50: quantile(above, 0.5) * grid.step() / 60.0,
    };
    let thresholds = input.options.thresholds.iter().zip(&sums.above).map(threshold).collect();
    let (worst, bin) = crate::forecast::engine_parts::peak(&sums.full);
    LinkOutlook { capacity_bps, load: sums.load, thresholds, worst_at: (worst > 0.0).then(|| grid.edge(bin)) }
}

/// Names the link that is fullest when the RUs of a clash peak together.
fn name_link(clash: &mut Clash, grid: &Grid, routes: &Routes, sums: &Sums) {
    let seconds = (clash.at - grid.start()).num_seconds();
    let bin = usize::try_from(seconds / i64::from(grid.step_s())).unwrap_or(0);
    let used = |(link, sums): (&crate::forecast::engine_parts::Route, &LinkSums)| {
        let load = sums.load.p90.get(bin).copied().unwrap_or(0.0);
        (link.capacity_bps > 0.0).then(|| (load / link.capacity_bps, link.id.clone()))
    };
    let fullest = routes.links.iter().zip(&sums.links).filter_map(used).max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((share, id)) = fullest {
        (clash.link, clash.link_utilisation_p90) = (Some(id), Some(share));
    }
}
