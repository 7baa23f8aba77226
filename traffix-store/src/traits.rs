//! What a store does, by aggregate. Both engines implement all of it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use traffix_core::catalogue::{Company, CompanyId, Ru, RuId};
use traffix_core::delivery::Assertion;

use crate::{
    Actor, AssertionQuery, CdnPrefix, Change, Expect, ImportReport, KeyInfo, Measurements, NewKey, Page,
    PageRequest, PrefixQuery, Proof, Proposals, RuQuery, SavedForecast, SavedNetwork, Sequence, SeriesStore,
    Sources, Spikes, StoreError, Versioned, Written,
};

type Result<T> = std::result::Result<T, StoreError>;

/// Releases, updates and companies, with their history.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// One RU, as it is now or as it was at an instant.
    async fn ru(&self, id: &RuId, as_of: Option<DateTime<Utc>>) -> Result<Option<Versioned<Ru>>>;
    /// RUs that fit a filter.
    async fn rus(&self, query: &RuQuery, page: &PageRequest) -> Result<Page<Versioned<Ru>>>;
    /// RUs that fit a filter, as they were at an instant.
    async fn rus_as_of(
        &self,
        query: &RuQuery,
        at: DateTime<Utc>,
        page: &PageRequest,
    ) -> Result<Page<Versioned<Ru>>>;
    /// Creates or replaces one RU. An update must name a stored release, companies must be stored.
    async fn put_ru(&self, ru: &Ru, expect: Expect, actor: &Actor) -> Result<Written>;
    /// Removes one RU; refused while updates name it.
    async fn delete_ru(&self, id: &RuId, expect: Expect, actor: &Actor) -> Result<()>;
    /// Merges many RUs into what is stored, by the evidence rules of [`Ru::merge`], in bulk and atomically: all
    /// of one call is written, or nothing. Merging the same RUs again changes nothing, so an interrupted import
    /// is resumed by repeating it.
    async fn merge_rus(&self, rus: &[Ru], actor: &Actor) -> Result<ImportReport> {
        self.merge_rus_with_progress(rus, actor, &|_| ()).await
    }
    /// [`merge_rus`](Self::merge_rus) that tells after every batch how many of `rus` are done. Nothing is
    /// acknowledged before the call returns.
    async fn merge_rus_with_progress(
        &self,
        rus: &[Ru],
        actor: &Actor,
        on_progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<ImportReport>;
    /// Changes of one RU, newest first.
    async fn history(&self, id: &RuId, page: &PageRequest) -> Result<Page<Change>>;
    /// Changes after a position of the log, oldest first.
    async fn changes(&self, after: Sequence, limit: u32) -> Result<Vec<Change>>;
    /// The newest position of the log; 0 if nothing was ever written.
    async fn sequence(&self) -> Result<Sequence>;
    /// One company.
    async fn company(&self, id: &CompanyId) -> Result<Option<Company>>;
    /// Companies by id.
    async fn companies(&self, page: &PageRequest) -> Result<Page<Company>>;
    /// Creates or replaces companies in bulk: they are data-as-code, so the import's word is final.
    async fn put_companies(&self, companies: &[Company], actor: &Actor) -> Result<ImportReport>;
}

/// Who delivers: assertions, and lists of prefixes.
#[async_trait]
pub trait Delivery: Send + Sync {
    /// Stores assertions in bulk and atomically. A statement is the same if platform, CDN, ASN, prefix, host,
    /// role, place and source are; of the same statement, what was seen later stays, and of equal age what comes
    /// now. The same again changes nothing.
    async fn put_assertions(&self, assertions: &[Assertion], actor: &Actor) -> Result<ImportReport>;
    /// Assertions that fit a filter.
    async fn assertions(
        &self,
        query: &AssertionQuery,
        page: &PageRequest,
    ) -> Result<Page<Versioned<Assertion>>>;
    /// Stores prefixes in bulk and atomically. An entry is the same if prefix, CDN and source are; of the same
    /// entry, what was seen later stays, and of equal age what comes now. The same again changes nothing.
    /// One change is logged for every CDN of which something changed.
    async fn put_prefixes(&self, prefixes: &[CdnPrefix], actor: &Actor) -> Result<ImportReport>;
    /// Prefixes that fit a filter.
    async fn prefixes(&self, query: &PrefixQuery, page: &PageRequest) -> Result<Page<CdnPrefix>>;
}

