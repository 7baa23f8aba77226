//! From a router's datagrams to counters by minute, CDN and link: decoded, both addresses looked up, and summed.
//!
//! Beside what one would make of crates: `netflow_parser`, `prefix-trie` and a `HashMap`. Both must count the same.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

mod exports;

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use chrono::DateTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ipnet::Ipv4Net;
use netflow_parser::variable_versions::ipfix::FlowSetBody;
use netflow_parser::variable_versions::ipfix::lookup::{IANAIPFixField as Field, IPFixField};
use netflow_parser::{NetflowPacket, NetflowParser};
use prefix_trie::PrefixMap;
use traffix_core::delivery::{Origin, PrefixKind, PrefixTable, Tenancy};
use traffix_core::measurement::Key;
use traffix_core::network::Network;
use traffix_telemetry::collector::{Bins, Config, Stage, Watch};

use exports::{NOW_MS, Numbers, ROUTER, ROUTER_FIELDS};

const PREFIXES: usize = 500_000;
const CDNS: u32 = 60;
const LINKS: u32 = 8;

/// Prefixes of CDNs, some inside others, as dense as a routing table.
fn prefixes() -> Vec<(Ipv4Net, u32)> {
    let mut numbers = Numbers(7);
    let mut net = || {
        let (address, length) = (numbers.next(), 16 + numbers.next() % 9);
        let address = u32::try_from(0x0100_0000 + address % 0xbf00_0000).unwrap();
        (Ipv4Net::new(address.into(), u8::try_from(length).unwrap()).unwrap().trunc(), address % CDNS)
    };
    (0..PREFIXES).map(|_| net()).collect::<BTreeMap<_, _>>().into_iter().collect()
}

fn cdn(number: u32) -> String {
    format!("cdn-{number}")
}

fn network() -> Network {
    let link = |n: u32| {
        format!(
            r#"{{"id": "{n}", "kind": "pni", "capacity_bps": 1e11,
                "interfaces": [{{"exporter": "{ROUTER}", "index": {n}}}]}}"#
        )
    };
    let links: Vec<String> = (1..=LINKS).map(link).collect();
    let links = links.join(",");
    let text = format!(
        r#"{{"id": "acme", "tz": "Europe/London", "lines": 20000, "prefixes": ["198.18.0.0/15"], "links": [{links}]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn stage(prefixes: &[(Ipv4Net, u32)]) -> Stage {
    let mut builder = PrefixTable::builder();
    let origin = |number| Origin {
        cdn: cdn(number).parse().unwrap(),
        asn: None,
        kind: PrefixKind::Configured,
        tenancy: Tenancy::Dedicated,
        source: "made up".into(),
        observed: None,
    };
    let origins: Vec<_> = (0..CDNS).map(|number| builder.origin(origin(number))).collect();
    for (net, number) in prefixes {
        builder.insert(origins[*number as usize], (*net).into());
    }
    let watch = Watch::new(&network(), Arc::new(builder.build()));
    Stage::new(&Config::default(), Arc::new(watch))
}

/// The same of crates.
struct Crates {
    parser: NetflowParser,
    world: PrefixMap<Ipv4Net, u32>,
    own: PrefixMap<Ipv4Net, ()>,
    links: HashMap<(IpAddr, u32), u32>,
    counters: HashMap<(u32, Option<u32>, u32), u64>,
}

impl Crates {
    fn new(prefixes: &[(Ipv4Net, u32)]) -> Self {
        Self {
            parser: NetflowParser::default(),
            world: prefixes.iter().copied().collect(),
            own: [("198.18.0.0/15".parse().unwrap(), ())].into_iter().collect(),
            links: (1..=LINKS).map(|n| ((ROUTER, n), n)).collect(),
            counters: HashMap::new(),
        }
    }

