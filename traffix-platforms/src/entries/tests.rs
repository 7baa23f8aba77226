//! What observations become, over time.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use traffix_core::catalogue::{
    Build, ByteRange, Company, DownloadSize, Phase, PhaseKind, PhaseStatus, PlatformId, Precision, Region,
    Ru, RuId, RuKind, Window,
};
use traffix_core::{Bytes, Evidence, Fact, SourceKind};

use super::*;
use crate::{BuildObservation, Notes, UpdateSize};

const PAGE: &str = "https://store.example/app?id=7";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(n: i64) -> DateTime<Utc> {
    at("2026-09-01T12:00:00Z") + TimeDelta::days(n)
}

fn platform() -> PlatformId {
    "steam".parse().unwrap()
}

fn evidence(when: DateTime<Utc>) -> Evidence {
    Evidence::new(SourceKind::Official, PAGE, when)
}

fn bytes(n: u64) -> ByteRange {
    ByteRange::exactly(Bytes(n))
}

fn unlock(start: &str, precision: Precision, when: DateTime<Utc>) -> Phase {
    let window = Fact::new(Window { start: at(start), end: None, precision }, evidence(when));
    Phase {
        kind: PhaseKind::Unlock,
        region: Region::WORLD,
        window,
        status: PhaseStatus::Confirmed,
        share: None,
    }
}

fn build(id: &str, live: Option<&str>) -> Build {
    Build { id: id.into(), version: None, live_at: live.map(at) }
}

/// A title with a size, a date and a build, as seen at `when`.
fn said(when: DateTime<Utc>, size: u64, date: &str, build_id: &str) -> ListingObservation {
    let mut said = ListingObservation::new(platform(), "7", evidence(when));
    said.title = Some("Stardew Valley".into());
    let wire_bytes = Some(Fact::new(bytes(size), evidence(when)));
    said.listing.sizes.push(DownloadSize { variant: None, wire_bytes, disk_bytes: None });
    said.listing.phases.push(unlock(date, Precision::Minute, when));
    said.listing.build = Some(Fact::new(build(build_id, None), evidence(when)));
    said
}

fn with(stored: Option<&Ru>, said: &ListingObservation) -> Entry {
    let made = || ru_id(&platform(), said.listing.external_id.as_deref().unwrap());
    let id = stored.map_or_else(made, |ru| ru.id.clone());
    let companies = CompanyNames::default();
    entry(stored, said, Context { id: &id, release: None, companies: &companies }).unwrap()
}

const DATE: &str = "2026-10-01T17:00:00Z";

fn first() -> Ru {
    with(None, &said(day(0), 500_000_000, DATE, "10")).ru
}

fn kinds(before: &Ru, after: &Ru) -> Vec<(NewsKind, String)> {
    let found = news(Some(before), after, &platform());
    assert!(found.iter().all(|one| one.source == PAGE), "{found:?}");
    found.into_iter().map(|one| (one.kind, one.field)).collect()
}

#[test]
fn a_new_title_is_news_and_no_update() {
    let entry = with(None, &said(day(0), 500_000_000, DATE, "10"));
    assert_eq!(entry.ru.id.as_str(), "steam-7");
    assert!(entry.ru.findings().is_empty(), "{:?}", entry.ru.findings());
    assert!(entry.updates.is_empty());
    let news = news(None, &entry.ru, &platform());
    assert_eq!(news[0].kind, NewsKind::NewTitle);
    assert_eq!(news[0].after, Some("Stardew Valley".into()));
}

#[test]
fn too_little_makes_no_entry() {
    let context = |f: &dyn Fn(Context<'_>)| {
        let (id, companies) = ("steam-7".parse().unwrap(), CompanyNames::default());
        f(Context { id: &id, release: None, companies: &companies });
    };
    let mut bare = ListingObservation::new(platform(), "7", evidence(day(0)));
    bare.title = Some("Only a name".into());
    let mut nameless = said(day(0), 1, DATE, "1");
    nameless.title = None;
    let mut orphan = said(day(0), 1, DATE, "1");
    orphan.kind = RuKind::Update;
    for observation in [bare, nameless, orphan] {
        context(&|context| assert_eq!(entry(None, &observation, context), None));
    }
}

#[test]
fn what_is_known_keeps_the_evidence_of_first_sight() {
    let ru = first();
    let again = with(Some(&ru), &said(day(3), 500_000_000, DATE, "10"));
    assert_eq!(again, Entry { ru, updates: Vec::new() });
}

