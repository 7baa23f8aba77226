//! Over the recordings in `fixtures/`.

use proptest::prelude::*;
use traffix_core::catalogue::{ByteRange, PhaseKind, PhaseStatus, Precision};
use traffix_core::{Bytes, Evidence, SourceKind};

use super::*;
use crate::testing::recorded;
use crate::upstream::Replay;

fn recordings() -> Replay {
    recorded("nintendo/fixtures")
}

fn query(region: &str, cursor: Option<String>) -> Discover {
    let at = |day: &str| format!("{day}T00:00:00Z").parse().unwrap();
    let region = region.parse().unwrap();
    Discover { now: at("2025-03-01"), from: at("2025-03-01"), until: at("2025-04-01"), region, cursor }
}

#[tokio::test]
async fn the_shop_tells_whether_a_title_is_sold() {
    let status = sales_status(&recordings(), "70010000001128").await.unwrap();
    assert_eq!(status.value, "onsale");
    let unknown = sales_status(&recordings(), "70010000000999").await;
    assert!(matches!(unknown, Err(PlatformError::NotFound { .. })));
}

#[tokio::test]
async fn a_title_has_a_day_and_a_rounded_size_as_documented() {
    let seen = Nintendo.refresh(&recordings(), &ListingRef::new("70010000001128")).await.unwrap();
    assert_eq!(seen.title.as_deref(), Some("Example Quest"));
    let unlock = seen.listing.phase(PhaseKind::Unlock).unwrap();
    assert_eq!(unlock.window.value.start.to_rfc3339(), "2017-10-12T00:00:00+00:00");
    assert_eq!((unlock.window.value.precision, unlock.status), (Precision::Day, PhaseStatus::Confirmed));
    let size = seen.listing.wire_bytes().unwrap();
    assert_eq!(size.value, ByteRange::new(Bytes(670_957_569), Bytes(671_088_640)));
    assert!(size.evidence.confidence < 1.0);
}

#[tokio::test]
async fn the_european_list_is_read_until_it_is_older_than_the_window_as_documented() {
    let first = Nintendo.discover(&recordings(), &query("DE", None)).await.unwrap();
    let ids: Vec<_> = first.items.iter().filter_map(|seen| seen.listing.external_id.as_deref()).collect();
    assert_eq!(ids, ["70010000000003", "70010000000002"]);
    // A date of 2099 is none, and a box without a number in the shop is not sold there.
    assert!(first.items[0].listing.phases.is_empty());
    assert_eq!(first.items[1].listing.aliases, ["70010000000001"]);
    assert_eq!(first.next.as_deref(), Some("200"));
    let last = Nintendo.discover(&recordings(), &query("DE", first.next)).await.unwrap();
    assert_eq!((last.items.len(), last.next), (0, None));
}

#[tokio::test]
async fn the_japanese_list_has_days_and_months_as_documented() {
    let page = Nintendo.discover(&recordings(), &query("JP", None)).await.unwrap();
    let phases: Vec<_> = page.items.iter().map(|seen| &seen.listing.phases[0]).collect();
    assert_eq!(phases[0].region.as_str(), "JP");
    assert_eq!(phases[0].window.value.precision, Precision::Day);
    assert_eq!(phases[1].window.value.precision, Precision::Month);
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn odd_identifiers_and_cursors_are_refused() {
    for id in ["", "1x", "70010000000999", "1 OR *"] {
        let answer = Nintendo.refresh(&recordings(), &ListingRef::new(id)).await;
        assert!(matches!(answer, Err(PlatformError::NotFound { .. })), "{id:?}");
    }
    for cursor in ["", "-1", "30001", "x"] {
        let answer = Nintendo.discover(&recordings(), &query("DE", Some(cursor.into()))).await;
        assert!(matches!(answer, Err(PlatformError::Malformed { .. })), "{cursor:?}");
    }
}

#[test]
fn a_date_that_passed_without_a_sale_has_slipped() {
    let doc = wire::Doc {
        nsuid_txt: vec!["1".into()],
        dates_released_dts: vec!["2025-02-20T00:00:00Z".into()],
        ..wire::Doc::default()
    };
    let now = "2025-03-01T00:00:00Z".parse().unwrap();
    let evidence = Evidence::new(SourceKind::Official, "test", now);
    let status = |status| {
        let mut seen = observe::european(&doc, &evidence).unwrap();
        observe::apply_status(&mut seen, status, now);
        seen.listing.phases[0].status
    };
    assert_eq!(status("preorder"), PhaseStatus::Slipped);
    assert_eq!(status("onsale"), PhaseStatus::Confirmed);
}

proptest! {
    #[test]
    fn damaged_answers_never_panic(at in 0_usize..600, byte: u8, text in ".{0,20}") {
        let up = recordings();
        let call = Call::new(ID, "test", &up);
        let mut body = include_bytes!("fixtures/price_DE.json").to_vec();
        body[at] = byte;
        let _ = call.parse_json::<wire::Prices>(&body);
        let mut body = include_bytes!("fixtures/europe_list.json").to_vec();
        let place = at % body.len();
        body[place] = byte;
        let _ = call.parse_json::<wire::Europe>(&body);
        let _ = (wire::japanese_date(&text), wire::data_size(&text), wire::released(&text));
    }
}
