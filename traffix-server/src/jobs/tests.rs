//! Pulls of platforms that say what a test wants, into a real store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::catalogue::{Audience, Build, ByteRange, DownloadSize, PlatformId, Region, Ru, RuKind};
use traffix_core::delivery::Assertion;
use traffix_core::{Bytes, Evidence, Fact, SourceKind};
use traffix_platforms::entries::NewsKind;
use traffix_platforms::upstream::{Replay, Request, Upstream, UpstreamError};
use traffix_platforms::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, unsupported,
};
use traffix_store::{OpenOptions, PageRequest, ProposalStatus, RuQuery, Store, StoreError};

use super::*;

/// A platform whose lists and titles are written in the test.
#[derive(Default)]
struct Scripted {
    pages: Vec<Vec<ListingObservation>>,
    titles: BTreeMap<String, Result<ListingObservation, PlatformError>>,
    players: Option<u64>,
    /// What is answered instead of players.
    no_players: Option<PlatformError>,
    /// The page of the list that is out of order.
    breaks_at: Option<usize>,
    /// Lists asked for.
    asked: AtomicU32,
    refreshed: Mutex<Vec<String>>,
}

fn id() -> PlatformId {
    "gog".parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    at("2026-09-01T12:00:00Z")
}

fn evidence() -> Evidence {
    Evidence::new(SourceKind::Official, "https://example.org/list", now())
}

/// A title with a size and a build.
fn title(external_id: &str, name: &str) -> ListingObservation {
    let mut said = ListingObservation::new(id(), external_id, evidence());
    said.title = Some(name.into());
    let wire_bytes = Some(Fact::new(ByteRange::exactly(Bytes(5_000_000_000)), evidence()));
    said.listing.sizes.push(DownloadSize { variant: None, wire_bytes, disk_bytes: None });
    let build = Build { id: "1".into(), version: None, live_at: None };
    said.listing.build = Some(Fact::new(build, evidence()));
    said
}

fn trouble(source: UpstreamError) -> PlatformError {
    PlatformError::Upstream { platform: id(), operation: "title", source }
}

#[async_trait]
impl Platform for Scripted {
    fn id(&self) -> PlatformId {
        id()
    }

    fn profile(&self) -> &Profile {
        traffix_platforms::platform("gog").unwrap().profile()
    }

    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        // So that requests are counted; the answer does not matter.
        let _ = up.send(&Request::get("https://example.org/list")).await;
        self.asked.fetch_add(1, Ordering::Relaxed);
        let page: usize = query.cursor.as_deref().map_or(0, |cursor| cursor.parse().unwrap());
        if self.breaks_at == Some(page) {
            return Err(trouble(UpstreamError::Status { status: 500, retry_after: None }));
        }
        let Some(items) = self.pages.get(page).cloned() else {
            return unsupported(self, Datum::Listings);
        };
        let next = (page + 1 < self.pages.len()).then(|| (page + 1).to_string());
        Ok(Page { items, next })
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let _ = up.send(&Request::get("https://example.org/title")).await;
        self.refreshed.lock().unwrap().push(listing.external_id.clone());
        let missing = || Err(PlatformError::NotFound { platform: id(), id: listing.external_id.clone() });
        self.titles.get(&listing.external_id).cloned().unwrap_or_else(missing)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        if let Some(error) = &self.no_players {
            return Err(error.clone());
        }
        if self.players.is_none() {
            return unsupported(self, Datum::Audience);
        }
        let audience = Audience::default();
        Ok(AudienceObservation { audience, players_now: self.players, evidence: evidence() })
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}

async fn store() -> Arc<dyn Store> {
    traffix_store::open("sqlite::memory:", OpenOptions::default()).await.unwrap()
}

fn plan() -> Plan {
    Plan {
        now: now(),
        listed_at: now(),
        holder: holder(),
        lease: Duration::from_mins(1),
        region: Region::WORLD,
        back: TimeDelta::days(30),
        ahead: TimeDelta::days(365),
        lists_interval: TimeDelta::zero(),
        all_listings: false,
        max_requests: 1_000,
        max_time: Duration::from_mins(1),
        interval: TimeDelta::minutes(15),
    }
}