#[test]
fn another_page_of_the_same_list_is_the_same_source() {
    let ru = first();
    let mut later = said(day(3), 500_000_000, DATE, "10");
    let size = later.listing.sizes[0].wire_bytes.as_mut().unwrap();
    size.evidence.source = "https://store.example/app?id=7&page=2".into();
    assert_eq!(with(Some(&ru), &later).ru, ru);
    later.listing.sizes[0].wire_bytes.as_mut().unwrap().value = bytes(600_000_000);
    let next = with(Some(&ru), &later).ru;
    let size = next.listings[0].wire_bytes().unwrap();
    assert_eq!((size.value, size.also.len()), (bytes(600_000_000), 0));
}

#[test]
fn a_revised_size_is_news() {
    let ru = first();
    let next = with(Some(&ru), &said(day(1), 700_000_000, DATE, "10")).ru;
    let found = news(Some(&ru), &next, &platform());
    assert_eq!((found.len(), found[0].kind), (1, NewsKind::SizeRevised));
    assert_eq!(found[0].before, Some(serde_json::json!(bytes(500_000_000))));
    assert_eq!(found[0].after, Some(serde_json::json!(bytes(700_000_000))));
    assert_eq!(next.listings[0].wire_bytes().unwrap().evidence.observed_at, day(1));
}

#[test]
fn a_confirmed_date_that_moves_has_slipped() {
    let ru = first();
    let next = with(Some(&ru), &said(day(1), 500_000_000, "2026-11-05T17:00:00Z", "10")).ru;
    assert_eq!(next.listings[0].phases[0].status, PhaseStatus::Slipped);
    assert_eq!(kinds(&ru, &next), [(NewsKind::DateSlipped, "unlock".to_owned())]);
    // It stays so when the same is said again.
    let again = with(Some(&next), &said(day(2), 500_000_000, "2026-11-05T17:00:00Z", "10"));
    assert_eq!(again.ru, next);
}

#[test]
fn a_precise_date_replaces_a_vague_one_and_a_vague_one_hides_nothing() {
    let mut vague = said(day(0), 500_000_000, DATE, "10");
    vague.listing.phases = vec![unlock("2026-10-01T00:00:00Z", Precision::Month, day(0))];
    let ru = with(None, &vague).ru;
    let next = with(Some(&ru), &said(day(1), 500_000_000, DATE, "10")).ru;
    let phase = &next.listings[0].phases[0];
    assert_eq!((phase.window.value.precision, phase.status), (Precision::Minute, PhaseStatus::Confirmed));
    assert_eq!(kinds(&ru, &next)[0].0, NewsKind::Other);
    vague.listing.phases[0].window.evidence = evidence(day(2));
    assert_eq!(with(Some(&next), &vague).ru, next);
}

#[test]
fn the_date_of_an_edition_with_early_access_is_not_the_unlock() {
    let early =
        Phase { kind: PhaseKind::EarlyAccess, ..unlock("2026-10-28T00:00:00Z", Precision::Day, day(0)) };
    let mut ru = first();
    ru.listings[0].phases.insert(0, early);
    // The offer of the edition states the hour of its own day.
    let next = with(Some(&ru), &said(day(1), 500_000_000, "2026-10-28T17:00:00Z", "10")).ru;
    assert_eq!(next, ru);
    // A title of which only early access is known has no unlock yet.
    ru.listings[0].phases.pop();
    assert_eq!(with(Some(&ru), &said(day(1), 500_000_000, "2026-10-28T17:00:00Z", "10")).ru, ru);
    // Another day is news.
    let moved = with(Some(&ru), &said(day(1), 500_000_000, "2026-11-05T17:00:00Z", "10")).ru;
    assert_eq!(moved.listings[0].phases.len(), 2);
}

#[test]
fn what_holds_everywhere_is_not_repeated_for_a_country() {
    let ru = first();
    let mut local = said(day(1), 500_000_000, DATE, "10");
    local.listing.phases[0].region = "US".parse().unwrap();
    assert_eq!(with(Some(&ru), &local).ru, ru);
    local.listing.phases[0].window.value.start = at("2026-11-05T17:00:00Z");
    assert_eq!(with(Some(&ru), &local).ru.listings[0].phases.len(), 2);
}

#[test]
fn variants_differ_by_more_than_capitals() {
    let mut pc = said(day(0), 500_000_000, DATE, "10");
    pc.listing.sizes[0].variant = Some("PC".into());
    let ru = with(None, &pc).ru;
    pc.listing.sizes[0].variant = Some("pc".into());
    assert_eq!(with(Some(&ru), &pc).ru, ru);
}

