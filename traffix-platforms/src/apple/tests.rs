//! Over the recordings in `fixtures/`.

use proptest::prelude::*;
use traffix_core::catalogue::{Build, ByteRange, Content, PhaseKind, Precision, Region, RuKind};
use traffix_core::{Bytes, SourceKind};

use super::*;
use crate::testing::recorded;
use crate::upstream::Replay;

fn recordings() -> Replay {
    recorded("apple/fixtures")
}

async fn refreshed(id: &str, from: &str) -> ListingObservation {
    let build = Some(Build { id: from.into(), version: None, live_at: None });
    let listing = ListingRef { external_id: id.into(), build };
    Apple.refresh(&recordings(), &listing).await.unwrap()
}

fn wire(seen: &ListingObservation, variant: Option<&str>) -> Option<ByteRange> {
    let size = seen.listing.sizes.iter().find(|size| size.variant.as_deref() == variant)?;
    size.wire_bytes.as_ref().map(|fact| fact.value)
}

fn range(low: u64, high: u64) -> ByteRange {
    ByteRange::new(Bytes(low), Bytes(high))
}

async fn august() -> Vec<ListingObservation> {
    let at = |day: &str| format!("{day}T00:00:00Z").parse().unwrap();
    let query = Discover {
        now: at("2026-08-22"),
        from: at("2026-08-01"),
        until: at("2026-09-01"),
        region: Region::WORLD,
        cursor: None,
    };
    let page = Apple.discover(&recordings(), &query).await.unwrap();
    assert_eq!(page.next, None);
    page.items
}

#[tokio::test]
async fn versions_of_a_month_with_their_major_versions() {
    let seen = august().await;
    let find = |id: &str| seen.iter().find(|seen| seen.listing.external_id.as_deref() == Some(id));
    let update = find("23G83").unwrap();
    assert_eq!(update.title.as_deref(), Some("iOS 26.6.1"));
    assert_eq!((update.kind, update.updates.as_deref()), (RuKind::Update, Some("ios-26")));
    assert_eq!(update.listing.aliases, ["23G6083"]);
    let unlock = &update.listing.phase(PhaseKind::Unlock).unwrap().window;
    assert_eq!(unlock.value.start.to_rfc3339(), "2026-08-17T00:00:00+00:00");
    assert_eq!((unlock.value.precision, unlock.evidence.kind), (Precision::Day, SourceKind::Official));
    let release = find("ios-26").unwrap();
    assert_eq!((release.kind, release.content), (RuKind::Release, Content::PhoneOs));
    // 26.3.1 (a), 26.5, 26.5.1, 26.5.2, 26.6, 26.6.1
    assert_eq!(release.builds.len(), 6);
    assert_eq!(release.listing.build.as_ref().unwrap().value.id, "23G83");
    // Posted in May, and posted again in August: it came in May.
    assert!(find("16H88").is_none());
    let mac = find("25G83").unwrap();
    assert_eq!((mac.title.as_deref(), mac.content), (Some("macOS 26.6.2"), Content::App));
    assert!(find("visionos-26").is_some());
}

#[tokio::test]
async fn a_list_calls_watches_and_boxes_ios_and_the_models_tell() {
    let list = versions(&recordings()).await.unwrap().value;
    let title = |build: &str| {
        let version = list.iter().find(|version| version.builds.iter().any(|known| known == build)).unwrap();
        format!("{} {}", version.major.system.title(), version.number)
    };
    assert_eq!(title("23U67"), "watchOS 26.6");
    assert_eq!(title("23L6773"), "tvOS 26.6");
    assert_eq!(title("23D771330a"), "iOS 26.3.1 (a)");
    assert_eq!(title("21H461"), "iOS 17.7.11");
    assert_eq!(title("21H1320"), "macOS 12.7.6");
}

#[tokio::test]
async fn an_old_build_has_full_packages_and_differences() {
    let seen = refreshed("11D201", "11B651").await;
    assert_eq!(seen.title.as_deref(), Some("iOS 7.1.1"));
    assert_eq!(seen.updates.as_deref(), Some("ios-7"));
    // Most devices have the build before, 11D167: 16,933,474 bytes on the iPad, 19,675,734 on the phone.
    assert_eq!(wire(&seen, None), Some(range(16_933_474, 19_675_734)));
    assert_eq!(wire(&seen, Some("ipad3,1")), Some(range(1_379_796_052, 1_379_796_052)));
    let update = seen.builds[0].update.as_ref().unwrap();
    assert_eq!(update.from, "11B651");
    assert_eq!(update.wire_bytes, range(204_175_330, 225_235_624));
    assert!(refreshed("11D201", "8A293").await.builds[0].update.is_none());
}

