//! Over recorded answers, and over written ones where the test's name says `as_documented`.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;
use traffix_core::catalogue::Build;

use super::*;
use crate::testing::{With, damaged, recorded, run};
use crate::upstream::Replay;

fn replay() -> Replay {
    recorded("gog/fixtures")
}

fn with(word: &'static str, body: impl Into<Vec<u8>>) -> With {
    With(replay(), vec![(word, 200, body.into())])
}

fn query(from: &str, until: &str) -> Discover {
    let now = from.parse().unwrap();
    Discover { now, from: now, until: until.parse().unwrap(), region: Region::WORLD, cursor: None }
}

fn refresh(up: &dyn Upstream, id: &str) -> Result<ListingObservation, PlatformError> {
    run(Gog.refresh(up, &ListingRef::new(id)))
}

fn exactly(bytes: u64) -> ByteRange {
    ByteRange::exactly(Bytes(bytes))
}

fn zlib(text: &str) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(text.as_bytes()).unwrap();
    zlib.finish().unwrap()
}

#[test]
fn a_product_with_installers_only() {
    let seen = refresh(&replay(), "1207658691").unwrap();
    assert_eq!(seen.title.as_deref(), Some("Unreal Tournament 2004 Editor's Choice Edition"));
    let unlock = seen.listing.phase(PhaseKind::Unlock).unwrap().window.value;
    assert_eq!(unlock.start.to_rfc3339(), "2008-11-25T04:00:00+00:00");
    assert_eq!(seen.listing.wire_bytes().map(|fact| fact.value), Some(exactly(2_105_540_608)));
    assert_eq!((seen.listing.sizes.len(), seen.builds.len(), seen.listing.build), (1, 0, None));
    assert_eq!(seen.listing.url.as_deref(), Some("https://www.gog.com/game/unreal_tournament_2004_ece"));
}

#[test]
fn a_build_of_generation_2() {
    let seen = refresh(&replay(), "1207658930").unwrap();
    let build = seen.listing.build.as_ref().unwrap();
    assert_eq!((&*build.value.id, build.value.version.as_deref()), ("48906206523382029", Some("3.5.0.26")));
    assert_eq!(build.value.live_at.unwrap().to_rfc3339(), "2016-03-09T10:16:11+00:00");
    let ids: Vec<_> =
        seen.builds.iter().map(|seen| (&*seen.build.id, seen.build.version.as_deref())).collect();
    assert_eq!(ids, [("3161", None), ("48906206523382029", Some("3.5.0.26"))]);
    // The recorded build states no compressed sizes: the chunks of its depots do.
    let chunks = 9_507_293 + 9_617_323 + 14_655_939 + 351 + 1_177_139 + 300;
    assert_eq!(seen.listing.wire_bytes().map(|fact| fact.value), Some(exactly(chunks)));
    assert_eq!(seen.listing.disk_bytes().map(|fact| fact.value), Some(exactly(24_452_205_574 + 492)));
}

#[test]
fn a_build_of_generation_1() {
    let builds = include_str!("fixtures/builds_1207658930.json");
    let older = builds.replace("2015-05-12", "2017-05-12");
    let seen = refresh(&with("/builds", older), "1207658930").unwrap();
    assert_eq!(seen.listing.build.as_ref().unwrap().value.id, "3161");
    assert_eq!(seen.listing.wire_bytes().map(|fact| fact.value), Some(exactly(24_450_928_280 + 1_255_672)));
    let link = "https://cdn.gog.com/content-system/v1/manifests/1207658930/windows/37794096/463cd4b2-783e-447a-b17e-a68d601911e3.json";
    assert_eq!(run(old_depot_bytes(&replay(), link)), Ok(Some(128 + 262 + 417)));
    let elsewhere = run(old_depot_bytes(&replay(), "https://gog.com.example.org/x.json"));
    assert!(matches!(elsewhere, Err(PlatformError::Malformed { .. })));
}

