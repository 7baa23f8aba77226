//! Spikes: what was found in the measurements of a network, what may have caused it, and what people decided.
//!
//! All of it belongs to the owner of the network, like the network itself.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use traffix_core::catalogue::{PlatformId, RuId};
use traffix_core::delivery::CdnId;
use uuid::Uuid;

use crate::{Actor, Lesson, Outcome, Page, PageRequest, Revision, StoreError, Written};

type Result<T> = std::result::Result<T, StoreError>;

/// In which part of a network's traffic a spike was found.
///
/// ```
/// use traffix_store::SpikeScope;
/// let scope: SpikeScope = "cdn:akamai".parse()?;
/// assert_eq!(scope.to_string(), "cdn:akamai");
/// assert!("akamai".parse::<SpikeScope>().is_err());
/// # Ok::<(), traffix_store::SpikeScopeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpikeScope {
    /// All of it.
    Total,
    /// What came from a CDN.
    Cdn(CdnId),
    /// What came from a platform.
    Platform(PlatformId),
    /// What came over a link, by its identifier in the profile.
    Link(String),
}

/// Longest scope: a link's identifier after its word.
const MAX_SCOPE_BYTES: usize = 205;

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be `total`, `cdn:ID`, `platform:ID` or `link:ID`")]
pub struct SpikeScopeError;

impl fmt::Display for SpikeScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total => f.write_str("total"),
            Self::Cdn(id) => write!(f, "cdn:{id}"),
            Self::Platform(id) => write!(f, "platform:{id}"),
            Self::Link(id) => write!(f, "link:{id}"),
        }
    }
}

impl FromStr for SpikeScope {
    type Err = SpikeScopeError;

    fn from_str(text: &str) -> std::result::Result<Self, SpikeScopeError> {
        let text = if text.len() <= MAX_SCOPE_BYTES { text } else { "" };
        let scope = match text.split_once(':') {
            None if text == "total" => Some(Self::Total),
            Some(("cdn", id)) => id.parse().ok().map(Self::Cdn),
            Some(("platform", id)) => id.parse().ok().map(Self::Platform),
            Some(("link", id)) if !id.is_empty() => Some(Self::Link(id.to_owned())),
            _ => None,
        };
        scope.ok_or(SpikeScopeError)
    }
}

/// A spike as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSpike {
    /// Who owns the network.
    pub owner: String,
    /// The network.
    pub network: String,
    /// Where in its traffic.
    pub scope: SpikeScope,
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it ended, or how far it was seen to run; after the start.
    pub until: DateTime<Utc>,
    /// Whether it still ran then.
    pub running: bool,
    /// When it could be told first.
    pub detected_at: DateTime<Utc>,
    /// All about it, as JSON.
    pub document: Value,
}

/// What people decided about the causes of a spike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpikeVerdict {
    /// The RU that caused it.
    pub confirmed: Option<RuId>,
    /// RUs that did not.
    pub rejected: BTreeSet<RuId>,
    /// When something was last decided, and by whom.
    pub decided: Option<(DateTime<Utc>, String)>,
}

/// A spike as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedSpike {
    /// Its identifier, which stays while the spike is updated.
    pub id: Uuid,
    /// What was found.
    pub found: FoundSpike,
    /// What may have caused it, as JSON; `None` where that has to be found out (again).
    pub explanation: Option<Value>,
    /// What people decided.
    pub verdict: SpikeVerdict,
    /// Counts its writes.
    pub revision: Revision,
    /// When it was last written.
    pub updated_at: DateTime<Utc>,
}

/// Filter of spikes; all conditions must hold. Ordered by start, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpikeQuery {
    /// Of this owner; of all if absent.
    pub owner: Option<String>,
    /// On this network.
    pub network: Option<String>,
    /// In this part of the traffic.
    pub scope: Option<SpikeScope>,
    /// That ended, or ran, after this instant.
    pub from: Option<DateTime<Utc>>,
    /// That began before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Whether the cause is still open: nobody has confirmed one.
    pub open: Option<bool>,
}

/// One decision about a spike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// The RU caused it.
    Confirm(RuId),
    /// The RU did not cause it.
    Reject(RuId),
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruled {
    /// It had been decided so before; nothing was written.
    Repeated,
    /// It was written, without a lesson.
    Kept,
    /// It was written, and so was what it taught.
    Taught,
}

/// Spikes.
#[async_trait]
pub trait Spikes: Send + Sync {
    /// Keeps a spike. One of the same network and scope that overlaps it is the same spike and is updated; undecided
    /// ones that turn out to be a part of it are removed. [`StoreError::Invalid`] unless it ends after its start.
    async fn put_spike(&self, spike: &FoundSpike) -> Result<(Written, SavedSpike)>;
    /// Takes down as ended whatever of a network was not seen to run until an instant; how many.
    async fn end_spikes(&self, owner: &str, network: &str, seen_until: DateTime<Utc>) -> Result<u64>;
    /// Writes what may have caused a spike, unless the spike was written after a revision: then
    /// [`StoreError::Conflict`]. The same again is not written.
    async fn explain_spike(&self, id: Uuid, after: Revision, explanation: &Value) -> Result<Revision>;
    /// Spikes that fit a filter.
    async fn spikes(&self, query: &SpikeQuery, page: &PageRequest) -> Result<Page<SavedSpike>>;
    /// One spike, of an owner or of anybody.
    async fn spike(&self, owner: Option<&str>, id: Uuid) -> Result<Option<SavedSpike>>;
    /// Decides about one cause. A confirmed one may teach: the outcome and the lesson are written with the decision, all
    /// or nothing, but if the event is settled already only the decision is. After a rejection the explanation has to be
    /// made again.
    ///
    /// [`StoreError::Conflict`] if it was decided otherwise before, or if the lesson does not follow the revision that is
    /// stored; [`StoreError::NotFound`] if there is no such spike; [`StoreError::Invalid`] if the outcome is not a
    /// learned one of the confirmed RU on the network.
    async fn rule_spike(
        &self,
        id: Uuid,
        ruling: &Ruling,
        actor: &Actor,
        lesson: Option<(&Outcome, &Lesson)>,
    ) -> Result<Ruled>;
}
