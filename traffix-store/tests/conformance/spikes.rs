//! Spikes, their causes, and decisions about them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use traffix_core::catalogue::RuId;
use traffix_store::{
    Actor, Event, FoundSpike, Lesson, Outcome, OutcomeState, PageRequest, Ruled, Ruling, SavedSpike,
    SpikeQuery, SpikeScope, Store, StoreError, Written,
};
use uuid::Uuid;

use crate::support::rus::day;
use crate::support::{On, StoppedClock, TestDb};

crate::on_every_engine!(
    a_running_spike_stays_one,
    decided_ones_survive_and_parts_go,
    lists_are_filtered_and_paged,
    explanations_follow_what_they_explain,
    a_cause_is_decided_once,
    a_confirmed_cause_teaches_once,
    a_race_keeps_one_spike,
    strange_spikes_are_refused_or_unknown,
);

fn hour(n: i64) -> DateTime<Utc> {
    day(10) + TimeDelta::hours(n)
}

fn found(scope: &str, from: i64, until: i64) -> FoundSpike {
    FoundSpike {
        owner: "me".into(),
        network: "acme".into(),
        scope: scope.parse().unwrap(),
        start: hour(from),
        until: hour(until),
        running: false,
        detected_at: hour(from) + TimeDelta::minutes(10),
        document: json!({"peak_bps": 1e16, "from": from, "until": until}),
    }
}

async fn put(store: &dyn Store, spike: &FoundSpike) -> SavedSpike {
    store.put_spike(spike).await.unwrap().1
}

async fn listed(store: &dyn Store, query: &SpikeQuery) -> Vec<SavedSpike> {
    let mut page = PageRequest { limit: 2, after: None };
    let mut all = Vec::new();
    loop {
        let got = store.spikes(query, &page).await.unwrap();
        all.extend(got.items);
        page.after = got.next;
        if page.after.is_none() {
            return all;
        }
    }
}

async fn all(store: &dyn Store) -> Vec<SavedSpike> {
    listed(store, &SpikeQuery::default()).await
}

fn actor() -> Actor {
    Actor("key:ann".into())
}

fn confirm(ru: &str) -> Ruling {
    Ruling::Confirm(ru.parse().unwrap())
}

fn reject(ru: &str) -> Ruling {
    Ruling::Reject(ru.parse().unwrap())
}

fn lesson(ru: &str, after: Option<i64>) -> (Outcome, Lesson) {
    let event = Event {
        owner: "me".into(),
        network: "acme".into(),
        ru: ru.parse().unwrap(),
        release_day: day(10).date_naive(),
    };
    let outcome =
        Outcome { event, state: OutcomeState::Learned, at: hour(9), document: json!({"bytes": 1e16}) };
    (outcome, Lesson { document: json!({"events": 1}), after })
}

fn conflict<T>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict { .. })));
}

async fn a_running_spike_stays_one(on: On) {
    let (db, clock) = (TestDb::new(on), StoppedClock::default());
    let store = db.open_at(&clock).await;
    let first = FoundSpike { running: true, ..found("total", 4, 6) };
    let (written, kept) = store.put_spike(&first).await.unwrap();
    assert_eq!((written, kept.revision), (Written::Created(1), 1));
    assert_eq!((&kept.found, kept.explanation.as_ref(), kept.updated_at), (&first, None, clock.now()));
    assert_eq!(store.put_spike(&first).await.unwrap(), (Written::Unchanged(1), kept.clone()));

    clock.advance(300);
    // It is known better: it began earlier and still runs.
    let moved = FoundSpike { running: true, ..found("total", 3, 7) };
    let (written, again) = store.put_spike(&moved).await.unwrap();
    assert_eq!((written, again.id, &again.found), (Written::Updated(2), kept.id, &moved));
    assert_eq!(again.updated_at, clock.now());
    assert_eq!(store.spike(None, kept.id).await.unwrap(), Some(again.clone()));

    // Seen running until 7: that is no end before 7, and one before 8.
    assert_eq!(store.end_spikes("me", "acme", hour(7)).await.unwrap(), 0);
    assert_eq!(store.end_spikes("you", "acme", hour(8)).await.unwrap(), 0);
    assert_eq!(store.end_spikes("me", "acme", hour(8)).await.unwrap(), 1);
    assert_eq!(store.end_spikes("me", "acme", hour(8)).await.unwrap(), 0);
    let ended = store.spike(Some("me"), kept.id).await.unwrap().unwrap();
    assert_eq!((ended.found.running, ended.revision), (false, 3));

    // What only touches it, is elsewhere or is somebody else's is another.
    let other = FoundSpike { owner: "you".into(), ..moved.clone() };
    for another in [found("total", 7, 8), found("cdn:akamai", 3, 7), found("link:pni", 3, 7), other] {
        assert_ne!(put(&*store, &another).await.id, kept.id, "{another:?}");
    }
    assert_eq!(all(&*store).await.len(), 5);
    assert_eq!(store.sequence().await.unwrap(), 0, "none of it is in the change log");
}

