//! What is derived from an RU to find it.

use std::collections::{BTreeMap, BTreeSet};

use traffix_core::catalogue::{Ru, RuKind};

use crate::db::{Insert, Micros};
use crate::sql::document::tag;
use crate::words;

/// The columns and side tables of one RU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) kind: RuKind,
    pub(super) content: String,
    pub(super) release: Option<String>,
    /// Start of the first phase; never, if there is none.
    pub(super) first_at: Micros,
    /// Latest end, or start without an end, of any phase.
    pub(super) last_at: Micros,
    /// Largest wire size of any listing.
    pub(super) wire_bytes: Option<i64>,
    pub(super) words: String,
    pub(super) platforms: BTreeSet<String>,
    /// Platform and identifier there, and whether it is the listing's own and not an alias.
    pub(super) externals: BTreeMap<(String, String), bool>,
    pub(super) publishers: BTreeSet<String>,
    pub(super) developers: BTreeSet<String>,
    pub(super) categories: BTreeSet<String>,
    /// Start and end of every phase; its end is its start if it has none.
    pub(super) windows: BTreeSet<(Micros, Micros)>,
}

impl From<&Ru> for Index {
    fn from(ru: &Ru) -> Self {
        let phases = ru.listings.iter().flat_map(|l| &l.phases).map(|p| p.window.value);
        let windows: BTreeSet<_> =
            phases.map(|w| (Micros::from(w.start), Micros::from(w.end.unwrap_or(w.start)))).collect();
        let sizes = ru.listings.iter().flat_map(|l| &l.sizes).filter_map(|s| s.wire_bytes.as_ref());
        Self {
            kind: ru.kind,
            content: tag(&ru.content),
            release: ru.release.as_ref().map(ToString::to_string),
            first_at: windows.first().map_or(Micros::NEVER, |w| w.0),
            last_at: windows.iter().map(|w| w.1).max().unwrap_or(Micros::LONG_AGO),
            wire_bytes: sizes.map(|size| whole(size.value.high.0)).max(),
            words: words::of_title(&ru.title),
            platforms: ru.listings.iter().map(|l| l.platform.to_string()).collect(),
            externals: externals(ru),
            publishers: ru.publishers.iter().map(ToString::to_string).collect(),
            developers: ru.developers.iter().map(ToString::to_string).collect(),
            categories: ru.categories.iter().map(ToString::to_string).collect(),
            windows,
        }
    }
}

fn externals(ru: &Ru) -> BTreeMap<(String, String), bool> {
    let mut externals = BTreeMap::new();
    for listing in &ru.listings {
        for id in listing.external_ids() {
            let main = listing.external_id.as_deref() == Some(id);
            externals.insert((listing.platform.to_string(), id.to_owned()), main);
        }
    }
    externals
}

/// A count as SQL holds it.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Index {
    /// Whether the side tables of both are the same.
    pub(super) fn same_sides(&self, other: &Self) -> bool {
        let key = |index: &Self| (index.first_at, index.platforms.clone(), index.windows.clone());
        let names =
            |index: &Self| (index.publishers.clone(), index.developers.clone(), index.categories.clone());
        key(self) == key(other) && names(self) == names(other) && self.externals == other.externals
    }
}

/// Rows for `ru` and its side tables.
pub(super) struct IndexRows {
    pub(super) rus: Insert,
    platforms: Insert,
    externals: Insert,
    companies: Insert,
    categories: Insert,
    windows: Insert,
}

const RU: &[&str] =
    &["row_key", "id", "rev", "kind", "content", "release_id", "first_at", "last_at", "wire_bytes", "words"];
const REPLACE: &str = "ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, kind = excluded.kind, \
     content = excluded.content, release_id = excluded.release_id, first_at = excluded.first_at, \
     last_at = excluded.last_at, wire_bytes = excluded.wire_bytes, words = excluded.words";

impl IndexRows {
    pub(super) fn new() -> Self {
        Self {
            rus: Insert::new("ru", RU).suffix(REPLACE),
            platforms: Insert::new("ru_platform", &["ru", "platform", "first_at"]),
            externals: Insert::new("ru_external", &["ru", "platform", "external_id", "main"]),
            companies: Insert::new("ru_company", &["ru", "role", "company", "first_at"]),
            categories: Insert::new("ru_category", &["ru", "category", "first_at"]),
            windows: Insert::new("ru_window", &["ru", "start_at", "end_at"]),
        }
    }

    /// Adds the row of `ru` itself.
    pub(super) fn push_ru(&mut self, row_key: i64, id: &str, rev: i64, index: &Index) {
        self.rus.push(vec![
            row_key.into(),
            id.into(),
            rev.into(),
            tag(&index.kind).into(),
            index.content.as_str().into(),
            index.release.clone().into(),
            index.first_at.into(),
            index.last_at.into(),
            index.wire_bytes.into(),
            index.words.as_str().into(),
        ]);
    }

    /// Adds the rows of the side tables.
    pub(super) fn push_sides(&mut self, id: &str, index: &Index) {
        for platform in &index.platforms {
            self.platforms.push(vec![id.into(), platform.as_str().into(), index.first_at.into()]);
        }
        for ((platform, external_id), main) in &index.externals {
            let row = vec![id.into(), platform.as_str().into(), external_id.as_str().into(), (*main).into()];
            self.externals.push(row);
        }
        for (role, companies) in [("publisher", &index.publishers), ("developer", &index.developers)] {
            for company in companies {
                let row = vec![id.into(), role.into(), company.as_str().into(), index.first_at.into()];
                self.companies.push(row);
            }
        }
        for category in &index.categories {
            self.categories.push(vec![id.into(), category.as_str().into(), index.first_at.into()]);
        }
        for (start, end) in &index.windows {
            self.windows.push(vec![id.into(), (*start).into(), (*end).into()]);
        }
    }

    /// The inserts, in an order that satisfies the foreign keys.
    pub(super) fn into_inserts(self) -> [Insert; 6] {
        [self.rus, self.platforms, self.externals, self.companies, self.categories, self.windows]
    }
}

/// The side tables, whose rows go before an RU's new ones come.
pub(super) const SIDE_TABLES: [&str; 5] =
    ["ru_platform", "ru_external", "ru_company", "ru_category", "ru_window"];
