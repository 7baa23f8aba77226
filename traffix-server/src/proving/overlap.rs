//! Other events in the window of one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::catalogue::PlatformId;
use traffix_core::forecast::Forecast;
use traffix_store::{Event, Frozen, FrozenQuery, OutcomeState, PageRequest, Store};

use super::observe::{BEFORE, end};
use super::{Note, ProvingError};

/// Share of an event's peak above which another one is in its way. Assumed (2026-12).
const BIG: f64 = 0.2;
/// Windows of events that far apart do not touch: a preload, the waves and two days.
const APART: TimeDelta = TimeDelta::days(14);

/// Other events on the network around a window.
pub(super) struct Others(Vec<Frozen>);

impl Others {
    /// Those that were frozen since the usual traffic is learned from.
    pub(super) async fn of(
        store: &dyn Store,
        event: &Event,
        from: DateTime<Utc>,
    ) -> Result<Self, ProvingError> {
        let query = FrozenQuery {
            owner: Some(event.owner.clone()),
            network: Some(event.network.clone()),
            ..FrozenQuery::default()
        };
        let since = from - BEFORE - APART;
        let mut page = PageRequest { limit: 500, after: None };
        let mut all = Vec::new();
        loop {
            let found = store.frozen(&query, &page).await?;
            let is_over = found.items.last().is_none_or(|last| last.freeze.due_at < since);
            all.extend(found.items.into_iter().filter(|one| one.event != *event));
            match found.next.filter(|_| !is_over) {
                Some(next) => page.after = Some(next),
                None => return Ok(Self(all)),
            }
        }
    }

    /// When events were that were measured: that traffic is not usual.
    pub(super) fn measured(&self) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let windows = self.0.iter().filter_map(|one| {
            let outcome = one.outcome.as_ref()?;
            let settled = matches!(outcome.state, OutcomeState::Scored | OutcomeState::Learned);
            let note: Note = serde_json::from_value(outcome.document.clone()).ok().filter(|_| settled)?;
            note.measured.map(|window| (window.from, window.until))
        });
        windows.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The events that bring much in the window of a forecast, with their platforms.
    pub(super) async fn big(
        &self,
        store: &dyn Store,
        made: &Forecast,
    ) -> Result<BTreeMap<String, Vec<String>>, ProvingError> {
        let (from, until) = (made.grid.start, end(&made.grid));
        let mut found = BTreeMap::new();
        let mut seen = BTreeSet::new();
        // The latest forecast of an event comes first.
        for one in &self.0 {
            let at = one.freeze.release_at;
            if at < from - APART || at > until + APART || !seen.insert(one.event.clone()) {
                continue;
            }
            let Some(saved) = store.forecast(&one.event.owner, one.id).await? else { continue };
            let other: Forecast = serde_json::from_value(saved.output)
                .map_err(|source| ProvingError::Stored { what: "a frozen forecast", source })?;
            if peak_between(&other, (from, until)) > BIG * made.peak.bps.p50 {
                found.insert(one.event.ru.to_string(), other.platforms.keys().cloned().collect());
            }
        }
        Ok(found)
    }
}

/// The largest bin of a forecast (P50) between two instants.
fn peak_between(made: &Forecast, (from, until): (DateTime<Utc>, DateTime<Utc>)) -> f64 {
    let step = TimeDelta::seconds(made.grid.step_s.into());
    let starts = std::iter::successors(Some(made.grid.start), |at| at.checked_add_signed(step));
    let inside = starts.zip(&made.total.p50).filter(|(at, _)| *at >= from && *at < until);
    inside.map(|(_, bps)| *bps).fold(0.0, f64::max)
}

/// The platforms to look at so that others are not counted: `None` for everything. The error says who is in the way.
pub(super) fn divide(
    made: &Forecast,
    big: &BTreeMap<String, Vec<String>>,
) -> Result<Option<Vec<PlatformId>>, String> {
    if big.is_empty() {
        return Ok(None);
    }
    let shared = big.iter().find(|(_, theirs)| theirs.iter().any(|id| made.platforms.contains_key(id)));
    if let Some((ru, _)) = shared {
        return Err(format!("{ru} was there at the same time on the same platform"));
    }
    let ours = made.platforms.keys().map(|id| id.parse().map_err(|_| format!("{id} is no platform")));
    ours.collect::<Result<_, _>>().map(Some)
}
