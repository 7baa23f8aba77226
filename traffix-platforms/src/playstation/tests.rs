//! Over the recordings in `fixtures/`.

use proptest::prelude::*;
use traffix_core::catalogue::{ByteRange, PhaseKind, Precision, Region, RuKind};
use traffix_core::{Bytes, Evidence, SourceKind};

use super::*;
use crate::testing::recorded;
use crate::upstream::{Placement, Replay, Request, Response};

fn recordings() -> Replay {
    recorded("playstation/fixtures")
}

async fn refreshed(id: &str, build: Option<&str>) -> ListingObservation {
    let build = build.map(|id| Build { id: id.into(), version: None, live_at: None });
    let listing = ListingRef { external_id: id.into(), build };
    PlayStation.refresh(&recordings(), &listing).await.unwrap()
}

fn query(cursor: Option<String>) -> Discover {
    let at = |day: &str| format!("{day}T00:00:00Z").parse().unwrap();
    let region = "KR".parse().unwrap();
    Discover { now: at("2026-08-06"), from: at("2026-08-01"), until: at("2026-10-01"), region, cursor }
}

fn exactly(bytes: u64) -> ByteRange {
    ByteRange::exactly(Bytes(bytes))
}

#[tokio::test]
async fn packages_of_the_playstation_3_follow_one_another() {
    let seen = refreshed("BCES00850", None).await;
    assert_eq!(seen.title.as_deref(), Some("LittleBigPlanet 2"));
    let builds: Vec<_> = seen.builds.iter().map(|seen| &*seen.build.id).collect();
    assert_eq!(builds, ["01.01", "01.33"]);
    assert_eq!(seen.builds[0].update, None);
    let update = seen.builds[1].update.clone().unwrap();
    assert_eq!((update.from.as_str(), update.wire_bytes), ("01.01", exactly(51_273_408)));
    // A new disc holds 01.00 and fetches both packages.
    let seen = refreshed("BCES00850", Some("01.00")).await;
    assert_eq!(seen.builds[1].update.as_ref().unwrap().wire_bytes, exactly(7_865_440 + 51_273_408));
    let updates = title_updates(&recordings(), "BCES00850").await.unwrap().value;
    assert_eq!(updates.packages[1].system_version.as_deref(), Some("04.2000"));
    assert!(!updates.cumulative);
}

#[tokio::test]
async fn a_package_without_a_size_has_a_manifest_as_documented() {
    let updates = title_updates(&recordings(), "CUSA07022").await.unwrap().value;
    assert!(updates.cumulative);
    assert_eq!(updates.packages[0].wire_bytes, Some(25_000_000_000));
    assert_eq!(updates.title.as_deref(), Some("Fortnite"));
}

#[tokio::test]
async fn the_older_interface_stands_in_when_the_hash_is_out_of_date() {
    let seen = refreshed("UP1477-CUSA07022_00-FORTNITETESTING1", Some("25.00")).await;
    assert_eq!(seen.title.as_deref(), Some("Fortnite"));
    assert_eq!(seen.publishers, ["Epic Games"]);
    assert_eq!(seen.listing.aliases, ["CUSA07022"]);
    let unlock = seen.listing.phase(PhaseKind::Unlock).unwrap().window.value;
    assert_eq!(unlock.start.to_rfc3339(), "2017-07-21T00:00:00+00:00");
    assert_eq!(unlock.precision, Precision::Day);
    assert_eq!(seen.changed_at.unwrap().to_rfc3339(), "2023-06-27T08:02:54+00:00");
    // The 20 in the answer counts children: it is no size.
    assert!(seen.listing.sizes.is_empty());
    let update = seen.builds[0].update.as_ref().unwrap();
    assert_eq!((update.from.as_str(), update.wire_bytes), ("25.00", exactly(25_000_000_000)));
}

#[tokio::test]
async fn a_product_has_an_instant_as_documented() {
    let seen = refreshed("UP9000-PPSA26344_00-GHOST2SHIP000000", None).await;
    let unlock = seen.listing.phase(PhaseKind::Unlock).unwrap().window.value;
    assert_eq!(unlock.start.to_rfc3339(), "2025-10-02T04:00:00+00:00");
    assert_eq!(unlock.precision, Precision::Minute);
    assert_eq!(seen.listing.aliases, ["PPSA26344"]);
    assert_eq!(seen.thumbnails.len(), 1);
    assert!(seen.builds.is_empty());
}

