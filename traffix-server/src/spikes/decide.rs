//! What people decide about the causes of a spike, and what that teaches.

use chrono::{DateTime, Utc};
use serde_json::json;
use traffix_core::catalogue::{Ru, RuId};
use traffix_core::explanation::confirmed;
use traffix_core::learning::{Learned, Measured};
use traffix_core::samples::Samples;
use traffix_core::score::proof::FULL;
use traffix_store::{
    Actor, Event, FrozenQuery, Lesson, Outcome, OutcomeState, PageRequest, Ruled, Ruling, SavedSpike,
    SpikeScope, StoreError, Versioned,
};
use uuid::Uuid;

use super::look::{explain_one, unwritable};
use super::study::{Study, learned, named, study};
use super::traffic::{BY_LINK, Place, series};
use crate::AppState;
use crate::history;
use crate::http::{Kind, Problem};

/// How often it is tried again when somebody else writes at the same time.
const TRIES: usize = 5;

/// Confirms that an RU caused a spike. If its event is not settled and not about to be measured by its frozen forecasts,
/// what the spike carried of it is learned with the decision.
pub(crate) async fn confirm(
    state: &AppState,
    spike: &SavedSpike,
    ru: &RuId,
    actor: &Actor,
) -> Result<Ruled, Problem> {
    if spike.verdict.confirmed.as_ref() == Some(ru) {
        return Ok(Ruled::Repeated);
    }
    let ruling = Ruling::Confirm(ru.clone());
    refuse_contradiction(spike, &ruling)?;
    let ru = named(state, ru).await?;
    let now = state.clock.now();
    let measured = match place(state, spike).await? {
        Some(place) => measure(state, &place, spike, &ru, now).await?.map(|measured| (place, measured)),
        None => None,
    };
    for _ in 0..TRIES {
        let lesson = match &measured {
            Some((place, measured)) => Some(lesson(state, place, spike, (&ru.value, measured), now).await?),
            None => None,
        };
        let given = lesson.as_ref().map(|(outcome, lesson)| (outcome, lesson));
        match state.store.rule_spike(spike.id, &ruling, actor, given).await {
            // Something else was learned meanwhile, so the lesson has to follow that.
            Err(StoreError::Conflict { entity: "state of learning", .. }) => {}
            ruled => return ruled.map_err(|error| decided_otherwise(error, spike.id)),
        }
    }
    Err(Problem::unavailable("too much is learned about this network at once", 2))
}

/// Takes down that an RU did not cause a spike, and explains it anew without it.
pub(crate) async fn reject(
    state: &AppState,
    spike: &SavedSpike,
    ru: &RuId,
    actor: &Actor,
) -> Result<Ruled, Problem> {
    let ruling = Ruling::Reject(ru.clone());
    refuse_contradiction(spike, &ruling)?;
    named(state, ru).await?;
    let ruled = state.store.rule_spike(spike.id, &ruling, actor, None).await;
    let ruled = ruled.map_err(|error| decided_otherwise(error, spike.id))?;
    // What fails here is done at the next look.
    if let Err(problem) = explain_again(state, spike.id).await {
        tracing::warn!(problem = problem.detail, "a spike cannot be explained again now");
    }
    Ok(ruled)
}

async fn explain_again(state: &AppState, id: Uuid) -> Result<(), Problem> {
    for _ in 0..TRIES {
        let Some(spike) = state.store.spike(None, id).await? else { return Ok(()) };
        if spike.explanation.is_some() || spike.found.scope != SpikeScope::Total {
            return Ok(());
        }
        let Some(place) = place(state, &spike).await? else { return Ok(()) };
        explain_one(state, &place, &spike, state.clock.now()).await?;
    }
    Ok(())
}

/// Saves the work for what the store would refuse.
fn refuse_contradiction(spike: &SavedSpike, ruling: &Ruling) -> Result<(), Problem> {
    let verdict = &spike.verdict;
    let otherwise = match ruling {
        Ruling::Confirm(ru) => verdict.rejected.contains(ru) || verdict.confirmed.is_some(),
        Ruling::Reject(ru) => verdict.confirmed.as_ref() == Some(ru),
    };
    if otherwise { Err(conflict()) } else { Ok(()) }
}

fn conflict() -> Problem {
    Problem::new(Kind::Conflict, "the cause of the spike was decided otherwise before")
}

