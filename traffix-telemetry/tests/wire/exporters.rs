//! What real exporters send is decoded to the flows that were in the capture, and as other decoders read it.
//!
//! softflowd and pmacctd (Debian packages) read a generated capture and export to a socket of the test.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::capture::{self, Conversation, conversations};
use crate::run::{Tool, complete, nfdump_totals, pmacctd, softflowd};
use netflow_parser::NetflowParser;
use traffix_telemetry::flow::{Decoder, Flow};

/// What identifies a flow: addresses, ports, protocol.
type Key = (IpAddr, IpAddr, u16, u16, u8);

const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn key(flow: &Flow) -> Key {
    // Exporters put the type of an ICMP message where ports would be.
    let ports =
        if matches!(flow.protocol, 1 | 58) { (0, 0) } else { (flow.source_port, flow.destination_port) };
    (flow.source, flow.destination, ports.0, ports.1, flow.protocol)
}

/// Bytes and packets of each flow.
fn sums(flows: &[Flow]) -> BTreeMap<Key, (u64, u64)> {
    let mut sums = BTreeMap::new();
    for flow in flows {
        let sum: &mut (u64, u64) = sums.entry(key(flow)).or_default();
        sum.0 += flow.bytes;
        sum.1 += flow.packets;
    }
    sums
}

fn truth(conversations: &[Conversation], only_v4: bool) -> BTreeMap<Key, (u64, u64)> {
    let shown = conversations.iter().filter(|c| !only_v4 || c.source.is_ipv4());
    shown
        .map(|c| {
            (
                (c.source, c.destination, c.source_port, c.destination_port, c.protocol),
                (c.ip_bytes, c.packets),
            )
        })
        .collect()
}

fn decode(datagrams: &[Vec<u8>]) -> (Vec<Flow>, Decoder) {
    let mut decoder = Decoder::default();
    let mut flows = Vec::new();
    for datagram in datagrams {
        decoder.decode(EXPORTER, capture::END_MS, datagram, |flow| flows.push(flow)).unwrap();
    }
    (flows, decoder)
}

/// Every flow that another decoder finds in the same datagrams.
fn by_netflow_parser(datagrams: &[Vec<u8>]) -> Vec<Key> {
    let mut parser = NetflowParser::default();
    let packets = datagrams.iter().flat_map(|datagram| parser.parse_bytes(datagram).packets);
    let common =
        packets.filter_map(|packet| packet.as_netflow_common().ok()).flat_map(|common| common.flowsets);
    common
        .filter_map(|f| Some((f.src_addr?, f.dst_addr?, f.src_port?, f.dst_port?, f.protocol_number?)))
        .collect()
}

fn check(tool: Tool, version: u8, datagrams: &[Vec<u8>]) {
    let conversations = conversations();
    let (flows, decoder) = decode(datagrams);
    let only_v4 = version == 5;
    assert_eq!(sums(&flows), truth(&conversations, only_v4), "{tool:?} v{version}");
    let counters = decoder.view(EXPORTER).unwrap().counters();
    assert_eq!(
        (counters.lost, counters.errors, counters.given_up),
        (0, 0, 0),
        "{tool:?} v{version}: {counters:?}"
    );
    assert!(
        flows.iter().all(|flow| (capture::START_MS - 2000..=capture::END_MS + 2000).contains(&flow.start_ms)),
        "{tool:?} v{version}: {:?}",
        flows.first()
    );
    let mut theirs = by_netflow_parser(datagrams);
    let mut ours: Vec<Key> = flows.iter().map(key).collect();
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(theirs, ours, "{tool:?} v{version}");
    let (nf_flows, nf_bytes, nf_packets) = nfdump_totals(datagrams);
    let total = |field: fn(&Flow) -> u64| flows.iter().map(field).sum::<u64>();
    assert_eq!(
        (nf_flows, nf_bytes, nf_packets),
        (flows.len() as u64, total(|f| f.bytes), total(|f| f.packets)),
        "{tool:?} v{version}"
    );
}

#[test]
fn softflowd_version_5() {
    check(Tool::Softflowd, 5, &complete(|| softflowd(5)));
}

#[test]
fn softflowd_version_9_loses_no_flow() {
    check(Tool::Softflowd, 9, &complete(|| softflowd(9)));
}

#[test]
fn softflowd_ipfix() {
    check(Tool::Softflowd, 10, &complete(|| softflowd(10)));
}

#[test]
fn pmacctd_version_9() {
    check(Tool::Pmacctd, 9, &complete(|| pmacctd(9)));
}

#[test]
fn pmacctd_ipfix() {
    check(Tool::Pmacctd, 10, &complete(|| pmacctd(10)));
}