#[tokio::test]
async fn a_supported_build_has_the_sizes_of_typical_models_as_documented() {
    let seen = refreshed("23G83", "23F84").await;
    assert_eq!(wire(&seen, None), Some(range(500_000_000, 600_000_000)));
    assert_eq!(wire(&seen, Some("iphone18,5")), Some(range(9_000_000_000, 9_000_000_000)));
    let update = seen.builds.last().unwrap().update.as_ref().unwrap();
    assert_eq!(update.wire_bytes, range(2_400_000_000, 2_500_000_000));
    let evidence = &seen.listing.sizes[0].wire_bytes.as_ref().unwrap().evidence;
    assert_eq!(evidence.kind, SourceKind::Community);
    let release = refreshed("ios-26", "23G71").await;
    assert_eq!(wire(&release, None), Some(range(8_000_000_000, 9_000_000_000)));
    assert_eq!(release.kind, RuKind::Release);
}

#[tokio::test]
async fn offers_to_one_device_as_documented() {
    let device = Device {
        product_type: "iPhone18,5".into(),
        board: "V53AP".into(),
        version: "26.6".into(),
        build: "23G71".into(),
    };
    let packages = offers(&recordings(), &device, IOS_AUDIENCE).await.unwrap().value;
    assert_eq!(packages.len(), 1);
    assert_eq!(packages[0].from_build.as_deref(), Some("23G71"));
    assert_eq!(packages[0].wire_bytes, Some(600_000_000));
    for odd in ["", "a", "a.b", "a.!.c", "a.e30.c.d", "e30"] {
        assert_eq!(assets::payload(odd.as_bytes()), None, "{odd}");
    }
}

#[tokio::test]
async fn installers_as_documented() {
    let found = installers(&recordings(), "15-14-13").await.unwrap().value;
    let bytes: Vec<_> = found.iter().map(|found| (&*found.product, found.wire_bytes)).collect();
    assert_eq!(bytes, [("093-00001", None), ("093-00002", Some(15_001_000_000))]);
    assert_eq!(found[1].posted_at.unwrap().to_rfc3339(), "2026-08-17T17:01:00+00:00");
}

#[tokio::test]
async fn unknown_builds_are_not_found() {
    for id in ["", "99Z999", "ios-3", "ios-", "beos-5"] {
        let answer = Apple.refresh(&recordings(), &ListingRef::new(id)).await;
        assert!(matches!(answer, Err(PlatformError::NotFound { .. })), "{id:?}: {answer:?}");
    }
}

#[test]
fn deep_property_lists_are_refused() {
    let deep = format!("<plist>{}{}</plist>", "<array>".repeat(100_000), "</array>".repeat(100_000));
    assert!(property_list::parse::<property_list::Assets>(deep.as_bytes()).is_err());
    assert!(property_list::parse::<property_list::Assets>(b"").is_err());
    assert!(property_list::parse::<property_list::Assets>(b"<html>busy</html>").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_lists_never_panic(at in 0_usize..37_652, byte: u8, cut in 0_usize..9) {
        let mut body = include_bytes!("fixtures/mesu_SoftwareUpdate_ios6-7.plist").to_vec();
        body[at] = byte;
        body.drain(at..body.len().min(at + cut));
        if let Ok(list) = property_list::parse::<property_list::Assets>(&body) {
            let packages: Vec<UpdatePackage> = list.assets.into_iter().map(UpdatePackage::from).collect();
            let evidence = traffix_core::Evidence::new(SourceKind::Official, "test", chrono::DateTime::UNIX_EPOCH);
            let mut ranges = package::download_sizes(&packages, RuKind::Update, &evidence).into_iter();
            let ordered = |range: ByteRange| range.low.0 > 0 && range.low <= range.high;
            prop_assert!(ranges.all(|size| size.wire_bytes.is_some_and(|fact| ordered(fact.value))));
        }
        let _ = assets::payload(&body);
    }
}
