//! Over the recordings in `fixtures/`.

use proptest::prelude::*;
use traffix_core::catalogue::{ByteRange, Content, PhaseKind, Precision, Region, RuKind};
use traffix_core::{Bytes, SourceKind};

use super::*;
use crate::testing::recorded;
use crate::upstream::Replay;

fn recordings() -> Replay {
    recorded("xbox/fixtures")
}

async fn refreshed(id: &str) -> ListingObservation {
    Xbox.refresh(&recordings(), &ListingRef::new(id)).await.unwrap()
}

fn exactly(bytes: u64) -> ByteRange {
    ByteRange::exactly(Bytes(bytes))
}

fn wire(seen: &ListingObservation, variant: Option<&str>) -> Option<ByteRange> {
    let size = seen.listing.sizes.iter().find(|size| size.variant.as_deref() == variant)?;
    size.wire_bytes.as_ref().map(|fact| fact.value)
}

fn query(cursor: Option<String>) -> Discover {
    Discover {
        now: "2026-08-06T12:00:00Z".parse().unwrap(),
        from: "2026-08-01T00:00:00Z".parse().unwrap(),
        until: "2026-09-01T00:00:00Z".parse().unwrap(),
        region: "KR".parse().unwrap(),
        cursor,
    }
}

#[tokio::test]
async fn one_product_has_a_console_and_a_pc_package_repeated_under_three_skus() {
    let seen = refreshed("9NBR63PT4FZC").await;
    assert_eq!(seen.title.as_deref(), Some("Ready or Not"));
    assert_eq!(seen.listing.sizes.len(), 2);
    assert_eq!(wire(&seen, None), Some(exactly(29_552_947_200)));
    assert_eq!(wire(&seen, Some("pc")), Some(exactly(47_141_142_528)));
    // An install size of 0 is unknown.
    assert!(seen.listing.sizes.iter().all(|size| size.disk_bytes.is_none()));
    let unlock = seen.listing.phase(PhaseKind::Unlock).unwrap();
    assert_eq!(unlock.region.as_str(), "KR");
    assert_eq!(unlock.window.value.start.to_rfc3339(), "2025-07-15T07:00:00+00:00");
    assert_eq!(unlock.window.value.precision, Precision::Minute);
    // The present offers start after the release: no preload.
    assert_eq!(seen.listing.phases.len(), 1);
    assert_eq!(seen.changed_at.unwrap().to_rfc3339(), "2026-07-30T07:29:06.534966400+00:00");
    assert_eq!(seen.listing.aliases, ["VOIDInteractive.ReadyorNot_wzdj6a56z6mzp"]);
    let evidence = &seen.listing.sizes[0].wire_bytes.as_ref().unwrap().evidence;
    assert_eq!((evidence.kind, evidence.confidence), (SourceKind::Official, 1.0));
    assert_eq!(evidence.note.as_deref(), Some("for ConsoleGen9"));
}

#[tokio::test]
async fn a_package_that_could_be_fulfilled_before_the_release_is_a_preload() {
    let seen = refreshed("C5DTJ99626K3").await;
    assert_eq!(wire(&seen, None), Some(exactly(108_710_256_640)));
    let unlock = seen.listing.phase(PhaseKind::Unlock).unwrap();
    assert_eq!(unlock.window.value.start.to_rfc3339(), "2019-10-25T00:00:00+00:00");
    assert_eq!(unlock.window.value.precision, Precision::Day);
    let preload = seen.listing.phase(PhaseKind::Preload).unwrap();
    assert_eq!(preload.window.value.start.to_rfc3339(), "2019-05-30T17:00:00+00:00");
    assert!(preload.window.evidence.confidence < 1.0);
    assert_eq!(seen.publishers.len(), 1);
    assert_eq!(seen.thumbnails.len(), 3);
    assert!(seen.thumbnails.iter().all(|picture| picture.url.starts_with("https://store-images.")));
}

