//! Settling events: scores of the frozen forecasts, and what the network learns.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use traffix_core::forecast::{Forecast, ForecastInput};
use traffix_core::learning::{Learned, MeasuredEvent, SD_FLOWS};
use traffix_core::network::Network;
use traffix_core::score::backtest::Case;
use traffix_core::score::proof::{Observation, score};
use traffix_store::{Event, FrozenQuery, Lesson, Outcome, OutcomeState, PageRequest, Store, StoreError};
use uuid::Uuid;

use super::freeze::release;
use super::observe::{Excess, Look, Unmeasured, end};
use super::overlap::{Others, divide};
use super::{KeptScore, MeasuredWindow, Note, Pass, ProvingError, compute, learned};
use crate::planning;

type Result<T> = std::result::Result<T, ProvingError>;

/// How long after the window collectors may still write its last bins.
const SETTLES: TimeDelta = TimeDelta::minutes(15);
/// How long measurements may come in late.
const AWAITED: TimeDelta = TimeDelta::days(7);
/// The usual traffic must stray by less than this share of the expected peak. It is not the observed peak, because a
/// release that fails to come must count. Assumed (2026-12).
const TOLD_APART: f64 = 0.5;
/// Share of an event's bytes that must have a platform for these to say how downloads divide: of what has none, more may
/// be one platform's than another's. Assumed (2026-12).
const WITH_PLATFORM: f64 = 0.7;

/// A forecast that was frozen in time.
struct Made {
    id: Uuid,
    input: ForecastInput,
    output: Forecast,
}

/// What becomes of an event.
enum Fate {
    /// Its window is not over.
    Running,
    /// Measurements may still come.
    Pending(String),
    /// It cannot be measured.
    Refused(String),
    /// It was measured.
    Seen(Box<Seen>),
}

/// What was measured, and what that says of each forecast.
struct Seen {
    window: MeasuredWindow,
    scores: Vec<(Uuid, Value)>,
    event: Option<(ForecastInput, MeasuredEvent)>,
}