async fn run(store: &dyn Store, platform: &Scripted, plan: &Plan) -> PlatformReport {
    let nothing = Replay::default();
    pull(store, platform, &nothing, (plan, &|_| ()), std::future::pending()).await
}

async fn all(store: &dyn Store) -> Vec<Ru> {
    let page = PageRequest { limit: 500, after: None };
    store.rus(&RuQuery::default(), &page).await.unwrap().items.into_iter().map(|one| one.value).collect()
}

#[tokio::test]
async fn one_bad_title_is_counted_and_the_rest_goes_on() {
    let store = store().await;
    let names = ["a", "b", "c", "d"];
    let mut platform = Scripted { pages: vec![names.map(|n| title(n, n)).into()], ..Scripted::default() };
    platform.titles = names.map(|n| (n.to_owned(), Ok(title(n, n)))).into();
    platform
        .titles
        .insert("b".into(), Err(trouble(UpstreamError::Status { status: 503, retry_after: None })));
    platform.titles.remove("c");
    let report = run(store.as_ref(), &platform, &plan()).await;
    assert_eq!((report.status, report.errors, report.not_found), (PullStatus::Done, 1, 1), "{report:?}");
    assert_eq!((report.read, report.written), (6, 4));
    assert!(report.failures[0].contains("503"), "{report:?}");
    let state = store.source("gog").await.unwrap().unwrap();
    assert!(state.lease.is_none_or(|lease| lease.until <= Utc::now()), "given back");
    assert!(state.state.error.unwrap().contains("503"));
    // The bad ones are asked again, later than the good ones' next turn would allow to ask at once.
    assert_eq!(store.due_listings(&id(), now(), 10).await.unwrap(), []);
    let due = store.due_listings(&id(), now() + TimeDelta::minutes(20), 10).await.unwrap();
    assert_eq!(
        due.iter().map(|pull| (pull.external_id.as_str(), pull.failures)).collect::<Vec<_>>(),
        [("b", 1)]
    );
}

