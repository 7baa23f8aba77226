//! Where the catalogue comes from: who pulls which source and how far it got, what is due, and what is proposed.
//!
//! None of this is catalogue: it is not in the change log, and losing it costs requests, not facts.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::{PlatformId, RuId};
use traffix_core::delivery::Assertion;

use crate::{Actor, Page, PageRequest, StoreError, Written};

type Result<T> = std::result::Result<T, StoreError>;

/// The right to pull one source, until an instant. One holder at a time across all instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which source: a platform's slug, or another word such as `github`.
    pub source: String,
    /// Who holds it: unique per process.
    pub holder: String,
    /// Grows whenever the right is taken and not just renewed: a write under an older one is refused.
    pub fence: i64,
    /// Until when it holds unless renewed.
    pub until: DateTime<Utc>,
}

/// How far a source has been pulled.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SourceState {
    /// Where the list of titles goes on; `None` at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// When the lists of titles were last read to their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_at: Option<DateTime<Utc>>,
    /// When the next pull is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// When the last pull began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When the last pull ended without an error of the source as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<DateTime<Utc>>,
    /// When the last error happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<DateTime<Utc>>,
    /// What the last error said; without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Errors since the last success.
    pub failures: u32,
    /// Observations read, ever.
    pub read: u64,
    /// Changes to the catalogue, ever.
    pub written: u64,
    /// Errors, ever.
    pub errors: u64,
}

/// A source with its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Which.
    pub id: String,
    /// How far it got.
    pub state: SourceState,
    /// Who pulls it now.
    pub lease: Option<Lease>,
}

/// A listing that should be asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct ListingPull {
    /// The platform.
    pub platform: PlatformId,
    /// The platform's identifier.
    pub external_id: String,
    /// When it is due.
    pub due_at: DateTime<Utc>,
    /// When it was last answered.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// Errors since then.
    pub failures: u32,
}

/// What a moderator may decide about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ProposalSubject {
    /// Two RUs may be the same title.
    Merge {
        /// The one that would go.
        from: RuId,
        /// The one that would stay.
        into: RuId,
        /// Why somebody might think so, 0 to 1.
        score: f64,
        /// The reasons, for readers.
        reasons: Vec<String>,
    },
    /// Somebody suggests an RU or a correction.
    Suggestion {
        /// What is suggested, as its source states it.
        suggestion: serde_json::Value,
        /// What is wrong with it, if anything.
        findings: Vec<String>,
    },
    /// Somebody saw who delivers.
    Assertion {
        /// The statement.
        assertion: Box<Assertion>,
        /// What it rests on, for readers.
        reasons: Vec<String>,
    },
}

/// How a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalStatus {
    /// Nobody has decided.
    Open,
    /// A moderator agreed, and it was carried out.
    Accepted,
    /// A moderator disagreed: it is not proposed again.
    Rejected,
}

/// Something for a moderator to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Stable identifier: the same thing proposed again has the same one (`merge:a:b`, `github:owner/repo:12`).
    pub id: String,
    /// What it is about.
    pub subject: ProposalSubject,
    /// How it stands.
    pub status: ProposalStatus,
    /// When it was first proposed.
    pub proposed_at: DateTime<Utc>,
    /// When and by whom it was decided.
    pub decided: Option<(DateTime<Utc>, String)>,
}

