//! Laws over the networks and prefixes that are embedded, and what is exported of them.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::net::IpAddr;

use ipnet::IpNet;
use sha2::{Digest, Sha256};
use traffix_core::delivery::{PrefixKind, Status, Tenancy};
use traffix_platforms::export::{Selection, Table, export_csv, export_json};
use traffix_platforms::{cdn, delivery, import, prefix_table, prefixes};

#[test]
fn networks_are_sorted_unique_and_consistent() {
    let ids: Vec<_> = cdn::cdns().iter().map(|cdn| &cdn.id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "the registry is searched by bisection");
    for network in cdn::cdns() {
        assert!(!network.source.is_empty(), "{}", network.id);
        assert_eq!(network.tenancy == Tenancy::Embedded, network.kind == cdn::CdnKind::EmbeddedCache);
        assert!(network.ended.is_none() || network.status == Status::Historical, "{}", network.id);
        assert!(network.part_of.as_ref().is_none_or(|parent| cdn::find(parent).is_some()), "{}", network.id);
        let embedded = network.tenancy == Tenancy::Embedded;
        assert!(
            !embedded || prefixes::of_cdn(&network.id).next().is_none(),
            "{} uses operator space",
            network.id
        );
    }
    assert_eq!(cdn::asns().len(), 122);
    for record in cdn::asns() {
        assert!(cdn::find(&record.cdn).is_some(), "{}", record.cdn);
        assert!(record.asn.is_public());
    }
}

/// RFC 6890 and its successors: nothing that cannot be announced to the Internet.
fn is_reserved(prefix: &IpNet) -> bool {
    let reserved = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/3",
        "4000::/2",
        "8000::/1",
        "2001::/32",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    ];
    reserved.iter().any(|other| {
        let other: IpNet = other.parse().unwrap();
        other.contains(prefix) || prefix.contains(&other)
    })
}

#[test]
fn prefixes_are_public_canonical_and_of_known_networks() {
    for group in prefixes::embedded() {
        let network = cdn::find(&group.cdn).unwrap();
        assert_ne!(network.status, Status::Historical, "{} is gone", group.cdn);
        let record = network.asns().find(|record| Some(record.asn) == group.asn);
        assert!(
            record.is_some_and(|record| record.status != cdn::AsnStatus::Reassigned),
            "{} {:?}",
            group.cdn,
            group.asn
        );
        for prefix in &group.prefixes {
            assert_eq!(*prefix, prefix.trunc());
            assert!(!is_reserved(prefix), "{prefix} of {}", group.cdn);
        }
    }
}

#[test]
fn counts_per_network_and_kind() {
    let counts = prefixes::counts();
    let total = counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    assert_eq!(total, (21_559, 14_588));
    let both = |cdn: &str, kind| {
        let count = counts[&(cdn.parse().unwrap(), kind)];
        count.0 + count.1
    };
    for (cdn, kind, wanted) in [
        ("akamai", PrefixKind::BgpOrigin, 14_129),
        ("amazon", PrefixKind::BgpOrigin, 9_099),
        ("cloudflare", PrefixKind::BgpOrigin, 3_448),
        ("cloudflare", PrefixKind::OfficialList, 22),
        ("cloudfront", PrefixKind::OfficialList, 211),
        ("azure-front-door", PrefixKind::OfficialList, 192),
        ("azure-front-door-first-party", PrefixKind::OfficialList, 68),
        ("azure-update-delivery", PrefixKind::OfficialList, 185),
        ("fastly", PrefixKind::BgpOrigin, 724),
        ("fastly", PrefixKind::OfficialList, 21),
        ("valve", PrefixKind::BgpOrigin, 32),
        ("blizzard", PrefixKind::BgpOrigin, 65),
        ("ubisoft", PrefixKind::BgpOrigin, 2),
    ] {
        assert_eq!(both(cdn, kind), wanted, "{cdn} {kind}");
    }
    let official: usize = counts
        .iter()
        .filter(|((_, kind), _)| *kind == PrefixKind::OfficialList)
        .map(|(_, c)| c.0 + c.1)
        .sum();
    assert_eq!((official, counts.len()), (699, 47));
}

