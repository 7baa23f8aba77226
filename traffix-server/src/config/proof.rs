//! Freezing and scoring forecasts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Forecasts that are frozen before releases for every saved network, scored by what was measured, and learned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Proof {
    /// Whether this server does it.
    pub enabled: bool,
    /// Seconds between two looks at what is due.
    pub interval_secs: u64,
}

impl Default for Proof {
    fn default() -> Self {
        Self { enabled: true, interval_secs: 300 }
    }
}