async fn decided_ones_survive_and_parts_go(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let early = put(&*store, &found("total", 1, 2)).await;
    let late = put(&*store, &found("total", 3, 4)).await;
    let apart = put(&*store, &found("total", 9, 10)).await;
    store.rule_spike(late.id, &reject("halo"), &actor(), None).await.unwrap();
    let both = put(&*store, &found("total", 1, 5)).await;
    assert_eq!(both.id, late.id, "the one that people decided about");
    assert_eq!(both.verdict.rejected.len(), 1);
    assert_eq!(store.spike(None, early.id).await.unwrap(), None);
    let ids: Vec<Uuid> = all(&*store).await.iter().map(|spike| spike.id).collect();
    assert_eq!(ids, [apart.id, late.id]);
    // Without decisions the first one goes on.
    let next = put(&*store, &found("total", 5, 6)).await;
    put(&*store, &found("total", 7, 8)).await;
    assert_eq!(put(&*store, &found("total", 5, 8)).await.id, next.id);
    assert_eq!(all(&*store).await.len(), 3);
}

async fn lists_are_filtered_and_paged(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let starts = async |query: SpikeQuery| -> Vec<(String, i64)> {
        let all = listed(&*store, &query).await;
        all.iter().map(|s| (s.found.scope.to_string(), (s.found.start - hour(0)).num_hours())).collect()
    };
    for spike in [found("total", 1, 3), found("total", 5, 6), found("cdn:akamai", 1, 2)] {
        put(&*store, &spike).await;
    }
    let yours = FoundSpike { owner: "you".into(), network: "other".into(), ..found("platform:steam", 7, 8) };
    put(&*store, &yours).await;
    let confirmed = put(&*store, &found("link:a:b", 2, 4)).await;
    store.rule_spike(confirmed.id, &confirm("halo"), &actor(), None).await.unwrap();
    let total = |n| ("total".to_owned(), n);
    let mine = SpikeQuery { owner: Some("me".into()), ..SpikeQuery::default() };
    let everything = starts(SpikeQuery::default()).await;
    assert_eq!((everything.len(), everything[0].1, everything[1].1), (5, 7, 5), "the latest first");
    assert_eq!(starts(mine.clone()).await.len(), 4);
    let network = SpikeQuery { network: Some("other".into()), ..SpikeQuery::default() };
    assert_eq!(starts(network).await, [("platform:steam".to_owned(), 7)]);
    let scope = SpikeQuery { scope: Some(SpikeScope::Total), ..mine.clone() };
    assert_eq!(starts(scope.clone()).await, [total(5), total(1)]);
    let from = SpikeQuery { from: Some(hour(3)), ..scope.clone() };
    assert_eq!(starts(from).await, [total(5)], "one that had ended is not there");
    let from = SpikeQuery { from: Some(hour(2)), until: Some(hour(5)), ..scope };
    assert_eq!(starts(from).await, [total(1)], "one that begins then is not there");
    let decided = SpikeQuery { open: Some(false), ..mine.clone() };
    assert_eq!(starts(decided).await, [("link:a:b".to_owned(), 2)]);
    assert_eq!(starts(SpikeQuery { open: Some(true), ..mine }).await.len(), 3);
}

