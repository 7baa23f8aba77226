//! Flows decoded per second, beside other decoders, on templates as routers and softflowd announce them.
//!
//! Every decoder must find the same number of flows and, where it tells them, the same bytes before it is timed.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

mod exports;

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flowparser_sflow::{FlowRecord, SflowParser, SflowSample};
use netflow_parser::NetflowParser;
use netgauze_flow_pkt::FlowInfo;
use netgauze_flow_pkt::ipfix::IpfixPacket;
use netgauze_flow_pkt::netflow::NetFlowV9Packet;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput as _;
use traffix_telemetry::flow::Decoder;

use exports::{DATAGRAMS, NOW_MS, Numbers, ROUTER, ROUTER_FIELDS};

/// softflowd's template for IPv4.
const SOFTFLOWD_FIELDS: [(u16, u16); 13] = [
    (8, 4),
    (12, 4),
    (22, 4),
    (21, 4),
    (1, 4),
    (2, 4),
    (10, 4),
    (14, 4),
    (7, 2),
    (11, 2),
    (4, 1),
    (6, 1),
    (60, 1),
];

/// A plausible value of a field.
fn value(id: u16, numbers: &mut Numbers) -> u64 {
    match id {
        1 | 2 => numbers.next() >> 18,
        4 => 6,
        21 | 22 => 900_000 + (numbers.next() >> 18),
        48 => 0,
        _ => numbers.next(),
    }
}

fn netflow(c: &mut Criterion) {
    for (name, version, fields) in [
        ("softflowd v9", 9, &SOFTFLOWD_FIELDS[..]),
        ("softflowd IPFIX", 10, &SOFTFLOWD_FIELDS[..]),
        ("router v9", 9, &ROUTER_FIELDS[..]),
        ("router IPFIX", 10, &ROUTER_FIELDS[..]),
    ] {
        let mut numbers = Numbers(1);
        let (datagrams, flows) = exports::datagrams(version, fields, |id| value(id, &mut numbers));
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(flows));
        let mut ours = Decoder::default();
        let mut decode = || {
            let mut sum = (0_u64, 0_u64);
            for datagram in &datagrams {
                ours.decode(ROUTER, NOW_MS, datagram, |flow| {
                    sum.0 += 1;
                    sum.1 = sum.1.wrapping_add(flow.bytes ^ u64::from(flow.source_port));
                    black_box(flow);
                })
                .unwrap();
            }
            sum
        };
        assert_eq!(decode().0, flows);
        group.bench_function("traffix", |b| b.iter(&mut decode));
        let mut parser = NetflowParser::default();
        let mut theirs = || {
            let mut count = 0;
            for datagram in &datagrams {
                for packet in parser.parse_bytes(datagram).packets {
                    count += packet.as_netflow_common().map_or(0, |common| common.flowsets.len() as u64);
                }
            }
            count
        };
        assert_eq!(theirs(), flows);
        group.bench_function("netflow_parser", |b| b.iter(&mut theirs));
        let mut templates = (HashMap::new(), HashMap::new());
        let mut netgauze =
            || datagrams.iter().map(|datagram| netgauze(version, datagram, &mut templates)).sum();
        let found: u64 = netgauze();
        assert_eq!(found, flows);
        group.bench_function("netgauze-flow-pkt", |b| b.iter(&mut netgauze));
        group.finish();
    }
}

type Templates = (netgauze_flow_pkt::netflow::TemplatesMap, netgauze_flow_pkt::ipfix::TemplatesMap);

/// Records of data that netgauze-flow-pkt finds in a datagram.
fn netgauze(version: u16, datagram: &[u8], templates: &mut Templates) -> u64 {
    let mut reader = SliceReader::new(datagram);
    let packet = if version == 9 {
        FlowInfo::NetFlowV9(NetFlowV9Packet::parse(&mut reader, &mut templates.0).unwrap())
    } else {
        FlowInfo::IPFIX(IpfixPacket::parse(&mut reader, &mut templates.1).unwrap())
    };
    black_box(&packet).data_record_fields().count() as u64
}

/// Datagrams of seven samples, each with the first 128 bytes of a TCP packet.
fn sflow_datagrams() -> (Vec<Vec<u8>>, u64) {
    const SAMPLES: u32 = 7;
    let mut all = Vec::new();
    for n in 0..DATAGRAMS {
        let mut words = vec![5, 1, 0xcb00_7109, 0, n, 1000, SAMPLES];
        for sample in 0..SAMPLES {
            words.extend([1, 32 + 8 + 16 + 128, n * SAMPLES + sample, 3, 1000, 50_000, 0, 3, 4, 1]);
            words.extend([1, 16 + 128, 1, 1514, 4, 128]);
            let mut header = vec![2; 12];
            header.extend([8, 0, 0x45, 0, 5, 0xdc, 0, 0, 0x40, 0, 60, 6, 0, 0, 192, 0, 2, 1]);
            header.extend((0xc633_0000 + n * SAMPLES + sample).to_be_bytes());
            header.extend([1, 0xbb, 0xc3, 0x50]);
            header.resize(128, 0x50);
            words.extend(header.chunks(4).map(|c| u32::from_be_bytes(c.try_into().unwrap())));
        }
        all.push(words.into_iter().flat_map(u32::to_be_bytes).collect());
    }
    (all, u64::from(DATAGRAMS * SAMPLES))
}

fn sflow(c: &mut Criterion) {
    let (datagrams, samples) = sflow_datagrams();
    let mut group = c.benchmark_group("sFlow");
    group.throughput(Throughput::Elements(samples));
    let mut ours = Decoder::default();
    let mut decode = || {
        let mut sum = (0_u64, 0_u64);
        for datagram in &datagrams {
            ours.decode(ROUTER, NOW_MS, datagram, |flow| {
                sum = (sum.0 + 1, sum.1 + flow.bytes);
                black_box(flow);
            })
            .unwrap();
        }
        sum
    };
    let parser = SflowParser::default();
    let theirs = || {
        let mut sum = (0_u64, 0_u64);
        for datagram in &datagrams {
            for parsed in parser.parse_bytes(datagram).datagrams {
                for sample in parsed.samples {
                    let SflowSample::Flow(sample) = sample else { continue };
                    for record in sample.records {
                        if let FlowRecord::RawPacketHeader(raw) = record {
                            sum = (sum.0 + 1, sum.1 + u64::from(raw.frame_length));
                            black_box(raw);
                        }
                    }
                }
            }
        }
        sum
    };
    assert_eq!(decode(), (samples, samples * 1514));
    assert_eq!(theirs(), decode());
    group.bench_function("traffix", |b| b.iter(&mut decode));
    group.bench_function("flowparser-sflow", |b| b.iter(theirs));
    group.finish();
}

criterion_group!(flow, netflow, sflow);
criterion_main!(flow);
