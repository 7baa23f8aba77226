//! What is kept of the outcome of an event, and of a score.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::score::backtest::Case;
use traffix_core::score::proof::{ForecastScore, Observation};

/// What was measured of an event, or why it could not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Note {
    /// In words.
    pub(crate) detail: String,
    /// What was measured beyond the usual traffic, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) measured: Option<MeasuredWindow>,
}

/// What was measured, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct MeasuredWindow {
    /// Start of what was looked at.
    pub(crate) from: DateTime<Utc>,
    /// Its end.
    pub(crate) until: DateTime<Utc>,
    /// What was seen.
    pub(crate) observation: Observation,
    /// What the usual traffic strays by there, bit/s.
    pub(crate) noise_bps: f64,
    /// What priors alone had said of the peak (P50), bit/s.
    pub(crate) prior_bps: f64,
}

impl Note {
    /// Words only.
    pub(super) const fn said(detail: String) -> Self {
        Self { detail, measured: None }
    }
}

/// A score with what summaries need of the question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptScore {
    pub(crate) case: Case,
    pub(crate) score: ForecastScore,
}