async fn explanations_follow_what_they_explain(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let spike = put(&*store, &found("total", 1, 3)).await;
    let told = json!({"unknown": 0.1, "causes": [{"ru": "halo", "probability": 0.9}]});
    assert_eq!(store.explain_spike(spike.id, 1, &told).await.unwrap(), 2);
    assert_eq!(store.explain_spike(spike.id, 2, &told).await.unwrap(), 2, "the same is not written");
    conflict(&store.explain_spike(spike.id, 1, &told).await);
    assert_eq!(store.spike(None, spike.id).await.unwrap().unwrap().explanation, Some(told.clone()));
    // An update keeps it until there is a better one; a rejection does not.
    assert_eq!(put(&*store, &found("total", 1, 4)).await.explanation, Some(told.clone()));
    assert_eq!(store.rule_spike(spike.id, &confirm("halo"), &actor(), None).await.unwrap(), Ruled::Kept);
    assert_eq!(store.spike(None, spike.id).await.unwrap().unwrap().explanation, Some(told.clone()));
    assert_eq!(store.rule_spike(spike.id, &reject("doom"), &actor(), None).await.unwrap(), Ruled::Kept);
    let after = store.spike(None, spike.id).await.unwrap().unwrap();
    assert_eq!((after.explanation, after.revision), (None, 5));
    conflict(&store.explain_spike(spike.id, 4, &told).await);
    let gone = store.explain_spike(Uuid::from_u128(1), 1, &told).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
    let nul = store.explain_spike(spike.id, 5, &json!("\0")).await;
    assert!(matches!(nul, Err(StoreError::Invalid(_))));
}

async fn a_cause_is_decided_once(on: On) {
    let (db, clock) = (TestDb::new(on), StoppedClock::default());
    let store = db.open_at(&clock).await;
    let id = put(&*store, &found("total", 1, 3)).await.id;
    let rule = async |ruling: Ruling, by: &str| store.rule_spike(id, &ruling, &Actor(by.into()), None).await;
    clock.advance(60);
    assert_eq!(rule(reject("doom"), "key:ann").await.unwrap(), Ruled::Kept);
    assert_eq!(rule(reject("doom"), "key:bob").await.unwrap(), Ruled::Repeated);
    conflict(&rule(confirm("doom"), "key:ann").await);
    let at = clock.now();
    let kept = store.spike(None, id).await.unwrap().unwrap().verdict;
    assert_eq!((kept.confirmed, kept.decided), (None, Some((at, "key:ann".to_owned()))));

    assert_eq!(rule(confirm("halo"), "key:bob").await.unwrap(), Ruled::Kept);
    assert_eq!(rule(confirm("halo"), "key:ann").await.unwrap(), Ruled::Repeated);
    conflict(&rule(confirm("quake"), "key:ann").await);
    conflict(&rule(reject("halo"), "key:ann").await);
    assert_eq!(rule(reject("quake"), "key:eve").await.unwrap(), Ruled::Kept, "that it was not quake either");
    let kept = store.spike(None, id).await.unwrap().unwrap().verdict;
    assert_eq!(kept.confirmed, Some("halo".parse().unwrap()));
    let rejected: Vec<&str> = kept.rejected.iter().map(RuId::as_str).collect();
    assert_eq!((rejected, kept.decided), (vec!["doom", "quake"], Some((at, "key:eve".to_owned()))));
    let gone = store.rule_spike(Uuid::from_u128(1), &confirm("halo"), &actor(), None).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
}