#[tokio::test]
async fn what_cannot_be_had_is_stated_and_no_error() {
    let store = store().await;
    let mut platform = Scripted { pages: vec![vec![title("a", "A")]], ..Scripted::default() };
    platform.titles.insert("a".into(), Err(trouble(UpstreamError::MissingCredential("gog"))));
    let report = run(store.as_ref(), &platform, &plan()).await;
    assert_eq!((report.status, report.errors), (PullStatus::Done, 0), "{report:?}");
    // Neither players nor hosts are published, and that is not news.
    assert_eq!((report.unsupported.len(), report.notes.len()), (2, 1), "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("TRAFFIX__CREDENTIALS__GOG")), "{report:?}");
    platform.titles.insert("a".into(), Err(trouble(UpstreamError::NotRecorded("GET x".into()))));
    let again = run(store.as_ref(), &platform, &Plan { all_listings: true, ..plan() }).await;
    assert_eq!((again.errors, again.skipped, again.written), (0, 1, 0), "{again:?}");
}

#[tokio::test]
async fn a_platform_out_of_reach_is_given_up_and_waited_for() {
    let store = store().await;
    let names: Vec<String> = (0..30).map(|n| format!("t{n}")).collect();
    let pages = vec![names.iter().map(|name| title(name, name)).collect()];
    let away = UpstreamError::Status { status: 429, retry_after: Some(Duration::from_hours(2)) };
    let titles = names.iter().map(|name| (name.clone(), Err(trouble(away.clone())))).collect();
    let platform = Scripted { pages, titles, ..Scripted::default() };
    let report = run(store.as_ref(), &platform, &plan()).await;
    assert_eq!(platform.refreshed.lock().unwrap().len(), 5);
    assert_eq!(report.status, PullStatus::Unfinished);
    let state = store.source("gog").await.unwrap().unwrap().state;
    assert!(state.due_at.unwrap() >= now() + TimeDelta::hours(2), "{state:?}");
}

#[tokio::test]
async fn a_platform_that_says_nothing_backs_off() {
    let store = store().await;
    let platform = traffix_platforms::platform("xbox").unwrap();
    let away = Away;
    let mut waits = Vec::new();
    for _ in 0..3 {
        let report = pull(store.as_ref(), platform, &away, (&plan(), &|_| ()), std::future::pending()).await;
        assert_eq!(report.status, PullStatus::Failed, "{report:?}");
        waits.push(store.source("xbox").await.unwrap().unwrap().state.due_at.unwrap() - now());
    }
    assert_eq!(waits, [15, 30, 60].map(TimeDelta::minutes));
}

/// A network that is down.
struct Away;

#[async_trait]
impl Upstream for Away {
    async fn send(&self, _: &Request) -> Result<traffix_platforms::upstream::Response, UpstreamError> {
        Err(UpstreamError::Connection("no route".into()))
    }
}

#[tokio::test]
async fn a_stopped_pull_gives_its_lease_back_and_goes_on() {
    let store = store().await;
    let pages = (0..3).map(|page| vec![title(&format!("p{page}"), "X")]).collect();
    let platform = Scripted { pages, ..Scripted::default() };
    let first = run(store.as_ref(), &platform, &Plan { max_requests: 2, ..plan() }).await;
    assert_eq!((first.status, first.written), (PullStatus::Unfinished, 2));
    let source = store.source("gog").await.unwrap().unwrap();
    assert_eq!(source.state.cursor.as_deref(), Some("2"));
    let stopped =
        pull(store.as_ref(), &platform, &Replay::default(), (&plan(), &|_| ()), std::future::ready(())).await;
    assert_eq!(stopped.status, PullStatus::Unfinished);
    let second = run(store.as_ref(), &platform, &plan()).await;
    assert_eq!((second.status, second.written), (PullStatus::Done, 1), "{second:?}");
    assert_eq!(all(store.as_ref()).await.len(), 3);
    assert_eq!(store.source("gog").await.unwrap().unwrap().state.cursor, None);
}

#[tokio::test]
async fn a_list_that_breaks_goes_on_where_it_broke_and_not_for_ever() {
    let store = store().await;
    let pages = (0..3).map(|page| vec![title(&format!("p{page}"), "X")]).collect();
    let mut platform = Scripted { pages, breaks_at: Some(2), ..Scripted::default() };
    let state = async || store.source("gog").await.unwrap().unwrap().state;
    let plan = Plan { lists_interval: TimeDelta::hours(6), ..plan() };
    let first = run(store.as_ref(), &platform, &plan).await;
    assert_eq!((first.written, first.errors), (2, 1), "{first:?}");
    assert_eq!((state().await.cursor.as_deref(), state().await.listed_at), (Some("2"), None));
    // Once more there, then from the start.
    run(store.as_ref(), &platform, &plan).await;
    assert_eq!((state().await.cursor, state().await.listed_at), (None, None));
    platform.breaks_at = None;
    assert_eq!(run(store.as_ref(), &platform, &plan).await.written, 1);
    assert_eq!(state().await.listed_at, Some(now()));
    // Lists that were read to their end are not read again so soon, by whatever process.
    let asked = platform.asked.load(Ordering::Relaxed);
    run(store.as_ref(), &platform, &plan).await;
    assert_eq!(platform.asked.load(Ordering::Relaxed), asked);
    let later = Plan { now: now() + TimeDelta::hours(6), ..plan };
    run(store.as_ref(), &platform, &later).await;
    assert!(platform.asked.load(Ordering::Relaxed) > asked);
}

#[tokio::test]
async fn a_title_that_only_counts_people_waits_after_an_error() {
    let store = store().await;
    let mut platform = Scripted { pages: vec![vec![title("a", "A")]], ..Scripted::default() };
    platform.titles.insert("a".into(), unsupported(&Scripted::default(), Datum::DownloadSize));
    platform.no_players = Some(trouble(UpstreamError::Status { status: 503, retry_after: None }));
    let report = run(store.as_ref(), &platform, &plan()).await;
    assert_eq!((report.errors, report.written), (1, 1), "{report:?}");
    assert_eq!(store.due_listings(&id(), now(), 10).await.unwrap(), []);
}

#[tokio::test]
async fn whoever_lost_the_lease_writes_nothing_more() {
    let store = store().await;
    let lease = store.lease("gog", "old", Duration::ZERO).await.unwrap().unwrap();
    let platform = Scripted { pages: vec![vec![title("a", "A")]], ..Scripted::default() };
    run(store.as_ref(), &platform, &plan()).await;
    let state = traffix_store::SourceState::default();
    let refused = store.put_source(&lease, &state).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { .. }), "{refused:?}");
}

