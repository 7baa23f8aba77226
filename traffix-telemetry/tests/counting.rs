//! What is counted of which flow, where and when.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use traffix_core::delivery::{Origin, PrefixKind, PrefixTable, Tenancy};
use traffix_core::measurement::Key;
use traffix_core::network::Network;
use traffix_telemetry::collector::{Bins, Cause, Config, Stage, Tally, Timing, Watch};
use traffix_telemetry::flow::Limits;

/// A router of which the profile names interfaces, and one of which it does not.
const MAPPED: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
const PLAIN: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10));
/// A full minute.
const NOW_MS: i64 = 1_699_999_980_000;

const VALVE: [u8; 4] = [155, 133, 226, 70];
const AKAMAI: [u8; 4] = [23, 32, 0, 1];
const STRANGER: [u8; 4] = [8, 8, 4, 4];
const CACHE: [u8; 4] = [198, 51, 100, 200];
const ASSERTED_CACHE: [u8; 4] = [198, 51, 101, 9];
const CUSTOMER: [u8; 4] = [198, 51, 100, 7];

fn table() -> Arc<PrefixTable> {
    let mut builder = PrefixTable::builder();
    let mut add = |cdn: &str, prefix: &str, tenancy| {
        let origin = builder.origin(Origin {
            cdn: cdn.parse().unwrap(),
            asn: None,
            kind: PrefixKind::OfficialList,
            tenancy,
            source: "a list".into(),
            observed: None,
        });
        builder.insert(origin, prefix.parse().unwrap());
    };
    add("valve", "155.133.224.0/19", Tenancy::Dedicated);
    add("akamai", "23.32.0.0/11", Tenancy::Shared);
    add("netflix", "198.51.101.8/29", Tenancy::Embedded);
    add("valve", "2001:db8:1::/48", Tenancy::Dedicated);
    builder.platforms("valve".parse().unwrap(), &[("steam".parse().unwrap(), 0.95)]);
    Arc::new(builder.build())
}

fn network() -> Network {
    serde_json::from_str(
        r#"{"id": "acme", "tz": "Europe/London", "lines": 20000,
            "prefixes": ["198.51.100.0/23", "2001:db8:ffff::/48"],
            "links": [
                {"id": "pni", "kind": "pni", "capacity_bps": 1e9, "cdns": ["valve"],
                 "interfaces": [{"exporter": "203.0.113.9", "index": 1}, {"exporter": "203.0.113.9", "name": "xe-2"}]},
                {"id": "cache", "kind": "embedded-cache", "capacity_bps": 1e9, "cdns": ["akamai"],
                 "prefixes": ["198.51.100.192/26"]}
            ]}"#,
    )
    .unwrap()
}

fn watch() -> Arc<Watch> {
    static WATCH: LazyLock<Arc<Watch>> = LazyLock::new(|| Arc::new(Watch::new(&network(), table())));
    Arc::clone(&WATCH)
}

fn stage() -> Stage {
    Stage::new(&Config::default(), watch())
}

/// A flow as an exporter tells it.
#[derive(Debug, Clone, Copy)]
struct Told {
    source: [u8; 4],
    destination: [u8; 4],
    bytes: u64,
    start_ms: i64,
    end_ms: i64,
    ingress: u32,
    direction: u8,
}

const FLOW: Told = Told {
    source: VALVE,
    destination: CUSTOMER,
    bytes: 6_000,
    start_ms: NOW_MS,
    end_ms: NOW_MS,
    ingress: 1,
    direction: 0,
};

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn set(id: u16, contents: &[u8]) -> Vec<u8> {
    [words(&[id, u16::try_from(contents.len() + 4).unwrap()]).as_slice(), contents].concat()
}

