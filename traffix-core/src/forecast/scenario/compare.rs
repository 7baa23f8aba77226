//! Scenarios beside the question they change, draw by draw.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::corrections::Corrections;
use super::super::input::ForecastInput;
use super::super::output::{Forecast, LinkForecast, Quantiles};
use super::super::quantile::{exceedance, quantile};
use super::super::run::{ForecastError, observed, quantiles, rounded};
use super::bounds::check_work;
use super::by_draw::{ByDraw, LinkByDraw};
use super::{Scenario, apply, check};
use crate::Invalid;

/// A forecast and the same with changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// Nothing changed.
    pub base: Forecast,
    /// What if, in the order asked.
    pub scenarios: Vec<Compared>,
}

/// One scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// The forecast with the changes.
    pub forecast: Forecast,
    /// What they change.
    pub difference: Difference,
}

/// What a scenario changes: quantiles, over the draws, of the scenario's value less the base's in the same world.
///
/// The P90 of a difference is not the difference of two P90s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// Of the largest bin, bit/s.
    pub peak_bps: Quantiles,
    /// The largest bin over that of the base; absent if some draw of the base has no traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_ratio: Option<Quantiles>,
    /// Share of draws with a lower peak.
    pub peak_lower_probability: f64,
    /// How much later the largest bin falls, s.
    pub peak_later_secs: Quantiles,
    /// Of the extra bytes inside the grid.
    pub bytes: Quantiles,
    /// Of the bytes that arrive later because a link is full, over sixteen draws.
    pub delayed_bytes_p50: f64,
    /// The same, one chance in ten of more.
    pub delayed_bytes_p90: f64,
    /// By link, those added and removed included.
    pub links: BTreeMap<String, LinkDifference>,
}

/// What a scenario changes on one link. Where the link is absent, it carries nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkDifference {
    /// In the base; absent if the scenario adds the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<LinkState>,
    /// In the scenario; absent if it removes the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<LinkState>,
    /// Of the largest bin of extra traffic that would like to use the link, bit/s.
    pub peak_bps: Quantiles,
    /// Of the minutes above the capacity.
    pub minutes: Quantiles,
    /// Share of draws in which only the scenario fills the link.
    pub newly_full_probability: f64,
    /// Share of draws in which only the base fills the link.
    pub relieved_probability: f64,
}

/// How full a link gets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkState {
    /// Capacity, bit/s.
    pub capacity_bps: f64,
    /// Share of draws in which usual plus extra traffic passes it.
    pub full_probability: f64,
    /// Minutes above it.
    pub full_minutes_p50: f64,
    /// Bytes that arrive later because the link is full.
    pub delayed_bytes_p50: f64,
}

/// Forecasts a question and its scenarios in the same worlds, and tells the differences.
///
/// Every scenario is a change of the question, not of the scenario before it. The same draw is the same world in all of
/// them: nothing differs but by the changes, and an empty scenario differs by exactly nothing. Each forecast has the grid
/// that [`forecast_with`](super::super::forecast_with) gives it, which begins with the first instant of its own.
///
/// # Errors
///
/// [`ForecastError::Invalid`] with what is wrong: with the question as [`ForecastInput::validate`] tells it, and with the
/// scenarios under `/scenarios`. All forecasts together may be as much work as one
/// ([`CELLS`](super::super::limits::CELLS)).
///
/// # Example
///
/// ```
/// use traffix_core::forecast::{ForecastInput, scenario::{Scenario, compare}};
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
///            "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6},
///     "options": {"draws": 64, "horizon_s": 172800}
/// }"#).unwrap();
/// let double: Scenario = serde_json::from_str(
///     r#"{"name": "double adoption", "changes": [{"scale_audience": {"by": 2}}]}"#,
/// ).unwrap();
/// let answer = compare(&input, &[double], None).unwrap();
/// assert_eq!(answer.scenarios[0].difference.peak_bps, answer.base.peak.bps);
/// ```
pub fn compare(
    input: &ForecastInput,
    scenarios: &[Scenario],
    corrections: Option<&Corrections>,
) -> Result<Comparison, ForecastError> {
    let asked = questions(input, scenarios).map_err(ForecastError::Invalid)?;
    let (base, before) = observed(input, corrections, |drawn| ByDraw::of(drawn, None))?;
    let mut compared = Vec::new();
    for (scenario, changed) in scenarios.iter().zip(&asked) {
        let (forecast, after) =
            observed(changed, corrections, |drawn| ByDraw::of(drawn, Some(&before.followed)))?;
        let difference = difference((&base, &before), (&forecast, &after));
        compared.push(Compared { name: scenario.name.clone(), forecast, difference });
    }
    Ok(Comparison { base, scenarios: compared })
}

