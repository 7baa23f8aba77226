//! Over recorded answers, and over written ones where the test's name says `as_documented`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes as Body;
use proptest::prelude::*;
use traffix_core::Bytes;
use traffix_core::catalogue::{Build, ByteRange, PhaseKind, PhaseStatus, RuKind};
use traffix_core::delivery::CdnId;

use super::*;
use crate::testing::{With, damaged, recorded, run};
use crate::upstream::{Replay, Request, Response, UpstreamError};

const FORTNITE: &str = "fn/4fe75bbc5a674f4f9b356b5c90567da5/Fortnite";
const LAUNCHER: &str = "epic/00000000000000000000000000000000/EpicGamesLauncher";

fn replay() -> Replay {
    recorded("epic/fixtures")
}

/// Answers everything with one body, and refuses credentials if told so.
struct Always {
    status: u16,
    body: Body,
}

#[async_trait]
impl Upstream for Always {
    async fn send(&self, _: &Request) -> Result<Response, UpstreamError> {
        let observed_at = "2026-11-21T00:00:00Z".parse().unwrap();
        let response =
            Response { status: self.status, headers: BTreeMap::new(), body: self.body.clone(), observed_at };
        response.or_status()
    }
}

/// A recording asked by an operator without credentials.
struct Anonymous(Replay);

#[async_trait]
impl Upstream for Anonymous {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        match &request.credential {
            Some(credential) if credential.required => Err(UpstreamError::MissingCredential(credential.name)),
            _ => self.0.send(request).await,
        }
    }
}

fn query(region: &str, from: &str, until: &str) -> Discover {
    Discover {
        now: from.parse().unwrap(),
        from: from.parse().unwrap(),
        until: until.parse().unwrap(),
        region: region.parse().unwrap(),
        cursor: None,
    }
}

fn ids(page: &Page<ListingObservation>) -> Vec<&str> {
    page.items.iter().filter_map(|seen| seen.listing.external_id.as_deref()).collect()
}

#[test]
fn a_current_giveaway_is_an_update_of_its_offer() {
    let query = query("US", "2023-08-01T00:00:00Z", "2023-09-01T00:00:00Z");
    let page = run(Epic.discover(&replay(), &query)).unwrap();
    let offer = "0bce0871129140d894da3789e2fe0a7f";
    assert_eq!(ids(&page), [offer, "0bce0871129140d894da3789e2fe0a7f:giveaway:2023-08-17"]);
    let (release, giveaway) = (&page.items[0], &page.items[1]);
    assert_eq!(release.title.as_deref(), Some("Black Book"));
    assert_eq!(release.publishers, ["Hypetrain Digital"]);
    assert_eq!(release.listing.url.as_deref(), Some("https://store.epicgames.com/en-US/p/black-book"));
    assert_eq!(release.thumbnails.len(), 1);
    assert_eq!(giveaway.title.as_deref(), Some("Free on Epic: Black Book"));
    assert_eq!((giveaway.kind, giveaway.updates.as_deref()), (RuKind::Update, Some(offer)));
    let phase = giveaway.listing.phase(PhaseKind::Unlock).unwrap();
    assert_eq!(phase.window.value.start.to_rfc3339(), "2023-08-17T15:00:00+00:00");
    assert_eq!(phase.window.value.end.unwrap().to_rfc3339(), "2023-08-24T15:00:00+00:00");
    assert_eq!(phase.region.as_str(), "US");
}