/// Settles all events whose window is over.
pub(super) async fn ended(store: &dyn Store, now: DateTime<Utc>, pass: &mut Pass) -> Result<()> {
    let mut after: Option<Event> = None;
    loop {
        let events = store.open_events(now.date_naive(), after.as_ref(), 100).await?;
        for event in &events {
            let fate = match fate(store, event, now).await {
                // One damaged document shall not keep all other events from being settled.
                Err(error) if error.is_of_one() => Fate::Refused(error.to_string()),
                fate => fate?,
            };
            match write(store, event, now, fate, pass).await {
                // Another server was faster, or the next pass learns from what that wrote.
                Err(ProvingError::Store(StoreError::Conflict { .. })) => {}
                Err(error) if error.is_of_one() => {
                    tracing::warn!(ru = %event.ru, network = event.network, %error, "cannot be settled");
                }
                other => other?,
            }
        }
        match events.into_iter().last() {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

async fn fate(store: &dyn Store, event: &Event, now: DateTime<Utc>) -> Result<Fate> {
    let made = frozen(store, event).await?;
    let Some(last) = made.last() else {
        return Ok(Fate::Refused("every forecast was made after the release".into()));
    };
    let over_at = made.iter().map(|one| end(&one.output.grid)).max().unwrap_or(now);
    if now < over_at + SETTLES {
        return Ok(Fate::Running);
    }
    let Some(saved) = store.network(&event.owner, &event.network).await? else {
        return Ok(Fate::Refused("the network is not kept any more".into()));
    };
    let network: Network = serde_json::from_value(saved.profile)
        .map_err(|source| ProvingError::Stored { what: "a saved network", source })?;
    let ru = store.ru(&event.ru, None).await?;
    let at = ru.and_then(|ru| planning::ru_input(&ru.value, &network).ok()).as_ref().and_then(release);
    match at.map(|at| at.date_naive()) {
        Some(day) if day == event.release_day => {}
        Some(day) => return Ok(Fate::Refused(format!("the release moved to {day}"))),
        None => return Ok(Fate::Refused("the catalogue does not have the release any more".into())),
    }
    let others = Others::of(store, event, last.output.grid.start).await?;
    let big = others.big(store, &last.output).await?;
    let platforms = match divide(&last.output, &big) {
        Ok(platforms) => platforms,
        Err(why) => return Ok(Fate::Refused(why)),
    };
    let look = Look { store, network: &network, platforms, excluded: others.measured() };
    match seen(&look, &made).await? {
        Ok(seen) => Ok(Fate::Seen(Box::new(seen))),
        Err(Unmeasured::Yet(why)) if now < over_at + AWAITED => Ok(Fate::Pending(why)),
        Err(Unmeasured::Yet(why) | Unmeasured::Ever(why)) => Ok(Fate::Refused(why)),
    }
}

/// The forecasts that were frozen in time, the earliest first.
async fn frozen(store: &dyn Store, event: &Event) -> Result<Vec<Made>> {
    let query = FrozenQuery {
        owner: Some(event.owner.clone()),
        network: Some(event.network.clone()),
        ru: Some(event.ru.clone()),
        release_day: Some(event.release_day),
        lead: None,
    };
    let found = store.frozen(&query, &PageRequest::default()).await?;
    let mut made = Vec::new();
    for one in found.items.iter().rev().filter(|one| !one.freeze.late) {
        let Some(saved) = store.forecast(&event.owner, one.id).await? else { continue };
        let stored = |source| ProvingError::Stored { what: "a frozen forecast", source };
        let input = serde_json::from_value(saved.input).map_err(stored)?;
        let output = serde_json::from_value(saved.output).map_err(stored)?;
        made.push(Made { id: one.id, input, output });
    }
    Ok(made)
}

/// Measures each forecast's own window. The last one, which knew the release best, is what is learned from.
async fn seen(look: &Look<'_>, made: &[Made]) -> Result<std::result::Result<Seen, Unmeasured>> {
    let (mut scores, mut last) = (Vec::new(), None);
    for one in made {
        let excess = match look.excess(one.output.grid).await? {
            Ok(excess) => excess,
            Err(why) => return Ok(Err(why)),
        };
        let Some(mut observation) = excess.observation() else { continue };
        (observation.links, observation.at_least) = look.links(&one.output.grid).await?;
        if let Some(score) = score(&one.output, &observation) {
            let kept = KeptScore { case: Case::of(&one.input, observation.peak_bps), score };
            scores.push((one.id, serde_json::to_value(kept).map_err(ProvingError::Unwritable)?));
        }
        last = Some((one, excess, observation));
    }
    let Some((one, excess, mut observation)) = last else {
        return Ok(Err(Unmeasured::Ever("nothing was measured".into())));
    };
    let prior_bps = compute(one.input.clone(), None).await?.peak.bps.p50;
    if excess.noise_bps > TOLD_APART * prior_bps {
        let detail = "what was expected is too little to be told from the usual ups and downs";
        return Ok(Err(Unmeasured::Ever(detail.into())));
    }
    [observation.platforms, observation.cdns] = look.parts(&one.output).await?;
    let event = lesson(one, &excess, &observation);
    let (from, until) = (one.output.grid.start, end(&one.output.grid));
    let window = MeasuredWindow { from, until, observation, noise_bps: excess.noise_bps, prior_bps };
    Ok(Ok(Seen { window, scores, event }))
}

/// What the network can learn from an event, as far as the usual traffic lets it be known.
fn lesson(one: &Made, excess: &Excess, seen: &Observation) -> Option<(ForecastInput, MeasuredEvent)> {
    let is_usable = seen.peak_bps > 0.0 && seen.peak_bps.is_finite();
    let told: f64 = seen.platforms.values().sum();
    let is_told = seen.platforms.len() == one.output.platforms.len() && told >= WITH_PLATFORM * seen.bytes;
    let event = MeasuredEvent {
        peak_bps: seen.peak_bps,
        sd: SD_FLOWS.hypot(excess.noise_bps / seen.peak_bps),
        at_least: seen.at_least,
        platforms: if is_told { seen.platforms.clone() } else { BTreeMap::new() },
        curve: excess.curve(&one.input),
    };
    is_usable.then(|| (one.input.clone(), event))
}

async fn write(
    store: &dyn Store,
    event: &Event,
    now: DateTime<Utc>,
    fate: Fate,
    pass: &mut Pass,
) -> Result<()> {
    let (state, note, seen) = match fate {
        Fate::Running => return Ok(()),
        Fate::Pending(why) => (OutcomeState::Pending, Note::said(why), None),
        Fate::Refused(why) => (OutcomeState::Refused, Note::said(why), None),
        Fate::Seen(seen) => {
            let state = if seen.event.is_some() { OutcomeState::Learned } else { OutcomeState::Scored };
            (state, Note { detail: told(&seen.window), measured: Some(seen.window.clone()) }, Some(seen))
        }
    };
    let document = serde_json::to_value(&note).map_err(ProvingError::Unwritable)?;
    let count = match state {
        OutcomeState::Pending => &mut pass.pending,
        OutcomeState::Refused => &mut pass.refused,
        OutcomeState::Scored => &mut pass.scored,
        OutcomeState::Learned => &mut pass.learned,
    };
    let outcome = Outcome { event: event.clone(), state, at: now, document };
    let is_same = |before: Outcome| before.document == outcome.document;
    if state == OutcomeState::Pending && store.outcome(event).await?.is_some_and(is_same) {
        *count += 1;
        return Ok(());
    }
    let lesson = match seen.as_ref().and_then(|seen| seen.event.as_ref()) {
        None => None,
        Some((input, measured)) => {
            let known = learned(store, &event.owner, &event.network).await?;
            let (before, after) =
                known.map_or_else(Default::default, |(state, revision)| (state, Some(revision)));
            let state = taught(before, input.clone(), measured.clone()).await?;
            let document = serde_json::to_value(&state).map_err(ProvingError::Unwritable)?;
            Some(Lesson { document, after })
        }
    };
    let scores = seen.map(|seen| seen.scores).unwrap_or_default();
    store.settle(&outcome, &scores, lesson.as_ref()).await?;
    *count += 1;
    Ok(())
}

/// What is known after an event, beside the threads that answer requests.
async fn taught(mut state: Learned, input: ForecastInput, event: MeasuredEvent) -> Result<Learned> {
    let learn = move || state.learn(&input, &event).map(|()| state);
    Ok(tokio::task::spawn_blocking(learn).await??)
}

fn told(window: &MeasuredWindow) -> String {
    let times = window.observation.peak_bps / window.prior_bps;
    let least = if window.observation.at_least { "at least " } else { "" };
    format!("the peak was {least}{times:.2} times what priors alone say")
}