    fn datagram(&mut self, datagram: &[u8]) {
        for packet in self.parser.parse_bytes(datagram).packets {
            let NetflowPacket::IPFix(packet) = packet else { continue };
            let minute = packet.header.export_time / 60;
            for set in packet.flowsets {
                let FlowSetBody::Data(data) = set.body else { continue };
                for record in &data.fields {
                    let (mut from, mut to) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED);
                    let (mut bytes, mut ingress, mut direction) = (0, 0, 0);
                    for (field, value) in record {
                        let IPFixField::IANA(field) = field else { continue };
                        match (field, value) {
                            (Field::SourceIpv4address, netflow_parser::FieldValue::Ip4Addr(at)) => from = *at,
                            (Field::DestinationIpv4address, netflow_parser::FieldValue::Ip4Addr(at)) => {
                                to = *at
                            }
                            (Field::OctetDeltaCount, value) => bytes = u64::try_from(value).unwrap(),
                            (Field::IngressInterface, value) => ingress = u32::try_from(value).unwrap(),
                            (Field::FlowDirection, value) => direction = u8::try_from(value).unwrap(),
                            _ => {}
                        }
                    }
                    if direction == 0 {
                        self.count(minute, (from, to), ingress, bytes);
                    }
                }
            }
        }
    }

    fn count(&mut self, minute: u32, (from, to): (Ipv4Addr, Ipv4Addr), ingress: u32, bytes: u64) {
        let (from, to) = (Ipv4Net::from(from), Ipv4Net::from(to));
        if self.own.get_lpm(&to).is_none() || self.own.get_lpm(&from).is_some() {
            return;
        }
        let Some(link) = self.links.get(&(ROUTER, ingress)) else { return };
        let cdn = self.world.get_lpm(&from).map(|(_, number)| *number);
        *self.counters.entry((minute, cdn, *link)).or_default() += bytes;
    }

    fn bins(&self) -> Bins {
        let mut bins = Bins::new();
        for ((minute, number, link), bytes) in &self.counters {
            let start = DateTime::from_timestamp_secs(i64::from(*minute) * 60).unwrap();
            let cdn = number.map(|number| cdn(number).parse().unwrap());
            let key = Key { platform: None, cdn, link: Some(link.to_string()) };
            bins.entry(start).or_default().insert(key, *bytes);
        }
        bins
    }
}

/// Flows from the prefixes to subscribers, some of them not to be counted.
fn value(id: u16, prefixes: &[(Ipv4Net, u32)], numbers: &mut Numbers) -> u64 {
    let any = numbers.next();
    match id {
        8 => u64::from(prefixes[usize::try_from(any).unwrap() % prefixes.len()].0.network().to_bits() | 5),
        12 if any.is_multiple_of(16) => any,
        12 => 0xc612_0000 | any % 0x2_0000,
        10 => 1 + any % u64::from(LINKS + 1),
        1 => any >> 16,
        61 => u64::from(any.is_multiple_of(32)),
        4 => 6,
        21 | 22 | 48 => 0,
        _ => any,
    }
}

fn pipeline(c: &mut Criterion) {
    let prefixes = prefixes();
    let mut numbers = Numbers(1);
    let (datagrams, flows) = exports::datagrams(10, &ROUTER_FIELDS, |id| value(id, &prefixes, &mut numbers));
    let mut ours = stage(&prefixes);
    let run = |stage: &mut Stage| {
        for datagram in &datagrams {
            stage.datagram(ROUTER, NOW_MS, datagram);
        }
        stage.settle();
    };
    let mut theirs = Crates::new(&prefixes);
    run(&mut ours);
    datagrams.iter().for_each(|datagram| theirs.datagram(datagram));
    let counted = ours.flush();
    assert_eq!(counted, theirs.bins());
    assert!(counted.values().map(BTreeMap::len).sum::<usize>() > 100, "hardly anything was counted");

    let mut group = c.benchmark_group("router IPFIX to counters");
    group.throughput(Throughput::Elements(flows));
    group.bench_function("traffix", |b| b.iter(|| run(black_box(&mut ours))));
    group.bench_function("netflow_parser, prefix-trie, HashMap", |b| {
        b.iter(|| datagrams.iter().for_each(|datagram| theirs.datagram(datagram)));
    });
    group.finish();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