#[tokio::test]
async fn players_enter_a_series_on_its_grid() {
    let store = store().await;
    let mut platform =
        Scripted { pages: vec![vec![title("a", "A")]], players: Some(42), ..Scripted::default() };
    platform.titles.insert("a".into(), Ok(title("a", "A")));
    let report = run(store.as_ref(), &platform, &plan()).await;
    assert_eq!(report.points, 1, "{report:?}");
    let series = store.series("players", "gog/a").await.unwrap();
    assert_eq!((series.len(), series[0].step_secs), (1, 900));
    let points =
        store.points(&series[0], now() - TimeDelta::hours(1), now() + TimeDelta::hours(1)).await.unwrap();
    assert_eq!(points, [(now(), 42.0)]);
}

#[tokio::test]
async fn updates_find_their_release_and_wait_for_it() {
    let store = store().await;
    let mut update = title("dlc", "The Expansion");
    update.kind = RuKind::Update;
    update.updates = Some("base".into());
    let early = Scripted { pages: vec![vec![update.clone()]], ..Scripted::default() };
    let report = run(store.as_ref(), &early, &plan()).await;
    assert_eq!((report.kept_back, report.written, report.errors), (1, 0, 0), "{report:?}");
    let mut name = ListingObservation::new(id(), "other", evidence());
    name.title = Some("Only a name".into());
    let later =
        Scripted { pages: vec![vec![title("base", "The Game"), update, name]], ..Scripted::default() };
    let report = run(store.as_ref(), &later, &plan()).await;
    assert_eq!((report.kept_back, report.written, report.skipped), (0, 2, 1), "{report:?}");
    let update = all(store.as_ref()).await.into_iter().find(|ru| ru.kind == RuKind::Update).unwrap();
    assert_eq!(update.release.unwrap().as_str(), "gog-base");
}

#[tokio::test]
async fn a_likeness_is_proposed_once_and_never_merged() {
    let store = store().await;
    let known: Ru = serde_json::from_value(serde_json::json!({
        "id": "the-witcher-3", "title": "The Witcher 3: Wild Hunt", "kind": "release",
        "listings": [{"platform": "steam", "external_id": "292030"}], "evidence": [evidence()],
    }))
    .unwrap();
    store
        .put_ru(&known, traffix_store::Expect::Absent, &traffix_store::Actor("import".into()))
        .await
        .unwrap();
    let title = title("w3", "The Witcher® 3: Wild Hunt - Game of the Year Edition");
    let platform = Scripted { pages: vec![vec![title]], ..Scripted::default() };
    let first = run(store.as_ref(), &platform, &plan()).await;
    assert_eq!((first.proposed, first.news[&NewsKind::NewTitle]), (1, 1), "{first:?}");
    assert_eq!(all(store.as_ref()).await.len(), 2);
    let open = store.proposals(ProposalStatus::Open, &PageRequest::default()).await.unwrap().items;
    assert_eq!(open[0].id, "merge:gog-w3:the-witcher-3");
    assert_eq!(run(store.as_ref(), &platform, &plan()).await.proposed, 0);
}

#[tokio::test]
async fn titles_whose_readable_identifiers_are_the_same_stay_apart() {
    let store = store().await;
    let items = vec![title("a_b", "One"), title("a-b", "Other")];
    let platform = Scripted { pages: vec![items], ..Scripted::default() };
    let report = run(store.as_ref(), &platform, &plan()).await;
    assert_eq!((report.written, report.errors), (2, 0), "{report:?}");
    assert_eq!(run(store.as_ref(), &platform, &plan()).await.written, 0);
    let titles: Vec<String> = all(store.as_ref()).await.into_iter().map(|ru| ru.title).collect();
    assert!(titles.contains(&"One".to_owned()) && titles.contains(&"Other".to_owned()), "{titles:?}");
}
