//! Releases, updates and companies on SQL.
//!
//! The change log holds every version of every document, once; `ru` and its side tables are derived from the
//! current ones by [`index`] and exist to find them.

mod companies;
mod filter;
mod index;
mod list;
mod merge;
mod read;
mod unite;
mod writer;

pub(super) use unite::merge_into;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use traffix_core::catalogue::{Company, CompanyId, Ru, RuId};

use super::SqlStore;
use crate::{
    Actor, Catalogue, Change, Expect, ImportReport, Page, PageRequest, RuQuery, Sequence, StoreError,
    Versioned, Written,
};

type Result<T> = std::result::Result<T, StoreError>;

#[async_trait]
impl Catalogue for SqlStore {
    async fn ru(&self, id: &RuId, as_of: Option<DateTime<Utc>>) -> Result<Option<Versioned<Ru>>> {
        read::ru(&self.db, id, as_of).await
    }

    async fn rus(&self, query: &RuQuery, page: &PageRequest) -> Result<Page<Versioned<Ru>>> {
        list::now(&self.db, query, page).await
    }

    async fn rus_as_of(
        &self,
        query: &RuQuery,
        at: DateTime<Utc>,
        page: &PageRequest,
    ) -> Result<Page<Versioned<Ru>>> {
        list::as_of(&self.db, query, at, page).await
    }

    async fn put_ru(&self, ru: &Ru, expect: Expect, actor: &Actor) -> Result<Written> {
        writer::put_ru(self, ru, expect, actor).await
    }

    async fn delete_ru(&self, id: &RuId, expect: Expect, actor: &Actor) -> Result<()> {
        writer::delete_ru(self, id, expect, actor).await
    }

    async fn merge_rus_with_progress(
        &self,
        rus: &[Ru],
        actor: &Actor,
        on_progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<ImportReport> {
        merge::merge_rus(self, rus, actor, on_progress).await
    }

    async fn history(&self, id: &RuId, page: &PageRequest) -> Result<Page<Change>> {
        read::history(&self.db, id, page).await
    }

    async fn changes(&self, after: Sequence, limit: u32) -> Result<Vec<Change>> {
        read::changes(&self.db, after, limit).await
    }

    async fn sequence(&self) -> Result<Sequence> {
        read::sequence(&self.db).await
    }

    async fn company(&self, id: &CompanyId) -> Result<Option<Company>> {
        companies::company(&self.db, id).await
    }

    async fn companies(&self, page: &PageRequest) -> Result<Page<Company>> {
        companies::companies(&self.db, page).await
    }

    async fn put_companies(&self, companies: &[Company], actor: &Actor) -> Result<ImportReport> {
        companies::put_companies(self, companies, actor).await
    }
}