#[test]
fn a_new_build_is_an_update_with_the_size_from_the_known_one() {
    let ru = first();
    let mut later = said(day(1), 500_000_000, DATE, "11");
    let observed = |from: &str| BuildObservation {
        build: build("11", Some("2026-09-02T10:00:00Z")),
        region: Region::WORLD,
        preload_at: None,
        update: Some(UpdateSize { from: from.into(), wire_bytes: bytes(42_000_000) }),
        notes: Some(Notes { title: "Patch 1.7".into(), url: None, published_at: None }),
        evidence: evidence(day(1)),
    };
    later.builds = vec![observed("10")];
    let Entry { ru: next, updates } = with(Some(&ru), &later);
    assert_eq!(kinds(&ru, &next), [(NewsKind::NewBuild, "build".to_owned())]);
    let [update] = updates.as_slice() else { panic!("{updates:?}") };
    assert_eq!(
        (update.id.as_str(), update.title.as_str()),
        ("steam-7-build-11", "Stardew Valley: Patch 1.7")
    );
    assert_eq!(update.release.as_ref(), Some(&ru.id));
    assert_eq!(update.listings[0].wire_bytes().unwrap().value, bytes(42_000_000));
    assert_eq!(update.released_at(), Some(at("2026-09-02T10:00:00Z")));
    assert_eq!(update.listings[0].external_id, None);
    assert!(update.findings().is_empty(), "{:?}", update.findings());
    assert_eq!(news(None, update, &platform())[0].kind, NewsKind::NewBuild);
    // Counted from a build that nobody has, the size says nothing.
    later.builds = vec![observed("9")];
    assert_eq!(with(Some(&ru), &later).updates[0].listings[0].wire_bytes(), None);
    // Once: what is known is no news.
    assert!(with(Some(&next), &later).updates.is_empty());
}

#[test]
fn a_build_without_a_date_was_first_seen() {
    let updates = with(Some(&first()), &said(day(1), 500_000_000, DATE, "11")).updates;
    let phase = &updates[0].listings[0].phases[0];
    assert_eq!(
        (phase.window.value.start, phase.window.value.precision),
        (at("2026-09-02T00:00:00Z"), Precision::Day)
    );
    assert_eq!(phase.window.evidence.kind, SourceKind::Inferred);
}

#[test]
fn an_announced_build_is_an_update_and_becomes_live() {
    let mut ahead = said(day(0), 500_000_000, DATE, "10");
    let announced = |live: Option<&str>, when| BuildObservation {
        build: build("12", live),
        region: Region::WORLD,
        preload_at: Some(at("2026-09-20T08:00:00Z")),
        update: None,
        notes: None,
        evidence: evidence(when),
    };
    ahead.builds = vec![announced(None, day(0))];
    let Entry { ru, updates } = with(None, &ahead);
    let preload = update_entry(None, updates.into_iter().next().unwrap());
    assert_eq!(preload.first_at(), Some(at("2026-09-20T08:00:00Z")));
    let mut live = said(day(21), 500_000_000, DATE, "12");
    live.builds = vec![announced(Some("2026-09-22T10:00:00Z"), day(21))];
    let updates = with(Some(&ru), &live).updates;
    let both = update_entry(Some(&preload), updates.into_iter().next().unwrap());
    assert_eq!(both.listings[0].phases.len(), 2);
    assert_eq!(both.released_at(), Some(at("2026-09-22T10:00:00Z")));
}

#[test]
fn an_older_build_is_ignored() {
    let mut now = said(day(0), 500_000_000, DATE, "10");
    now.listing.build = Some(Fact::new(build("10", Some("2026-09-01T10:00:00Z")), evidence(day(0))));
    let ru = with(None, &now).ru;
    let mut lagging = said(day(1), 500_000_000, DATE, "9");
    lagging.listing.build = Some(Fact::new(build("9", Some("2026-08-01T10:00:00Z")), evidence(day(1))));
    assert_eq!(with(Some(&ru), &lagging), Entry { ru, updates: Vec::new() });
}

#[test]
fn slow_signals_are_written_when_they_matter() {
    let players = |when, n: u64| {
        let mut said = said(when, 500_000_000, DATE, "10");
        said.listing.audience.concurrent_peak = Some(Fact::new(n, evidence(when)));
        said
    };
    let ru = with(None, &players(day(0), 1_000)).ru;
    assert_eq!(with(Some(&ru), &players(day(1), 1_050)).ru, ru);
    for (when, n) in [(day(1), 1_051), (day(8), 1_001)] {
        let next = with(Some(&ru), &players(when, n)).ru;
        assert_eq!(next.listings[0].audience.concurrent_peak.as_ref().unwrap().value, n);
    }
}

