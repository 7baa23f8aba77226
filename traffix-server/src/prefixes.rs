//! Whose an address is: the embedded prefixes, and what the store asserts beside them.

use chrono::NaiveDate;
use traffix_core::delivery::PrefixTable;
use traffix_platforms::attribution::prefix_table_builder;
use traffix_store::{AssertionQuery, PageRequest, Store, StoreError};

use crate::AppState;

/// Most assertions with a prefix in one table: far more than platforms name servers, far fewer than a table holds.
const MAX_ASSERTED: usize = 100_000;

/// The embedded table with the assertions of the store that hold on a day and name a CDN and a prefix.
async fn table(store: &dyn Store, day: NaiveDate) -> Result<PrefixTable, StoreError> {
    let mut builder = prefix_table_builder();
    let mut page = PageRequest { limit: 500, after: None };
    let mut added = 0;
    loop {
        let found = store.assertions(&AssertionQuery::default(), &page).await?;
        for assertion in found.items.iter().map(|one| &one.value).filter(|one| one.holds_on(day)) {
            if added < MAX_ASSERTED && builder.assertion(assertion) {
                added += 1;
            }
        }
        page.after = found.next;
        if page.after.is_none() || added == MAX_ASSERTED {
            return Ok(builder.build());
        }
    }
}

impl AppState {
    /// Builds the prefix table again. If the store cannot be read, the old one stays.
    pub(crate) async fn reload_prefixes(&self) {
        match table(self.store.as_ref(), self.clock.now().date_naive()).await {
            Ok(table) => self.prefixes.store(table.into()),
            Err(error) => {
                tracing::warn!(%error, "the prefix table stays as it was: assertions cannot be read");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traffix_core::delivery::Assertion;
    use traffix_store::{Actor, OpenOptions};

    #[tokio::test]
    async fn assertions_of_the_store_are_attributed_while_they_hold() {
        let store = traffix_store::open("sqlite::memory:", OpenOptions::default()).await.unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let server: std::net::IpAddr = "192.0.2.7".parse().unwrap();
        assert!(table(store.as_ref(), day("2026-11-01")).await.unwrap().lookup(server).is_none());
        let assertion: Assertion = serde_json::from_value(serde_json::json!({
            "platform": "steam", "cdn": "valve", "prefix": "192.0.2.7/32", "role": "origin",
            "tenancy": "dedicated", "status": "current", "evidence": "official", "confidence": 0.9,
            "source": "https://example.org/servers", "observed": "2026-10-01", "valid_until": "2026-12-01",
        }))
        .unwrap();
        store.put_assertions(&[assertion], &Actor("sync:steam".into())).await.unwrap();
        let now = table(store.as_ref(), day("2026-11-01")).await.unwrap();
        assert_eq!(now.lookup(server).unwrap().origin.cdn.as_str(), "valve");
        assert!(table(store.as_ref(), day("2027-01-01")).await.unwrap().lookup(server).is_none());
    }
}
