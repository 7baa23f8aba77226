//! Over the recordings in `fixtures/`.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use traffix_core::catalogue::{ByteRange, Content, PhaseKind, Precision, Region, RuKind};
use traffix_core::{Bytes, SourceKind};

use super::*;
use crate::testing::recorded;
use crate::upstream::Replay;

fn recordings() -> Replay {
    recorded("windows-update/fixtures")
}

async fn refreshed(id: &str) -> ListingObservation {
    WindowsUpdate.refresh(&recordings(), &ListingRef::new(id)).await.unwrap()
}

fn wire(seen: &ListingObservation, variant: Option<&str>) -> Option<ByteRange> {
    let size = seen.listing.sizes.iter().find(|size| size.variant.as_deref() == variant)?;
    size.wire_bytes.as_ref().map(|fact| fact.value)
}

fn unlock(seen: &ListingObservation) -> (String, Precision, SourceKind) {
    let window = &seen.listing.phase(PhaseKind::Unlock).unwrap().window;
    (window.value.start.to_rfc3339(), window.value.precision, window.evidence.kind)
}

fn query(from: &str, until: &str, now: &str, cursor: Option<String>) -> Discover {
    let at = |day: &str| -> DateTime<Utc> { format!("{day}T00:00:00Z").parse().unwrap() };
    Discover { now: at(now), from: at(from), until: at(until), region: Region::WORLD, cursor }
}

#[tokio::test]
async fn a_month_has_the_hour_of_redmond() {
    let seen = refreshed("2024-Mar").await;
    assert_eq!(seen.title.as_deref(), Some("March 2024 Security Updates"));
    assert_eq!((seen.kind, seen.content), (RuKind::Update, Content::WindowsPatch));
    assert_eq!(seen.updates.as_deref(), Some("windows-11"));
    let expected = ("2024-03-12T17:00:00+00:00".to_owned(), Precision::Hour, SourceKind::Official);
    assert_eq!(unlock(&seen), expected);
    assert_eq!(seen.changed_at.unwrap().to_rfc3339(), "2024-04-09T07:00:00+00:00");
    // The recording holds articles of .NET only: no size of Windows is made up from them.
    assert!(seen.listing.sizes.is_empty());
}

#[tokio::test]
async fn the_articles_of_a_month_lead_to_bytes_as_documented() {
    let seen = refreshed("2016-Apr").await;
    assert_eq!(wire(&seen, None), Some(ByteRange::exactly(Bytes(1_048_576_000))));
    assert_eq!(wire(&seen, Some("windows-10")), Some(ByteRange::exactly(Bytes(524_288_000))));
    assert!(
        seen.listing.sizes.iter().all(|size| size.wire_bytes.as_ref().unwrap().evidence.confidence < 1.0)
    );
}

#[tokio::test]
async fn a_document_gives_articles_builds_and_products() {
    let old = security_document(&recordings(), "2016-Apr").await.unwrap().value;
    let article = old.remediations.iter().find(|fix| fix.article == "3147461").unwrap();
    assert_eq!(article.supersedes.as_deref(), Some("3140745"));
    assert_eq!(article.products, ["Windows 10 for x64-based Systems"]);
    assert_eq!(old.released_at.unwrap().to_rfc3339(), "2016-04-12T07:00:00+00:00");
    let new = security_document(&recordings(), "2024-Mar").await.unwrap().value;
    let fixed: Vec<_> =
        new.remediations.iter().map(|fix| (&*fix.article, fix.fixed_build.as_deref())).collect();
    assert_eq!(fixed, [("5036451", Some("7.0.17")), ("5036452", Some("8.0.3"))]);
}

#[tokio::test]
async fn people_are_not_kept() {
    let document = security_document(&recordings(), "2016-Apr").await.unwrap().value;
    assert!(!format!("{document:?}").contains("redacted"));
}

#[tokio::test]
async fn the_update_guide_is_followed_page_by_page() {
    let rows = deployments(&recordings(), "2016-Apr").await.unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].article.as_deref(), Some("3147461"));
    assert_eq!(rows[1].product.as_deref(), Some("Windows 10 for x64-based Systems"));
    assert_eq!(rows[0].supersedes.as_deref(), Some("3140745"));
}

#[tokio::test]
async fn an_article_has_the_bytes_of_its_packages() {
    let seen = refreshed("KB5025239").await;
    assert_eq!(wire(&seen, Some("windows-11-22h2-arm64")), Some(ByteRange::exactly(Bytes(420_959_465))));
    assert_eq!(seen.listing.sizes.len(), 1);
    assert_eq!(unlock(&seen).0, "2023-04-11T00:00:00+00:00");
    assert_eq!(unlock(&seen).1, Precision::Day);
    assert_eq!(seen.updates.as_deref(), Some("windows-11"));
}

#[tokio::test]
async fn details_of_a_package() {
    let id = "f39d68ab-1519-4df8-85c1-d985be7f49c3";
    let details = package_details(&recordings(), id).await.unwrap().value;
    assert!(details.title.ends_with("arm64-based Systems (KB5025239)"));
    assert_eq!(details.size_text.as_deref(), Some("401.5 MB"));
    assert_eq!((details.supersedes.len(), details.superseded_by.len()), (16, 3));
    assert!(details.superseded_by[0].starts_with("2023-05 Cumulative Update"));
}