#[tokio::test]
async fn of_an_app_with_eleven_packages_those_for_console_and_pc_count() {
    let seen = refreshed("9WZDNCRFJ3TJ").await;
    assert_eq!(seen.content, Content::App);
    assert_eq!(wire(&seen, None), Some(exactly(81_100_341)));
    assert_eq!(wire(&seen, Some("pc")), Some(exactly(7_250_253)));
    assert_eq!(seen.listing.disk_bytes().unwrap().value, ByteRange::exactly(Bytes(81_489_920)));
    assert_eq!(seen.builds.len(), 1);
    assert_eq!(seen.builds[0].build.version.as_deref(), Some("8.38.0.70"));
    let family = "4DF9E0F8.Netflix_mcm4njqhnhss8";
    let same = lookup(&recordings(), AlternateId::PackageFamilyName, family).await.unwrap();
    assert_eq!(same.listing.external_id, seen.listing.external_id);
}

#[tokio::test]
async fn a_bundle_is_as_large_as_its_parts_as_documented() {
    let seen = refreshed("9NQ0MVSLV0G7").await;
    // Two console generations: an interval. The old Appx does not count beside them, nor does game money.
    let range = ByteRange::new(Bytes(90_000_000_000), Bytes(100_000_000_000));
    assert_eq!(wire(&seen, None), Some(range));
    assert_eq!(wire(&seen, Some("pc")), None);
}

#[tokio::test]
async fn ratings_are_the_audience() {
    let seen = Xbox.audience(&recordings(), &ListingRef::new("BT5P2X999VH2")).await.unwrap();
    assert!((seen.audience.popularity.unwrap().value - 202_178.0).abs() < 0.5);
    assert_eq!(seen.players_now, None);
}

#[tokio::test]
async fn suggestions_are_names_and_kinds() {
    let seen = suggest(&recordings(), "destiny").await.unwrap();
    assert_eq!(seen.len(), 10);
    assert_eq!(seen[0].title.as_deref(), Some("Destiny 2"));
    assert_eq!(seen[0].listing.external_id.as_deref(), Some("BPQ955FQFPH6"));
    assert_eq!(seen[6].content, Content::App);
}

#[tokio::test]
async fn lists_lead_to_the_catalogue_as_documented() {
    let first = Xbox.discover(&recordings(), &query(None)).await.unwrap();
    let ids: Vec<_> = first.items.iter().filter_map(|seen| seen.listing.external_id.as_deref()).collect();
    // Ready or Not was neither released nor changed in August 2026.
    assert_eq!(ids, ["9NQ0MVSLV0G7"]);
    assert_eq!(first.items[0].kind, RuKind::Release);
    assert_eq!(first.next.as_deref(), Some("new/0"));
    let last = Xbox.discover(&recordings(), &query(first.next)).await.unwrap();
    assert_eq!((last.items.len(), last.next), (0, None));
    let odd = Xbox.discover(&recordings(), &query(Some("sold/0".into()))).await;
    assert!(matches!(odd, Err(PlatformError::Malformed { .. })));
}

#[tokio::test]
async fn an_unknown_product_is_not_found() {
    for id in ["000000000000", "", "C5DTJ99626K3,BT5P2X999VH2"] {
        let answer = Xbox.refresh(&recordings(), &ListingRef::new(id)).await;
        assert!(matches!(answer, Err(PlatformError::NotFound { .. })), "{id:?}");
    }
}

#[tokio::test]
async fn hosts_are_not_to_be_had() {
    let from = Vantage { region: Region::WORLD, address: None };
    let answer = Xbox.delivery(&recordings(), &from).await;
    assert!(matches!(answer, Err(PlatformError::Unsupported { datum: Datum::Hosts, .. })));
}

proptest! {
    #[test]
    fn a_damaged_catalogue_never_panics(at in 0_usize..66_762, byte: u8, cut in 0_usize..66_762) {
        let mut body = include_bytes!("fixtures/displaycatalog_products_lookup_netflix.json").to_vec();
        body[at] = byte;
        body.drain(cut.min(at)..(cut.min(at) + (cut % 9)).min(at));
        let up = recordings();
        if let Ok(found) = Call::new(ID, "test", &up).parse_json::<Products>(&body) {
            let evidence = Evidence::new(SourceKind::Official, "test", DateTime::UNIX_EPOCH);
            for product in &found.products {
                let seen = observe::observation(product, &evidence);
                prop_assert!(seen.listing.phases.iter().all(|p| p.window.value.start.timestamp() > 0));
            }
        }
        let _ = lists::product_ids(&body.into());
    }
}
