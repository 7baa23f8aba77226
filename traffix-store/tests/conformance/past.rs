//! What was: single RUs and lists as of an instant.

use chrono::{DateTime, Duration, Utc};
use traffix_core::catalogue::Ru;
use traffix_store::{Expect, PageRequest, RuQuery, Store};

use crate::catalogue::ids;
use crate::support::rus::{actor, release, update};
use crate::support::{On, TestDb};

crate::on_every_engine!(
    the_past_does_not_change,
    instants_of_the_log_only_grow,
    extreme_instants_are_harmless
);

/// Writes and returns the instant of the write.
async fn put(store: &dyn Store, ru: &Ru) -> DateTime<Utc> {
    store.put_ru(ru, Expect::Anything, &actor()).await.unwrap();
    store.ru(&ru.id, None).await.unwrap().unwrap().updated_at
}

async fn the_past_does_not_change(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let halo = release("halo").on("steam", Some(80), &[("unlock", 3, None)]).make();
    let moved = release("halo").title("Halo Infinite").on("steam", Some(80), &[("unlock", 9, None)]).make();
    let doom = release("doom").on("steam", Some(50), &[("unlock", 5, None)]).make();
    let first = put(&*store, &halo).await;
    let second = put(&*store, &doom).await;
    let third = put(&*store, &moved).await;
    store.delete_ru(&doom.id, Expect::Anything, &actor()).await.unwrap();

    let before = first - Duration::microseconds(1);
    assert_eq!(store.ru(&halo.id, Some(before)).await.unwrap(), None);
    assert_eq!(store.ru(&halo.id, Some(first)).await.unwrap().unwrap().value, halo);
    assert_eq!(store.ru(&halo.id, Some(third)).await.unwrap().unwrap().revision, 3);
    assert!(store.ru(&doom.id, Some(third)).await.unwrap().is_some());
    assert_eq!(store.ru(&doom.id, Some(DateTime::<Utc>::MAX_UTC)).await.unwrap(), None);

    let cases: [(DateTime<Utc>, &[&str]); 5] = [
        (before, &[]),
        (first, &["halo"]),
        (second, &["halo", "doom"]),
        (third, &["doom", "halo"]),
        (Utc::now() + Duration::days(1), &["halo"]),
    ];
    for (at, expected) in cases {
        let mut page = PageRequest { limit: 1, after: None };
        let mut seen = Vec::new();
        loop {
            let got = store.rus_as_of(&RuQuery::default(), at, &page).await.unwrap();
            seen.extend(ids(&got));
            page.after = got.next;
            if page.after.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected);
    }
    let infinite = RuQuery { text: Some("infinite".into()), ..RuQuery::default() };
    for (at, expected) in [(second, 0), (third, 1)] {
        assert_eq!(
            store.rus_as_of(&infinite, at, &PageRequest::default()).await.unwrap().items.len(),
            expected
        );
    }
}

async fn instants_of_the_log_only_grow(on: On) {
    let db = TestDb::new(on);
    let ticks = std::sync::atomic::AtomicI64::new(100);
    // A clock that runs backwards.
    let clock = move || {
        DateTime::from_timestamp(ticks.fetch_sub(1, std::sync::atomic::Ordering::Relaxed), 0).unwrap()
    };
    let options = traffix_store::OpenOptions { clock: std::sync::Arc::new(clock), ..Default::default() };
    let store = traffix_store::open(&db.url, options).await.unwrap();
    let rus: Vec<Ru> = (0..3).map(|n| release(&format!("ru-{n}")).make()).collect();
    let mut instants = Vec::new();
    for ru in &rus {
        instants.push(put(&*store, ru).await);
    }
    assert!(instants.windows(2).all(|pair| pair[0] < pair[1]), "{instants:?}");
    let then = store.rus_as_of(&RuQuery::default(), instants[1], &PageRequest::default()).await.unwrap();
    assert_eq!(ids(&then), ["ru-0", "ru-1"]);
}

async fn extreme_instants_are_harmless(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let mut early = release("early").on("steam", None, &[("unlock", 0, None)]).make();
    early.listings[0].phases[0].window.value.start = DateTime::<Utc>::MIN_UTC + Duration::days(400);
    let mut late = release("late").on("steam", None, &[("unlock", 0, None)]).make();
    late.listings[0].phases[0].window.value.start = DateTime::<Utc>::MAX_UTC - Duration::days(400);
    let patch = update("patch", "late").make();
    store.merge_rus(&[late.clone(), early.clone(), patch], &actor()).await.unwrap();
    assert_eq!(store.ru(&late.id, None).await.unwrap().unwrap().value, late);
    let all = RuQuery::default();
    assert_eq!(ids(&store.rus(&all, &PageRequest::default()).await.unwrap()), ["early", "late", "patch"]);
    let whole =
        RuQuery { from: Some(DateTime::<Utc>::MIN_UTC), until: Some(DateTime::<Utc>::MAX_UTC), ..all };
    store.rus(&whole, &PageRequest::default()).await.unwrap();
    let never = store.rus_as_of(&whole, DateTime::<Utc>::MIN_UTC, &PageRequest::default()).await.unwrap();
    assert_eq!(never.items.len(), 0);
}
