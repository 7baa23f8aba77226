use proptest::prelude::*;
use traffix_core::delivery::{Origin, PrefixTable, Tenancy};

use super::*;
use crate::testing::{answer, damage, recorded, run};

const FIXTURES: &str = "sources/ranges/fixtures";

/// Network, ASN, source, day and number of prefixes of every group.
fn outline(groups: &[PrefixGroup]) -> Vec<(String, Option<u32>, String, String, usize)> {
    let one = |group: &PrefixGroup| {
        assert_eq!(group.kind, PrefixKind::OfficialList);
        assert!(group.prefixes.is_sorted() && cdn::find(&group.cdn).is_some());
        let asn = group.asn.map(|asn| asn.0);
        (
            group.cdn.to_string(),
            asn,
            group.source.to_string(),
            group.observed.to_string(),
            group.prefixes.len(),
        )
    };
    groups.iter().map(one).collect()
}

fn row(
    cdn: &str,
    asn: Option<u32>,
    source: &str,
    day: &str,
    count: usize,
) -> (String, Option<u32>, String, String, usize) {
    (cdn.into(), asn, source.into(), day.into(), count)
}

#[test]
fn lists_of_delivery_networks() {
    let up = recorded(FIXTURES);
    let fastly = run(fastly(&up)).unwrap();
    let url = "https://api.fastly.com/public-ip-list";
    assert_eq!(
        outline(&fastly),
        [row("fastly", asn(&"fastly".parse().unwrap()).map(|a| a.0), url, "2025-07-01", 21)]
    );
    let cloudflare = run(cloudflare(&up)).unwrap();
    assert_eq!(cloudflare.iter().map(|group| group.prefixes.len()).collect::<Vec<_>>(), [15, 7]);
    assert_eq!(cloudflare[1].source.as_ref(), "https://www.cloudflare.com/ips-v6");
    let aws = run(aws(&up)).unwrap();
    assert_eq!((aws[0].cdn.as_str(), aws[0].prefixes.len()), ("cloudfront", 22));
    assert_eq!(aws[0].observed.to_string(), "2026-08-22");
}

#[test]
fn lists_of_clouds() {
    let up = recorded(FIXTURES);
    let google = run(google(&up)).unwrap();
    let names: Vec<_> = google.iter().map(|group| (group.cdn.as_str(), group.prefixes.len())).collect();
    assert_eq!(names, [("google", 2), ("google-cloud", 30)]);
    let azure = run(azure(&up)).unwrap();
    let names: Vec<_> = azure.iter().map(|group| group.cdn.as_str()).collect();
    assert_eq!(names, ["azure-front-door", "azure-front-door-first-party"]);
    assert!(azure.iter().all(|group| !group.prefixes.is_empty()));
    assert!(azure[0].source.ends_with("ServiceTags_Public_20250721.json"));
}

#[test]
fn groups_fill_a_prefix_table() {
    let fastly = run(fastly(&recorded(FIXTURES))).unwrap().remove(0);
    let mut builder = PrefixTable::builder();
    let PrefixGroup { cdn, asn, kind, source, observed, prefixes } = fastly;
    let origin = Origin { cdn, asn, kind, tenancy: Tenancy::Shared, source, observed: Some(observed) };
    let origin = builder.origin(origin);
    for prefix in prefixes {
        builder.insert(origin, prefix);
    }
    let answer = builder.build().attribute("151.101.1.1".parse().unwrap());
    assert_eq!(answer.cdn.unwrap().as_str(), "fastly");
}

#[test]
fn a_list_with_a_mistake_is_refused_whole() {
    let url = "https://api.fastly.com/public-ip-list";
    for (body, place) in [
        ("", "."),
        ("<html>", "byte 0"),
        ("{}", "."),
        (r#"{"addresses":[]}"#, "list"),
        (r#"{"addresses":["23.235.32.0/20","x"]}"#, "prefix 1"),
        (r#"{"addresses":["23.235.32.1/20"]}"#, "prefix 0"),
        (r#"{"addresses":["0.0.0.0/0"]}"#, "prefix 0"),
    ] {
        match run(fastly(&answer(url, 200, body))) {
            Err(PlatformError::Malformed { at, operation: "fastly", .. }) => assert_eq!(at, place, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn only_microsofts_own_file_is_fetched() {
    let page = "https://www.microsoft.com/en-us/download/details.aspx?id=56519";
    for link in [
        "https://evil.example/ServiceTags_Public_1.json",
        "http://download.microsoft.com/ServiceTags_Public_1.json",
        "https://download.microsoft.com/ServiceTags_China_1.json",
        "/ServiceTags_Public_1.json",
    ] {
        let body = format!("<a href=\"{link}\">download</a>");
        assert!(
            matches!(run(azure(&answer(page, 200, body))), Err(PlatformError::Malformed { .. })),
            "{link}"
        );
    }
}

#[test]
fn texts_name_the_line() {
    let akamai = include_str!("fixtures/akamai_v4.txt");
    let read = |text: &str| from_text("akamai".parse().unwrap(), "a list", "2025-07".parse().unwrap(), text);
    let group = read(akamai).unwrap();
    assert_eq!((group.prefixes.len(), group.prefixes[0].to_string().as_str()), (19, "2.16.0.0/13"));
    assert_eq!(read("# only\n\n").unwrap_err().to_string(), "line 0: holds no prefix");
    assert_eq!(
        read("10.0.0.0/8\n# x\n10.0.0.0/99").unwrap_err().to_string(),
        "line 3: \"10.0.0.0/99\" is no prefix"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_recordings_give_values_or_typed_errors(damage in damage()) {
        let up = damage.replay(FIXTURES);
        let lists = [run(fastly(&up)), run(cloudflare(&up)), run(aws(&up)), run(google(&up)), run(azure(&up))];
        for group in lists.into_iter().flatten().flatten() {
            prop_assert!(!group.prefixes.is_empty());
        }
        let text = damage.apply(include_bytes!("fixtures/akamai_v4.txt"));
        let text = String::from_utf8_lossy(&text);
        let _ = from_text("akamai".parse().unwrap(), "a list", "2025-07".parse().unwrap(), &text);
    }
}
