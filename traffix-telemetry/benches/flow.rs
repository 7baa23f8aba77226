//! Flows decoded per second, beside other decoders, on templates as routers and softflowd announce them.
//!
//! Every decoder must find the same number of flows and, where it tells them, the same bytes before it is timed.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flowparser_sflow::{FlowRecord, SflowParser, SflowSample};
use netflow_parser::NetflowParser;
use traffix_telemetry::flow::Decoder;

const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));
const NOW_MS: i64 = 1_700_000_000_000;
/// Datagrams of one timed pass.
const DATAGRAMS: u32 = 200;

/// Fields of a core router's template: id and length.
const ROUTER_FIELDS: [(u16, u16); 24] = [
    (8, 4),
    (12, 4),
    (5, 1),
    (4, 1),
    (7, 2),
    (11, 2),
    (32, 2),
    (10, 4),
    (16, 4),
    (17, 4),
    (18, 4),
    (14, 4),
    (1, 8),
    (2, 8),
    (22, 4),
    (21, 4),
    (6, 1),
    (9, 1),
    (13, 1),
    (15, 4),
    (58, 2),
    (61, 1),
    (89, 1),
    (48, 1),
];

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

fn set(id: u16, contents: &[u8]) -> Vec<u8> {
    let len = u16::try_from(contents.len() + 4).unwrap();
    [&id.to_be_bytes(), &len.to_be_bytes(), contents].concat()
}

fn message(version: u16, sequence: u32, records: u16, sets: &[u8]) -> Vec<u8> {
    let secs = u32::try_from(NOW_MS / 1000).unwrap();
    let second = if version == 9 { records } else { u16::try_from(16 + sets.len()).unwrap() };
    let mut bytes = [version.to_be_bytes(), second.to_be_bytes()].concat();
    if version == 9 {
        bytes.extend(1_000_000_u32.to_be_bytes());
    }
    for word in [secs, sequence, 7] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(sets);
    bytes
}

/// Datagrams of about 1,400 bytes; the first carries the template.
fn datagrams(version: u16, fields: &[(u16, u16)]) -> (Vec<Vec<u8>>, u64) {
    let record_len: u16 = fields.iter().map(|(_, len)| len).sum();
    let per_datagram = 1380 / record_len;
    let mut template = [300_u16.to_be_bytes(), u16::try_from(fields.len()).unwrap().to_be_bytes()].concat();
    for (id, len) in fields {
        template.extend([id.to_be_bytes(), len.to_be_bytes()].concat());
    }
    let template_set = set(if version == 9 { 0 } else { 2 }, &template);
    let mut all = vec![message(version, 0, 1, &template_set)];
    let mut state = 1_u64;
    for n in 0..DATAGRAMS {
        let mut records = Vec::new();
        for _ in 0..per_datagram {
            for (id, len) in fields {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let value = match id {
                    1 | 2 => state >> 50,
                    4 => 6,
                    21 | 22 => 900_000 + (state >> 50),
                    48 => 0,
                    _ => state >> 32,
                };
                records.extend(&value.to_be_bytes()[8 - usize::from(*len)..]);
            }
        }
        let sequence = if version == 9 { n + 1 } else { n * u32::from(per_datagram) };
        all.push(message(version, sequence, per_datagram, &set(300, &records)));
    }
    (all, u64::from(DATAGRAMS) * u64::from(per_datagram))
}

fn netflow(c: &mut Criterion) {
    for (name, version, fields) in [
        ("softflowd v9", 9, &SOFTFLOWD_FIELDS[..]),
        ("softflowd IPFIX", 10, &SOFTFLOWD_FIELDS[..]),
        ("router v9", 9, &ROUTER_FIELDS[..]),
        ("router IPFIX", 10, &ROUTER_FIELDS[..]),
    ] {
        let (datagrams, flows) = datagrams(version, fields);
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
        group.finish();
    }
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