/// The question of every scenario.
fn questions(input: &ForecastInput, scenarios: &[Scenario]) -> Result<Vec<ForecastInput>, Vec<Invalid>> {
    let mut wrong = input.validate();
    wrong.extend(check(scenarios));
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut asked = Vec::new();
    for (i, scenario) in scenarios.iter().enumerate() {
        match apply(input, scenario) {
            Ok(changed) => asked.push(changed),
            Err(found) => wrong.extend(found.into_iter().map(|f| f.under(&format!("/scenarios/{i}")))),
        }
    }
    if wrong.is_empty() {
        let all: Vec<_> = std::iter::once(input).chain(&asked).collect();
        wrong = check_work(&all);
    }
    if wrong.is_empty() { Ok(asked) } else { Err(wrong) }
}

type Side<'a> = (&'a Forecast, &'a ByDraw);

fn difference((base, before): Side<'_>, (forecast, after): Side<'_>) -> Difference {
    let changes = |before: &[f64], after: &[f64]| whole(quantiles(less(before, after)));
    let peaks = || before.peak_bps.iter().zip(&after.peak_bps);
    let ratios = peaks().all(|(b, _)| *b > 0.0).then(|| peaks().map(|(b, a)| a / b).collect());
    let lower: Vec<f64> = peaks().map(|(b, a)| b - a).collect();
    let delayed = less(&before.delayed_bytes, &after.delayed_bytes);
    let ids: BTreeSet<&String> = before.links.keys().chain(after.links.keys()).collect();
    let link = |id: &String| {
        let (was, is) = (before.links.get(id), after.links.get(id));
        let (before, after) = (base.links.get(id).map(state), forecast.links.get(id).map(state));
        (id.clone(), LinkDifference { before, after, ..link_difference(was, is) })
    };
    Difference {
        peak_bps: changes(&before.peak_bps, &after.peak_bps),
        peak_ratio: ratios.map(quantiles),
        peak_lower_probability: exceedance(&lower, 0.0),
        peak_later_secs: changes(&before.peak_at_s, &after.peak_at_s),
        bytes: changes(&before.bytes, &after.bytes),
        delayed_bytes_p50: quantile(&delayed, 0.5).round() + 0.0,
        delayed_bytes_p90: quantile(&delayed, 0.9).round() + 0.0,
        links: ids.into_iter().map(link).collect(),
    }
}

fn link_difference(before: Option<&LinkByDraw>, after: Option<&LinkByDraw>) -> LinkDifference {
    let count = before.or(after).map_or(0, |link| link.minutes.len());
    let nothing = LinkByDraw { peak_bps: vec![0.0; count], minutes: vec![0.0; count] };
    let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
    let only = |one: &[f64], other: &[f64]| -> f64 {
        let alone = one.iter().zip(other).map(|(a, b)| f64::from(u8::from(*a > 0.0 && *b <= 0.0)));
        exceedance(&alone.collect::<Vec<_>>(), 0.0)
    };
    LinkDifference {
        before: None,
        after: None,
        peak_bps: whole(quantiles(less(&before.peak_bps, &after.peak_bps))),
        minutes: quantiles(less(&before.minutes, &after.minutes)),
        newly_full_probability: only(&after.minutes, &before.minutes),
        relieved_probability: only(&before.minutes, &after.minutes),
    }
}

/// Draw by draw, what comes after less what was before.
fn less(before: &[f64], after: &[f64]) -> Vec<f64> {
    before.iter().zip(after).map(|(before, after)| after - before).collect()
}

/// Whole numbers, without a negative zero.
fn whole(quantiles: Quantiles) -> Quantiles {
    let Quantiles { p10, p50, p90, p99 } = rounded(quantiles);
    Quantiles { p10: p10 + 0.0, p50: p50 + 0.0, p90: p90 + 0.0, p99: p99 + 0.0 }
}

fn state(link: &LinkForecast) -> LinkState {
    LinkState {
        capacity_bps: link.capacity_bps,
        full_probability: link.exceed.first().map_or(0.0, |exceed| exceed.probability),
        full_minutes_p50: link.exceed.first().map_or(0.0, |exceed| exceed.minutes_p50),
        delayed_bytes_p50: link.delayed_bytes_p50,
    }
}
