//! What a forecast is asked: one RU, one network, and options.
//!
//! The JSON names are a stable contract. Sizes in bytes, rates in bit/s, instants in RFC 3339.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

pub use super::priors::RuKind;
use crate::network::Network;

/// A question: what will this RU do to this network?
///
/// ```
/// use traffix_core::forecast::ForecastInput;
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
///            "items": [{"platform": "steam", "bytes": 20e9}]},
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6}
/// }"#).unwrap();
/// assert_eq!(input.options.draws, 512);
/// assert!(input.validate().is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForecastInput {
    /// The release or update.
    pub ru: RuInput,
    /// The network.
    pub network: Network,
    /// Grid and draws.
    #[serde(default)]
    pub options: Options,
}

/// A release or update as the model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuInput {
    /// Stable id; the draws are keyed by it.
    pub id: String,
    /// Title to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Franchise, for learning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub franchise: Option<String>,
    /// What kind of RU it is.
    pub kind: RuKind,
    /// When downloads may begin: an instant, or a day if the hour is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_at: Option<Moment>,
    /// When a preload opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preload_at: Option<DateTime<Utc>>,
    /// When a preloaded title unlocks; the release if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlock_at: Option<DateTime<Utc>>,
    /// Staged or regional rollout, instead of one release for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<Wave>,
    /// One entry per platform.
    pub items: Vec<Item>,
    /// What is known of the audience.
    #[serde(default)]
    pub signals: Signals,
    /// Share of the audience that had the bytes before the release (another version, an early unlock).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub already_downloaded_share: Option<f64>,
}

/// One step of a staged or regional rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Country the wave is for; anything else (such as `*`) is for all networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// When it begins.
    pub at: DateTime<Utc>,
    /// Share of the downloads; the shares of all waves sum to 1.
    pub share: f64,
}

/// The RU on one platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Slug of the platform.
    pub platform: String,
    /// Share of the RU's downloads on this platform; only the proportions of the items matter. Used if all items
    /// have one and the network has no mix of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// Bytes on the wire of one download.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<f64>,
    /// Bytes on disk, where the wire size is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<f64>,
    /// Log-scale spread of the size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_sigma: Option<f64>,
    /// Bitrate of a stream, bit/s (media only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate_bps: Option<f64>,
    /// Share of the platform's bytes by CDN in this region, summing to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdn_shares: Option<BTreeMap<String, f64>>,
    /// Largest rate of one download, bit/s, if the platform, the publisher or the network holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bps: Option<f64>,
}

/// What is known of the audience, world-wide unless said otherwise.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signals {
    /// Largest number of concurrent players: the mean daily peak of a live title, day one of a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent_peak: Option<f64>,
    /// Monthly active users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mau: Option<f64>,
    /// Wishlists before the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wishlists: Option<f64>,
    /// Followers before the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followers: Option<f64>,
    /// Multiplies the downloads that everything else says, in every draw: 2 is twice the adoption. What chance does among
    /// few downloads stays as it was. 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience_factor: Option<f64>,
    /// Measured comparable events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<PastEvent>,
}

/// A comparable event that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PastEvent {
    /// Network it was measured on; only events of the same network are used.
    pub network: String,
    /// Extra bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<f64>,
    /// Extra peak, bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_bps: Option<f64>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// Grid and draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Bin length, s.
    pub step_s: u32,
    /// Length of the forecast from its first instant, s.
    pub horizon_s: u32,
    /// Number of draws.
    pub draws: u32,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Options {
    /// Fourteen days of five-minute bins, 512 draws, seed 1.
    fn default() -> Self {
        Self { step_s: 300, horizon_s: 1_209_600, draws: 512, seed: 1 }
    }
}

/// An instant, or a day whose hour is not known.
///
/// ```
/// use traffix_core::forecast::Moment;
/// let day: Moment = "2026-03-05".parse().unwrap();
/// assert!(matches!(day, Moment::Day(_)));
/// assert_eq!("2026-03-05T11:00:00+01:00".parse::<Moment>().unwrap().to_string(), "2026-03-05T10:00:00Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Moment {
    /// A known instant.
    At(DateTime<Utc>),
    /// Some time on this day (UTC).
    Day(NaiveDate),
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "An instant (RFC 3339) or, if the hour is not known, a day (YYYY-MM-DD)."
        })
    }
}

/// A text that is neither an instant nor a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an instant such as \"2026-03-05T10:00:00Z\" or a day such as \"2026-03-05\", got {0:?}")]
pub struct ParseMomentError(String);

impl FromStr for Moment {
    type Err = ParseMomentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(at.with_timezone(&Utc)));
        }
        text.parse().map(Self::Day).map_err(|_| ParseMomentError(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Moment {
    type Error = ParseMomentError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(at: DateTime<Utc>) -> Self {
        Self::At(at)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => f.write_str(&at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
            Self::Day(day) => write!(f, "{day}"),
        }
    }
}
