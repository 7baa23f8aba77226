//! From a spike to its causes: what was seen around it, what was expected, and how they fit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::baseline::Baseline;
use traffix_core::catalogue::{Ru, RuId};
use traffix_core::explanation::{
    Candidate, Excess, ExplainOptions, Explanation, Observed, explain, question,
};
use traffix_core::forecast::{
    Corrections, Forecast, ForecastInput, Options, bytes_by_platform, forecast_with,
};
use traffix_core::learning::Learned;
use traffix_core::network::Network;
use traffix_core::samples::Samples;
use traffix_core::spike::excess;

use crate::planning;

/// What is looked at before a spike: it shows what had been running already.
const BEFORE: TimeDelta = TimeDelta::hours(2);
/// How much of a spike is looked at, and how long after its start a candidate is forecast.
const LONGEST: TimeDelta = TimeDelta::hours(48);
/// What is read before a spike, to know the level of the day.
pub(crate) const READ_BEFORE: TimeDelta = TimeDelta::hours(36);
/// How much later than it was said to come something may have come.
const LATE: TimeDelta = TimeDelta::hours(12);
/// Longest forecast of a candidate, s: two weeks.
const MAX_HORIZON_SECS: i64 = 1_209_600;

/// A series around a spike, with what is usual in it.
pub(crate) struct Watched {
    pub(crate) samples: Samples,
    pub(crate) usual: Arc<Baseline>,
}

/// All series around a spike, on one grid.
pub(crate) struct Traffic {
    pub(crate) total: Watched,
    /// By CDN.
    pub(crate) cdns: BTreeMap<String, Watched>,
    /// By platform.
    pub(crate) platforms: BTreeMap<String, Watched>,
}

impl Traffic {
    /// What is above usual around a spike from its start to its end, or to how far it was seen to run.
    pub(crate) fn observe(&self, start: DateTime<Utc>, until: DateTime<Utc>) -> Observed {
        let above = |watched: &Watched| excess(&watched.samples, &watched.usual, start);
        let each = |all: &BTreeMap<String, Watched>| -> BTreeMap<String, Excess> {
            all.iter().map(|(name, watched)| (name.clone(), above(watched))).collect()
        };
        Observed {
            from: start - BEFORE,
            until: until.min(start + LONGEST),
            began_at: start,
            total: above(&self.total),
            by_cdn: each(&self.cdns),
            by_platform: each(&self.platforms),
        }
    }
}

/// An RU that may have caused a spike, with its forecast for the network.
pub(crate) struct Expected {
    pub(crate) input: ForecastInput,
    pub(crate) made: Forecast,
    /// What is known of platforms and start laws.
    structure: Option<Corrections>,
}

impl Expected {
    /// The forecast of a candidate, corrected by what was learned. `None` if it cannot be forecast.
    pub(crate) fn new(input: ForecastInput, learned: Option<&Learned>) -> Option<Self> {
        let asked = asked(&input);
        let corrections = learned.map(|learned| learned.corrections(&asked));
        let made = forecast_with(&asked, corrections.as_ref()).ok()?;
        let structure = learned.map(|learned| learned.structure(&asked));
        Some(Self { input, made, structure })
    }

    /// The forecast that effects are measured against.
    pub(crate) fn without_effects(&self) -> Option<Forecast> {
        forecast_with(&asked(&self.input), self.structure.as_ref()).ok()
    }
}

/// The question about a candidate, for long enough to reach two days past its release if it has a preload.
fn asked(input: &ForecastInput) -> ForecastInput {
    let mut asked = question(input);
    let (first, last) = asked.span();
    let horizon = (LONGEST + (last - first)).num_seconds().clamp(0, MAX_HORIZON_SECS);
    asked.options.horizon_s = u32::try_from(horizon).unwrap_or(asked.options.horizon_s);
    asked
}

/// Where candidates of a spike are looked for in the catalogue.
pub(crate) fn announced(start: DateTime<Utc>, until: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    (start - LONGEST - LATE, until + LATE)
}

/// The question about an RU on a network, if the RU can be forecast.
pub(crate) fn input(ru: &Ru, network: &Network) -> Option<ForecastInput> {
    let ru = planning::ru_input(ru, network).ok()?;
    let input = ForecastInput { ru, network: network.clone(), options: Options::default() };
    input.validate().is_empty().then_some(input)
}

/// Those of some questions that may have caused a spike: due near its time, and of those the ones with the most bytes.
pub(crate) fn near<T>(
    inputs: impl IntoIterator<Item = (T, ForecastInput)>,
    (start, until): (DateTime<Utc>, DateTime<Utc>),
    most: usize,
) -> Vec<(T, ForecastInput)> {
    let (from, to) = announced(start, until);
    let due = |input: &ForecastInput| {
        let (first, last) = input.span();
        first < to && last >= from
    };
    let bytes = |input: &ForecastInput| bytes_by_platform(input).into_iter().map(|(_, bytes)| bytes).sum();
    let due = inputs.into_iter().filter(|(_, input)| due(input));
    let mut weighed: Vec<(f64, (T, ForecastInput))> = due.map(|one| (bytes(&one.1), one)).collect();
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0));
    weighed.truncate(most);
    weighed.into_iter().map(|(_, one)| one).collect()
}

/// What may have caused what was seen, without what people ruled out.
pub(crate) fn explained(
    observed: &Observed,
    expected: &[Arc<Expected>],
    rejected: &BTreeSet<RuId>,
) -> Explanation {
    let candidates: Vec<Candidate<'_>> =
        expected.iter().map(|expected| Candidate::new(&expected.input, &expected.made)).collect();
    let rejected = rejected.iter().map(ToString::to_string).collect();
    explain(observed, &candidates, &ExplainOptions { rejected, ..ExplainOptions::default() })
}
