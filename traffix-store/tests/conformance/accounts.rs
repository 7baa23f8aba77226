//! Networks, forecasts, keys, remembered answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use serde_json::json;
use traffix_store::{
    Expect, NewKey, OpenOptions, PageRequest, Role, SavedForecast, StoreError, Written, open,
};
use uuid::Uuid;

use crate::support::rus::day;
use crate::support::{On, TestDb};

crate::on_every_engine!(
    networks_are_private,
    an_owner_has_at_most_a_thousand_networks,
    forecasts_are_kept_to_the_letter,
    keys_come_and_go,
    answers_are_remembered_for_a_day,
    a_store_without_its_schema_is_not_healthy,
);

async fn networks_are_private(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let profile =
        json!({"lines": 5_400_000, "share": 1e16, "small": 1e-7, "exact": 0.1 + 0.2, "name": "Zoë \u{0} 🛰"});
    let put = async |owner: &str, id: &str, expect| store.put_network(owner, id, &profile, expect).await;
    assert_eq!(put("me", "uk-cable", Expect::Absent).await.unwrap(), Written::Created(1));
    assert_eq!(put("me", "uk-cable", Expect::Anything).await.unwrap(), Written::Unchanged(1));
    assert!(matches!(
        put("me", "uk-cable", Expect::Absent).await,
        Err(StoreError::Conflict { actual: Some(1), .. })
    ));
    assert_eq!(put("you", "uk-cable", Expect::Absent).await.unwrap(), Written::Created(1));
    let saved = store.network("me", "uk-cable").await.unwrap().unwrap();
    assert_eq!((saved.profile, saved.revision), (profile.clone(), 1));
    let newer = store.put_network("me", "uk-cable", &json!({}), Expect::At(1)).await.unwrap();
    assert_eq!(newer, Written::Updated(2));
    assert_eq!(store.network("you", "uk-cable").await.unwrap().unwrap().profile, profile);
    put("me", "a", Expect::Anything).await.unwrap();
    networks_come_in_pages(store.as_ref()).await;

    let stale = store.delete_network("me", "uk-cable", Expect::At(1)).await;
    assert!(matches!(stale, Err(StoreError::Conflict { actual: Some(2), .. })));
    store.delete_network("me", "uk-cable", Expect::At(2)).await.unwrap();
    assert_eq!(store.network("me", "uk-cable").await.unwrap(), None);
    let missing = store.delete_network("me", "uk-cable", Expect::Anything).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })));
    for odd in ["", "a\0b", &"x".repeat(300)] {
        assert_eq!(store.network("me", odd).await.unwrap(), None);
        assert!(matches!(put("me", odd, Expect::Anything).await, Err(StoreError::Invalid(_))));
    }
}