fn decided_otherwise(error: StoreError, id: Uuid) -> Problem {
    match error {
        StoreError::Conflict { .. } => conflict(),
        StoreError::NotFound { .. } => Problem::missing("id", "spike", &id.to_string()),
        error => error.into(),
    }
}

/// The network of a spike, if its profile is still there.
async fn place(state: &AppState, spike: &SavedSpike) -> Result<Option<Place>, Problem> {
    let saved = state.store.network(&spike.found.owner, &spike.found.network).await?;
    Ok(saved.and_then(Place::of))
}

/// What a spike of all traffic says about an RU; `None` if nothing can be learned from it.
async fn measure(
    state: &AppState,
    place: &Place,
    spike: &SavedSpike,
    ru: &Versioned<Ru>,
    now: DateTime<Utc>,
) -> Result<Option<Measured>, Problem> {
    let Some(event) = event(place, &ru.value) else { return Ok(None) };
    if spike.found.scope != SpikeScope::Total || is_measured_otherwise(state, &event).await? {
        return Ok(None);
    }
    let Some(study) = study(state, place, spike, Some(ru), now).await? else { return Ok(None) };
    let full = was_full(state, place, spike).await?;
    let id = ru.value.id.to_string();
    let compute = move || {
        let Study { observed, explanation, expected } = study;
        let cause = explanation.causes.iter().find(|cause| cause.ru == id)?;
        let expected = expected.iter().find(|expected| expected.input.ru.id == id)?;
        confirmed(&expected.input, &expected.without_effects()?, &observed, cause, full)
    };
    state.compute.run(&state.metrics, compute).await
}

fn event(place: &Place, ru: &Ru) -> Option<Event> {
    let release_day = history::t0(ru, None)?.date_naive();
    let (owner, network) = (place.owner.clone(), place.network.id.clone());
    Some(Event { owner, network, ru: ru.id.clone(), release_day })
}

/// Whether an event is settled, or will be by the forecasts that were frozen for it: these need it to be scored.
async fn is_measured_otherwise(state: &AppState, event: &Event) -> Result<bool, Problem> {
    let outcome = state.store.outcome(event).await?;
    if outcome.is_some_and(|outcome| outcome.state != OutcomeState::Pending) {
        return Ok(true);
    }
    let query = FrozenQuery {
        owner: Some(event.owner.clone()),
        network: Some(event.network.clone()),
        ru: Some(event.ru.clone()),
        release_day: Some(event.release_day),
        ..FrozenQuery::default()
    };
    let frozen = state.store.frozen(&query, &PageRequest::default()).await?;
    Ok(frozen.items.iter().any(|frozen| !frozen.freeze.late))
}

/// Whether a link was full during a spike: then more would have come.
async fn was_full(state: &AppState, place: &Place, spike: &SavedSpike) -> Result<bool, Problem> {
    let span = (spike.found.start, spike.found.until);
    let highest = |samples: &Samples| samples.iter().flatten().fold(0.0, f64::max);
    let full = |(scope, samples): &(SpikeScope, Samples)| {
        let link = place.network.links.iter().find(|link| *scope == SpikeScope::Link(link.id.clone()));
        link.is_some_and(|link| highest(samples) >= FULL * link.capacity_bps)
    };
    Ok(series(state, &place.network.id, span, &[BY_LINK]).await?.iter().any(full))
}

/// The outcome and the lesson of a measured cause, after what is known of the network by now.
async fn lesson(
    state: &AppState,
    place: &Place,
    spike: &SavedSpike,
    (ru, measured): (&Ru, &Measured),
    now: DateTime<Utc>,
) -> Result<(Outcome, Lesson), Problem> {
    let event = event(place, ru).ok_or_else(conflict)?;
    let (mut state_of_learning, after) =
        learned(state, place).await?.map_or_else(|| (Learned::default(), None), |(l, r)| (l, Some(r)));
    state_of_learning.observe(measured);
    let document = serde_json::to_value(&state_of_learning).map_err(|error| unwritable(&error))?;
    let found = json!({
        "reason": "confirmed as the cause of a spike",
        "spike": spike.id,
        "log_ratio": measured.log_ratio,
        "sd": measured.sd,
        "at_least": measured.at_least,
    });
    let outcome = Outcome { event, state: OutcomeState::Learned, at: now, document: found };
    Ok((outcome, Lesson { document, after }))
}
