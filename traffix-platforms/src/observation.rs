//! What a platform says about a title, before anybody merges it into a catalogue.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::{
    Audience, Build, ByteRange, Content, Listing, Phase, PhaseKind, PhaseStatus, PlatformId, Precision,
    Region, RuKind, Thumbnail, Window,
};
use traffix_core::{Evidence, Fact};

/// Which titles to look for.
#[derive(Debug, Clone, PartialEq)]
pub struct Discover {
    /// The present.
    pub now: DateTime<Utc>,
    /// Releases and updates from this instant …
    pub from: DateTime<Utc>,
    /// … to this one, where the platform can filter. Titles without a date are wanted too.
    pub until: DateTime<Utc>,
    /// Seen from this country, where it matters.
    pub region: Region,
    /// Where to go on: [`Page::next`] of the page before.
    pub cursor: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where to go on; `None` on the last page.
    pub next: Option<String>,
}

/// A listing that a catalogue already knows.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingRef {
    /// The platform's identifier.
    pub external_id: String,
    /// The build that the catalogue knows as the current one: the size of an update is counted from here.
    pub build: Option<Build>,
}

impl ListingRef {
    /// The listing of this identifier, of which no build is known.
    pub fn new(external_id: impl Into<String>) -> Self {
        Self { external_id: external_id.into(), build: None }
    }
}

/// What a platform says about one title.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListingObservation {
    /// Title as published; absent where an interface gives only the identifier.
    pub title: Option<String>,
    /// Release or update.
    pub kind: RuKind,
    /// Of an update: the platform's identifier of the release.
    pub updates: Option<String>,
    /// What is delivered.
    pub content: Content,
    /// Names of the publishers.
    pub publishers: Vec<String>,
    /// Names of the developers.
    pub developers: Vec<String>,
    /// Not safe for work; absent if the platform does not say.
    pub nsfw: Option<bool>,
    /// Pictures.
    pub thumbnails: Vec<Thumbnail>,
    /// Identifiers, sizes, phases and audience: always of the observing platform, with its `external_id`.
    pub listing: Listing,
    /// Builds that are or were delivered or announced, oldest first.
    pub builds: Vec<BuildObservation>,
    /// When the platform last changed what it says, if it tells: reason to refresh a listing.
    pub changed_at: Option<DateTime<Utc>>,
    /// Who says that the title exists.
    pub evidence: Evidence,
}

impl ListingObservation {
    /// A game of `platform` under this identifier, about which nothing else is said.
    pub fn new(platform: PlatformId, external_id: impl Into<String>, evidence: Evidence) -> Self {
        let mut listing = Listing::new(platform);
        listing.external_id = Some(external_id.into());
        Self {
            title: None,
            kind: RuKind::Release,
            updates: None,
            content: Content::Game,
            publishers: Vec::new(),
            developers: Vec::new(),
            nsfw: None,
            thumbnails: Vec::new(),
            listing,
            builds: Vec::new(),
            changed_at: None,
            evidence,
        }
    }
}

/// One build of a title. A new one is an update of the title.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildObservation {
    /// Identifier, version, and when it went live.
    pub build: Build,
    /// Where.
    pub region: Region,
    /// From when it can be downloaded ahead.
    pub preload_at: Option<DateTime<Utc>>,
    /// Bytes on the wire for somebody who has another build.
    pub update: Option<UpdateSize>,
    /// What the developer writes about it.
    pub notes: Option<Notes>,
    /// Who says so.
    pub evidence: Evidence,
}

impl BuildObservation {
    /// A build that is the same everywhere, about which nothing else is said.
    pub fn new(build: Build, evidence: Evidence) -> Self {
        let region = Region::WORLD;
        Self { build, region, preload_at: None, update: None, notes: None, evidence }
    }

    /// Its download was open when the evidence was observed. Nobody states since when: that instant stands for the
    /// start, and the evidence says so.
    pub(crate) fn open_ahead(mut self) -> Self {
        self.preload_at = Some(self.evidence.observed_at);
        self.evidence.confidence = SEEN_OPEN_CONFIDENCE;
        self.evidence.note = Some(SEEN_OPEN.into());
        self
    }
}

/// How sure the start of a download ahead is that was seen open. Assumed: titles are looked at a few times a day.
pub(crate) const SEEN_OPEN_CONFIDENCE: f64 = 0.5;
const SEEN_OPEN: &str = "the download was open when this was read, and may have been before";

/// A confirmed phase that begins at an instant, as precisely as that is known, and has no end.
pub(crate) fn phase(
    kind: PhaseKind,
    region: Region,
    (start, precision): (DateTime<Utc>, Precision),
    evidence: Evidence,
) -> Phase {
    let window = Fact::new(Window { start, end: None, precision }, evidence);
    Phase { kind, region, window, status: PhaseStatus::Confirmed, share: None }
}

/// Bytes on the wire to get from one build to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateSize {
    /// The build before.
    pub from: String,
    /// How many bytes; an interval where the platform allows only bounds.
    pub wire_bytes: ByteRange,
}

/// Patch notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Headline, as plain text.
    pub title: String,
    /// Where to read on.
    pub url: Option<String>,
    /// When they were published.
    pub published_at: Option<DateTime<Utc>>,
}

/// How many people play, buy or await a title.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudienceObservation {
    /// Slow signals: they enter the catalogue.
    pub audience: Audience,
    /// Players at this moment, world-wide: they enter a time series.
    pub players_now: Option<u64>,
    /// Who says so.
    pub evidence: Evidence,
}

/// From where delivery is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Vantage {
    /// A country, or the world.
    pub region: Region,
    /// An address of the network in question.
    pub address: Option<std::net::IpAddr>,
}
