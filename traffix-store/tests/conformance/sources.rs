//! Leases, how far sources got, identifiers of platforms, and which listings are due.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use traffix_core::catalogue::PlatformId;
use traffix_store::{Expect, Lease, ListingPull, SourceState, Store, StoreError};

use crate::support::rus::{actor, day, release, update};
use crate::support::{On, StoppedClock, TestDb};

crate::on_every_engine!(
    one_holder_at_a_time,
    a_race_has_one_winner,
    a_lost_lease_writes_nothing,
    states_are_kept,
    external_ids_follow_the_catalogue,
    listings_are_due_in_order,
    schedules_go_with_their_listings,
    strange_names_are_refused_or_unknown,
);

const TTL: Duration = Duration::from_mins(1);

fn steam() -> PlatformId {
    "steam".parse().unwrap()
}

fn ids(pulls: &[ListingPull]) -> Vec<&str> {
    pulls.iter().map(|pull| pull.external_id.as_str()).collect()
}

fn pull(external_id: &str, due_day: i64) -> ListingPull {
    ListingPull {
        platform: steam(),
        external_id: external_id.to_owned(),
        due_at: day(due_day),
        succeeded_at: None,
        failures: 0,
    }
}

/// Two stores on one database where the engine can; a database in memory belongs to its store alone.
async fn two_stores(db: &TestDb, on: On, clock: &StoppedClock) -> [Arc<dyn Store>; 2] {
    let one = db.open_at(clock).await;
    let other = if on == On::Memory { Arc::clone(&one) } else { db.open_at(clock).await };
    [one, other]
}

async fn one_holder_at_a_time(on: On) {
    let (db, clock) = (TestDb::new(on), StoppedClock::default());
    let [one, other] = two_stores(&db, on, &clock).await;
    let first = one.lease("steam", "one", TTL).await.unwrap().unwrap();
    assert_eq!((first.fence, first.until), (1, clock.now() + TimeDelta::minutes(1)));
    assert_eq!(other.lease("steam", "other", TTL).await.unwrap(), None);
    assert!(other.lease("epic", "other", TTL).await.unwrap().is_some(), "another source is free");
    assert_eq!(other.source("steam").await.unwrap().unwrap().lease, Some(first.clone()));

    clock.advance(40);
    let renewed = one.lease("steam", "one", TTL).await.unwrap().unwrap();
    assert_eq!((renewed.fence, renewed.until - first.until), (1, TimeDelta::seconds(40)));
    clock.advance(40);
    assert_eq!(other.lease("steam", "other", TTL).await.unwrap(), None, "renewed in time");
    one.put_source(&first, &SourceState::default()).await.unwrap();

    // The holder crashes: the source is free when the lease has run out, and not before.
    clock.advance(19);
    assert_eq!(other.lease("steam", "other", TTL).await.unwrap(), None);
    clock.advance(1);
    assert_eq!(other.source("steam").await.unwrap().unwrap().lease, None);
    let second = other.lease("steam", "other", TTL).await.unwrap().unwrap();
    assert_eq!((second.fence, second.holder.as_str()), (2, "other"));
    assert_eq!(one.lease("steam", "one", TTL).await.unwrap(), None);

    one.release(&renewed).await.unwrap();
    assert_eq!(one.lease("steam", "one", TTL).await.unwrap(), None, "only the holder gives it back");
    other.release(&second).await.unwrap();
    other.release(&second).await.unwrap();
    assert_eq!(one.lease("steam", "one", TTL).await.unwrap().unwrap().fence, 3);
    clock.advance(3600);
    assert_eq!(one.lease("steam", "one", TTL).await.unwrap().unwrap().fence, 4, "late is not renewed");
}

async fn a_race_has_one_winner(on: On) {
    let (db, clock) = (TestDb::new(on), StoppedClock::default());
    let stores = two_stores(&db, on, &clock).await;
    for round in 1..=20 {
        let tasks = (0..8_usize).map(|n| {
            let store = Arc::clone(&stores[n % 2]);
            tokio::spawn(async move { store.lease("steam", &format!("holder-{n}"), TTL).await.unwrap() })
        });
        let mut winners: Vec<Lease> = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            winners.extend(task.await.unwrap());
        }
        assert_eq!((winners.len(), winners[0].fence), (1, round));
        clock.advance(60);
    }
}

