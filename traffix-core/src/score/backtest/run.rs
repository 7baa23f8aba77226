//! The run over all events.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::baseline::{Baseline, Case};
use super::event::{Document, Event, Observed};
use super::summary::{Columns, Scored, Scores};
use crate::Invalid;
use crate::forecast::engine_parts::Plan;
use crate::forecast::{
    AppliedCorrection, Corrections, Forecast, ForecastError, InstantQuantiles, LogNormal, Quantiles,
    forecast, priors,
};
use crate::learning::{Learned, Measured};
use crate::score;

/// What a back-test found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the model and its priors.
    pub model_version: String,
    /// The events in order of time.
    pub events: Vec<EventReport>,
    /// Scores over all events.
    pub scores: Scores,
}

/// One event: what would have been said before it, and what was seen. All rates in bit/s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventReport {
    /// Id of the event.
    pub id: String,
    /// Title of the RU, else its id.
    pub title: String,
    /// Id of the network.
    pub network: String,
    /// When the RU began.
    pub at: DateTime<Utc>,
    /// Peak from priors alone.
    pub predicted: Quantiles,
    /// Peak with what earlier events have taught.
    pub learned: Quantiles,
    /// Peak with what all other events have taught, later ones too.
    pub left_out: Quantiles,
    /// What was observed.
    pub observed: Range,
    /// True if that is a lower bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// `exp |log(P50 / observed)|` from priors alone.
    pub factor_error: f64,
    /// The same with what earlier events have taught.
    pub learned_factor_error: f64,
    /// True if the observation lies between P10 and P90 from priors alone.
    pub covered: bool,
    /// Predicted instant of the peak (start of the bin).
    pub peak_at: InstantQuantiles,
    /// Predicted minus observed instant, minutes, where the source gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_at_error_minutes: Option<i64>,
    /// What the baselines say, where they say anything.
    pub baselines: BTreeMap<Baseline, f64>,
    /// What earlier events have taught, in words.
    pub corrections: Vec<AppliedCorrection>,
    /// What else happened.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub confounders: String,
}

/// A range of readings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Lowest.
    pub low: f64,
    /// Likeliest.
    pub mid: f64,
    /// Highest.
    pub high: f64,
}

/// Why no back-test was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BacktestError {
    /// The events are wrong: every finding with its place.
    #[error("the events are not valid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Invalid>),
}

/// Forecasts every event from priors alone, with learning from earlier events, and with learning from all others, and
/// scores them beside the [`Baseline`]s. `seed` is that of the bootstrap.
///
/// # Errors
///
/// [`BacktestError::Invalid`] with everything [`Document::validate`] finds.
///
/// # Example
///
/// ```no_run
/// use traffix_core::score::backtest::{Document, backtest};
/// # let text = "";
/// let events: Document = serde_json::from_str(text)?;
/// let report = backtest(&events, 1)?;
/// println!("n {} CRPS {:.2}", report.scores.n, report.scores.predicted.crps);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn backtest(document: &Document, seed: u64) -> Result<Report, BacktestError> {
    let findings = document.validate();
    if !findings.is_empty() {
        return Err(BacktestError::Invalid(findings));
    }
    let mut events: Vec<&Event> = document.events.iter().collect();
    events.sort_by_cached_key(|e| (Plan::span(&e.input).0, e.id.clone()));
    let invalid = |error: ForecastError| match error {
        ForecastError::Invalid(findings) => BacktestError::Invalid(findings),
    };
    let told: Vec<Told<'_>> =
        events.iter().map(|e| Told::new(e).map_err(invalid)).collect::<Result<_, _>>()?;
    let cases: Vec<Case> = events.iter().map(|e| Case::of(&e.input, e.observed.mid)).collect();
    let baselines: Vec<_> = Baseline::ALL.into_iter().map(|b| (b, b.forecasts(&cases))).collect();
    let reports: Vec<EventReport> = (0..told.len()).map(|i| report(&told, i, &baselines)).collect();
    let scored = |pick: fn(&EventReport) -> Quantiles| {
        reports.iter().map(|r| Scored::of(pick(r), r.observed.mid)).collect()
    };
    let columns = Columns {
        predicted: scored(|r| r.predicted),
        learned: scored(|r| r.learned),
        left_out: scored(|r| r.left_out),
        minutes: reports
            .iter()
            .filter_map(|r| r.peak_at_error_minutes.map(|m| crate::num::of_i64(m.abs())))
            .collect(),
        baselines: baselines
            .iter()
            .map(|(b, all)| {
                let pairs = all.iter().zip(&reports);
                (*b, pairs.map(|(f, r)| f.map(|f| Scored::of_shape(f, r.observed.mid))).collect())
            })
            .collect(),
    };
    let scores = columns.scores(seed);
    Ok(Report { model_version: priors::MODEL_VERSION.to_owned(), events: reports, scores })
}

/// An event with its forecast from priors alone.
struct Told<'a> {
    event: &'a Event,
    at: DateTime<Utc>,
    forecast: Forecast,
    measured: Option<Measured>,
}

impl<'a> Told<'a> {
    fn new(event: &'a Event) -> Result<Self, ForecastError> {
        let forecast = forecast(&event.input)?;
        let Observed { mid, at_least, .. } = event.observed;
        let measured = Measured::of(&event.input, forecast.peak.bps.p50, mid, event.observed.sd());
        let measured = measured.map(|m| if at_least { m.at_least() } else { m });
        Ok(Self { event, at: Plan::span(&event.input).0, forecast, measured })
    }
}

fn report(told: &[Told<'_>], i: usize, baselines: &[(Baseline, Vec<Option<LogNormal>>)]) -> EventReport {
    let Told { event, at, forecast, .. } = &told[i];
    let predicted = forecast.peak.bps;
    // An event that began at the same time is not yet known.
    let earlier = told.iter().filter(|other| other.at < *at).filter_map(|t| t.measured.clone());
    let earlier = taught(event, earlier);
    let learned = earlier.apply(&predicted);
    let others = told.iter().enumerate().filter(|(j, _)| *j != i);
    let others = others.filter_map(|(_, t)| t.measured.as_ref().map(|m| m.seen_from(*at)));
    let Observed { low, mid, high, .. } = event.observed;
    let says = |(b, all): &(Baseline, Vec<Option<LogNormal>>)| all[i].map(|f| (*b, f.median));
    let minutes = |seen: DateTime<Utc>| (forecast.peak.at.p50 - seen).num_minutes();
    EventReport {
        id: event.id.clone(),
        title: event.input.ru.title.clone().unwrap_or_else(|| event.input.ru.id.clone()),
        network: event.input.network.id.clone(),
        at: *at,
        predicted,
        learned,
        left_out: taught(event, others).apply(&predicted),
        observed: Range { low, mid, high },
        at_least: event.observed.at_least,
        factor_error: score::factor_error(predicted.p50, mid),
        learned_factor_error: score::factor_error(learned.p50, mid),
        covered: Scored::of(predicted, mid).covered(),
        peak_at: forecast.peak.at,
        peak_at_error_minutes: event.observed.peak_at.map(minutes),
        baselines: baselines.iter().filter_map(says).collect(),
        corrections: earlier.applied,
        confounders: event.observed.confounders.clone(),
    }
}

/// What events have taught about another one.
fn taught(event: &Event, events: impl Iterator<Item = Measured>) -> Corrections {
    let mut learned = Learned::default();
    events.for_each(|measured| learned.observe(&measured));
    learned.corrections(&event.input)
}