fn message(exported_ms: i64, sets: &[Vec<u8>]) -> Vec<u8> {
    let body = sets.concat();
    let mut bytes = words(&[10, u16::try_from(16 + body.len()).unwrap()]);
    bytes.extend(u32::try_from(exported_ms / 1000).unwrap().to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes
}

/// An IPFIX datagram with its template.
fn ipfix(exported_ms: i64, flows: &[Told]) -> Vec<u8> {
    let template = words(&[300, 7, 8, 4, 12, 4, 1, 8, 152, 8, 153, 8, 10, 4, 61, 1]);
    let mut records = Vec::new();
    for flow in flows {
        records.extend([flow.source, flow.destination].concat());
        records.extend(
            [flow.bytes, flow.start_ms.unsigned_abs(), flow.end_ms.unsigned_abs()]
                .map(u64::to_be_bytes)
                .concat(),
        );
        records.extend(flow.ingress.to_be_bytes());
        records.push(flow.direction);
    }
    message(exported_ms, &[set(2, &template), set(300, &records)])
}

/// Options data: the name of an interface.
fn interface_name(exported_ms: i64, index: u32, name: &str) -> Vec<u8> {
    let template = words(&[400, 2, 1, 10, 4, 82, 8]);
    let mut record = index.to_be_bytes().to_vec();
    record.extend(format!("{name:\0<8}").bytes());
    message(exported_ms, &[set(3, &template), set(400, &record)])
}

fn key(platform: Option<&str>, cdn: Option<&str>, link: Option<&str>) -> Key {
    Key {
        platform: platform.map(|p| p.parse().unwrap()),
        cdn: cdn.map(|c| c.parse().unwrap()),
        link: link.map(str::to_owned),
    }
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap()
}

/// All bytes by key.
fn total(bins: &Bins) -> BTreeMap<Key, u64> {
    let mut total = BTreeMap::new();
    for (key, bytes) in bins.values().flatten() {
        *total.entry(key.clone()).or_default() += bytes;
    }
    total
}

/// What becomes of one flow.
#[track_caller]
fn check(exporter: IpAddr, flow: Told, expected: Result<Key, Cause>) {
    let mut stage = stage();
    stage.datagram(exporter, NOW_MS, &ipfix(NOW_MS, &[flow]));
    let found = total(&stage.flush());
    let stats = stage.stats();
    match expected {
        Ok(key) => assert_eq!(found, [(key, flow.bytes)].into(), "{flow:?}"),
        Err(cause) => {
            assert_eq!(stats.left_out(cause), Tally { flows: 1, bytes: flow.bytes }, "{flow:?}: {stats:?}");
            assert!(found.is_empty());
        }
    }
    assert_eq!(stats.decoded, Tally { flows: 1, bytes: flow.bytes });
}

#[test]
fn only_what_comes_in_from_outside_is_counted() {
    let steam = |link| Ok(key(Some("steam"), Some("valve"), link));
    check(MAPPED, FLOW, steam(Some("pni")));
    check(PLAIN, FLOW, steam(None));
    check(MAPPED, Told { source: AKAMAI, ..FLOW }, Ok(key(None, Some("akamai"), Some("pni"))));
    check(MAPPED, Told { source: STRANGER, ..FLOW }, Ok(key(None, None, Some("pni"))));
    check(MAPPED, Told { ingress: 3, ..FLOW }, Err(Cause::UnnamedInterface));
    check(MAPPED, Told { direction: 1, ..FLOW }, Err(Cause::Egress));
    check(PLAIN, Told { direction: 1, ..FLOW }, Err(Cause::Egress));
    for exporter in [MAPPED, PLAIN] {
        check(exporter, Told { source: CUSTOMER, ..FLOW }, Err(Cause::Internal));
        check(exporter, Told { destination: STRANGER, ..FLOW }, Err(Cause::Outbound));
    }
    check(PLAIN, Told { bytes: u64::MAX, ..FLOW }, Err(Cause::Implausible));
}

#[test]
fn embedded_caches_are_inside_and_count() {
    check(PLAIN, Told { source: CACHE, ..FLOW }, Ok(key(None, Some("akamai"), Some("cache"))));
    // Behind an interface of no link, the address alone tells the link.
    check(MAPPED, Told { source: CACHE, ingress: 9, ..FLOW }, Ok(key(None, Some("akamai"), Some("cache"))));
    check(MAPPED, Told { source: CACHE, ..FLOW }, Ok(key(None, Some("akamai"), Some("pni"))));
    check(PLAIN, Told { source: ASSERTED_CACHE, ..FLOW }, Ok(key(None, Some("netflix"), None)));
}

#[test]
fn interfaces_are_known_by_the_names_that_routers_tell() {
    let mut stage = stage();
    let by_name = Told { ingress: 77, ..FLOW };
    stage.datagram(MAPPED, NOW_MS, &ipfix(NOW_MS, &[by_name]));
    stage.datagram(MAPPED, NOW_MS, &interface_name(NOW_MS, 77, "xe-2"));
    stage.datagram(MAPPED, NOW_MS, &ipfix(NOW_MS, &[by_name]));
    stage.settle();
    assert_eq!(stage.stats().left_out(Cause::UnnamedInterface).flows, 1);
    // After a restart of the router another interface has the number.
    stage.datagram(MAPPED, NOW_MS, &interface_name(NOW_MS, 77, "xe-3"));
    let first = total(&stage.drain(NOW_MS + 200_000));
    assert_eq!(first, [(key(Some("steam"), Some("valve"), Some("pni")), 6_000)].into());
    stage.datagram(MAPPED, NOW_MS, &ipfix(NOW_MS, &[by_name]));
    assert!(total(&stage.flush()).is_empty());
    assert_eq!(stage.stats().left_out(Cause::OtherInterface).flows, 1);
}

#[test]
fn other_protocols_and_families_count_too() {
    let mut stage = stage();
    // NetFlow v5, sampled 1 in 10, up for 100 s, a flow of the last 30 s.
    let mut v5 = vec![0; 72];
    (v5[1], v5[3]) = (5, 1);
    v5[4..8].copy_from_slice(&100_000_u32.to_be_bytes());
    v5[8..12].copy_from_slice(&u32::try_from(NOW_MS / 1000).unwrap().to_be_bytes());
    v5[22..24].copy_from_slice(&(0x4000_u16 | 10).to_be_bytes());
    v5[24..28].copy_from_slice(&VALVE);
    v5[28..32].copy_from_slice(&CUSTOMER);
    v5[44..48].copy_from_slice(&1_500_u32.to_be_bytes());
    v5[48..52].copy_from_slice(&70_000_u32.to_be_bytes());
    v5[52..56].copy_from_slice(&100_000_u32.to_be_bytes());
    stage.datagram(PLAIN, NOW_MS, &v5);
    // IPv6, of which one address is IPv4 in disguise.
    let template = words(&[301, 3, 27, 16, 28, 16, 1, 8]);
    let record = |source: &str, destination: &str, bytes: u64| {
        let octets = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
        [&octets(source), octets(destination).as_slice(), &bytes.to_be_bytes()].concat()
    };
    let records = [
        record("2001:db8:1::1", "2001:db8:ffff::7", 70),
        record("2001:db8:ffff::7", "2001:db8:1::1", 8),
        record("::ffff:155.133.226.70", "::ffff:198.51.100.7", 900),
    ];
    let v6 = message(NOW_MS, &[set(2, &template), set(301, &records.concat())]);
    stage.datagram("::ffff:203.0.113.10".parse().unwrap(), NOW_MS, &v6);
    assert_eq!(total(&stage.flush()), [(key(Some("steam"), Some("valve"), None), 15_970)].into());
    let stats = stage.stats();
    assert_eq!(stats.left_out(Cause::Internal), Tally { flows: 1, bytes: 8 });
    assert_eq!(stats.exporters.keys().collect::<Vec<_>>(), [&PLAIN]);
}

#[test]
fn clocks_that_are_off_are_corrected() {
    for off_ms in [-7 * 3_600_000, -3_000, -1_000, 1_000, 3_000, 86_400_000 * 400] {
        let exporter_ms = NOW_MS + 30_000 + off_ms;
        let flow = Told { start_ms: exporter_ms - 60_000, end_ms: exporter_ms, ..FLOW };
        let mut stage = stage();
        stage.datagram(PLAIN, NOW_MS + 30_000, &ipfix(exporter_ms, &[flow]));
        let bins = stage.flush();
        let in_bin = |ms: i64| total(&Bins::from([(at(ms), bins[&at(ms)].clone())])).values().sum::<u64>();
        // Half of the flow in each of two minutes, give or take what is left alone.
        let (before, after) = (in_bin(NOW_MS - 60_000), in_bin(NOW_MS));
        assert_eq!(before + after, 6_000, "{off_ms}");
        assert!(before.abs_diff(after) <= 200, "{off_ms}: {before} {after}");
        assert_eq!(stage.stats().exporters[&PLAIN].clock_behind_ms, Some(-off_ms));
    }
}

#[test]
fn late_flows_add_to_bins_that_were_handed_out_and_impossible_times_are_refused() {
    let mut stage = stage();
    let send = |stage: &mut Stage, now_ms: i64, end_ms: i64| {
        let flow = Told { start_ms: end_ms, end_ms, ..FLOW };
        stage.datagram(PLAIN, now_ms, &ipfix(now_ms, &[flow]));
    };
    send(&mut stage, NOW_MS, NOW_MS);
    let later_ms = NOW_MS + 300_000;
    assert_eq!(stage.drain(later_ms)[&at(NOW_MS)].values().sum::<u64>(), 6_000);
    send(&mut stage, later_ms, NOW_MS);
    // The bin that is open stays, what is late goes.
    let drained = stage.drain(later_ms);
    assert_eq!(drained[&at(NOW_MS)].values().sum::<u64>(), 6_000);
    assert!(!drained.contains_key(&at(later_ms)));
    send(&mut stage, later_ms, later_ms - 3_600_001);
    send(&mut stage, later_ms, later_ms + 5_001);
    let stats = stage.stats();
    assert_eq!(stats.left_out(Cause::TooOld).flows, 0, "not settled yet");
    stage.settle();
    let stats = stage.stats();
    assert_eq!((stats.left_out(Cause::TooOld).flows, stats.left_out(Cause::FromFuture).flows), (1, 1));
    // A flow of a week: its last hour.
    let week = Told { start_ms: later_ms - 7 * 86_400_000, end_ms: later_ms, bytes: 60_000, ..FLOW };
    stage.datagram(PLAIN, later_ms, &ipfix(later_ms, &[week]));
    let bins = stage.flush();
    assert_eq!(bins[&at(later_ms - 3_600_000)].values().sum::<u64>(), 1_000);
    assert_eq!(total(&bins).values().sum::<u64>(), 60_000);
    assert_eq!(stage.stats().shortened, Tally { flows: 1, bytes: 60_000 });
}

#[test]
fn bins_are_watched_while_somebody_exports() {
    let mut stage = stage();
    // Templates say that the exporter is there; there is no traffic.
    let hello = |stage: &mut Stage, minute: i64| {
        stage.datagram(PLAIN, NOW_MS + minute * 60_000, &ipfix(NOW_MS + minute * 60_000, &[]))
    };
    let drain = |stage: &mut Stage, minute: i64| {
        stage
            .drain(NOW_MS + minute * 60_000)
            .into_keys()
            .map(|bin| (bin.timestamp_millis() - NOW_MS) / 60_000)
            .collect::<Vec<_>>()
    };
    assert!(drain(&mut stage, 0).is_empty());
    hello(&mut stage, 0);
    assert!(drain(&mut stage, 1).is_empty());
    hello(&mut stage, 2);
    assert_eq!(drain(&mut stage, 2), [0]);
    assert_eq!(drain(&mut stage, 4), [1, 2]);
    // Garbage is no exporter.
    stage.datagram(PLAIN, NOW_MS + 5 * 60_000, b"hello");
    assert!(drain(&mut stage, 60).is_empty());
    hello(&mut stage, 61);
    assert_eq!(drain(&mut stage, 63), [60, 61]);
}

#[test]
fn what_was_counted_against_an_older_table_stays() {
    let mut stage = stage();
    stage.datagram(MAPPED, NOW_MS, &ipfix(NOW_MS, &[FLOW]));
    stage.watch(Arc::new(Watch::new(&network(), Arc::default())));
    stage.datagram(MAPPED, NOW_MS, &ipfix(NOW_MS, &[FLOW]));
    let mut renamed = network();
    renamed.links[0].id = "renamed".into();
    stage.watch(Arc::new(Watch::new(&renamed, table())));
    stage.datagram(MAPPED, NOW_MS, &ipfix(NOW_MS, &[FLOW]));
    assert!(stage.drain(NOW_MS).is_empty());
    let expected = [
        (key(Some("steam"), Some("valve"), Some("pni")), 6_000),
        (key(None, None, Some("pni")), 6_000),
        (key(Some("steam"), Some("valve"), Some("renamed")), 6_000),
    ];
    assert_eq!(total(&stage.flush()), expected.into());
}

#[test]
fn forged_exporters_and_templates_cannot_fill_the_memory() {
    let config = Config { limits: Limits { exporters: 50, ..Limits::default() }, ..Config::default() };
    let mut stage = Stage::new(&config, watch());
    for n in 0..20_000_u32 {
        let forged = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
        let id = u16::try_from(256 + n % 60_000).unwrap();
        let template = words(&[id, 3, 8, 4, 12, 4, 1, 8]);
        let orphan = set(id + 1, &[7; 200]);
        stage.datagram(forged, NOW_MS, &message(NOW_MS, &[set(2, &template), orphan]));
        // The real one is heard meanwhile.
        if n % 20 == 0 {
            stage.datagram(MAPPED, NOW_MS + i64::from(n), &ipfix(NOW_MS, &[FLOW]));
        }
    }
    let stats = stage.stats();
    assert!(stats.exporters.len() <= 50 && stats.exporters_forgotten > 19_000);
    assert_eq!(total(&stage.flush()).values().sum::<u64>(), 1_000 * 6_000);
    // Better: only known ones may export.
    let config = Config { accept: vec!["203.0.113.0/24".parse().unwrap()], ..Config::default() };
    let mut stage = Stage::new(&config, watch());
    stage.datagram([10, 0, 0, 1].into(), NOW_MS, &ipfix(NOW_MS, &[FLOW]));
    stage.datagram(MAPPED, NOW_MS, &ipfix(NOW_MS, &[FLOW]));
    assert_eq!((stage.stats().not_accepted, stage.stats().exporters.len()), (1, 1));
}

/// What becomes of a flow by the rules, read from the documentation alone.
fn by_the_rules(exporter: IpAddr, flow: &Told) -> Option<Key> {
    let inside = |address: [u8; 4]| address[..3] == [198, 51, 100] || address[..3] == [198, 51, 101];
    let cache = flow.source == CACHE;
    let asserted = flow.source == ASSERTED_CACHE;
    if flow.direction == 1 || (inside(flow.source) && !cache && !asserted) || !inside(flow.destination) {
        return None;
    }
    let link = match (exporter == MAPPED, flow.ingress) {
        (true, 1) => Some("pni"),
        (true, _) if cache => Some("cache"),
        (true, _) => return None,
        (false, _) => cache.then_some("cache"),
    };
    Some(match flow.source {
        VALVE => key(Some("steam"), Some("valve"), link),
        AKAMAI | CACHE => key(None, Some("akamai"), link),
        ASSERTED_CACHE => key(None, Some("netflix"), link),
        _ => key(None, None, link),
    })
}

/// The bytes of a flow that passed before an instant, rounded down.
fn before(flow: &Told, ms: i64) -> u64 {
    if ms >= flow.end_ms {
        // What ends at the border of a bin ends in the bin that begins there.
        return flow.bytes;
    }
    let (passed, whole) = ((ms - flow.start_ms).max(0), flow.end_ms - flow.start_ms);
    u64::try_from(u128::from(flow.bytes) * u128::try_from(passed).unwrap() / u128::try_from(whole).unwrap())
        .unwrap()
}

fn any_flow() -> impl Strategy<Value = (IpAddr, Told)> {
    let source = prop::sample::select(vec![VALVE, AKAMAI, STRANGER, CACHE, ASSERTED_CACHE, CUSTOMER]);
    let destination = prop::sample::select(vec![CUSTOMER, CUSTOMER, CUSTOMER, STRANGER, CACHE]);
    let exporter = prop::sample::select(vec![MAPPED, PLAIN]);
    let times = (-1_800_000_i64..0, prop_oneof![Just(0), 0_i64..1_000_000]);
    (exporter, source, destination, 0_u64..1_000_000_000, times, 0_u32..4, 0_u8..2).prop_map(
        |(exporter, source, destination, bytes, (end, length), ingress, direction)| {
            let end_ms = NOW_MS + end;
            (
                exporter,
                Told { source, destination, bytes, start_ms: end_ms - length, end_ms, ingress, direction },
            )
        },
    )
}

fn naive(flows: &[(IpAddr, Told)]) -> BTreeMap<(DateTime<Utc>, Key), u64> {
    let mut sums = BTreeMap::new();
    for (exporter, flow) in flows {
        let Some(key) = by_the_rules(*exporter, flow) else { continue };
        let mut bin_ms = flow.start_ms.div_euclid(60_000) * 60_000;
        while bin_ms <= flow.end_ms {
            let is_last = bin_ms + 60_000 > flow.end_ms;
            let until = if is_last { flow.bytes } else { before(flow, bin_ms + 60_000) };
            let from = if bin_ms <= flow.start_ms { 0 } else { before(flow, bin_ms) };
            *sums.entry((at(bin_ms), key.clone())).or_default() += until - from;
            bin_ms += 60_000;
        }
    }
    sums.retain(|_, bytes| *bytes > 0);
    sums
}

fn merged(all: impl IntoIterator<Item = Bins>) -> BTreeMap<(DateTime<Utc>, Key), u64> {
    let mut sums = BTreeMap::new();
    for (bin, counters) in all.into_iter().flatten() {
        for (key, bytes) in counters {
            *sums.entry((bin, key)).or_default() += bytes;
        }
    }
    sums
}

proptest! {
    #[test]
    fn counting_is_what_the_rules_say_in_any_order_and_any_bursts(
        mut flows in prop::collection::vec(any_flow(), 1..80),
        burst in 1_usize..9,
        drain_every in 1_usize..9,
        seed in any::<u64>(),
    ) {
        let expected = naive(&flows);
        for round in 0..2 {
            let mut stage = stage();
            let mut drained = Vec::new();
            for (n, chunk) in flows.chunks(burst).enumerate() {
                for exporter in [MAPPED, PLAIN] {
                    let of: Vec<Told> = chunk.iter().filter(|(e, _)| *e == exporter).map(|(_, flow)| *flow).collect();
                    stage.datagram(exporter, NOW_MS, &ipfix(NOW_MS, &of));
                }
                if n % drain_every == 0 {
                    drained.push(stage.drain(NOW_MS - i64::try_from(n).unwrap() * 60_000));
                }
                if n % 7 == 3 {
                    stage.watch(watch());
                }
            }
            drained.push(stage.flush());
            prop_assert_eq!(&merged(drained), &expected, "round {}", round);
            let stats = stage.stats();
            let left_out: u64 = stats.left_out.values().map(|tally| tally.bytes).sum();
            prop_assert_eq!(stats.counted.bytes + left_out, stats.decoded.bytes);
            prop_assert_eq!(stats.counted.bytes, expected.values().sum::<u64>());
            // Another order for the second round.
            let len = flows.len();
            flows.sort_by_key(|(_, flow)| flow.bytes.wrapping_mul(seed | 1));
            prop_assert_eq!(flows.len(), len);
        }
    }

    #[test]
    fn any_bytes_at_any_time_are_counted_or_refused(
        datagrams in prop::collection::vec((any::<u32>(), any::<i64>(), prop::collection::vec(any::<u8>(), 0..200)), 0..20),
        step_secs in prop::sample::select(vec![1_u32, 60, 3600]),
    ) {
        let timing = Timing { step_secs: step_secs.try_into().unwrap(), ..Timing::default() };
        let mut stage = Stage::new(&Config { timing, ..Config::default() }, watch());
        for (exporter, received_ms, bytes) in datagrams {
            let exporter = IpAddr::V4(Ipv4Addr::from_bits(exporter));
            for version in [&[0, 5][..], &[0, 9], &[0, 10], &[0, 0, 0, 5]] {
                stage.datagram(exporter, received_ms, &[version, &bytes].concat());
            }
            stage.drain(received_ms);
        }
        stage.flush();
    }
}