async fn a_lost_lease_writes_nothing(on: On) {
    let (db, clock) = (TestDb::new(on), StoppedClock::default());
    let [one, other] = two_stores(&db, on, &clock).await;
    let game = release("game").listed("steam", "440", &[]).make();
    one.put_ru(&game, Expect::Absent, &actor()).await.unwrap();
    let lease = one.lease("steam", "one", TTL).await.unwrap().unwrap();
    let state = SourceState { read: 1, ..SourceState::default() };
    one.put_source(&lease, &state).await.unwrap();
    one.schedule_listings(&lease, &[pull("440", 1)]).await.unwrap();
    let refused = async |lease: &Lease, fence: Option<i64>| {
        let late = SourceState { read: 99, ..SourceState::default() };
        for result in
            [one.put_source(lease, &late).await, one.schedule_listings(lease, &[pull("440", 99)]).await]
        {
            assert!(
                matches!(&result, Err(StoreError::Conflict { id, actual, .. }) if *id == lease.source && *actual == fence),
                "{result:?}"
            );
        }
        assert_eq!(one.source("steam").await.unwrap().unwrap().state, state);
        assert_eq!(ids(&one.due_listings(&steam(), day(1), 9).await.unwrap()), ["440"]);
    };
    clock.advance(60);
    refused(&lease, Some(1)).await;
    let next = other.lease("steam", "other", TTL).await.unwrap().unwrap();
    refused(&lease, Some(2)).await;
    other.release(&next).await.unwrap();
    refused(&next, Some(2)).await;
    refused(&Lease { source: "nobody".into(), ..next.clone() }, None).await;
    // The same holder again, under a new fence.
    let again = other.lease("steam", "other", TTL).await.unwrap().unwrap();
    refused(&next, Some(3)).await;
    other.put_source(&again, &state).await.unwrap();
}

async fn states_are_kept(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    assert_eq!(store.source("steam").await.unwrap(), None);
    let lease = store.lease("steam", "one", TTL).await.unwrap().unwrap();
    assert_eq!(store.source("steam").await.unwrap().unwrap().state, SourceState::default());
    let state = SourceState {
        listed_at: Some(day(1)),
        cursor: Some("page \u{0} \"7\"".into()),
        due_at: Some(day(3) + TimeDelta::nanoseconds(1)),
        started_at: Some(day(1)),
        succeeded_at: Some(day(1)),
        failed_at: Some(day(2)),
        error: Some("steam says 503".into()),
        failures: u32::MAX,
        read: u64::MAX,
        written: 7,
        errors: 2,
    };
    store.put_source(&lease, &state).await.unwrap();
    store.lease("github", "one", TTL).await.unwrap().unwrap();
    let renewed = store.lease("steam", "one", TTL).await.unwrap().unwrap();
    let sources = store.sources().await.unwrap();
    assert_eq!(sources.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["github", "steam"]);
    assert_eq!((&sources[1].state, sources[1].lease.as_ref()), (&state, Some(&renewed)));
    assert_eq!(store.sequence().await.unwrap(), 0, "none of it is in the change log");
}

/// What `rus_by_external_id` says of some identifiers on Steam, as `id=ru` words.
async fn claims(store: &dyn Store, external_ids: &[&str]) -> String {
    let external_ids: Vec<String> = external_ids.iter().map(ToString::to_string).collect();
    let found = store.rus_by_external_id(&steam(), &external_ids).await.unwrap();
    found.iter().map(|(id, ru)| format!("{id}={ru}")).collect::<Vec<_>>().join(" ")
}

async fn external_ids_follow_the_catalogue(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let game = release("game").listed("steam", "440", &["441", "x'y"]).listed("epic", "442", &[]);
    store.put_ru(&game.make(), Expect::Absent, &actor()).await.unwrap();
    let all = ["442", "441", "440", "x'y", "nul\0", "", "440"];
    assert_eq!(claims(&*store, &all).await, "440=game 441=game x'y=game");
    assert_eq!(claims(&*store, &[]).await, "");

    // An update and another release claim the identifier, too; a release goes first, then the first by id.
    let patch = update("a-patch", "game").listed("steam", "440", &[]);
    store
        .merge_rus(&[patch.make(), release("other").listed("steam", "440", &["441"]).make()], &actor())
        .await
        .unwrap();
    assert_eq!(claims(&*store, &all).await, "440=game 441=game x'y=game");
    assert_eq!(
        store.due_listings(&steam(), day(0), 9).await.unwrap().len(),
        1,
        "one identifier, one request"
    );

    let moved = release("game").listed("steam", "500", &["440"]);
    store.put_ru(&moved.make(), Expect::Anything, &actor()).await.unwrap();
    assert_eq!(claims(&*store, &["440", "441", "500"]).await, "440=game 441=other 500=game");
    store.merge_rus(&[release("game").listed("steam", "501", &[]).make()], &actor()).await.unwrap();
    assert_eq!(claims(&*store, &["500", "501"]).await, "500=game 501=game", "merging keeps both");
    store.delete_ru(&"a-patch".parse().unwrap(), Expect::Anything, &actor()).await.unwrap();
    store.delete_ru(&"game".parse().unwrap(), Expect::Anything, &actor()).await.unwrap();
    assert_eq!(claims(&*store, &["440", "441", "500", "501"]).await, "440=other 441=other");
}