/// Network profiles, private to the key that saved them.
#[async_trait]
pub trait Networks: Send + Sync {
    /// One network of an owner.
    async fn network(&self, owner: &str, id: &str) -> Result<Option<SavedNetwork>>;
    /// The networks of an owner, by id.
    async fn networks(&self, owner: &str, page: &PageRequest) -> Result<Page<SavedNetwork>>;
    /// The networks of all owners, by owner and id: for what is done without anybody asking.
    async fn all_networks(&self, page: &PageRequest) -> Result<Page<SavedNetwork>>;
    /// Creates or replaces one; at most 1,000 per owner.
    async fn put_network(
        &self,
        owner: &str,
        id: &str,
        profile: &serde_json::Value,
        expect: Expect,
    ) -> Result<Written>;
    /// Removes one.
    async fn delete_network(&self, owner: &str, id: &str, expect: Expect) -> Result<()>;
}

/// Kept forecasts.
#[async_trait]
pub trait Forecasts: Send + Sync {
    /// Keeps one; the same identifier twice is refused, and so is a second frozen one of the same event and lead.
    /// Either is a [`StoreError::Conflict`].
    async fn save_forecast(&self, owner: &str, forecast: &SavedForecast) -> Result<()>;
    /// One forecast of an owner.
    async fn forecast(&self, owner: &str, id: uuid::Uuid) -> Result<Option<SavedForecast>>;
    /// Forecasts of an owner about one RU, newest first.
    async fn forecasts(&self, owner: &str, ru: &RuId, page: &PageRequest) -> Result<Page<SavedForecast>>;
}

/// API keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Stores a new key.
    async fn create_key(&self, key: &NewKey) -> Result<()>;
    /// Looks a key up by its public part.
    async fn key(&self, id: &str) -> Result<Option<KeyInfo>>;
    /// All keys, oldest first.
    async fn keys(&self) -> Result<Vec<KeyInfo>>;
    /// Revokes a key; revoking twice is fine.
    async fn revoke_key(&self, id: &str) -> Result<()>;
}

/// Health and idempotency.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Whether the database answers.
    async fn ping(&self) -> Result<()>;
    /// Remembers the answer to a request with an `Idempotency-Key`; the first answer wins and is returned to
    /// later callers. Kept for 24 hours.
    async fn remember(&self, owner: &str, key: &str, request_sha256: [u8; 32], answer: &[u8]) -> Result<()>;
    /// The remembered answer and the digest of the request that it answered.
    async fn recall(&self, owner: &str, key: &str) -> Result<Option<([u8; 32], Vec<u8>)>>;
}

/// Everything.
///
/// Any call may fail with [`StoreError::Unavailable`] if the database cannot be reached or is busy, in which case
/// nothing was written unless the connection broke during a commit; with [`StoreError::Schema`] if the tables are
/// not this version's; with [`StoreError::Corrupt`] if a stored value cannot be read. Lists fail with
/// [`StoreError::Cursor`] if the cursor is not from the same list. Writes fail with [`StoreError::Invalid`] (by
/// JSON pointer into the argument), [`StoreError::Conflict`] if [`Expect`] does not hold,
/// [`StoreError::NotFound`] if there is nothing to remove or revoke, and [`StoreError::InUse`] if others refer to
/// it. What fails is not in the change log.
pub trait Store:
    Catalogue
    + Delivery
    + Networks
    + Forecasts
    + Keys
    + Maintenance
    + Sources
    + Proposals
    + SeriesStore
    + Measurements
    + Proof
    + Spikes
{
}

impl<T> Store for T where
    T: Catalogue
        + Delivery
        + Networks
        + Forecasts
        + Keys
        + Maintenance
        + Sources
        + Proposals
        + SeriesStore
        + Measurements
        + Proof
        + Spikes
{
}