#[test]
fn languages_bits_and_additions() {
    let depot = |languages: &str, rest: &str, size: u64| {
        format!(
            r#"{{"manifest":"{}","languages":{languages},"size":{size}0,"compressedSize":{size}{rest}}}"#,
            "0".repeat(32)
        )
    };
    let depots = [
        depot(r#"["*"]"#, "", 1),
        depot(r#"["en-US"]"#, r#","osBitness":["64"]"#, 20),
        depot(r#"["en-US"]"#, r#","osBitness":["32"]"#, 300),
        depot(r#"["de-DE"]"#, r#","osBitness":[]"#, 4_000),
        depot(r#"["*"]"#, r#","productId":"9""#, 50_000),
    ];
    let meta = format!(r#"{{"baseProductId":"7","depots":[{}]}}"#, depots.join(","));
    let seen = refresh(&with("/v2/meta/", zlib(&meta)), "1207658930").unwrap();
    let told: Vec<_> = seen
        .listing
        .sizes
        .iter()
        .map(|s| (s.variant.as_deref(), s.wire_bytes.as_ref().unwrap().value))
        .collect();
    assert_eq!(told, [(None, exactly(21)), (Some("de-de"), exactly(4_001))]);
    assert_eq!(seen.listing.disk_bytes().map(|fact| fact.value), Some(exactly(210)));
}

#[test]
fn an_update_is_the_chunks_that_the_older_build_lacks() {
    let builds = r#"{"items":[
        {"build_id":"1","public":true,"date_published":"2020-01-01T00:00:00+0000","generation":2,"link":"https://cdn.gog.com/content-system/v2/meta/aa/aa/old"},
        {"build_id":"2","public":true,"date_published":"2020-02-01T00:00:00+0000","generation":2,"link":"https://cdn.gog.com/content-system/v2/meta/92/ab/92ab42631ff4742b309bb62c175e6306"},
        {"build_id":"3","public":false,"date_published":"2020-03-01T00:00:00+0000","generation":2},
        {"build_id":"4","public":true,"branch":"beta","date_published":"2020-03-01T00:00:00+0000","generation":2}]}"#;
    let old = r#"{"baseProductId":"1207658930","depots":[{"manifest":"0000aaaa000000000000000000000000","languages":["*"]}]}"#;
    // Two of the chunks of the recorded depot.
    let depot = r#"{"depot":{"items":[{"chunks":[
        {"compressedMd5":"2e0dc2f5707ec0d88d570240ba918bb2","compressedSize":9507293},
        {"compressedMd5":"f149b52a4ce1d025bbae57e8f8f7f662","compressedSize":351}]},{"type":"DepotDirectory"}]}}"#;
    let up = With(
        replay(),
        vec![("/builds", 200, builds.into()), ("/aa/aa/old", 200, zlib(old)), ("0000aaaa", 200, zlib(depot))],
    );
    let known = Some(Build { id: "1".into(), version: None, live_at: None });
    let seen = run(Gog.refresh(&up, &ListingRef { external_id: "1207658930".into(), build: known })).unwrap();
    assert_eq!(seen.builds.len(), 2);
    let update = seen.builds[1].update.as_ref().unwrap();
    // The chunk 0812… is in both depots of the new build.
    assert_eq!(update.wire_bytes, exactly(9_617_323 + 14_655_939 + 1_177_139 + 300));
    assert_eq!(update.from, "1");
    let known = Some(Build { id: "unknown".into(), version: None, live_at: None });
    let seen = run(Gog.refresh(&up, &ListingRef { external_id: "1207658930".into(), build: known })).unwrap();
    assert_eq!(seen.builds[1].update, None);
}

#[test]
fn from_generation_1_no_update_is_told() {
    let known = Some(Build { id: "3161".into(), version: None, live_at: None });
    let seen =
        run(Gog.refresh(&replay(), &ListingRef { external_id: "1207658930".into(), build: known })).unwrap();
    assert_eq!(seen.builds[1].update, None);
}

#[test]
fn the_list_by_release() {
    let page = run(Gog.discover(&replay(), &query("2015-05-01T00:00:00Z", "2015-06-01T00:00:00Z"))).unwrap();
    assert_eq!((page.items.len(), &page.next), (1, &None));
    let seen = &page.items[0];
    assert_eq!(seen.listing.external_id.as_deref(), Some("1207664663"));
    assert_eq!(seen.title.as_deref(), Some("Witcher 3: Wild Hunt, The"));
    let unlock = seen.listing.phase(PhaseKind::Unlock).unwrap().window.value;
    assert_eq!(unlock.start.to_rfc3339(), "2015-05-18T21:00:00+00:00");
    assert_eq!(seen.listing.url.as_deref(), Some("https://www.gog.com/game/the_witcher_3_wild_hunt"));
    let later = run(Gog.discover(&replay(), &query("2016-05-01T00:00:00Z", "2016-06-01T00:00:00Z"))).unwrap();
    assert!(later.items.is_empty());
}

