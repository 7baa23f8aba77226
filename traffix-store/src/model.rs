//! What goes into and comes out of a store, besides the domain itself.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::{CategoryId, CompanyId, Content, PlatformId, RuId, RuKind};
use traffix_core::delivery::{CdnId, Origin, Status};

use crate::Freeze;

/// Position in the change log; grows by at least one with every write to the catalogue.
pub type Sequence = i64;

/// Revision of one entity: the sequence of the change that wrote it. It is the entity's `ETag`.
pub type Revision = i64;

/// A value with its revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The change that wrote it.
    pub revision: Revision,
    /// When it was written.
    pub updated_at: DateTime<Utc>,
}

/// Who writes: a key's name, `import`, a platform's sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(pub String);

/// In what state a write expects the entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Any, existing or not.
    Anything,
    /// It must not exist yet.
    Absent,
    /// It must be at this revision (`If-Match`).
    At(Revision),
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Nothing: the stored value was equal already. No change was logged.
    Unchanged(Revision),
    /// The entity is new.
    Created(Revision),
    /// The entity was replaced.
    Updated(Revision),
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportReport {
    /// Entities read from the input.
    pub read: u64,
    /// Entities that were new.
    pub created: u64,
    /// Entities that changed.
    pub updated: u64,
    /// Entities that were equal already.
    pub unchanged: u64,
}

/// Which page of a list. The cursor holds the place of the last item seen, so a list that changes meanwhile
/// neither repeats nor skips what did not move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Most items wanted; brought into 1 to 500.
    pub limit: u32,
    /// Cursor from the previous page; opaque, URL-safe.
    pub after: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: 100, after: None }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` on the last.
    pub next: Option<String>,
}

/// Filter of the list of RUs; all conditions must hold. Ordered by first instant, then id, both reversed if
/// `descending`; RUs without any date come last either way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RuQuery {
    /// Listed on this platform.
    pub platform: Option<PlatformId>,
    /// Release or update.
    pub kind: Option<RuKind>,
    /// What is delivered.
    pub content: Option<Content>,
    /// Published by.
    pub publisher: Option<CompanyId>,
    /// Developed by.
    pub developer: Option<CompanyId>,
    /// In this category.
    pub category: Option<CategoryId>,
    /// Updates of this release.
    pub release: Option<RuId>,
    /// Some phase ends or, without an end, starts at or after this instant. Together with `until`, one and the
    /// same phase must satisfy both.
    pub from: Option<DateTime<Utc>>,
    /// Some phase starts before this instant.
    pub until: Option<DateTime<Utc>>,
    /// The largest wire size of any listing is at least this.
    pub min_bytes: Option<u64>,
    /// The largest wire size of any listing is at most this.
    pub max_bytes: Option<u64>,
    /// Words of the title; every word must match the beginning of a word of the title. Case, accents and
    /// punctuation do not matter; a text without any letter or digit asks for nothing.
    pub text: Option<String>,
    /// Latest first instead of earliest first.
    pub descending: bool,
}

/// What kind of entity a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntityKind {
    /// A release or update.
    Ru,
    /// A publisher or developer.
    Company,
    /// A statement about who delivers.
    Assertion,
    /// The prefixes of a CDN; the change tells how many came, not which.
    Prefixes,
}

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeOp {
    /// The entity is new.
    Create,
    /// The entity was replaced.
    Update,
    /// The entity was removed.
    Delete,
}

/// One entry of the change log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Position in the log.
    pub seq: Sequence,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What kind of entity.
    pub entity: EntityKind,
    /// Which.
    pub id: String,
    /// What happened.
    pub op: ChangeOp,
    /// The entity before, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<serde_json::Value>,
    /// The entity after, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<serde_json::Value>,
}

/// Filter of the list of assertions; all conditions must hold. Ordered by identity, which means nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AssertionQuery {
    /// About this platform.
    pub platform: Option<PlatformId>,
    /// About this CDN.
    pub cdn: Option<CdnId>,
    /// Whose prefix contains this address.
    pub containing: Option<IpAddr>,
    /// With this status.
    pub status: Option<Status>,
}

/// A prefix of a delivery network: one entry of a list, with what the list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdnPrefix {
    /// The addresses.
    pub prefix: IpNet,
    /// Whose they are and who says so.
    pub origin: Origin,
}

/// Filter of the list of prefixes; all conditions must hold. Ordered by prefix (IPv4 first, a prefix before what
/// it contains), then CDN and source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PrefixQuery {
    /// Of this CDN.
    pub cdn: Option<CdnId>,
    /// Of CDNs that deliver this platform, by an assertion that is not historical.
    pub platform: Option<PlatformId>,
    /// That contain this address.
    pub containing: Option<IpAddr>,
}

/// A network profile saved under its owner's key.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedNetwork {
    /// Its owner.
    pub owner: String,
    /// Identifier, unique per owner.
    pub id: String,
    /// The profile, as JSON.
    pub profile: serde_json::Value,
    /// Revision of this entity (counts its writes; networks are private and not in the change log).
    pub revision: Revision,
    /// When it was written.
    pub updated_at: DateTime<Utc>,
}

/// A forecast kept with everything needed to repeat and score it.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedForecast {
    /// Identifier (UUID v7).
    pub id: uuid::Uuid,
    /// The RU it is about.
    pub ru: RuId,
    /// The network it is for.
    pub network: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Version of model and priors.
    pub model_version: String,
    /// Input, as JSON.
    pub input: serde_json::Value,
    /// Output, as JSON.
    pub output: serde_json::Value,
    /// That it was frozen before a release; `None` if somebody asked to keep it.
    pub frozen: Option<Freeze>,
}

/// What a key may do. Later roles include the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads, and owns private networks.
    Reader,
    /// Suggests.
    Contributor,
    /// Writes the catalogue.
    Moderator,
    /// Manages keys.
    Admin,
}

/// A key to be stored. The secret itself never reaches the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Public part of the key, used for look-up.
    pub id: String,
    /// SHA-256 of the secret part.
    pub secret_sha256: [u8; 32],
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key.
    pub key: NewKey,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}