#[test]
fn companies_are_linked_if_the_catalogue_has_them() {
    let company = Company {
        id: "concerned-ape".parse().unwrap(),
        name: "ConcernedApe Inc.".into(),
        url: None,
        evidence: vec![],
    };
    let companies = CompanyNames::new([&company]);
    let mut said = said(day(0), 1, DATE, "1");
    said.publishers = vec!["Nobody".into(), "CONCERNEDAPE".into()];
    let id: RuId = "steam-7".parse().unwrap();
    let entry = entry(None, &said, Context { id: &id, release: None, companies: &companies }).unwrap();
    assert_eq!(entry.ru.publishers, [company.id]);
}

#[test]
fn a_reviewed_entry_keeps_its_title_and_a_made_one_follows() {
    let mut renamed = said(day(1), 500_000_000, DATE, "10");
    renamed.title = Some("Stardew Valley 2".into());
    let made = first();
    assert_eq!(with(Some(&made), &renamed).ru.title, "Stardew Valley 2");
    let reviewed = Ru { id: "stardew-valley".parse().unwrap(), ..made };
    assert_eq!(with(Some(&reviewed), &renamed).ru.title, "Stardew Valley");
}

fn named(id: &str, title: &str, platform: &str, date: &str) -> Ru {
    let mut ru = Ru { id: id.parse().unwrap(), title: title.into(), ..first() };
    ru.listings[0].platform = platform.parse().unwrap();
    ru.listings[0].phases = vec![unlock(date, Precision::Day, day(0))];
    ru
}

#[test]
fn alike_titles_are_proposed_and_others_are_not() {
    let ours = named("a", "Call of Duty®: Modern Warfare® III", "steam", "2026-10-01T00:00:00Z");
    let like = |title: &str, date: &str| titles::likeness(&ours, &named("b", title, "epic", date));
    assert!(
        like("CALL OF DUTY MODERN WARFARE 3 - Deluxe Edition", "2026-10-02T00:00:00Z").unwrap().score > 0.85
    );
    assert!(like("Call of Duty: Modern Warfare II", "2026-10-01T00:00:00Z").is_none());
    assert!(like("Modern Art", "2026-10-01T00:00:00Z").is_none());
    let mut same_platform = named("b", "Call of Duty Modern Warfare III", "steam", "2026-10-01T00:00:00Z");
    assert!(titles::likeness(&ours, &same_platform).is_some(), "one listing under two identifiers of ours");
    same_platform.listings[0].external_id = Some("8".into());
    assert!(titles::likeness(&ours, &same_platform).is_none());
    let mut update = named("b", "Call of Duty Modern Warfare III", "epic", DATE);
    update.kind = RuKind::Update;
    assert!(titles::likeness(&ours, &update).is_none());
    let patch = |id: &str, title: &str| {
        let release = Some("a".parse().unwrap());
        Ru { kind: RuKind::Update, release, ..named(id, title, "steam", DATE) }
    };
    let known = patch("c", "Call of Duty: Patch 1.7");
    assert!(titles::likeness(&known, &patch("d", "CALL OF DUTY - patch 1.7")).is_some());
    assert!(titles::likeness(&known, &patch("d", "Call of Duty: Patch 1.7 hotfix")).is_none());
    let elsewhere = Ru { release: Some("b".parse().unwrap()), ..patch("d", "Call of Duty: Patch 1.7") };
    assert!(titles::likeness(&known, &elsewhere).is_none());
}

proptest! {
    /// The catalogue ends the same whether bytes are read once or repeatedly, and older bytes never undo newer ones.
    #[test]
    fn repeating_and_reordering_write_nothing(seen in prop::collection::vec((0_i64..30, 1_u64..4, 0_i64..3, 0_u8..3), 1..6)) {
        let mut seen = seen;
        seen.sort_unstable();
        let observations: Vec<_> = seen.iter().map(|(when, size, moved, build)| {
            let date = (at(DATE) + TimeDelta::days(*moved)).to_rfc3339();
            said(day(*when), *size, &date, &build.to_string())
        }).collect();
        let mut ru = with(None, &observations[0]).ru;
        for observation in &observations {
            let next = with(Some(&ru), observation).ru;
            // What the store makes of it is what was meant.
            prop_assert_eq!(&ru.clone().merge(next.clone()), &next);
            prop_assert!(next.findings().is_empty());
            prop_assert_eq!(news(Some(&ru), &next, &platform()).is_empty(), ru == next);
            let again = with(Some(&next), observation);
            prop_assert_eq!(&again.ru, &next);
            prop_assert!(again.updates.is_empty());
            ru = next;
        }
        for observation in observations.iter().filter(|o| o.evidence.observed_at < observations.last().unwrap().evidence.observed_at) {
            prop_assert_eq!(&with(Some(&ru), observation).ru, &ru);
        }
    }
}
