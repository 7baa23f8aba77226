//! Assertions and prefixes.

use std::net::IpAddr;

use traffix_core::delivery::{Assertion, Status};
use traffix_store::{
    AssertionQuery, CdnPrefix, EntityKind, ImportReport, PageRequest, PrefixQuery, Store, StoreError,
};

use crate::support::rus::actor;
use crate::support::{On, TestDb};

crate::on_every_engine!(
    assertions_are_stored_once,
    assertions_are_filtered_and_paged,
    prefixes_are_stored_once,
    prefixes_are_filtered_ordered_and_paged,
    what_is_wrong_is_refused,
);

fn assertion(platform: &str, cdn: &str, prefix: Option<&str>, observed: &str) -> Assertion {
    serde_json::from_value(serde_json::json!({
        "platform": platform, "cdn": cdn, "asn": 4_294_967_294_u32, "prefix": prefix, "host": "*.example.com",
        "role": "cdn", "tenancy": "shared", "status": "current", "evidence": "measurement",
        "source": "https://example.com", "observed": observed, "confidence": 0.9,
    }))
    .unwrap()
}

fn prefix(prefix: &str, cdn: &str, observed: &str) -> CdnPrefix {
    let origin = serde_json::from_value(serde_json::json!({
        "cdn": cdn, "asn": 32590, "kind": "official-list", "tenancy": "dedicated", "source": "list",
        "observed": observed,
    }));
    CdnPrefix { prefix: prefix.parse().unwrap(), origin: origin.unwrap() }
}

fn counts(report: ImportReport) -> (u64, u64, u64) {
    (report.created, report.updated, report.unchanged)
}

async fn assertions_are_stored_once(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let put =
        async |assertions: &[Assertion]| counts(store.put_assertions(assertions, &actor()).await.unwrap());
    let first = assertion("steam", "valve", None, "2025-01");
    let other = assertion("steam", "akamai", Some("192.0.2.0/24"), "2025-01");
    assert_eq!(put(&[first.clone(), other.clone(), first.clone()]).await, (2, 0, 1));
    assert_eq!(put(&[first.clone(), other.clone()]).await, (0, 0, 2));
    assert_eq!(store.sequence().await.unwrap(), 2);

    let mut gone = assertion("steam", "akamai", Some("192.0.2.0/24"), "2026");
    gone.status = Status::Historical;
    assert_eq!(put(std::slice::from_ref(&gone)).await, (0, 1, 0));
    assert_eq!(put(&[other]).await, (0, 0, 1), "what was seen earlier does not come back");
    let historical = AssertionQuery { status: Some(Status::Historical), ..AssertionQuery::default() };
    let listed = store.assertions(&historical, &PageRequest::default()).await.unwrap();
    assert_eq!((listed.items.len(), &listed.items[0].value, listed.items[0].revision), (1, &gone, 3));
    let changes = store.changes(2, 10).await.unwrap();
    assert_eq!((changes.len(), changes[0].entity), (1, EntityKind::Assertion));
    assert_eq!(changes[0].after, Some(serde_json::to_value(&gone).unwrap()));
}

async fn assertions_are_filtered_and_paged(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let all = [
        assertion("steam", "valve", Some("192.0.2.0/24"), "2025"),
        assertion("steam", "akamai", Some("192.0.0.0/16"), "2025"),
        assertion("xbox", "akamai", Some("2001:db8::/32"), "2025"),
        assertion("xbox", "fastly", None, "2025"),
    ];
    store.put_assertions(&all, &actor()).await.unwrap();
    let listed = async |query: AssertionQuery| {
        let mut page = PageRequest { limit: 1, after: None };
        let mut seen = Vec::new();
        loop {
            let got = store.assertions(&query, &page).await.unwrap();
            seen.extend(
                got.items
                    .into_iter()
                    .map(|item| format!("{} {}", item.value.platform.unwrap(), item.value.cdn.unwrap())),
            );
            page.after = got.next;
            if page.after.is_none() {
                seen.sort();
                return seen;
            }
        }
    };
    let any = AssertionQuery::default;
    let at = |address: &str| address.parse::<IpAddr>().ok();
    assert_eq!(listed(any()).await, ["steam akamai", "steam valve", "xbox akamai", "xbox fastly"]);
    let steam = AssertionQuery { platform: "steam".parse().ok(), ..any() };
    assert_eq!(listed(steam).await, ["steam akamai", "steam valve"]);
    let akamai = AssertionQuery { cdn: "akamai".parse().ok(), ..any() };
    assert_eq!(listed(akamai).await, ["steam akamai", "xbox akamai"]);
    assert_eq!(
        listed(AssertionQuery { containing: at("192.0.2.9"), ..any() }).await,
        ["steam akamai", "steam valve"]
    );
    assert_eq!(
        listed(AssertionQuery { containing: at("::ffff:192.0.3.9"), ..any() }).await,
        ["steam akamai"]
    );
    assert_eq!(listed(AssertionQuery { containing: at("2001:db8::9"), ..any() }).await, ["xbox akamai"]);
}

