//! One spike beside its candidates.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use traffix_core::catalogue::{Ru, RuId};
use traffix_core::explanation::{Explanation, Observed};
use traffix_core::forecast::ForecastInput;
use traffix_core::learning::Learned;
use traffix_store::{PageRequest, RuQuery, SavedSpike, Versioned};

use super::causes::{Expected, READ_BEFORE, announced, explained, input, near};
use super::traffic::{Place, traffic, usual};
use crate::AppState;
use crate::http::{Kind, Problem};

/// Most RUs of the catalogue that are looked at for one spike.
const MAX_RUS: usize = 2000;

/// A spike, what was expected, and what may have caused it.
pub(super) struct Study {
    pub(super) observed: Observed,
    pub(super) explanation: Explanation,
    pub(super) expected: Vec<Arc<Expected>>,
}

/// Explains a spike of all traffic; `None` if it is not known what is usual. An RU that somebody names is a candidate
/// even if it was due at another time.
pub(super) async fn study(
    state: &AppState,
    place: &Place,
    spike: &SavedSpike,
    named: Option<&Versioned<Ru>>,
    now: DateTime<Utc>,
) -> Result<Option<Study>, Problem> {
    let (start, until) = (spike.found.start, spike.found.until);
    let usual = usual(state, place, now).await?;
    let Some(traffic) = traffic(state, place, &usual, (start - READ_BEFORE, until)).await? else {
        return Ok(None);
    };
    let expected = expected(state, place, spike, named).await?;
    let rejected = spike.verdict.rejected.clone();
    let explain = move || {
        let observed = traffic.observe(start, until);
        let explanation = explained(&observed, &expected, &rejected);
        Study { observed, explanation, expected }
    };
    Ok(Some(state.compute.run(&state.metrics, explain).await?))
}

/// What was learned on a network, with its revision; `None` if nothing was.
pub(super) async fn learned(state: &AppState, place: &Place) -> Result<Option<(Learned, i64)>, Problem> {
    let saved = state.store.learned(&place.owner, &place.network.id).await?;
    let Some(saved) = saved else { return Ok(None) };
    let learned = serde_json::from_value(saved.document).map_err(|error| {
        tracing::error!(%error, network = place.network.id, "what was learned cannot be read");
        Problem::new(Kind::Internal, "what was learned on the network cannot be read")
    })?;
    Ok(Some((learned, saved.revision)))
}

/// The candidates with their forecasts, each made once.
async fn expected(
    state: &AppState,
    place: &Place,
    spike: &SavedSpike,
    named: Option<&Versioned<Ru>>,
) -> Result<Vec<Arc<Expected>>, Problem> {
    let (learned, lesson) = learned(state, place).await?.unzip();
    let learned = learned.map(Arc::new);
    let mut all = Vec::new();
    for (key, input) in candidates(state, place, spike, named).await? {
        let key = format!("{}/{}/{}/{lesson:?}/{key}", place.owner, place.network.id, place.revision);
        let kept = state.spikes.forecasts.get(&key);
        let made = if let Some(kept) = kept {
            kept
        } else {
            let learned = learned.clone();
            let compute = move || Expected::new(input, learned.as_deref()).map(Arc::new);
            let made = state.compute.run(&state.metrics, compute).await?;
            state.spikes.forecasts.insert(key, made.clone());
            made
        };
        all.extend(made);
    }
    Ok(all)
}

/// The questions about candidates, each with the RU's id and revision.
async fn candidates(
    state: &AppState,
    place: &Place,
    spike: &SavedSpike,
    named: Option<&Versioned<Ru>>,
) -> Result<Vec<(String, ForecastInput)>, Problem> {
    let span = (spike.found.start, spike.found.until);
    let rus = catalogued(state, announced(span.0, span.1)).await?;
    let named = named.cloned();
    let (network, most) = (Arc::clone(&place.network), state.config.spikes.candidates);
    let choose = move || {
        let ask = |ru: &Versioned<Ru>| {
            Some((format!("{}/{}", ru.value.id, ru.revision), input(&ru.value, &network)?))
        };
        let mut chosen = near(rus.iter().filter_map(ask), span, usize::try_from(most).unwrap_or(usize::MAX));
        if let Some(asked) = named.as_ref().and_then(ask)
            && chosen.iter().all(|(key, _)| *key != asked.0)
        {
            chosen.push(asked);
        }
        chosen
    };
    state.compute.run(&state.metrics, choose).await
}

/// The RUs of the catalogue that were announced for a time.
async fn catalogued(
    state: &AppState,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Versioned<Ru>>, Problem> {
    let query = RuQuery { from: Some(from), until: Some(until), ..RuQuery::default() };
    let mut page = PageRequest { limit: 500, after: None };
    let mut rus = Vec::new();
    loop {
        let got = state.store.rus(&query, &page).await?;
        rus.extend(got.items);
        page.after = got.next;
        if page.after.is_none() || rus.len() >= MAX_RUS {
            return Ok(rus);
        }
    }
}

/// An RU of the catalogue that a request names.
pub(super) async fn named(state: &AppState, ru: &RuId) -> Result<Versioned<Ru>, Problem> {
    let found = state.store.ru(ru, None).await?;
    found.ok_or_else(|| Problem::at("/ru", format!("the catalogue has no release or update {ru:?}")))
}
