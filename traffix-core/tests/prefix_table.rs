//! The prefix table answers like a scan over the list.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use traffix_core::delivery::{Asn, Origin, PrefixKind, PrefixTable, Tenancy};

fn origin(n: u8) -> Origin {
    let kind = [PrefixKind::BgpOrigin, PrefixKind::OfficialList, PrefixKind::Configured][usize::from(n % 3)];
    Origin {
        cdn: format!("cdn-{n}").parse().unwrap(),
        asn: Some(Asn(u32::from(n) + 1)),
        kind,
        tenancy: Tenancy::Shared,
        source: "test".into(),
        observed: Some(if n.is_multiple_of(2) { "2026-01" } else { "2025" }.parse().unwrap()),
    }
}

/// Addresses crowd into few values, so that prefixes nest and meet.
fn address() -> impl Strategy<Value = IpAddr> {
    let crowded = prop_oneof![0_u32..64, (0_u32..4).prop_map(|n| n << 30), any::<u32>()];
    prop_oneof![
        crowded.clone().prop_map(|n| IpAddr::V4(Ipv4Addr::from(n))),
        crowded.clone().prop_map(|n| IpAddr::V6(Ipv4Addr::from(n).to_ipv6_mapped())),
        crowded.prop_map(|n| IpAddr::V6(Ipv6Addr::from((u128::from(n) << 96) | u128::from(n)))),
    ]
}

fn prefix() -> impl Strategy<Value = IpNet> {
    (address(), 0_u8..=128).prop_map(|(address, length)| match address {
        IpAddr::V4(a) => IpNet::V4(Ipv4Net::new(a, length % 33).unwrap()),
        IpAddr::V6(a) if a.to_ipv4_mapped().is_some() => {
            IpNet::V6(Ipv6Net::new(a, 96 + length % 33).unwrap())
        }
        IpAddr::V6(a) => IpNet::V6(Ipv6Net::new(a, length).unwrap()),
    })
}

/// The oracle: canonical forms, longest first, then kind, then date, then the smallest origin.
fn scan(list: &[(IpNet, u8)], address: IpAddr) -> Option<(IpNet, Origin)> {
    let canonical = |net: &IpNet| match net.network() {
        IpAddr::V6(a) if net.prefix_len() >= 96 => match a.to_ipv4_mapped() {
            Some(v4) => IpNet::new(IpAddr::V4(v4), net.prefix_len() - 96).unwrap(),
            None => *net,
        },
        _ => *net,
    };
    let address = address.to_canonical();
    list.iter()
        .map(|(net, n)| (canonical(net).trunc(), origin(*n)))
        .filter(|(net, _)| net.contains(&address))
        .max_by(|(a, x), (b, y)| {
            (a.prefix_len(), x.kind, x.observed)
                .cmp(&(b.prefix_len(), y.kind, y.observed))
                .then_with(|| y.cmp(x))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn attribution_equals_a_linear_scan(
        list in proptest::collection::vec((prefix(), 0_u8..9), 0..60),
        probes in proptest::collection::vec(address(), 1..60),
    ) {
        let mut builder = PrefixTable::builder();
        for (net, n) in &list {
            let id = builder.origin(origin(*n));
            builder.insert(id, *net);
        }
        let table = builder.build();
        let inside = list.iter().map(|(net, _)| net.network());
        for probe in probes.into_iter().chain(inside) {
            let found = table.lookup(probe).map(|m| (m.prefix, m.origin.clone()));
            prop_assert_eq!(found, scan(&list, probe), "{}", probe);
        }
    }
}

#[test]
fn default_routes_and_hosts_are_legal() {
    let mut builder = PrefixTable::builder();
    for (n, net) in ["0.0.0.0/0", "::/0", "192.0.2.7/32", "2001:db8::1/128"].iter().enumerate() {
        let id = builder.origin(origin(u8::try_from(n).unwrap()));
        builder.insert(id, net.parse().unwrap());
    }
    let table = builder.build();
    let cdn = |ip: &str| table.lookup(ip.parse().unwrap()).unwrap().origin.cdn.to_string();
    assert_eq!(cdn("255.255.255.255"), "cdn-0");
    assert_eq!(cdn("ffff::"), "cdn-1");
    assert_eq!(cdn("::ffff:192.0.2.7"), "cdn-2");
    assert_eq!(cdn("2001:db8::1"), "cdn-3");
    assert_eq!(table.len(), (2, 2));
}

#[test]
fn an_official_list_beats_a_derived_one_in_any_order() {
    for order in [[0, 1], [1, 0]] {
        let mut builder = PrefixTable::builder();
        for n in order {
            let id = builder.origin(origin(n));
            builder.insert(id, "198.51.100.0/24".parse().unwrap());
        }
        let table = builder.build();
        let found = table.attribute("198.51.100.9".parse().unwrap());
        assert_eq!(found.kind, Some(PrefixKind::OfficialList));
        assert_eq!(found.cdn.unwrap().as_str(), "cdn-1");
        assert_eq!(found.platforms.len(), 1);
    }
}
