//! What a forecast answers.
//!
//! The JSON names are a stable contract. Every rate in bit/s (bin means, rounded to whole bits per second),
//! every instant in UTC.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The extra traffic one RU puts on one network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Forecast {
    /// Version of the model and its priors.
    pub model_version: String,
    /// Seed of the draws.
    pub seed: u64,
    /// Time grid of every series below.
    pub grid: GridInfo,
    /// All platforms together.
    pub total: Fan,
    /// By platform.
    pub platforms: BTreeMap<String, Fan>,
    /// By CDN; `unknown` where the shares are not known.
    pub cdns: BTreeMap<String, Fan>,
    /// By link of the network.
    pub links: BTreeMap<String, LinkForecast>,
    /// The largest bin of the total.
    pub peak: PeakForecast,
    /// Extra bytes inside the grid.
    pub bytes: Quantiles,
    /// Where the spread of the peak comes from.
    pub sigma_budget: SigmaBudget,
    /// Inputs that were missing, and what was used instead.
    pub missing: Vec<Missing>,
    /// Corrections applied from measured events.
    pub corrections: Vec<AppliedCorrection>,
}

/// Equal bins: bin `k` covers `[start + k step, start + (k + 1) step)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GridInfo {
    /// Start of the first bin.
    pub start: DateTime<Utc>,
    /// Bin length, s.
    pub step_s: u32,
    /// Number of bins.
    pub bins: usize,
}

/// Quantiles of a rate, bin by bin, bit/s. Each list has one value per bin.
///
/// The peak of the P90 list is not the P90 of the peak: see [`PeakForecast`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fan {
    /// One chance in ten of less.
    pub p10: Vec<f64>,
    /// As likely more as less.
    pub p50: Vec<f64>,
    /// One chance in ten of more.
    pub p90: Vec<f64>,
    /// One chance in a hundred of more.
    pub p99: Vec<f64>,
}

/// Quantiles of one number.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Quantiles {
    /// One chance in ten of less.
    pub p10: f64,
    /// As likely more as less.
    pub p50: f64,
    /// One chance in ten of more.
    pub p90: f64,
    /// One chance in a hundred of more.
    pub p99: f64,
}

/// Quantiles of an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InstantQuantiles {
    /// One chance in ten of earlier.
    pub p10: DateTime<Utc>,
    /// As likely earlier as later.
    pub p50: DateTime<Utc>,
    /// One chance in ten of later.
    pub p90: DateTime<Utc>,
}

/// Size and instant (start of the bin) of the peak.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeakForecast {
    /// Largest bin mean, bit/s.
    pub bps: Quantiles,
    /// When it falls.
    pub at: InstantQuantiles,
}

/// What one link sees.
///
/// The quantile lists are the traffic routed to the link, with what no path of a CDN can take left on its last
/// path, so that links sum to the total. Exceedance looks at what would like to use the link, before its own
/// limit sends anything elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkForecast {
    /// Extra traffic routed to the link.
    #[serde(flatten)]
    pub extra: Fan,
    /// Capacity of the link, bit/s.
    pub capacity_bps: f64,
    /// Largest bin of the extra traffic that would like to use the link, bit/s.
    pub peak_bps: Quantiles,
    /// Chance and duration of usual plus extra traffic above a capacity: the full one first, then the one
    /// less headroom if that is kept.
    pub exceed: Vec<Exceed>,
    /// Bytes that arrive later because the link is full.
    pub delayed_bytes_p50: f64,
    /// Bins in which downloads are slowed.
    pub limited_bins_p50: f64,
}

/// Chance of passing one capacity, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exceed {
    /// The capacity, bit/s.
    pub capacity_bps: f64,
    /// Share of draws in which any bin passes it.
    pub probability: f64,
    /// Minutes above it.
    pub minutes_p50: f64,
}

/// Log-scale standard deviations of the peak by cause; squares add. The largest one names the fact to find
/// out next.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SigmaBudget {
    /// How many download.
    pub audience: f64,
    /// How much each downloads.
    pub size: f64,
    /// Who starts when.
    pub shape: f64,
    /// How fast each downloads.
    pub rates: f64,
    /// On which platform.
    pub platforms: f64,
    /// What nothing else explains.
    pub residual: f64,
    /// Chance among few downloads.
    pub cv: f64,
    /// All together.
    pub total: f64,
}

impl SigmaBudget {
    /// Shrinks all parts alike.
    pub(super) fn shrink(&mut self, by: f64) {
        let parts = [
            &mut self.audience,
            &mut self.size,
            &mut self.shape,
            &mut self.rates,
            &mut self.platforms,
            &mut self.residual,
            &mut self.cv,
            &mut self.total,
        ];
        for part in parts {
            *part *= by;
        }
    }
}

/// An input that was missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Missing {
    /// JSON pointer to where the value would have been in the input.
    pub pointer: String,
    /// What was used instead.
    pub detail: String,
}

/// A correction learned from measured events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppliedCorrection {
    /// Which effect, such as `all`, `network:acme`, `franchise:fortnite` or `platform:xbox`.
    pub effect: String,
    /// What the forecast was multiplied by.
    pub factor: f64,
    /// The effect in words: what was measured, how often, how sure.
    #[serde(default)]
    pub detail: String,
}
