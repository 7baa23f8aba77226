//! Forecasts frozen before releases and held against what was measured then.
//!
//! [`prove`] is one pass: it freezes what is due for every saved network, and settles every event whose window is over
//! and measured. All that it knows is in the store, so it may be killed at any point, and several servers may do it at
//! once: of two that freeze or settle the same, one finds it done.

mod beside;
mod freeze;
mod metrics;
mod note;
mod observe;
mod overlap;
mod settle;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use traffix_core::catalogue::RuId;
use traffix_core::forecast::{Forecast, ForecastError, ForecastInput, forecast_with};
use traffix_core::learning::Learned;
use traffix_store::{Proof, Revision, Store, StoreError};

pub(crate) use beside::schedule;
pub(crate) use metrics::ProofMetrics;
pub(crate) use note::{KeptScore, MeasuredWindow, Note};

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvingError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored is not what was written.
    #[error("{what} cannot be read: {source}; restore a backup")]
    Stored {
        /// What.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// Something cannot be written as JSON.
    #[error("cannot be written as JSON: {0}")]
    Unwritable(serde_json::Error),
    /// The model refused a question that it had answered before.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// The computation ended early.
    #[error("the computation ended early: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

impl ProvingError {
    /// Whether it is the fault of one document, so that the others can go on.
    const fn is_of_one(&self) -> bool {
        matches!(self, Self::Stored { .. } | Self::Forecast(_))
    }
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pass {
    /// Forecasts frozen in time.
    pub frozen: u64,
    /// Forecasts frozen when the release had passed: kept, never scored.
    pub late: u64,
    /// Events scored and learned from.
    pub learned: u64,
    /// Events scored with nothing to learn.
    pub scored: u64,
    /// Events that cannot be measured, for good.
    pub refused: u64,
    /// Events whose measurements are awaited.
    pub pending: u64,
}

/// What passes remember of the past, which does not change: what the catalogue did not know then.
#[derive(Debug, Default)]
pub struct Memory {
    unknown: HashSet<(RuId, DateTime<Utc>)>,
}

/// Freezes what is due and settles what was measured.
///
/// # Errors
/// What the store answers; what was done until then stays.
pub async fn prove(store: &dyn Store, now: DateTime<Utc>, memory: &mut Memory) -> Result<Pass, ProvingError> {
    let mut pass = Pass::default();
    freeze::due(store, now, memory, &mut pass).await?;
    settle::ended(store, now, &mut pass).await?;
    Ok(pass)
}

/// What measured events taught about a saved network, and the revision of that.
pub(crate) async fn learned(
    store: &dyn Store,
    owner: &str,
    network: &str,
) -> Result<Option<(Learned, Revision)>, ProvingError> {
    let Some(saved) = Proof::learned(store, owner, network).await? else { return Ok(None) };
    let learned = serde_json::from_value(saved.document);
    let learned = learned.map_err(|source| ProvingError::Stored { what: "the state of learning", source })?;
    Ok(Some((learned, saved.revision)))
}

/// A forecast by what was learned, beside the threads that answer requests.
async fn compute(input: ForecastInput, learned: Option<Learned>) -> Result<Forecast, ProvingError> {
    let made = tokio::task::spawn_blocking(move || {
        let corrections = learned.map(|learned| learned.corrections(&input));
        forecast_with(&input, corrections.as_ref())
    });
    Ok(made.await??)
}
