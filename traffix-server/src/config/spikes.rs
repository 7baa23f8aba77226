//! Looking for spikes in what was measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Looking for spikes in what was measured, and for what caused them: in all traffic of every saved network, and in what
/// every CDN and every link of it carried. It begins by itself when a week was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spikes {
    /// Whether to look.
    pub enabled: bool,
    /// Seconds between two looks.
    pub interval_secs: u32,
    /// Weeks of which the usual traffic is made, at least one.
    pub weeks: u32,
    /// How many days back spikes are looked for, at least two. The first of them only shows what is usual, and what lasts
    /// longer than a week is no spike but a new level.
    pub back_days: u32,
    /// Most releases and updates that are forecast to explain one spike: those with the most bytes.
    pub candidates: u32,
    /// Most spikes of a network that are explained at one look; the others wait for the next.
    pub explain: u32,
}

impl Default for Spikes {
    fn default() -> Self {
        Self { enabled: true, interval_secs: 300, weeks: 6, back_days: 10, candidates: 40, explain: 10 }
    }
}