async fn networks_come_in_pages(store: &dyn traffix_store::Store) {
    let page = PageRequest { limit: 1, after: None };
    let first = store.networks("me", &page).await.unwrap();
    let second = store.networks("me", &PageRequest { after: first.next, ..page }).await.unwrap();
    assert_eq!(
        (first.items[0].id.as_str(), second.items[0].id.as_str(), second.next),
        ("a", "uk-cable", None)
    );
    let mut page = PageRequest { limit: 2, after: None };
    let mut all = Vec::new();
    loop {
        let got = store.all_networks(&page).await.unwrap();
        all.extend(got.items.into_iter().map(|network| format!("{}/{}", network.owner, network.id)));
        page.after = got.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(all, ["me/a", "me/uk-cable", "you/uk-cable"]);
    assert_eq!(store.networks("nobody", &PageRequest::default()).await.unwrap().items, []);
}

async fn an_owner_has_at_most_a_thousand_networks(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    for n in 0..1_000 {
        store.put_network("me", &format!("n{n}"), &json!({}), Expect::Absent).await.unwrap();
    }
    let refused = store.put_network("me", "one-more", &json!({}), Expect::Absent).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    store.put_network("me", "n7", &json!({"changed": true}), Expect::Anything).await.unwrap();
    store.put_network("you", "one-more", &json!({}), Expect::Absent).await.unwrap();
}

async fn forecasts_are_kept_to_the_letter(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let forecast = |id: u128, n: i64| SavedForecast {
        id: Uuid::from_u128(id),
        ru: "halo".parse().unwrap(),
        network: "uk-cable".to_owned(),
        made_at: day(n),
        model_version: "1".to_owned(),
        input: json!({"seed": u64::MAX, "share": 1e16}),
        output: json!({"p50": [0.1, 1e300]}),
        frozen: None,
    };
    for (id, n) in [(1, 1), (2, 3), (3, 2), (4, 3)] {
        store.save_forecast("me", &forecast(id, n)).await.unwrap();
    }
    let twice = store.save_forecast("me", &forecast(1, 9)).await;
    assert!(matches!(twice, Err(StoreError::Conflict { .. })), "{twice:?}");
    assert_eq!(store.forecast("me", Uuid::from_u128(1)).await.unwrap().unwrap(), forecast(1, 1));
    assert_eq!(store.forecast("you", Uuid::from_u128(1)).await.unwrap(), None);
    let mut page = PageRequest { limit: 2, after: None };
    let mut seen = Vec::new();
    loop {
        let got = store.forecasts("me", &"halo".parse().unwrap(), &page).await.unwrap();
        seen.extend(got.items.iter().map(|f| f.id.as_u128()));
        page.after = got.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [4, 2, 3, 1], "newest first");
    assert_eq!(
        store.forecasts("me", &"doom".parse().unwrap(), &PageRequest::default()).await.unwrap().items,
        []
    );
}

async fn keys_come_and_go(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let key = |id: &str| NewKey {
        id: id.to_owned(),
        secret_sha256: [7; 32],
        name: "noc".to_owned(),
        role: Role::Moderator,
        expires_at: Some(day(400)),
    };
    for id in ["b", "a"] {
        store.create_key(&key(id)).await.unwrap();
    }
    assert!(matches!(store.create_key(&key("a")).await, Err(StoreError::Conflict { .. })));
    let stored = store.key("a").await.unwrap().unwrap();
    assert_eq!((stored.key, stored.revoked_at), (key("a"), None));
    assert_eq!(store.key("c").await.unwrap(), None);
    assert_eq!(store.key("\0").await.unwrap(), None);
    assert_eq!(store.keys().await.unwrap().iter().map(|k| k.key.id.clone()).collect::<Vec<_>>(), ["b", "a"]);
    store.revoke_key("a").await.unwrap();
    let revoked = store.key("a").await.unwrap().unwrap().revoked_at;
    assert!(revoked.is_some());
    store.revoke_key("a").await.unwrap();
    assert_eq!(store.key("a").await.unwrap().unwrap().revoked_at, revoked, "the first revocation counts");
    assert!(matches!(store.revoke_key("c").await, Err(StoreError::NotFound { .. })));
}

async fn answers_are_remembered_for_a_day(on: On) {
    let db = TestDb::new(on);
    let now = Arc::new(AtomicI64::new(1_000_000));
    let clock = {
        let now = now.clone();
        move || -> DateTime<Utc> { DateTime::from_timestamp(now.load(Ordering::Relaxed), 0).unwrap() }
    };
    let store =
        open(&db.url, OpenOptions { clock: Arc::new(clock), ..OpenOptions::default() }).await.unwrap();
    store.remember("me", "k", [1; 32], b"first").await.unwrap();
    store.remember("me", "k", [2; 32], b"second").await.unwrap();
    assert_eq!(
        store.recall("me", "k").await.unwrap(),
        Some(([1; 32], b"first".to_vec())),
        "the first answer wins"
    );
    assert_eq!(store.recall("you", "k").await.unwrap(), None);
    now.fetch_add(86_399, Ordering::Relaxed);
    assert!(store.recall("me", "k").await.unwrap().is_some());
    now.fetch_add(1, Ordering::Relaxed);
    assert_eq!(store.recall("me", "k").await.unwrap(), None);
    store.remember("me", "k", [3; 32], b"third").await.unwrap();
    assert_eq!(store.recall("me", "k").await.unwrap(), Some(([3; 32], b"third".to_vec())));
}

async fn a_store_without_its_schema_is_not_healthy(on: On) {
    let db = TestDb::new(on);
    let unmigrated = OpenOptions { migrate: false, ..OpenOptions::default() };
    assert!(matches!(open(&db.url, unmigrated.clone()).await.map(|_| ()), Err(StoreError::Schema(_))));
    if on == On::Memory {
        return;
    }
    db.open().await.ping().await.unwrap();
    let store = open(&db.url, unmigrated).await.unwrap();
    store.ping().await.unwrap();
    traffix_store::migrate_down(&db.url, 0).await.unwrap();
    assert!(matches!(store.ping().await, Err(StoreError::Schema(_))));
}
