//! Over recorded offers, and over written answers where the test's name says `as_documented`.

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes as Body;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::testing::{damaged, recorded, run};
use crate::upstream::{Replay, Response, UpstreamError};

fn replay() -> Replay {
    recorded("ea/fixtures")
}

/// A recording with one other answer to addresses that contain a word.
struct With(Replay, &'static str, u16, Vec<u8>, Option<&'static str>);

#[async_trait]
impl Upstream for With {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        if !request.url.as_str().contains(self.1) {
            return self.0.send(request).await;
        }
        let headers: BTreeMap<_, _> = self.4.iter().map(|l| ("content-length".into(), (*l).into())).collect();
        let observed_at = "2026-11-21T00:00:00Z".parse().unwrap();
        Response { status: self.2, headers, body: Body::from(self.3.clone()), observed_at }.or_status()
    }
}

fn with(word: &'static str, status: u16, body: impl Into<Vec<u8>>) -> With {
    With(replay(), word, status, body.into(), None)
}

fn refresh(up: &dyn Upstream, id: &str) -> Result<ListingObservation, PlatformError> {
    run(Ea.refresh(up, &ListingRef::new(id)))
}

fn query() -> Discover {
    let now = "2018-05-01T00:00:00Z".parse().unwrap();
    Discover { now, from: now, until: now, region: Region::WORLD, cursor: None }
}

#[test]
fn a_preload_before_the_unlock() {
    let seen = refresh(&replay(), "Origin.OFR.50.0001390").unwrap();
    assert_eq!(seen.title.as_deref(), Some("Battlefield™ 1 Early Enlister Deluxe Edition"));
    let phases: Vec<_> =
        seen.listing.phases.iter().map(|p| (p.kind, p.window.value.start.to_rfc3339())).collect();
    assert_eq!(
        phases,
        [
            (PhaseKind::Preload, "2016-10-14T17:00:11+00:00".to_owned()),
            (PhaseKind::Unlock, "2016-10-18T04:00:05+00:00".to_owned()),
        ]
    );
    let build = &seen.listing.build.as_ref().unwrap().value;
    assert_eq!(build.id, "1.0.9.53998");
    assert_eq!(build.live_at.unwrap().to_rfc3339(), "2016-10-24T07:00:00+00:00");
    assert_eq!(seen.changed_at.unwrap().to_rfc3339(), "2016-10-13T20:58:50+00:00");
    // The package does not answer any more.
    assert!(seen.listing.sizes.is_empty());
    assert!(seen.thumbnails[0].url.starts_with("https://eaassets-a.akamaihd.net/"));
}

#[test]
fn a_staged_build_is_not_the_current_one() {
    let seen = refresh(&replay(), "Origin.OFR.50.0001969").unwrap();
    assert_eq!(seen.listing.build.as_ref().unwrap().value.id, "1.0.51.48166");
    let builds: Vec<_> =
        seen.builds.iter().map(|b| (&*b.build.id, b.build.live_at.unwrap().to_rfc3339())).collect();
    assert_eq!(
        builds,
        [
            ("1.0.51.48166", "2018-03-26T13:00:00+00:00".to_owned()),
            ("1.0.56.32594", "2018-05-29T11:00:00+00:00".to_owned()),
        ]
    );
    // Preload and unlock on the same instant: no preload.
    assert_eq!(seen.listing.phases.len(), 1);
}

#[test]
fn the_length_of_a_package_as_documented() {
    let up = With(replay(), "akamaihd.net", 200, Vec::new(), Some("51000000000"));
    let seen = refresh(&up, "Origin.OFR.50.0001390").unwrap();
    let size = seen.listing.wire_bytes().unwrap();
    assert_eq!(size.value, ByteRange::exactly(Bytes(51_000_000_000)));
    assert!(size.evidence.source.starts_with("https://origin-a.akamaihd.net/shift/battlefield/"));
    for length in [None, Some("0"), Some("many"), Some("-1")] {
        let up = With(replay(), "akamaihd.net", 200, Vec::new(), length);
        assert!(refresh(&up, "Origin.OFR.50.0001390").unwrap().listing.sizes.is_empty());
    }
}

#[test]
fn the_catalogue_as_documented() {
    let page = run(Ea.discover(&replay(), &query())).unwrap();
    let told: Vec<_> =
        page.items.iter().map(|i| (i.listing.external_id.as_deref(), i.title.as_deref())).collect();
    assert_eq!((told, page.next.as_deref()), (vec![(Some("Origin.OFR.50.0001969"), Some("FIFA 18"))], None));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(include_bytes!("fixtures/supercat_documented.json")).unwrap();
    let gzip = gzip.finish().unwrap();
    let half = gzip[..gzip.len() / 2].to_vec();
    assert_eq!(run(Ea.discover(&with("supercat", 200, gzip), &query())).unwrap().items.len(), 1);
    let cut = run(Ea.discover(&with("supercat", 200, half), &query())).unwrap_err();
    assert!(cut.to_string().contains("compressed body"), "{cut}");
}

#[test]
fn a_service_that_is_gone_is_switched_off() {
    assert_eq!(run(probe(&replay())), Ok(true));
    for (status, body) in [(404, ""), (410, ""), (200, "<!DOCTYPE html>"), (301, ""), (200, "{}"), (200, "")]
    {
        assert_eq!(run(probe(&with("ecommerce2", status, body))), Ok(false), "{status} {body}");
    }
    assert!(run(probe(&with("ecommerce2", 503, ""))).unwrap_err().is_retryable());
}

#[test]
fn unknown_and_bad_answers_are_typed() {
    for unknown in ["Origin.OFR.50.0000000", "", "..", "../secrets", "a b"] {
        let error = refresh(&replay(), unknown).unwrap_err();
        assert_eq!(error, PlatformError::NotFound { platform: ID, id: unknown.into() });
    }
    let html = refresh(&with("ecommerce2", 200, "<html>"), "Origin.OFR.50.0001969").unwrap_err();
    assert!(html.to_string().contains("HTML"), "{html}");
    assert!(matches!(
        run(Ea.discover(&with("supercat", 404, ""), &query())),
        Err(PlatformError::NotFound { .. })
    ));
    assert!(matches!(
        run(Ea.delivery(&replay(), &Vantage { region: Region::WORLD, address: None })),
        Err(PlatformError::Unsupported { datum: Datum::Hosts, .. })
    ));
}

proptest! {
    #[test]
    fn damaged_offers_never_panic(offer in damaged(include_bytes!("fixtures/offer_fifa_18.json"))) {
        let _ = refresh(&with("origin", 200, offer), "Origin.OFR.50.0001969");
    }
}
