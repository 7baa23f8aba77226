//! Who delivers, on SQL.

mod assertions;
mod prefixes;

use async_trait::async_trait;
use traffix_core::delivery::{Assertion, PartialDate};

use super::SqlStore;
use crate::{
    Actor, AssertionQuery, CdnPrefix, Delivery, ImportReport, Page, PageRequest, PrefixQuery, StoreError,
    Versioned,
};

type Result<T> = std::result::Result<T, StoreError>;

/// How many entries are read and written in one go.
const BATCH: usize = 500;
/// Most findings that an error carries.
const MAX_FINDINGS: usize = 100;

#[async_trait]
impl Delivery for SqlStore {
    async fn put_assertions(&self, assertions: &[Assertion], actor: &Actor) -> Result<ImportReport> {
        assertions::put(self, assertions, actor).await
    }

    async fn assertions(
        &self,
        query: &AssertionQuery,
        page: &PageRequest,
    ) -> Result<Page<Versioned<Assertion>>> {
        assertions::list(&self.db, query, page).await
    }

    async fn put_prefixes(&self, prefixes: &[CdnPrefix], actor: &Actor) -> Result<ImportReport> {
        prefixes::put(self, prefixes, actor).await
    }

    async fn prefixes(&self, query: &PrefixQuery, page: &PageRequest) -> Result<Page<CdnPrefix>> {
        prefixes::list(&self.db, query, page).await
    }
}

/// Whether what was seen at `old` gives way to what was seen at `new`; undated is oldest.
fn gives_way(old: Option<PartialDate>, new: Option<PartialDate>) -> bool {
    old.map(PartialDate::last_day) <= new.map(PartialDate::last_day)
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
