//! One look at all networks.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::explanation::Explanation;
use traffix_core::samples::Samples;
use traffix_core::spike::{DetectOptions, Spike, detect};
use traffix_store::{FoundSpike, PageRequest, SavedSpike, SpikeQuery, SpikeScope, StoreError, Written};
use uuid::Uuid;

use super::study::study;
use super::traffic::{Place, WATCHED, kept_spikes, series, usual};
use crate::AppState;
use crate::http::Problem;

/// What has ended for so long does not change any more, whatever is usual by now.
const SETTLED: TimeDelta = TimeDelta::hours(6);
/// The first part of what is looked at only tells the level of the day.
const WARM_UP: TimeDelta = TimeDelta::days(1);

/// Finds and explains spikes on every saved network that is measured. A network that cannot be looked at is left for the
/// next time.
pub(crate) async fn look(state: &AppState, now: DateTime<Utc>) -> Result<(), StoreError> {
    let since = now - TimeDelta::days(back_days(state));
    let measured = state.store.measured_networks().await?;
    let measured: BTreeSet<String> =
        measured.into_iter().filter(|one| one.last >= since).map(|one| one.network).collect();
    let mut page = PageRequest { limit: 100, after: None };
    loop {
        let got = state.store.all_networks(&page).await?;
        let wanted = got.items.into_iter().filter(|saved| measured.contains(&saved.id));
        for place in wanted.filter_map(Place::of) {
            if let Err(problem) = look_at(state, &place, now).await {
                let network = place.network.id.as_str();
                tracing::warn!(network, problem = problem.detail, "spikes cannot be looked for here now");
            }
        }
        page.after = got.next;
        if page.after.is_none() {
            return Ok(());
        }
    }
}

fn back_days(state: &AppState) -> i64 {
    state.config.spikes.back_days.clamp(2, 60).into()
}

async fn look_at(state: &AppState, place: &Place, now: DateTime<Utc>) -> Result<(), Problem> {
    let usual = usual(state, place, now).await?;
    if usual.of(&SpikeScope::Total).is_none() {
        return Ok(());
    }
    let span = (now - TimeDelta::days(back_days(state)), now);
    let watched = series(state, &place.network.id, span, &WATCHED).await?;
    let find = move || -> Vec<(SpikeScope, DateTime<Utc>, Vec<Spike>)> {
        let each = watched.into_iter().filter_map(|(scope, samples)| {
            let found = detect(&samples, &*usual.of(&scope)?, &DetectOptions::default());
            Some((scope, end_of(&samples)?, found))
        });
        each.collect()
    };
    let found = state.compute.run(&state.metrics, find).await?;
    let changed = keep(state, place, found, (span.0 + WARM_UP, now)).await?;
    explain(state, place, &changed, (span.0, now)).await
}

/// End of the last bin that is known.
fn end_of(samples: &Samples) -> Option<DateTime<Utc>> {
    let last = samples.iter().rposition(|value| value.is_some())?;
    samples.start_of(last + 1)
}

/// Keeps what was found; the spikes that are new or changed.
async fn keep(
    state: &AppState,
    place: &Place,
    found: Vec<(SpikeScope, DateTime<Utc>, Vec<Spike>)>,
    (from, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<BTreeSet<Uuid>, Problem> {
    let kept = kept_spikes(state, &of(place, from)).await?;
    let seen_until = found.iter().map(|(_, until, _)| *until).max();
    let mut changed = BTreeSet::new();
    for (scope, until, spikes) in found {
        for spike in spikes.into_iter().filter(|spike| spike.start >= from) {
            let until = spike.end.unwrap_or(until);
            let overlaps = |one: &&SavedSpike| {
                one.found.scope == scope && one.found.start < until && one.found.until > spike.start
            };
            let settled = kept.iter().find(overlaps).is_some_and(|one| !one.found.running);
            if settled && spike.end.is_some_and(|end| end < now - SETTLED) || until <= spike.start {
                continue;
            }
            let found = FoundSpike {
                owner: place.owner.clone(),
                network: place.network.id.clone(),
                scope: scope.clone(),
                start: spike.start,
                until,
                running: spike.end.is_none(),
                detected_at: spike.detected_at,
                document: serde_json::to_value(&spike).map_err(|error| unwritable(&error))?,
            };
            let (written, saved) = state.store.put_spike(&found).await?;
            if !matches!(written, Written::Unchanged(_)) {
                changed.insert(saved.id);
            }
            if matches!(written, Written::Created(_)) {
                state.metrics.spikes_found.inc();
                let (network, start) = (place.network.id.as_str(), spike.start);
                tracing::info!(network, %scope, %start, bps = spike.peak_bps, "found a spike");
            }
        }
    }
    if let Some(seen_until) = seen_until {
        state.store.end_spikes(&place.owner, &place.network.id, seen_until).await?;
    }
    Ok(changed)
}

pub(super) fn unwritable(error: &serde_json::Error) -> Problem {
    tracing::error!(%error, "a spike cannot be written");
    Problem::new(crate::http::Kind::Internal, "the spike cannot be written as JSON")
}

fn of(place: &Place, from: DateTime<Utc>) -> SpikeQuery {
    SpikeQuery {
        owner: Some(place.owner.clone()),
        network: Some(place.network.id.clone()),
        from: Some(from),
        ..SpikeQuery::default()
    }
}

/// Explains spikes of all traffic that changed or have no explanation, the latest first.
async fn explain(
    state: &AppState,
    place: &Place,
    changed: &BTreeSet<Uuid>,
    (from, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), Problem> {
    let query = SpikeQuery { scope: Some(SpikeScope::Total), ..of(place, from) };
    let all = kept_spikes(state, &query).await?;
    let open = all.iter().filter(|one| one.explanation.is_none() || changed.contains(&one.id));
    for spike in open.take(usize::try_from(state.config.spikes.explain).unwrap_or(usize::MAX)) {
        explain_one(state, place, spike, now).await?;
    }
    Ok(())
}

/// Explains a spike and keeps that, unless the spike changed meanwhile: then it will be explained again.
pub(super) async fn explain_one(
    state: &AppState,
    place: &Place,
    spike: &SavedSpike,
    now: DateTime<Utc>,
) -> Result<Option<Explanation>, Problem> {
    let Some(study) = study(state, place, spike, None, now).await? else { return Ok(None) };
    let document = serde_json::to_value(&study.explanation).map_err(|error| unwritable(&error))?;
    match state.store.explain_spike(spike.id, spike.revision, &document).await {
        Ok(_) => Ok(Some(study.explanation)),
        Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
