//! Frozen forecasts as people see them, one by one and by lead.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use traffix_core::score::proof::Proof;
use traffix_store::{Frozen, FrozenQuery, OutcomeState, PageRequest, Store};

use crate::proving::{KeptScore, Note, ProvingError};

/// Most frozen forecasts that a summary is made of: the latest.
const MAX: usize = 20_000;

/// A frozen forecast with what its documents say.
pub(crate) struct Row {
    pub(crate) frozen: Frozen,
    /// How far its event has come.
    pub(crate) state: &'static str,
    pub(crate) note: Option<Note>,
    pub(crate) score: Option<KeptScore>,
}

impl Row {
    /// Reads the documents.
    pub(crate) fn of(frozen: Frozen) -> Result<Self, ProvingError> {
        let outcome = frozen.outcome.as_ref();
        let state = match outcome.map(|outcome| outcome.state) {
            None => "awaited",
            Some(OutcomeState::Pending) => "pending",
            Some(OutcomeState::Refused) => "refused",
            Some(OutcomeState::Scored) => "scored",
            Some(OutcomeState::Learned) => "learned",
        };
        let note = outcome.map(|outcome| read("the outcome of an event", &outcome.document)).transpose()?;
        let score = frozen.score.as_ref().map(|score| read("a score", score)).transpose()?;
        Ok(Self { frozen, state, note, score })
    }
}

fn read<T: DeserializeOwned>(what: &'static str, document: &Value) -> Result<T, ProvingError> {
    serde_json::from_value(document.clone()).map_err(|source| ProvingError::Stored { what, source })
}

/// The frozen forecasts that fit a filter, the latest first, up to a bound that summaries do not need to pass.
pub(crate) async fn rows(store: &dyn Store, query: &FrozenQuery) -> Result<Vec<Row>, ProvingError> {
    let mut page = PageRequest { limit: 500, after: None };
    let mut rows = Vec::new();
    loop {
        let found = store.frozen(query, &page).await?;
        for frozen in found.items {
            rows.push(Row::of(frozen)?);
        }
        match found.next {
            Some(next) if rows.len() < MAX => page.after = Some(next),
            _ => return Ok(rows),
        }
    }
}

/// The scores that fit a filter, by lead.
pub(crate) async fn proofs(
    store: &dyn Store,
    query: &FrozenQuery,
) -> Result<BTreeMap<String, Proof>, ProvingError> {
    Ok(by_lead(&rows(store, query).await?))
}

/// Scores by lead.
pub(crate) fn by_lead(rows: &[Row]) -> BTreeMap<String, Proof> {
    let mut groups: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for row in rows {
        if let Some(KeptScore { case, score }) = row.score.clone() {
            groups.entry(row.frozen.freeze.lead.to_string()).or_default().push((case, score));
        }
    }
    groups.into_iter().map(|(lead, scores)| (lead, Proof::of(&scores))).collect()
}