#[test]
fn only_what_costs_nothing_is_a_giveaway() {
    // Three promotions on the same days: two leave 60 % to pay, one nothing.
    let upcoming =
        run(Epic.discover(&replay(), &query("DE", "2023-03-01T00:00:00Z", "2023-12-01T00:00:00Z")));
    let upcoming = upcoming.unwrap();
    assert_eq!(
        ids(&upcoming),
        ["92da5d8d918543b6b408e36d9af81765", "92da5d8d918543b6b408e36d9af81765:giveaway:2023-03-09"]
    );
    // 20 % to pay is a sale; no promotion at all is none.
    let sales =
        run(Epic.discover(&replay(), &query("VN", "2026-09-01T00:00:00Z", "2026-12-01T00:00:00Z"))).unwrap();
    assert_eq!(ids(&sales), ["1f723b00df58467998c4984ca39915ad", "be5600439b434624802764f704755cde"]);
    let unlock = sales.items[1].listing.phase(PhaseKind::Unlock).unwrap();
    assert_eq!(unlock.window.value.start.to_rfc3339(), "2023-10-26T15:00:00+00:00");
    assert!(unlock.window.evidence.confidence < 1.0);
    // Giveaways outside of the time asked for are left out, offers are not.
    let later =
        run(Epic.discover(&replay(), &query("US", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"))).unwrap();
    assert_eq!(ids(&later), ["0bce0871129140d894da3789e2fe0a7f"]);
}

#[test]
fn the_search_as_documented() {
    let mut query = query("DE", "2023-03-01T00:00:00Z", "2023-12-01T00:00:00Z");
    query.cursor = run(Epic.discover(&replay(), &query)).unwrap().next;
    assert_eq!(query.cursor.as_deref(), Some("search:0"));
    let page = run(Epic.discover(&replay(), &query)).unwrap();
    assert_eq!((ids(&page), &page.next), (vec!["be5600439b434624802764f704755cde"], &None));
}

#[test]
fn a_refused_search_says_why() {
    let mut query = query("DE", "2023-03-01T00:00:00Z", "2023-12-01T00:00:00Z");
    query.cursor = Some("search:0".into());
    let refused = Always { status: 403, body: Body::from_static(b"<html>Just a moment</html>") };
    let error = run(Epic.discover(&refused, &query)).unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains("403: the filter"), "{error}");
    query.cursor = Some("elsewhere".into());
    assert!(matches!(run(Epic.discover(&refused, &query)), Err(PlatformError::NotFound { .. })));
}

#[test]
fn errors_beside_data_do_not_matter_and_without_data_they_do() {
    let mut query = query("DE", "2023-03-01T00:00:00Z", "2023-12-01T00:00:00Z");
    let partial = br#"{"errors":[{"message":"CatalogOffer/offerMappings"}],"data":{"Catalog":{"searchStore":{"elements":[null,{"id":"1"}]}}}}"#;
    let page = run(Epic.discover(&Always { status: 200, body: Body::from_static(partial) }, &query)).unwrap();
    assert_eq!(ids(&page), ["1"]);
    let nothing =
        Always { status: 200, body: Body::from_static(br#"{"errors":[{"message":"no country"}]}"#) };
    query.cursor = None;
    let error = run(Epic.discover(&nothing, &query)).unwrap_err();
    assert!(error.to_string().contains("no country"), "{error}");
}

#[test]
fn bad_answers_are_typed() {
    for (status, body, wanted) in [
        (200, "<html></html>", "HTML"),
        (200, "", "EOF"),
        (200, r#"{"data":{"Catalog":{"searchStore":{"elements":[{"#, "EOF"),
        (429, "", "answered 429"),
        (503, "", "answered 503"),
        (404, "", "does not know"),
    ] {
        let up = Always { status, body: Body::from(body) };
        for error in [
            run(Epic.discover(&up, &query("DE", "2023-03-01T00:00:00Z", "2023-12-01T00:00:00Z")))
                .unwrap_err(),
            run(Epic.delivery(&up, &Vantage { region: Region::WORLD, address: None })).unwrap_err(),
            run(Epic.refresh(&up, &ListingRef::new(FORTNITE))).unwrap_err(),
            run(status::maintenances(&up)).unwrap_err(),
        ] {
            assert!(error.to_string().contains(wanted), "{status} {body:?}: {error}");
        }
    }
}

#[test]
fn fortnite_has_a_build_and_without_its_manifest_no_sizes() {
    let seen = run(Epic.refresh(&replay(), &ListingRef::new(FORTNITE))).unwrap();
    let build = &seen.listing.build.as_ref().unwrap().value;
    assert_eq!(build.version.as_deref(), Some("++Fortnite+Release-41.00-CL-54618515-Windows"));
    assert_eq!(build.id, "Builds/Fortnite/CloudDir/UcaaeP2Bi8ObrwuT60SrYiVf3NGxXA.manifest");
    assert!(seen.listing.sizes.is_empty());
    assert_eq!((seen.builds.len(), seen.builds[0].preload_at), (1, None));
    let text = format!("{seen:?}");
    assert!(!text.contains("cf_token"), "{text}");
}

#[test]
fn sizes_are_sums_over_the_manifest() {
    let seen = run(Epic.refresh(&replay(), &ListingRef::new(LAUNCHER))).unwrap();
    let exactly = |bytes| Some(ByteRange::exactly(Bytes(bytes)));
    assert_eq!(seen.listing.sizes.len(), 1);
    assert_eq!(seen.listing.wire_bytes().map(|fact| fact.value), exactly(36_806_004));
    assert_eq!(seen.listing.disk_bytes().map(|fact| fact.value), exactly(76_878_560));
}

/// The address of the launcher's manifest, and of an older one beside it.
const MANIFEST: &str =
    "https://epicgames-download1.akamaized.net/Builds/UnrealEngineLauncher/CloudDir/launcher_2.9.2.manifest";
const OLDER: &str =
    "https://epicgames-download1.akamaized.net/Builds/UnrealEngineLauncher/CloudDir/older.manifest";

fn since(build: &str) -> ListingRef {
    ListingRef {
        external_id: LAUNCHER.into(),
        build: Some(Build { id: build.into(), version: None, live_at: None }),
    }
}

#[test]
fn the_update_from_a_known_build_is_the_chunks_it_lacks() {
    // The older build lacks one chunk, of "188052006000…" bytes.
    let up = replay();
    let seen = run(Epic.refresh(&up, &since("Builds/UnrealEngineLauncher/CloudDir/older.manifest"))).unwrap();
    let update = seen.builds[0].update.as_ref().unwrap();
    assert_eq!(update.wire_bytes, ByteRange::exactly(Bytes(188 + 52 * 256 + 6 * 65_536)));
    // The same build, a build of another kind of name, and one whose manifest is gone: no update.
    let gone = With(replay(), vec![(OLDER, 404, Vec::new())]);
    for (up, id) in [
        (&up as &dyn Upstream, "Builds/UnrealEngineLauncher/CloudDir/launcher_2.9.2.manifest"),
        (&up, "++Fortnite+Release-40.00"),
        (&gone, "Builds/UnrealEngineLauncher/CloudDir/older.manifest"),
    ] {
        assert_eq!(run(Epic.refresh(up, &since(id))).unwrap().builds[0].update, None);
    }
}

#[test]
fn a_preloaded_build_is_dated_when_it_is_first_seen() {
    let url = "https://launcher-public-service-prod06.ol.epicgames.com/launcher/api/public/assets/v2/platform/Windows/namespace/epic/catalogItem/00000000000000000000000000000000/app/EpicGamesLauncher/label/Live";
    let builds = include_str!("fixtures/builds_launcher.json");
    let preloaded = builds.replace("\"isPreloaded\": false", "\"isPreloaded\": true");
    let up = With(replay(), vec![(url, 200, preloaded.into_bytes())]);
    let seen = run(Epic.refresh(&up, &ListingRef::new(LAUNCHER))).unwrap();
    assert_eq!(seen.builds[0].preload_at.unwrap().to_rfc3339(), "2026-11-21T00:00:00+00:00");
    let again = since("Builds/UnrealEngineLauncher/CloudDir/launcher_2.9.2.manifest");
    assert_eq!(run(Epic.refresh(&up, &again)).unwrap().builds[0].preload_at, None);
}

#[test]
fn the_older_interface_is_asked_if_the_newer_does_not_know() {
    let newer = "https://launcher-public-service-prod06.ol.epicgames.com/launcher/api/public/assets/v2/platform/Windows/namespace/fn/catalogItem/4fe75bbc5a674f4f9b356b5c90567da5/app/Fortnite/label/Live";
    let manifest =
        "https://download.epicgames.com/Builds/Fortnite/CloudDir/fVxH4TNQnx8Cfzq2GkKq1VTK1BQeJw.manifest";
    let up = With(replay(), vec![(newer, 404, Vec::new()), (manifest, 403, Vec::new())]);
    let seen = run(Epic.refresh(&up, &ListingRef::new(FORTNITE))).unwrap();
    let build = seen.listing.build.unwrap().value;
    assert_eq!(build.version.as_deref(), Some("++Fortnite+Release-24.40-CL-25595478-Windows"));
    assert_eq!(build.id, "Builds/Fortnite/CloudDir/fVxH4TNQnx8Cfzq2GkKq1VTK1BQeJw.manifest");
}

#[test]
fn a_broken_manifest_is_no_manifest_and_shows_no_signature() {
    let up = With(replay(), vec![(MANIFEST, 200, b"\x0c\xc0\xbe\x44 and no more".to_vec())]);
    let error = run(Epic.refresh(&up, &ListingRef::new(LAUNCHER))).unwrap_err();
    assert!(error.to_string().contains("not a manifest"), "{error}");
    let up = With(replay(), vec![(MANIFEST, 302, Vec::new())]);
    assert!(run(Epic.refresh(&up, &ListingRef::new(LAUNCHER))).unwrap_err().to_string().contains("302"));
}

#[test]
fn without_a_credential_the_page_of_the_same_item_is_left() {
    let up = Anonymous(replay());
    let seen = run(Epic.refresh(&up, &ListingRef::new(FORTNITE))).unwrap();
    assert_eq!(seen.listing.external_id.as_deref(), Some(FORTNITE));
    assert_eq!(seen.title.as_deref(), Some("Fortnite"));
    assert_eq!(seen.listing.build, None);
    // The page "fortnite" is not of this item.
    let other = run(Epic.refresh(&up, &ListingRef::new("fn/11111111111111111111111111111111/Fortnite")));
    assert!(lacks_credential(&other.unwrap_err()));
}

#[test]
fn a_product_page() {
    let seen = run(Epic.refresh(&replay(), &ListingRef::new("fortnite"))).unwrap();
    assert_eq!(
        (seen.listing.external_id.as_deref(), seen.listing.aliases),
        (Some("fortnite"), vec![FORTNITE.into()])
    );
    assert_eq!(seen.changed_at.unwrap().to_rfc3339(), "2023-06-13T23:29:52.331+00:00");
    assert!(seen.listing.sizes.is_empty());
}

#[test]
fn storage_requirements_as_documented() {
    let seen = run(Epic.refresh(&replay(), &ListingRef::new("example"))).unwrap();
    let disk = seen.listing.disk_bytes().unwrap();
    assert_eq!(disk.value, ByteRange::exactly(Bytes(45_000_000_000)));
    assert!(disk.evidence.confidence < 0.5 && seen.listing.wire_bytes().is_none());
}

#[test]
fn distribution_points_name_networks_that_were_reviewed() {
    let all = run(Epic.delivery(&replay(), &Vantage { region: Region::WORLD, address: None })).unwrap();
    let told: Vec<_> =
        all.iter().map(|a| (a.host.as_ref().unwrap().as_str(), a.cdn.as_ref().map(CdnId::as_str))).collect();
    assert_eq!(
        told,
        [
            ("cloudflare.epicgamescdn.com", Some("cloudflare")),
            ("download.epicgames.com", Some("cloudfront")),
            ("epicgames-download1.akamaized.net", Some("akamai")),
            ("fastly-download.epicgames.com", Some("fastly")),
        ]
    );
    assert!(all.iter().all(|assertion| assertion.check().is_empty()));
    let new = Always {
        status: 200,
        body: Body::from_static(br#"{"distributions":["https://new.example.org/","nonsense"]}"#),
    };
    let unknown = run(Epic.delivery(&new, &Vantage { region: Region::WORLD, address: None })).unwrap();
    assert_eq!((unknown.len(), &unknown[0].cdn), (1, &None));
}

#[test]
fn android_packages() {
    let items = [LauncherItem::parse(FORTNITE).unwrap()];
    let builds = run(launcher::android_builds(&replay(), &items)).unwrap().value;
    assert_eq!(builds[0].wire_bytes, Some(248_429_062));
    assert_eq!(builds[0].version.as_deref(), Some("++Fortnite+Release-41.10-CL-55227503-Shipping-Android"));
    assert_eq!(builds[0].item, "fn/4fe75bbc5a674f4f9b356b5c90567da5");
}

#[test]
fn services_that_are_up_or_down() {
    let services = run(status::services(&replay(), &["Fortnite"])).unwrap().value;
    let told: Vec<_> = services.iter().map(|s| (&*s.service_instance_id, s.is_down())).collect();
    assert_eq!(told, [("kairos", true), ("fortnite", false)]);
}

#[test]
fn maintenances_as_documented() {
    let page = run(status::maintenances(&replay())).unwrap();
    assert_eq!(page.value.len(), 1);
    let update = page.value[0].as_update(FORTNITE, &page.evidence());
    assert_eq!(
        update.listing.external_id.as_deref(),
        Some("fn/4fe75bbc5a674f4f9b356b5c90567da5/Fortnite:maintenance:abc123")
    );
    let phase = update.listing.phase(PhaseKind::Unlock).unwrap();
    assert_eq!(phase.status, PhaseStatus::Tentative);
    assert_eq!(phase.window.value.start.to_rfc3339(), "2026-11-24T09:00:00+00:00");
}

#[test]
fn the_version_check_as_documented() {
    let need = run(status::fortnite_update(&replay(), "1")).unwrap().value;
    assert_eq!(need, status::UpdateNeed::SoftUpdate);
}

#[test]
fn offers_and_giveaways_refresh_from_the_list() {
    let giveaway = "0bce0871129140d894da3789e2fe0a7f:giveaway:2023-08-17";
    let seen = run(Epic.refresh(&replay(), &ListingRef::new(giveaway))).unwrap();
    assert_eq!(seen.listing.phases[0].region, Region::WORLD);
    for unknown in [
        "ffffffffffffffffffffffffffffffff",
        "0bce0871129140d894da3789e2fe0a7f:giveaway:2023-08-18",
        "no-such-product",
        "a b",
    ] {
        let error = run(Epic.refresh(&replay(), &ListingRef::new(unknown))).unwrap_err();
        assert_eq!(error, PlatformError::NotFound { platform: ID, id: unknown.into() });
    }
}

proptest! {
    #[test]
    fn damaged_answers_never_panic(
        list in damaged(include_bytes!("fixtures/promotions_de.json")),
        builds in damaged(include_bytes!("fixtures/builds_fortnite.json")),
        points in damaged(include_bytes!("fixtures/distributionpoints.json")),
        page in damaged(include_bytes!("fixtures/product_documented.json")),
    ) {
        let answer = |body: Vec<u8>| Always { status: 200, body: Body::from(body) };
        let query = query("DE", "2023-03-01T00:00:00Z", "2023-12-01T00:00:00Z");
        let _ = run(Epic.discover(&answer(list), &query));
        let _ = run(Epic.refresh(&answer(builds), &ListingRef::new(FORTNITE)));
        let _ = run(Epic.refresh(&answer(page), &ListingRef::new("example")));
        let vantage = Vantage { region: Region::WORLD, address: None };
        if let Ok(all) = run(Epic.delivery(&answer(points), &vantage)) {
            prop_assert!(all.iter().all(|assertion| assertion.check().is_empty()));
        }
    }
}
