//! One RU on one platform: sizes, phases, weights, audience.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{PlatformId, Region};
use crate::{Bytes, Fact};

/// One RU on one distribution platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// The platform.
    pub platform: PlatformId,
    /// The platform's own identifier of the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Further identifiers of the same title on this platform, such as those of other regions; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The public page of the listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Download sizes, one per variant known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sizes: Vec<DownloadSize>,
    /// When what becomes available.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// The build that the platform delivers now; a new one is an update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Fact<Build>>,
    /// What a viewer's player fetches, for something to stream.
    #[serde(default, skip_serializing_if = "Stream::is_empty")]
    pub stream: Stream,
    /// Share of the RU's downloads on this platform, where it differs from the platform's default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<RegionalWeight>,
    /// Signals of how many people will download.
    #[serde(default, skip_serializing_if = "Audience::is_empty")]
    pub audience: Audience,
}

impl Listing {
    /// A listing about which nothing is known yet.
    pub fn new(platform: PlatformId) -> Self {
        Self {
            platform,
            external_id: None,
            aliases: Vec::new(),
            url: None,
            sizes: Vec::new(),
            phases: Vec::new(),
            build: None,
            stream: Stream::default(),
            weights: Vec::new(),
            audience: Audience::default(),
        }
    }

    /// The wire size that a device downloads if nothing is known about its variant: the plain one, else the
    /// first known.
    pub fn wire_bytes(&self) -> Option<&Fact<ByteRange>> {
        self.default_size(|size| size.wire_bytes.as_ref())
    }

    /// The disk size, chosen like [`wire_bytes`](Self::wire_bytes).
    pub fn disk_bytes(&self) -> Option<&Fact<ByteRange>> {
        self.default_size(|size| size.disk_bytes.as_ref())
    }

    /// Every identifier that the platform gives the title.
    pub fn external_ids(&self) -> impl Iterator<Item = &str> {
        self.external_id.iter().chain(&self.aliases).map(String::as_str)
    }

    /// The first phase of `kind` that holds everywhere, else the first of any region.
    pub fn phase(&self, kind: PhaseKind) -> Option<&Phase> {
        let mut of_kind = self.phases.iter().filter(|p| p.kind == kind);
        let first = of_kind.clone().next();
        of_kind.find(|p| p.region == Region::WORLD).or(first)
    }

    fn default_size<'a>(
        &'a self,
        pick: impl Fn(&'a DownloadSize) -> Option<&'a Fact<ByteRange>>,
    ) -> Option<&'a Fact<ByteRange>> {
        let plain = self.sizes.iter().find(|s| s.variant.is_none()).and_then(&pick);
        plain.or_else(|| self.sizes.iter().find_map(&pick))
    }
}

/// How many bytes one device downloads, and how many it stores. The two are different facts: archives are
/// compressed, and an update may rewrite far more than it transfers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DownloadSize {
    /// Which devices, languages or packs; `None` for the ordinary one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Bytes on the wire per device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire_bytes: Option<Fact<ByteRange>>,
    /// Bytes on the device's disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<Fact<ByteRange>>,
}

/// One build of a title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The platform's identifier of the build.
    pub id: String,
    /// The version as players see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it went live, as the platform states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_at: Option<DateTime<Utc>>,
}

/// What a viewer's player fetches: bit/s while it plays, and for how long.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Stream {
    /// Mean bit/s of one viewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate_bps: Option<Fact<u64>>,
    /// How long it plays, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_secs: Option<Fact<u64>>,
}

impl Stream {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An interval of bytes, both ends included; a single value is an interval of width zero.
///
/// ```
/// use traffix_core::{Bytes, catalogue::ByteRange};
/// let range = ByteRange::new(Bytes(17_000_000_000), Bytes(18_000_000_000));
/// assert_eq!(range.mid(), Bytes(17_500_000_000));
/// assert_eq!(range.to_string(), "17 GB to 18 GB");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ByteRange {
    /// Smallest.
    pub low: Bytes,
    /// Largest.
    pub high: Bytes,
}

impl ByteRange {
    /// From `low` to `high`.
    pub fn new(low: Bytes, high: Bytes) -> Self {
        Self { low, high }
    }

    /// Exactly `bytes`.
    pub fn exactly(bytes: Bytes) -> Self {
        Self::new(bytes, bytes)
    }

    /// The middle.
    pub fn mid(self) -> Bytes {
        Bytes(self.low.0.midpoint(self.high.0))
    }
}

impl std::fmt::Display for ByteRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.low == self.high { self.low.fmt(f) } else { write!(f, "{} to {}", self.low, self.high) }
    }
}

/// What becomes possible in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PhaseKind {
    /// Download ahead of the unlock. Records have fallen on these days.
    Preload,
    /// Buyers of some edition may start earlier.
    EarlyAccess,
    /// Everybody may start.
    Unlock,
    /// One wave of a staged roll-out; `share` says how large.
    Wave,
}

/// How firm a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PhaseStatus {
    /// Rumoured or planned.
    Tentative,
    /// Announced or past.
    #[default]
    Confirmed,
    /// Announced and moved since.
    Slipped,
    /// Will not happen.
    Cancelled,
}

/// A window of a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// What becomes possible.
    pub kind: PhaseKind,
    /// Where.
    #[serde(default = "world", skip_serializing_if = "is_world")]
    pub region: Region,
    /// When.
    pub window: Fact<Window>,
    /// How firm.
    #[serde(default)]
    pub status: PhaseStatus,
    /// Share of the audience that this wave reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

fn world() -> Region {
    Region::WORLD
}

fn is_world(region: &Region) -> bool {
    *region == Region::WORLD
}

/// A window of time in UTC, with the precision to which its start is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Start, or the first instant of the day, month or quarter it falls in.
    pub start: DateTime<Utc>,
    /// End, if it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<DateTime<Utc>>,
    /// How precisely the start is known.
    pub precision: Precision,
}

/// How precisely an instant is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// To the minute.
    Minute,
    /// To the hour.
    Hour,
    /// The UTC day.
    Day,
    /// The month.
    Month,
    /// The quarter.
    Quarter,
    /// The year.
    Year,
}

impl Precision {
    /// Whether an instant of this precision can be placed on a clock.
    pub fn is_instant(self) -> bool {
        self <= Self::Hour
    }
}

/// The share of an RU's downloads that a platform carries in a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegionalWeight {
    /// Where.
    #[serde(default = "world", skip_serializing_if = "is_world")]
    pub region: Region,
    /// Share, 0 to 1; the weights of all listings are normalised together.
    pub share: Fact<f64>,
}

/// Signals of how many people will download. All optional: each adds certainty.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Audience {
    /// Mean daily peak of concurrent players.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_peak: Option<Fact<u64>>,
    /// Monthly active users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mau: Option<Fact<u64>>,
    /// Wish lists that hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wishlists: Option<Fact<u64>>,
    /// Followers on the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followers: Option<Fact<u64>>,
    /// Place in the platform's chart of what is most played, sold or awaited; 1 is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<Fact<u64>>,
    /// Popularity on the platform's own scale, which the evidence's note names; comparable on one platform only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub popularity: Option<Fact<f64>>,
}

impl Audience {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