#[test]
fn pages_end_with_the_time_asked_for() {
    let list = include_str!("fixtures/list.json").replace("\"totalPages\": 1", "\"totalPages\": 3");
    let up = with("filtered", list);
    let mut asked = query("2015-05-01T00:00:00Z", "2015-06-01T00:00:00Z");
    assert_eq!(run(Gog.discover(&up, &asked)).unwrap().next.as_deref(), Some("2"));
    asked.cursor = Some("3".into());
    assert_eq!(run(Gog.discover(&up, &asked)).unwrap().next, None);
    let later = query("2016-05-01T00:00:00Z", "2016-06-01T00:00:00Z");
    assert_eq!(run(Gog.discover(&up, &later)).unwrap().next, None);
    for bad in ["0", "-1", "x", "99999999999999999999"] {
        asked.cursor = Some(bad.into());
        assert!(matches!(run(Gog.discover(&up, &asked)), Err(PlatformError::NotFound { .. })), "{bad}");
    }
}

#[test]
fn the_catalogue_as_documented() {
    let page = run(catalogue(&replay(), 1)).unwrap();
    let window = page.items[0].listing.phase(PhaseKind::Unlock).unwrap().window.value;
    assert_eq!(
        (window.start.to_rfc3339().as_str(), window.precision),
        ("2015-05-18T00:00:00+00:00", Precision::Day)
    );
    assert_eq!((page.items.len(), page.items[1].listing.phases.len(), page.next), (2, 0, None));
}

#[test]
fn servers_of_the_client() {
    let all = run(Gog.delivery(&replay(), &Vantage { region: Region::WORLD, address: None })).unwrap();
    let hosts: Vec<_> = all.iter().map(|a| (a.host.as_ref().unwrap().as_str(), a.cdn.is_some())).collect();
    assert_eq!(hosts, [("cdn.gog.com", false), ("galaxy-client-update.gog.com", false)]);
    assert!(all.iter().all(|assertion| assertion.check().is_empty()));
}

#[test]
fn the_description_of_an_installer() {
    let installer = Downlink::parse(include_bytes!("fixtures/downlink.xml")).unwrap();
    assert_eq!((&*installer.name, installer.wire_bytes), ("gog_tis_100_2.0.0.3.sh", 36_717_998));
    assert_eq!((installer.chunks.len(), installer.chunks[3].to), (4, 36_717_997));
    for bad in ["", "<file", "<file name='a'/>", "<file name='a' total_size='-1'/>", "{}"] {
        assert!(matches!(Downlink::parse(bad.as_bytes()), Err(PlatformError::Malformed { .. })), "{bad}");
    }
}

#[test]
fn unknown_and_bad_answers_are_typed() {
    for unknown in ["1", "not-a-number", "", "../etc"] {
        let error = refresh(&replay(), unknown).unwrap_err();
        assert_eq!(error, PlatformError::NotFound { platform: ID, id: unknown.into() });
    }
    for (word, body, wanted) in [
        ("/products/", "<html>", "HTML"),
        ("/products/", "", "EOF"),
        ("/builds", "{\"items\":[{", "EOF"),
        ("/v2/meta/92", "nonsense", "corrupt"),
        ("/v2/meta/92", "<html>", "HTML"),
        ("/v2/meta/92", "", "EOF"),
        ("/v2/meta/92", r#"{"depots":[{"manifest":"short","languages":["*"]}]}"#, "no hash"),
        ("/builds", r#"{"items":[{"build_id":"1","link":"https://169.254.169.254/"}]}"#, "no https address"),
    ] {
        let error = refresh(&with(word, body), "1207658930").unwrap_err();
        assert!(matches!(error, PlatformError::Malformed { .. }), "{word} {body}: {error}");
        assert!(error.to_string().contains(wanted), "{word} {body}: {error}");
    }
    let busy = With(replay(), vec![("/builds", 503, Vec::new())]);
    assert!(refresh(&busy, "1207658930").unwrap_err().is_retryable());
}

proptest! {
    #[test]
    fn damaged_answers_never_panic(
        product in damaged(include_bytes!("fixtures/product_1207658691.json")),
        builds in damaged(include_bytes!("fixtures/builds_1207658930.json")),
        meta in damaged(include_bytes!("fixtures/meta_build.zlib")),
        list in damaged(include_bytes!("fixtures/list.json")),
        xml in damaged(include_bytes!("fixtures/downlink.xml")),
    ) {
        let _ = refresh(&with("/products/1207658691?", product), "1207658691");
        let _ = refresh(&with("/builds", builds), "1207658930");
        let _ = refresh(&with("/92ab", meta), "1207658930");
        let _ = run(Gog.discover(&with("filtered", list), &query("2015-05-01T00:00:00Z", "2015-06-01T00:00:00Z")));
        let _ = Downlink::parse(&xml);
    }
}