#[tokio::test]
async fn a_build_is_as_large_as_its_files() {
    let seen = refreshed("fe47c57f-a77f-41e3-9012-00b4187e3462").await;
    // 554,439,417 + 814,881,824 + 180,196,966
    assert_eq!(wire(&seen, None), Some(ByteRange::exactly(Bytes(1_549_518_207))));
    assert_eq!(seen.content, Content::WindowsFeature);
    assert_eq!(seen.listing.build.as_ref().unwrap().value.id, "26300.9550");
    assert_eq!(seen.evidence.kind, SourceKind::Community);
}

#[tokio::test]
async fn builds_are_listed_oldest_first() {
    let list = uup_builds(&recordings(), None).await.unwrap().value;
    let builds: Vec<_> = list.iter().filter_map(|build| build.build.as_deref()).collect();
    assert_eq!(builds, ["26300.9278", "26300.9550", "26300.10006"]);
}

#[tokio::test]
async fn a_refusal_for_going_too_fast_can_be_retried() {
    let up = recordings();
    let id = ListingRef::new("48dc4928-11dd-4f6a-9e75-4070c89054b0");
    let error = WindowsUpdate.refresh(&up, &id).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

#[tokio::test]
async fn a_release_has_its_builds_as_documented() {
    let seen = refreshed("windows-11").await;
    assert_eq!(seen.kind, RuKind::Release);
    let builds: Vec<_> = seen.builds.iter().map(|seen| &*seen.build.id).collect();
    assert_eq!(builds, ["26200.7922", "26200.8037"]);
    let newest = seen.builds[1].clone();
    assert_eq!(newest.build.version.as_deref(), Some("2026-03 B"));
    assert_eq!(newest.build.live_at.unwrap().to_rfc3339(), "2026-03-10T00:00:00+00:00");
    assert_eq!(newest.notes.unwrap().title, "KB5079473");
}

#[tokio::test]
async fn listed_months_come_before_computed_ones() {
    let window = query("2024-03-01", "2024-06-01", "2024-04-10", None);
    let page = WindowsUpdate.discover(&recordings(), &window).await.unwrap();
    let seen: Vec<_> =
        page.items.iter().map(|seen| (seen.listing.external_id.as_deref().unwrap(), unlock(seen))).collect();
    let hour = |at: &str, kind| (at.to_owned(), Precision::Hour, kind);
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0], ("2024-Mar", hour("2024-03-12T17:00:00+00:00", SourceKind::Official)));
    assert_eq!(seen[1], ("2024-Apr", hour("2024-04-09T17:00:00+00:00", SourceKind::Inferred)));
    assert_eq!(seen[2], ("2024-May", hour("2024-05-14T17:00:00+00:00", SourceKind::Inferred)));
    assert_eq!(page.next.as_deref(), Some("builds"));
}

#[tokio::test]
async fn builds_are_the_second_page() {
    let window = query("2026-09-20", "2026-10-01", "2026-10-09", Some("builds".into()));
    let page = WindowsUpdate.discover(&recordings(), &window).await.unwrap();
    let titles: Vec<_> = page.items.iter().filter_map(|seen| seen.title.as_deref()).collect();
    assert_eq!(titles.len(), 2);
    assert!(titles[0].starts_with("Windows 11, version 26H2"));
    assert_eq!(page.items[1].content, Content::WindowsPatch);
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn a_coming_month_is_inferred_and_a_missing_one_not_found() {
    let seen = refreshed("2024-Jun").await;
    assert_eq!(unlock(&seen), ("2024-06-11T17:00:00+00:00".into(), Precision::Hour, SourceKind::Inferred));
    for id in ["", "1", "2015-Jan", "2099-Jan", "KB9999999", "KB1", "00000000-0000-0000-0000-000000000000"] {
        let answer = WindowsUpdate.refresh(&recordings(), &ListingRef::new(id)).await;
        assert!(matches!(answer, Err(PlatformError::NotFound { .. })), "{id:?}: {answer:?}");
    }
}

#[test]
fn other_pages_are_no_answers() {
    assert_eq!(catalog::parse_search(&bytes::Bytes::from_static(b"<html>Access denied</html>")), None);
    assert!(msrc::parse(b"<html></html>").is_err());
    assert!(msrc::parse(b"").is_err());
    assert!(health::parse(&bytes::Bytes::from_static(b"<table><tr><th>Build</th></tr></table>")).is_empty());
}

#[test]
fn deep_nesting_is_harmless() {
    let xml = [b"<cvrfdoc>".as_slice(), &b"<a>".repeat(200_000)].concat();
    assert!(msrc::parse(&xml).is_ok());
}

/// Flips a byte and cuts some out.
fn damaged(body: &[u8], at: usize, byte: u8, cut: usize) -> Vec<u8> {
    let mut body = body.to_vec();
    let at = at % body.len();
    body[at] = byte;
    body.drain(at..body.len().min(at + cut % 9));
    body
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_answers_never_panic(at: usize, byte: u8, cut: usize) {
        let _ = msrc::parse(&damaged(include_bytes!("fixtures/msrc_cvrf_2016-Apr.xml"), at, byte, cut));
        let page = damaged(include_bytes!("fixtures/update_catalog_search_KB5025239.html"), at, byte, cut);
        for package in catalog::parse_search(&page.into()).unwrap_or_default() {
            prop_assert_ne!(package.package_bytes, Some(0));
        }
        let page = damaged(include_bytes!("fixtures/release_health_11.html"), at, byte, cut);
        let _ = health::parse(&page.into());
        let page = damaged(include_bytes!("fixtures/update_catalog_scopedview.html"), at, byte, cut);
        let _ = catalog::parse_details(&page.into());
    }
}