#[tokio::test]
async fn a_page_of_the_store_holds_products() {
    let seen = store_page(&recordings(), &"KR".parse().unwrap(), "deals").await.unwrap();
    assert_eq!(seen.len(), 12);
    let id = "HP0177-PPSA25428_00-HINOKAMI20000000";
    let one = seen.iter().find(|seen| seen.listing.external_id.as_deref() == Some(id)).unwrap();
    assert_eq!(one.listing.aliases, ["PPSA25428"]);
    assert!(one.title.as_deref().unwrap().contains("PS4 & PS5"));
    assert!(seen.iter().all(|seen| seen.kind == RuKind::Release && seen.listing.phases.is_empty()));
}

#[tokio::test]
async fn categories_are_read_one_after_the_other_as_documented() {
    let first = PlayStation.discover(&recordings(), &query(None)).await.unwrap();
    let titles: Vec<_> = first.items.iter().filter_map(|seen| seen.title.as_deref()).collect();
    assert_eq!(titles, ["Coming", "Someday"]);
    assert!(first.items[1].listing.phases.is_empty());
    assert_eq!(first.next.as_deref(), Some("new/0"));
    let last = PlayStation.discover(&recordings(), &query(first.next)).await.unwrap();
    assert_eq!((last.items.len(), last.next), (1, None));
    assert_eq!((last.items[0].kind, last.items[0].updates.as_deref()), (RuKind::Update, Some("CUSA00003")));
}

#[tokio::test]
async fn what_cannot_be_known_is_not_found() {
    for id in ["", "1", "PPSA00001", "BCES99999", "UP0000-PPSA00000_00-UNKNOWN000000000", "a-b-c"] {
        let answer = PlayStation.refresh(&recordings(), &ListingRef::new(id)).await;
        assert!(matches!(answer, Err(PlatformError::NotFound { .. })), "{id:?}: {answer:?}");
    }
    for cursor in ["", "new", "old/0", "new/10000", "new/-1"] {
        let answer = PlayStation.discover(&recordings(), &query(Some(cursor.into()))).await;
        assert!(matches!(answer, Err(PlatformError::Malformed { .. })), "{cursor:?}");
    }
}

/// Answers like the recordings, but the operator has set no keys.
struct WithoutKeys(Replay);

#[async_trait]
impl Upstream for WithoutKeys {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        match &request.credential {
            Some(credential) => {
                assert_eq!(credential.placement, Placement::HmacSha256Path("np_CUSA07022".into()));
                Err(UpstreamError::MissingCredential(credential.name))
            }
            None => self.0.send(request).await,
        }
    }
}

#[tokio::test]
async fn without_the_key_a_product_has_no_updates_and_a_title_says_what_is_missing() {
    let up = WithoutKeys(recordings());
    let product = ListingRef::new("UP1477-CUSA07022_00-FORTNITETESTING1");
    assert!(PlayStation.refresh(&up, &product).await.unwrap().builds.is_empty());
    let error = PlayStation.refresh(&up, &ListingRef::new("CUSA07022")).await.unwrap_err();
    assert!(error.to_string().contains("playstation-ps4"), "{error}");
}

#[test]
fn other_documents_are_refused() {
    for odd in ["", "<html></html>", "<titlepatch/>", "\u{feff}", "<titlepatch titleid="] {
        assert!(updates::parse(odd.as_bytes()).is_err(), "{odd}");
    }
    let deep = format!("<titlepatch titleid=\"BCES00850\">{}", "<a>".repeat(200_000));
    assert!(updates::parse(deep.as_bytes()).is_err());
}

#[test]
fn countries_have_locales() {
    let locale = |code: &str| store::locale(&code.parse().unwrap());
    assert_eq!(store::locale(&Region::WORLD), "en-us");
    assert_eq!((locale("KR"), locale("GB"), locale("AT")), ("ko-kr".into(), "en-gb".into(), "de-at".into()));
}

proptest! {
    #[test]
    fn damaged_answers_never_panic(at: usize, byte: u8, cut in 0_usize..9) {
        let damaged = |body: &[u8]| {
            let mut body = body.to_vec();
            let at = at % body.len();
            body[at] = byte;
            body.drain(at..body.len().min(at + cut));
            body
        };
        let _ = updates::parse(&damaged(include_bytes!("fixtures/ps3_titlepatch_BCES00850.xml")));
        let up = recordings();
        let call = Call::new(ID, "test", &up);
        let evidence = Evidence::new(SourceKind::Official, "test", chrono::DateTime::UNIX_EPOCH);
        let body = damaged(include_bytes!("fixtures/chihiro_container_fortnite.json"));
        if let Ok(container) = call.parse_json::<wire::Container>(&body) {
            prop_assert!(observe::container(&container, &evidence).listing.sizes.is_empty());
        }
        let page = damaged(include_bytes!("fixtures/store_pages_deals.html"));
        if let Some(script) = store::next_data(&page.into()) {
            let _ = call.parse_json::<wire::PageData>(script.as_bytes());
        }
    }
}
