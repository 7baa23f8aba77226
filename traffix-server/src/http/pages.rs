//! Prepared answers by normalised query, valid for one position of the change log.
//!
//! A page is as fresh as the catalogue: writes of this server move the position before they are acknowledged,
//! writes of other processes on the same database are noticed when the position was last read longer ago than
//! the configured freshness.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use traffix_store::{Catalogue, Sequence, Store, StoreError};

use super::cached::Entry;

/// The cache and the newest known position of the change log.
pub(crate) struct Pages {
    entries: Cache<Box<str>, Arc<Entry>>,
    sequence: AtomicI64,
    checked_millis: AtomicU64,
    started: Instant,
    freshness_millis: u64,
}

/// A page and its key in bytes, as the cache asks for it.
#[expect(clippy::borrowed_box, reason = "the cache's signature")]
fn weight(key: &Box<str>, entry: &Arc<Entry>) -> u32 {
    u32::try_from(key.len() + entry.weight()).unwrap_or(u32::MAX)
}

/// No check was made yet.
const NEVER: u64 = u64::MAX;

impl Pages {
    pub(crate) fn new(max_bytes: u64, freshness: Duration) -> Self {
        Self {
            entries: Cache::builder().max_capacity(max_bytes).weigher(weight).build(),
            sequence: AtomicI64::new(0),
            checked_millis: AtomicU64::new(NEVER),
            started: Instant::now(),
            freshness_millis: u64::try_from(freshness.as_millis()).unwrap_or(u64::MAX - 1),
        }
    }

    /// The position, if it was read recently.
    pub(crate) fn known_sequence(&self, now: Instant) -> Option<Sequence> {
        let checked = self.checked_millis.load(Ordering::Acquire);
        let fresh = checked != NEVER && self.millis(now).saturating_sub(checked) <= self.freshness_millis;
        fresh.then(|| self.sequence.load(Ordering::Acquire))
    }

    /// The position, read from the store if it is not known.
    pub(crate) async fn sequence(&self, store: &dyn Store) -> Result<Sequence, StoreError> {
        let now = Instant::now();
        if let Some(known) = self.known_sequence(now) {
            return Ok(known);
        }
        let read = Catalogue::sequence(store).await?;
        self.note(read);
        self.checked_millis.store(self.millis(now), Ordering::Release);
        Ok(self.sequence.load(Ordering::Acquire))
    }

    /// A write reached this position.
    pub(crate) fn note(&self, sequence: Sequence) {
        self.sequence.fetch_max(sequence, Ordering::AcqRel);
    }

    /// The answer prepared under a key, if it still holds.
    pub(crate) fn get(&self, key: &str, sequence: Sequence, now: Instant) -> Option<Arc<Entry>> {
        let entry = self.entries.get(key)?;
        let holds = entry.sequence == sequence && entry.until.is_none_or(|until| now < until);
        holds.then_some(entry)
    }

    pub(crate) fn put(&self, key: &str, entry: &Arc<Entry>) {
        self.entries.insert(key.into(), Arc::clone(entry));
    }

    /// Number of pages and their weight in bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.entries.entry_count(), self.entries.weighted_size())
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.started).as_millis()).unwrap_or(NEVER - 1)
    }
}

/// A query with its parameters in one order, so that equal questions share a page.
pub(crate) fn normalised(path: &str, query: Option<&str>, csv: bool) -> String {
    let mut pairs: Vec<&str> = query.unwrap_or_default().split('&').filter(|p| !p.is_empty()).collect();
    pairs.sort_unstable();
    let mut key = String::with_capacity(path.len() + 8 + query.map_or(0, str::len));
    key.push_str(path);
    for pair in pairs {
        key.push('&');
        key.push_str(pair);
    }
    if csv {
        key.push_str("#csv");
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_questions_share_a_page() {
        let key = |query| normalised("/rus", query, false);
        assert_eq!(key(Some("a=1&b=2")), key(Some("b=2&a=1")));
        assert_eq!(key(None), key(Some("")));
        assert_ne!(key(Some("a=1")), key(Some("a=2")));
        assert_ne!(normalised("/prefixes", None, true), normalised("/prefixes", None, false));
    }
}