async fn listings_are_due_in_order(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let rus: Vec<_> = ["a", "b", "c", "d", "e"]
        .map(|id| release(id).listed("steam", id, &[&format!("{id}-alias")]).listed("epic", id, &[]).make())
        .into();
    store.merge_rus(&rus, &actor()).await.unwrap();
    let lease = store.lease("steam", "one", TTL).await.unwrap().unwrap();
    let due = async |at: i64, limit| store.due_listings(&steam(), day(at), limit).await.unwrap();
    let unscheduled = due(5, 9).await;
    assert_eq!(ids(&unscheduled), ["a", "b", "c", "d", "e"]);
    assert!(unscheduled.iter().all(|p| (p.due_at, p.succeeded_at, p.failures) == (day(5), None, 0)));
    let answered = ListingPull { succeeded_at: Some(day(1)), failures: 3, ..pull("a", 4) };
    let pulls =
        [pull("e", 9), pull("c", 2), answered.clone(), pull("e", 3), pull("unknown", 0), pull("b-alias", 0)];
    store.schedule_listings(&lease, &pulls).await.unwrap();
    assert_eq!(ids(&due(1, 9).await), ["b", "d"], "never scheduled");
    assert_eq!(ids(&due(3, 9).await), ["b", "d", "c", "e"]);
    assert_eq!(due(4, 9).await.last(), Some(&answered));
    for (limit, expected) in [(0, &[][..]), (1, &["b"]), (2, &["b", "d"]), (3, &["b", "d", "c"])] {
        assert_eq!(ids(&due(9, limit).await), expected);
    }
    store.schedule_listings(&lease, &[pull("c", 8), pull("b", 8), pull("d", 7)]).await.unwrap();
    assert_eq!(ids(&due(9, 9).await), ["e", "a", "d", "b", "c"]);
    let epic = store.due_listings(&"epic".parse().unwrap(), day(9), 9).await.unwrap();
    assert_eq!(ids(&epic), ["a", "b", "c", "d", "e"], "each platform for itself");
}

async fn schedules_go_with_their_listings(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let put = async |maker: crate::support::rus::Maker| {
        store.put_ru(&maker.make(), Expect::Anything, &actor()).await.unwrap();
    };
    let lease = store.lease("steam", "one", TTL).await.unwrap().unwrap();
    let due = async || {
        let due = store.due_listings(&steam(), day(0), 9).await.unwrap();
        due.into_iter().map(|pull| pull.external_id).collect::<Vec<_>>()
    };
    put(release("game").listed("steam", "440", &[])).await;
    put(release("same").listed("steam", "440", &[])).await;
    store.schedule_listings(&lease, &[pull("440", 7)]).await.unwrap();
    assert_eq!(due().await, [] as [&str; 0]);
    store.delete_ru(&"game".parse().unwrap(), Expect::Anything, &actor()).await.unwrap();
    assert_eq!(due().await, [] as [&str; 0], "the other RU still has it");
    put(release("same").listed("steam", "441", &["440"])).await;
    assert_eq!(due().await, ["441"], "an alias is not asked about");
    put(release("same").listed("steam", "440", &[])).await;
    assert_eq!(due().await, ["440"], "its schedule is forgotten");
    store.schedule_listings(&lease, &[pull("440", 7)]).await.unwrap();
    put(release("same").title("Same, renamed").listed("steam", "440", &["9"]).on("epic", Some(3), &[])).await;
    assert_eq!(due().await, [] as [&str; 0], "other news do not touch it");
    put(release("same")).await;
    assert_eq!(due().await, [] as [&str; 0]);
    put(release("same").listed("steam", "440", &[])).await;
    assert_eq!(due().await, ["440"]);
}

async fn strange_names_are_refused_or_unknown(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let lease = store.lease("steam", "one", TTL).await.unwrap().unwrap();
    for bad in ["", "nul\0", &"x".repeat(201)] {
        assert!(matches!(store.lease(bad, "one", TTL).await, Err(StoreError::Invalid(_))));
        assert!(matches!(store.lease("steam", bad, TTL).await, Err(StoreError::Invalid(_))));
        assert_eq!(store.source(bad).await.unwrap(), None);
        let forged = Lease { holder: bad.to_owned(), ..lease.clone() };
        store.release(&forged).await.unwrap();
        let refused = store.put_source(&forged, &SourceState::default()).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    }
    let game = release("game").listed("steam", "440", &[]).make();
    store.put_ru(&game, Expect::Absent, &actor()).await.unwrap();
    store.schedule_listings(&lease, &[pull("nul\0", 0), pull(&"x".repeat(100_000), 0)]).await.unwrap();
    store.schedule_listings(&lease, &[]).await.unwrap();
    assert_eq!(ids(&store.due_listings(&steam(), day(0), u32::MAX).await.unwrap()), ["440"]);
    let forever = store.lease("steam", "one", Duration::MAX).await.unwrap().unwrap();
    assert!(forever.until > day(365_000));
    store.put_source(&forever, &SourceState::default()).await.unwrap();
}
