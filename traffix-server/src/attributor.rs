//! Whose an address or a name is: what is embedded, and what the store asserts beside it.

use chrono::NaiveDate;
use traffix_core::delivery::Attributor;
use traffix_platforms::attribution::{domain_table_builder, prefix_table_builder};
use traffix_store::{AssertionQuery, PageRequest, Store, StoreError};

use crate::AppState;

/// Most assertions of the store in one table: far more than platforms name servers, far fewer than a table holds.
const MAX_ASSERTED: usize = 100_000;

/// The tables of what is embedded alone.
pub(crate) fn embedded() -> Attributor {
    Attributor { prefixes: prefix_table_builder().build(), domains: domain_table_builder().build() }
}

/// The embedded tables with the assertions of the store: those that hold on a day and name a CDN and a prefix, and
/// those that name a host.
async fn tables(store: &dyn Store, day: NaiveDate) -> Result<Attributor, StoreError> {
    let (mut prefixes, mut domains) = (prefix_table_builder(), domain_table_builder());
    let mut page = PageRequest { limit: 500, after: None };
    let mut added = 0;
    loop {
        let found = store.assertions(&AssertionQuery::default(), &page).await?;
        for assertion in found.items.iter().map(|one| &one.value).take(MAX_ASSERTED - added) {
            let of_prefix = assertion.holds_on(day) && prefixes.assertion(assertion);
            // Names keep their history: a question may be about the past.
            let of_name = domains.assertion(assertion);
            added += usize::from(of_prefix || of_name);
        }
        page.after = found.next;
        if page.after.is_none() || added == MAX_ASSERTED {
            return Ok(Attributor { prefixes: prefixes.build(), domains: domains.build() });
        }
    }
}

impl AppState {
    /// Builds the tables again and puts them in place of the old ones, both at once: whoever reads has either the old
    /// ones or the new ones. If the store cannot be read, the old ones stay.
    pub(crate) async fn reload_attributor(&self) {
        match tables(self.store.as_ref(), self.clock.now().date_naive()).await {
            Ok(tables) => self.attributor.store(tables.into()),
            Err(error) => {
                tracing::warn!(%error, "attribution stays as it was: assertions cannot be read");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::Config;
    use traffix_core::delivery::{Assertion, DomainTable, Hints, PrefixTable};
    use traffix_store::{Actor, OpenOptions};

    fn assertion(cdn: &str, more: &serde_json::Value) -> Assertion {
        let mut value = serde_json::json!({
            "platform": "steam", "cdn": cdn, "role": "origin", "tenancy": "dedicated", "status": "current",
            "evidence": "official", "confidence": 0.9, "source": "https://example.org/servers",
        });
        let fields = more.as_object().unwrap().clone();
        value.as_object_mut().unwrap().extend(fields);
        serde_json::from_value(value).unwrap()
    }

    #[tokio::test]
    async fn assertions_of_the_store_are_attributed_while_they_hold() {
        let store = traffix_store::open("sqlite::memory:", OpenOptions::default()).await.unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let server: IpAddr = "192.0.2.7".parse().unwrap();
        let before = tables(store.as_ref(), day("2026-11-01")).await.unwrap();
        assert!(before.prefixes.lookup(server).is_none() && before.domains.lookup("a.dl.example").is_none());
        let known = [
            assertion("valve", &serde_json::json!({"prefix": "192.0.2.7/32", "valid_until": "2026-12-01"})),
            assertion("valve", &serde_json::json!({"host": "*.dl.example", "valid_until": "2026-12-01"})),
        ];
        store.put_assertions(&known, &Actor("sync:steam".into())).await.unwrap();
        let now = tables(store.as_ref(), day("2026-11-01")).await.unwrap();
        assert_eq!(now.prefixes.lookup(server).unwrap().origin.cdn.as_str(), "valve");
        let later = tables(store.as_ref(), day("2027-01-01")).await.unwrap();
        assert!(later.prefixes.lookup(server).is_none());
        let named = |at: &str| {
            let hints =
                Hints { host: Some("a.dl.example"), at: Some(at.parse().unwrap()), ..Hints::default() };
            later.attribute(None, &hints).probability_unknown()
        };
        assert!(named("2026-11-01T00:00:00Z") < 0.2);
        assert_eq!(named("2027-01-01T00:00:00Z").to_bits(), 1.0_f64.to_bits());
    }

    /// Tables in which everything belongs to one CDN.
    fn all_of(cdn: &str) -> Attributor {
        let (mut prefixes, mut domains) = (PrefixTable::builder(), DomainTable::builder());
        for prefix in ["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/33", "2001:db8:8000::/33"] {
            prefixes.assertion(&assertion(cdn, &serde_json::json!({"prefix": prefix})));
        }
        domains.assertion(&assertion(cdn, &serde_json::json!({"host": "*.dl.example"})));
        Attributor { prefixes: prefixes.build(), domains: domains.build() }
    }

    #[tokio::test]
    async fn readers_under_load_see_one_whole_table_while_tables_are_exchanged() {
        const EXCHANGES: usize = 20_000;
        let store = traffix_store::open("sqlite::memory:", OpenOptions::default()).await.unwrap();
        let state = AppState::new(Config::default(), store).unwrap();
        let tables = [Arc::new(all_of("old")), Arc::new(all_of("new"))];
        state.attributor.store(Arc::clone(&tables[0]));
        let addresses =
            ["192.0.2.1", "192.0.2.200", "2001:db8::1", "2001:db8:8000::1"].map(|ip| ip.parse().unwrap());
        let (exchanged, seen) = (AtomicUsize::new(0), [AtomicUsize::new(0), AtomicUsize::new(0)]);
        let read = || {
            while exchanged.load(Ordering::Acquire) < EXCHANGES {
                let now = state.attributor.load();
                let named = now.domains.counted_as("a.dl.example").cdn.unwrap();
                for address in addresses {
                    let found = now.attribute(Some(address), &Hints::default()).cdn.unwrap();
                    assert_eq!(found, named, "{address} is answered from another table than the name");
                }
                seen[usize::from(named.as_str() == "new")].fetch_add(1, Ordering::Relaxed);
            }
        };
        std::thread::scope(|scope| {
            let readers = [(); 3].map(|()| scope.spawn(read));
            for turn in 1.. {
                let met = seen.iter().all(|count| count.load(Ordering::Relaxed) > 100);
                if (turn >= EXCHANGES && met)
                    || readers.iter().any(std::thread::ScopedJoinHandle::is_finished)
                {
                    break;
                }
                state.attributor.store(Arc::clone(&tables[turn % 2]));
                if turn % 64 == 0 {
                    std::thread::yield_now();
                }
            }
            exchanged.store(EXCHANGES, Ordering::Release);
        });
        state.reload_attributor().await;
        assert!(!state.attributor.load().domains.is_empty());
        // Nobody keeps an old table but this test.
        assert!(tables.iter().all(|table| Arc::strong_count(table) == 1));
    }
}
