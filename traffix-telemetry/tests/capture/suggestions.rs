//! What a capture suggests.

use traffix_core::delivery::{Assertion, EvidenceKind, Role, Status, Tenancy};
use traffix_telemetry::capture::{Suggestion, suggest};

use super::build::{End, Kind, download, pcap, report, tcp};

const CLIENT: End = ("192.0.2.1", 50_001);

/// A download that asks for a name, once per client port.
fn asked(server: End, name: &str, conversations: u16, down: u32) -> Vec<Vec<u8>> {
    let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n");
    let all = (0..conversations).flat_map(|n| {
        let port = CLIENT.1 + 20 * u16::try_from(name.len()).unwrap() + n;
        let client = (CLIENT.0, port);
        let mut packets = vec![tcp(client, server, 1, Kind::Data, request.as_bytes())];
        packets.extend(download(server, client, down));
        packets
    });
    all.collect()
}

fn known(platform: &str, host: &str) -> Assertion {
    Assertion {
        platform: Some(platform.parse().unwrap()),
        cdn: Some("valve".parse().unwrap()),
        asn: None,
        prefix: None,
        host: Some(host.parse().unwrap()),
        role: Role::Origin,
        tenancy: Tenancy::Dedicated,
        region: None,
        site: None,
        status: Status::Current,
        evidence: EvidenceKind::CommunityList,
        source: "a list".into(),
        observed: None,
        valid_from: None,
        valid_until: None,
        confidence: 0.75,
        share_hint: None,
        note: None,
    }
}

fn capture() -> Vec<u8> {
    let packets = [
        asked(("198.51.100.7", 80), "cache1-fra1.steamcontent.com", 9, 10),
        asked(("198.51.100.8", 80), "cache2-fra1.steamcontent.com", 1, 10),
        asked(("203.0.113.9", 80), "dl1.other.example", 1, 20),
        asked(("203.0.113.9", 80), "dl22.other.example", 1, 20),
        // Nothing is known about this one, not even a name.
        download(("192.0.2.200", 443), CLIENT, 30),
        // Too little, and behind a NAT.
        asked(("203.0.113.10", 80), "tiny.example", 1, 0),
        download(("10.0.0.9", 443), CLIENT, 30),
    ];
    pcap(&packets.concat())
}

fn suggestions(known: &[Assertion]) -> Vec<Suggestion> {
    let report = report(&capture());
    suggest(&report, Some(&"steam".parse().unwrap()), known, "a capture of a test")
}

#[test]
fn what_delivered_is_suggested_with_evidence() {
    let found = suggestions(&[]);
    let texts: Vec<_> = found
        .iter()
        .map(|one| {
            let a = &one.assertion;
            let host = a.host.as_ref().map_or("-", |host| host.as_str());
            (host, a.cdn.as_ref().map_or("-", |cdn| cdn.as_str()), a.role, a.prefix.is_some())
        })
        .collect();
    assert_eq!(
        texts,
        [
            ("cache*-fra*.steamcontent.com", "valve", Role::Origin, false),
            ("dl*.other.example", "akamai", Role::Cdn, false),
            ("-", "-", Role::Cdn, true),
        ]
    );
    for one in &found {
        assert!(one.assertion.check().is_empty(), "{one:?}");
        assert_eq!(one.assertion.evidence, EvidenceKind::Measurement);
        assert_eq!(one.assertion.observed.unwrap().to_string(), "2023-11-14");
        assert!(one.assertion.confidence < EvidenceKind::Measurement.confidence());
    }
    assert!(found[0].assertion.confidence > found[2].assertion.confidence, "{found:#?}");
    assert!(found[0].reasons[1].contains("2 names") && found[0].reasons[1].contains("by 10 conversations"));
    assert_eq!(found[2].assertion.prefix.unwrap().to_string(), "192.0.2.200/32");
}

#[test]
fn what_is_known_makes_it_surer_and_gives_the_pattern() {
    let pattern = "*.steamcontent.com";
    let alone = suggestions(&[]);
    let same = suggestions(&[known("steam", pattern)]);
    assert_eq!(same[0].assertion.host.as_ref().unwrap().as_str(), pattern);
    assert!(same[0].known && !alone[0].known);
    assert!(same[0].assertion.confidence > alone[0].assertion.confidence);

    let other = suggestions(&[known("epic", pattern)]);
    assert!(!other[0].known);
    assert!(other[0].assertion.confidence < alone[0].assertion.confidence);
    assert!(other[0].reasons.iter().any(|reason| reason == "known of epic so far"), "{:?}", other[0].reasons);
}

#[test]
fn the_confidence_is_the_formula() {
    let found = &suggestions(&[])[0];
    let expected = 0.9 * found.share / (found.share + 0.01) * (10.0 / 11.0) * 0.8;
    assert!((found.assertion.confidence - expected).abs() < 0.005, "{found:?}");
}