async fn prefixes_are_stored_once(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let put = async |prefixes: &[CdnPrefix]| counts(store.put_prefixes(prefixes, &actor()).await.unwrap());
    // The same prefix in three spellings.
    let spelled =
        ["192.0.2.0/24", "192.0.2.77/24", "::ffff:192.0.2.0/120"].map(|text| prefix(text, "valve", "2025"));
    assert_eq!(put(&spelled).await, (1, 0, 2));
    assert_eq!(put(&spelled).await, (0, 0, 3));
    assert_eq!(
        put(&[prefix("192.0.2.0/24", "valve", "2026"), prefix("192.0.2.0/24", "akamai", "2026")]).await,
        (1, 1, 0)
    );
    assert_eq!(put(&spelled).await, (0, 0, 3), "an older list does not come back");
    let many: Vec<CdnPrefix> = (0..1_300_u32)
        .map(|n| prefix(&format!("10.{}.{}.0/24", n / 256, n % 256), "valve", "2026"))
        .collect();
    assert_eq!(put(&many).await, (1_300, 0, 0));
    assert_eq!(put(&many).await, (0, 0, 1_300));
    let changes = store.changes(0, 10).await.unwrap();
    assert!(changes.iter().all(|change| change.entity == EntityKind::Prefixes));
    assert_eq!(
        changes.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(),
        ["valve", "akamai", "valve", "valve"]
    );
    assert_eq!(changes[3].before, changes[2].after);
    assert_eq!(changes[3].after, Some(serde_json::json!({"created": 1_300, "updated": 0})));
}

async fn listed(store: &dyn Store, query: &PrefixQuery, limit: u32) -> Vec<String> {
    let mut page = PageRequest { limit, after: None };
    let mut seen = Vec::new();
    loop {
        let got = store.prefixes(query, &page).await.unwrap();
        seen.extend(got.items.iter().map(|entry| format!("{} {}", entry.prefix, entry.origin.cdn)));
        page.after = got.next;
        if page.after.is_none() {
            return seen;
        }
    }
}

/// In the order of the list.
const ORDER: [&str; 12] = [
    "0.0.0.0/0 all",
    "9.0.0.0/8 valve",
    "10.0.0.0/8 akamai",
    "10.0.0.0/8 valve",
    "10.0.0.0/16 valve",
    "10.0.1.0/24 valve",
    "10.0.1.7/32 valve",
    "100.0.0.0/8 valve",
    "255.0.0.0/8 valve",
    "::/0 all",
    "2001:db8::/32 valve",
    "2001:db8:1::/48 akamai",
];

async fn prefixes_are_filtered_ordered_and_paged(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let entries: Vec<CdnPrefix> = ORDER
        .iter()
        .rev()
        .map(|text| {
            let (net, cdn) = text.split_once(' ').unwrap();
            prefix(net, cdn, "2026")
        })
        .collect();
    store.put_prefixes(&entries, &actor()).await.unwrap();
    let any = PrefixQuery::default;
    for limit in [1, 3, 100] {
        assert_eq!(listed(&*store, &any(), limit).await, ORDER);
    }
    let first = store.prefixes(&any(), &PageRequest { limit: 2, after: None }).await.unwrap();
    assert_eq!(first.items[1], entries[entries.len() - 2], "every field comes back");
    let akamai = PrefixQuery { cdn: "akamai".parse().ok(), ..any() };
    assert_eq!(listed(&*store, &akamai, 1).await, ["10.0.0.0/8 akamai", "2001:db8:1::/48 akamai"]);
    let inside = PrefixQuery { containing: "10.0.1.7".parse().ok(), ..any() };
    let around = [
        "0.0.0.0/0 all",
        "10.0.0.0/8 akamai",
        "10.0.0.0/8 valve",
        "10.0.0.0/16 valve",
        "10.0.1.0/24 valve",
        "10.0.1.7/32 valve",
    ];
    assert_eq!(listed(&*store, &inside, 2).await, around);
    let v6 = PrefixQuery { containing: "2001:db8:1::1".parse().ok(), ..any() };
    assert_eq!(listed(&*store, &v6, 2).await, ["::/0 all", "2001:db8::/32 valve", "2001:db8:1::/48 akamai"]);

    let mut past = assertion("steam", "all", None, "2026");
    past.status = Status::Historical;
    store.put_assertions(&[assertion("steam", "akamai", None, "2026"), past], &actor()).await.unwrap();
    let steam = PrefixQuery { platform: "steam".parse().ok(), ..any() };
    assert_eq!(listed(&*store, &steam, 5).await, ["10.0.0.0/8 akamai", "2001:db8:1::/48 akamai"]);
}

async fn what_is_wrong_is_refused(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let mut bad = assertion("steam", "valve", None, "2026");
    bad.confidence = 2.0;
    let fine = assertion("steam", "akamai", None, "2026");
    let refused = store.put_assertions(&[fine, bad], &actor()).await;
    assert!(
        matches!(&refused, Err(StoreError::Invalid(found)) if found[0].pointer == "/1/confidence"),
        "{refused:?}"
    );
    let mut bad = prefix("10.0.0.0/8", "valve", "2026");
    bad.origin.source = "\0".into();
    let refused = store.put_prefixes(&[bad], &actor()).await;
    assert!(matches!(&refused, Err(StoreError::Invalid(found)) if found[0].pointer == "/0/origin/source"));
    assert_eq!(store.sequence().await.unwrap(), 0);
    let foreign = PageRequest { limit: 1, after: Some("W10".into()) };
    assert!(matches!(store.prefixes(&PrefixQuery::default(), &foreign).await, Err(StoreError::Cursor)));
    assert!(matches!(store.assertions(&AssertionQuery::default(), &foreign).await, Err(StoreError::Cursor)));
}