async fn a_confirmed_cause_teaches_once(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let ids = [put(&*store, &found("total", 1, 3)).await.id, put(&*store, &found("cdn:x", 1, 3)).await.id];
    let rule = async |id: Uuid, ru: &str, (outcome, lesson): &(Outcome, Lesson)| {
        store.rule_spike(id, &confirm(ru), &actor(), Some((outcome, lesson))).await
    };
    let good = lesson("halo", None);
    let mut foreign = good.clone();
    foreign.0.event.network = "other".into();
    let mut unlearned = good.clone();
    unlearned.0.state = OutcomeState::Scored;
    for bad in [&foreign, &unlearned, &lesson("doom", None)] {
        assert!(matches!(rule(ids[0], "halo", bad).await, Err(StoreError::Invalid(_))));
    }
    conflict(&rule(ids[0], "halo", &lesson("halo", Some(7))).await);
    let before = store.spike(None, ids[0]).await.unwrap().unwrap();
    assert_eq!((before.verdict.confirmed, before.revision), (None, 1), "all or nothing");
    assert_eq!(store.outcome(&good.0.event).await.unwrap(), None);

    assert_eq!(rule(ids[0], "halo", &good).await.unwrap(), Ruled::Taught);
    assert_eq!(store.outcome(&good.0.event).await.unwrap(), Some(good.0.clone()));
    assert_eq!(rule(ids[0], "halo", &good).await.unwrap(), Ruled::Repeated);
    // The same event in another spike: the decision is kept, the lesson is not given again.
    assert_eq!(rule(ids[1], "halo", &lesson("halo", Some(1))).await.unwrap(), Ruled::Kept);
    let kept = store.spike(None, ids[1]).await.unwrap().unwrap();
    assert_eq!(kept.verdict.confirmed, Some("halo".parse().unwrap()));
    assert_eq!(store.learned("me", "acme").await.unwrap().unwrap().revision, 1);
}

async fn a_race_keeps_one_spike(on: On) {
    let db = TestDb::new(on);
    let one = db.open().await;
    let other = if on == On::Memory { Arc::clone(&one) } else { db.open().await };
    let stores = [one, other];
    let tasks = (0..12_i64).map(|n| {
        let store = Arc::clone(&stores[usize::try_from(n % 2).unwrap()]);
        tokio::spawn(async move { put(&*store, &found("total", n % 3, 5 + n % 4)).await.id })
    });
    let mut ids = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        ids.push(task.await.unwrap());
    }
    ids.dedup();
    assert_eq!((ids.len(), all(&*stores[0]).await.len()), (1, 1));
    let tasks = (0..12_usize).map(|n| {
        let (store, id) = (Arc::clone(&stores[n % 2]), ids[0]);
        tokio::spawn(async move {
            let (outcome, lesson) = lesson("halo", None);
            store.rule_spike(id, &confirm("halo"), &actor(), Some((&outcome, &lesson))).await.unwrap()
        })
    });
    let mut taught = 0;
    for task in tasks.collect::<Vec<_>>() {
        taught += u32::from(task.await.unwrap() == Ruled::Taught);
    }
    assert_eq!(taught, 1);
}

async fn strange_spikes_are_refused_or_unknown(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let good = found("total", 1, 2);
    let link = |id: &str| SpikeScope::Link(id.to_owned());
    for bad in [
        FoundSpike { owner: String::new(), ..good.clone() },
        FoundSpike { network: "nul\0".into(), ..good.clone() },
        FoundSpike { scope: link("nul\0"), ..good.clone() },
        FoundSpike { scope: link(&"x".repeat(300)), ..good.clone() },
        FoundSpike { document: json!({"a": "\0"}), ..good.clone() },
        FoundSpike { until: good.start, ..good.clone() },
    ] {
        assert!(matches!(store.put_spike(&bad).await, Err(StoreError::Invalid(_))), "{bad:?}");
        let query = SpikeQuery {
            owner: Some(bad.owner),
            network: Some(bad.network),
            scope: Some(bad.scope),
            ..SpikeQuery::default()
        };
        assert_eq!(listed(&*store, &query).await, []);
    }
    let id = put(&*store, &FoundSpike { scope: link(&"x".repeat(200)), ..good.clone() }).await.id;
    assert!(store.spike(Some("me"), id).await.unwrap().is_some());
    assert_eq!(store.spike(Some("you"), id).await.unwrap(), None);
    assert_eq!(store.spike(Some("nul\0"), id).await.unwrap(), None);
    let bad = PageRequest { limit: 1, after: Some("of-another-list".into()) };
    assert!(matches!(store.spikes(&SpikeQuery::default(), &bad).await, Err(StoreError::Cursor)));
}
