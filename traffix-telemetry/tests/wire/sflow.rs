//! sFlow of a real agent, read as another decoder reads it; and what frames may look like.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::{capture, run};

use etherparse::PacketBuilder;
use flowparser_sflow::{FlowRecord, SflowParser, SflowSample};
use traffix_telemetry::flow::{Decoder, Direction, Flow};

const AGENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));
const NOW_MS: i64 = 1_700_000_000_000;

fn decode(datagram: &[u8]) -> Vec<Flow> {
    let mut flows = Vec::new();
    Decoder::default().decode(AGENT, NOW_MS, datagram, |flow| flows.push(flow)).unwrap();
    flows
}

#[test]
fn a_real_agent_is_read_as_another_decoder_reads_it() {
    let datagrams = run::sfprobe();
    let mut decoder = Decoder::default();
    let mut flows = Vec::new();
    for datagram in &datagrams {
        decoder.decode(AGENT, NOW_MS, datagram, |flow| flows.push(flow)).unwrap();
    }
    // The agent ends with the file and leaves the last samples unsent; what it sent is what was in the capture.
    let mut seen = BTreeMap::new();
    for flow in &flows {
        let key = (flow.source, flow.destination, flow.source_port, flow.destination_port, flow.protocol);
        let packets: &mut u64 = seen.entry(key).or_default();
        *packets += flow.packets;
    }
    let sent = capture::conversations();
    let sent: BTreeMap<_, _> = sent
        .iter()
        .map(|c| ((c.source, c.destination, c.source_port, c.destination_port, c.protocol), c.packets))
        .collect();
    assert!(flows.len() >= 300, "{} samples", flows.len());
    assert!(seen.iter().all(|(key, packets)| sent.get(key).is_some_and(|sent| packets <= sent)));
    assert_eq!(decoder.view(AGENT).unwrap().counters().without_address, 0);

    let parser = SflowParser::default();
    let mut frames = Vec::new();
    for datagram in &datagrams {
        for parsed in parser.parse_bytes(datagram).datagrams {
            for sample in parsed.samples {
                let (rate, records) = match sample {
                    SflowSample::Flow(sample) => (sample.sampling_rate, sample.records),
                    SflowSample::ExpandedFlow(sample) => (sample.sampling_rate, sample.records),
                    _ => continue,
                };
                for record in records {
                    if let FlowRecord::RawPacketHeader(raw) = record {
                        frames.push((rate, u64::from(raw.frame_length)));
                    }
                }
            }
        }
    }
    assert_eq!(flows.iter().map(|flow| (flow.sampling, flow.bytes)).collect::<Vec<_>>(), frames);
}

/// A datagram with one sample of 1 in 1,000 that came in by interface 3 and went out by interface 4.
fn datagram(protocol: u32, frame: &[u8]) -> Vec<u8> {
    let padded = frame.len().next_multiple_of(4);
    let record_len = u32::try_from(16 + padded).unwrap();
    let frame_len = u32::try_from(frame.len()).unwrap();
    let head = [5, 1, 0xcb00_7109, 0, 77, 1000, 1, 1, 32 + 8 + record_len, 1, 3, 1000, 50_000, 0, 3, 4, 1];
    let record = [1, record_len, protocol, 1500, 0, frame_len];
    let mut bytes: Vec<u8> = head.iter().chain(&record).flat_map(|word: &u32| word.to_be_bytes()).collect();
    bytes.extend(frame);
    bytes.resize(bytes.len() + padded - frame.len(), 0);
    bytes
}

/// An IPv4 UDP packet between the usual addresses; what a tunnel hides.
fn inner() -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [198, 51, 100, 7], 60)
        .udp(443, 50_000)
        .write(&mut packet, &[0; 20])
        .unwrap();
    packet
}

fn ethernet(kind: u16, rest: &[u8]) -> Vec<u8> {
    [&[2; 12], kind.to_be_bytes().as_slice(), rest].concat()
}

fn outer_ipv4(protocol: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 60, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    packet.extend(rest);
    packet
}

#[test]
fn tags_labels_and_tunnels_are_unpacked() {
    let vlan = [&[0, 5, 0x08, 0][..], &inner()].concat();
    let double = [&[0, 5, 0x81, 0, 0, 6, 0x08, 0][..], &inner()].concat();
    let labels = [&[0, 1, 0, 60, 0, 2, 1, 60][..], &inner()].concat();
    let pseudowire = [&[0, 1, 1, 60, 0, 0, 0, 0][..], &ethernet(0x0800, &inner())].concat();
    let pppoe = [&[0x11, 0, 0, 1, 0, 50, 0, 0x21][..], &inner()].concat();
    let gre = outer_ipv4(47, &[&[0x20, 0, 0x08, 0, 0, 0, 0, 9][..], &inner()].concat());
    let vxlan_head = [&[0x30, 0x39, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 5, 0][..]].concat();
    let vxlan = outer_ipv4(17, &[&vxlan_head[..], &ethernet(0x0800, &inner())].concat());
    let mut six_in_six = vec![0x60, 0, 0, 0, 0, 0, 0, 60];
    six_in_six.extend([0x20; 32]);
    // Hop-by-hop options, then a first fragment, then IPv4 in IPv6.
    six_in_six.extend([44, 0, 1, 4, 0, 0, 0, 0, 4, 0, 0, 1, 0, 0, 0, 1]);
    six_in_six[6] = 0;
    six_in_six.extend(inner());
    let frames = [
        ("plain", ethernet(0x0800, &inner())),
        ("802.1Q", ethernet(0x8100, &vlan)),
        ("802.1ad", ethernet(0x88a8, &double)),
        ("MPLS", ethernet(0x8847, &labels)),
        ("pseudowire", ethernet(0x8847, &pseudowire)),
        ("PPPoE", ethernet(0x8864, &pppoe)),
        ("GRE", ethernet(0x0800, &gre)),
        ("VXLAN", ethernet(0x0800, &vxlan)),
        ("IPv4 in IPv6", ethernet(0x86dd, &six_in_six)),
    ];
    for (name, frame) in frames {
        let flows = decode(&datagram(1, &frame));
        let [flow] = flows.as_slice() else { panic!("{name}: {flows:?}") };
        assert_eq!(
            (flow.source, flow.destination),
            ([192, 0, 2, 1].into(), [198, 51, 100, 7].into()),
            "{name}"
        );
        assert_eq!((flow.protocol, flow.source_port, flow.destination_port), (17, 443, 50_000), "{name}");
        assert_eq!((flow.bytes, flow.sampling, flow.scaled_bytes()), (1500, 1000, 1_500_000), "{name}");
        assert_eq!(flow.direction, Some(Direction::Ingress), "{name}");
        assert_eq!((flow.ingress.map(u32::from), flow.egress.map(u32::from)), (Some(3), Some(4)), "{name}");
    }
    assert_eq!(decode(&datagram(11, &inner()))[0].source_port, 443);
}

#[test]
fn what_is_cut_short_tells_what_it_can() {
    let frame = ethernet(0x0800, &inner());
    // The ports are cut off, the addresses are there.
    assert_eq!(decode(&datagram(1, &frame[..34]))[0].source_port, 0);
    // Not even the addresses are.
    assert!(decode(&datagram(1, &frame[..30])).is_empty());
    // A later fragment has no ports.
    let mut fragment = frame.clone();
    fragment[20] = 0x00;
    fragment[21] = 0x10;
    assert_eq!(decode(&datagram(1, &fragment))[0].source_port, 0);
}