/// Who pulls what and how far.
///
/// A lease is taken for a while and renewed while the work goes on. It runs out by the store's clock, so a holder
/// that crashed is in nobody's way for longer; the clocks of several instances should agree to within a fraction
/// of the time for which leases are taken. What is written under a lease that is lost is refused, even if the
/// clocks disagree.
#[async_trait]
pub trait Sources: Send + Sync {
    /// Takes or renews the right to pull `source` for `ttl` from now; `None` while another holder has it.
    async fn lease(&self, source: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>>;
    /// Gives the right back; fine if it is lost already.
    async fn release(&self, lease: &Lease) -> Result<()>;
    /// One source; `None` if nobody ever took a lease of it.
    async fn source(&self, id: &str) -> Result<Option<Source>>;
    /// All sources that anybody ever took a lease of, by id.
    async fn sources(&self) -> Result<Vec<Source>>;
    /// Writes how far a pull got. [`StoreError::Conflict`] if the lease is lost.
    async fn put_source(&self, lease: &Lease, state: &SourceState) -> Result<()>;
    /// The RUs that have a listing on `platform` under one of these identifiers, aliases included, by identifier.
    /// Unknown ones are left out. If several RUs claim an identifier, a release goes before its updates, then the
    /// first by id.
    async fn rus_by_external_id(
        &self,
        platform: &PlatformId,
        external_ids: &[String],
    ) -> Result<Vec<(String, RuId)>>;
    /// Listings of `platform` that are due at `now`, each identifier once: first those that were never scheduled,
    /// by identifier and as due at `now`, then the longest due first. Aliases are not asked about. What was
    /// scheduled is forgotten when the last RU with such a listing goes.
    async fn due_listings(
        &self,
        platform: &PlatformId,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ListingPull>>;
    /// Says when listings are due next. Those that no RU has are left out. [`StoreError::Conflict`] if the lease
    /// is lost.
    async fn schedule_listings(&self, lease: &Lease, pulls: &[ListingPull]) -> Result<()>;
}

/// What awaits a moderator.
#[async_trait]
pub trait Proposals: Send + Sync {
    /// Proposes, atomically; what was proposed before keeps its status and instant, and an open one gets the new
    /// subject. Returns how many were new.
    async fn propose(&self, proposals: &[(String, ProposalSubject)]) -> Result<u64>;
    /// One proposal.
    async fn proposal(&self, id: &str) -> Result<Option<Proposal>>;
    /// Proposals of a status, oldest first.
    async fn proposals(&self, status: ProposalStatus, page: &PageRequest) -> Result<Page<Proposal>>;
    /// Decides an open one; carrying the decision out is the caller's. Deciding the same again changes nothing.
    /// [`StoreError::Conflict`] if it was decided otherwise before.
    async fn decide(&self, id: &str, status: ProposalStatus, actor: &Actor) -> Result<()>;
    /// Makes two RUs one, atomically: `into` gets what `from` has by [`Ru::merge`](traffix_core::catalogue::Ru::merge)
    /// and keeps its identifier, updates of `from` become updates of `into`, `from` is removed. Each of it is a
    /// change in the log. Returns what happened to `into`.
    ///
    /// [`StoreError::Invalid`] if both are the same, one is a release and the other an update, or both together
    /// are not a valid RU.
    async fn merge_into(&self, from: &RuId, into: &RuId, actor: &Actor) -> Result<Written>;
}

/// A stored time series: one number per step, such as players of a title or bit/s of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// What is measured, with unit: `players`, `traffic_bps`.
    pub metric: String,
    /// Of what: `steam/440`, `ixp/bcix`.
    pub subject: String,
    /// Who measured.
    pub source: String,
    /// Seconds from one value to the next; divides a day.
    pub step_secs: u32,
}

/// Time series on fixed steps. A missing value is missing, not zero. What goes in comes out to the last bit.
#[async_trait]
pub trait SeriesStore: Send + Sync {
    /// Writes values at instants on the step's grid, which begins at midnight UTC; a value that is there already is
    /// replaced, and of an instant that comes twice the last value counts. All of a call is written, or nothing.
    /// Returns how many values are new or differ from what was there.
    ///
    /// [`StoreError::Invalid`] if the step does not divide a day, an instant is off the grid or a value is not
    /// finite.
    async fn put_points(&self, key: &SeriesKey, points: &[(DateTime<Utc>, f64)]) -> Result<u64>;
    /// Values from `from` up to but without `until`, in order, gaps left out.
    async fn points(
        &self,
        key: &SeriesKey,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, f64)>>;
    /// The series of a metric whose subject begins with a text, by key.
    async fn series(&self, metric: &str, subject_prefix: &str) -> Result<Vec<SeriesKey>>;
}