/// The listing is one line a prefix: CDN, ASN, prefix, kind, source, date; sorted as text.
#[test]
fn the_listing_has_its_checksum() {
    let mut lines: Vec<String> = prefixes::embedded()
        .iter()
        .flat_map(|group| {
            group.prefixes.iter().map(|prefix| {
                let asn = group.asn.unwrap().0;
                format!("{},{asn},{prefix},{},{},{}\n", group.cdn, group.kind, group.source, group.observed)
            })
        })
        .collect();
    lines.sort();
    assert_eq!(lines.len(), 36_147);
    let digest = Sha256::digest(lines.concat());
    let hex = digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(hex, "1b4adde67b1e23e2e0e187d5526781c90ce74082b5afb1ed7915375920594121");
}

#[test]
fn derived_prefixes_never_overlap() {
    let mut spans: Vec<IpNet> = prefixes::embedded()
        .iter()
        .filter(|group| group.kind == PrefixKind::BgpOrigin)
        .flat_map(|group| group.prefixes.iter().copied())
        .collect();
    spans.sort();
    for pair in spans.windows(2) {
        assert!(!pair[0].contains(&pair[1]), "{} holds {}", pair[0], pair[1]);
    }
}

#[test]
fn the_table_attributes_as_a_scan_over_the_listing_does() {
    let table = prefix_table();
    let all: Vec<_> =
        prefixes::embedded().iter().flat_map(|g| g.prefixes.iter().map(move |prefix| (prefix, g))).collect();
    for (prefix, _) in all.iter().step_by(97) {
        for address in [prefix.network(), prefix.broadcast()] {
            let (net, group) = all
                .iter()
                .filter(|(net, _)| net.contains(&address))
                .max_by_key(|(net, group)| (net.prefix_len(), group.kind))
                .unwrap();
            let found = table.attribute(address);
            assert_eq!((found.prefix, found.cdn.as_ref()), (Some(**net), Some(&group.cdn)), "{address}");
            let sum: f64 = found.platforms.iter().map(|candidate| candidate.probability).sum();
            assert!((sum - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn known_addresses() {
    let cdn = |address: &str| {
        let found = prefix_table().attribute(address.parse::<IpAddr>().unwrap());
        found.cdn.map(|id| id.to_string())
    };
    // Content servers of Valve in Tokyo, resolved in March 2024.
    assert_eq!(cdn("45.121.184.36").as_deref(), Some("valve"));
    assert_eq!(cdn("::ffff:45.121.184.43").as_deref(), Some("valve"));
    assert_eq!(cdn("192.168.1.1"), None);
    assert_eq!(cdn("2001:db8::1"), None);
}

#[test]
fn an_export_reads_back_as_what_it_was() {
    let csv = |table| {
        let mut out = Vec::new();
        export_csv(table, &Selection::default(), &mut out).unwrap();
        out
    };
    assert_eq!(
        import::assertions(&*csv(Table::Assertions)).unwrap(),
        delivery::assertions().cloned().collect::<Vec<_>>()
    );
    assert_eq!(import::asns(&*csv(Table::Asns)).unwrap(), cdn::asns());
    let groups = import::prefixes(&*csv(Table::Prefixes)).unwrap();
    assert_eq!(prefixes::decode(&prefixes::encode(groups).unwrap()).unwrap(), prefixes::embedded());
}

#[test]
fn exports_say_how_many_rows_follow() {
    for table in [Table::Prefixes, Table::Asns, Table::Assertions] {
        for selection in [
            Selection::default(),
            Selection { platform: Some("battlenet".parse().unwrap()), cdn: None },
            Selection { platform: Some("steam".parse().unwrap()), cdn: Some("blizzard".parse().unwrap()) },
        ] {
            let mut out = Vec::new();
            export_json(table, &selection, &mut out).unwrap();
            let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
            let rows = document["items"].as_array().unwrap().len();
            assert_eq!(document["count"], rows);
            assert!(!String::from_utf8(out).unwrap().contains("null"));
            let mut csv = Vec::new();
            export_csv(table, &selection, &mut csv).unwrap();
            let lines = String::from_utf8(csv).unwrap().lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!(lines, rows + 1, "{table:?} {selection:?}");
        }
    }
}
