//! Makes packets and files.

use std::net::IpAddr;

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};
use traffix_core::delivery::{Origin, PrefixKind, PrefixTable, Tenancy};
use traffix_telemetry::capture::{CaptureError, Limits, Report, inspect};

/// When the first packet passes, in nanoseconds since 1970: 14 November 2023.
pub(crate) const START_NS: i64 = 1_700_000_000_123_456_000;

/// A packet as a link carried it.
#[derive(Debug, Clone)]
pub(crate) struct Shot {
    pub(crate) data: Vec<u8>,
    /// As much as is captured.
    pub(crate) captured: usize,
}

impl Shot {
    pub(crate) fn whole(data: Vec<u8>) -> Self {
        Self { captured: data.len(), data }
    }
}

/// One end of a conversation.
pub(crate) type End = (&'static str, u16);

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ip(from: &str, to: &str) -> PacketBuilderStep<IpHeaders> {
    match (address(from), address(to)) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), 60),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), 60),
        _ => unreachable!("both ends are of one family"),
    }
}

/// What a segment is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Syn,
    SynAck(u32),
    Data,
}

/// An IP packet with TCP.
pub(crate) fn tcp(from: End, to: End, sequence: u32, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let step = ip(from.0, to.0).tcp(from.1, to.1, sequence, 60_000);
    let step = match kind {
        Kind::Syn => step.syn(),
        Kind::SynAck(next) => step.syn().ack(next),
        Kind::Data => step.ack(1),
    };
    let mut packet = Vec::new();
    step.write(&mut packet, payload).unwrap();
    packet
}

/// An IP packet with UDP.
pub(crate) fn udp(from: End, to: End, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    ip(from.0, to.0).udp(from.1, to.1).write(&mut packet, payload).unwrap();
    packet
}

/// An IP packet with another protocol.
pub(crate) fn other(from: &str, to: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    ip(from, to).write(&mut packet, etherparse::IpNumber(protocol), payload).unwrap();
    packet
}

/// What a server sends and gets: `down` payloads of 1000 bytes, each acknowledged.
pub(crate) fn download(server: End, client: End, down: u32) -> Vec<Vec<u8>> {
    let round = |n: u32| {
        [
            tcp(server, client, 1 + n * 1000, Kind::Data, &[0xd0; 1000]),
            tcp(client, server, 1, Kind::Data, &[]),
        ]
    };
    (0..down).flat_map(round).collect()
}

/// Puts IP packets into frames of Ethernet.
pub(crate) fn ethernet(packet: &[u8]) -> Vec<u8> {
    let version: [u8; 2] = if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &version[..], packet].concat()
}

/// Kinds of files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) next_generation: bool,
    pub(crate) big_endian: bool,
    pub(crate) nanos: bool,
    pub(crate) link: u16,
}

pub(crate) const PCAP: Format = Format { next_generation: false, big_endian: false, nanos: false, link: 1 };

impl Format {
    pub(crate) fn word(self, value: u32) -> [u8; 4] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn half(self, value: u16) -> [u8; 2] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn words(self, values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| self.word(*value)).collect()
    }

    /// A block of pcapng.
    pub(crate) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let length = u32::try_from(padded + 12).unwrap();
        let mut block = self.words(&[kind, length]);
        block.extend(body);
        block.resize(padded + 8, 0);
        block.extend(self.word(length));
        block
    }

    /// Section and interface.
    pub(crate) fn header(self) -> Vec<u8> {
        if !self.next_generation {
            let magic = if self.nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
            let mut header = self.words(&[magic]);
            header.extend(self.half(2));
            header.extend(self.half(4));
            header.extend(self.words(&[0, 0, 65_535, u32::from(self.link)]));
            return header;
        }
        let mut section = self.words(&[0x1a2b_3c4d]);
        section.extend(self.half(1));
        section.extend(self.half(0));
        section.extend(self.words(&[u32::MAX, u32::MAX]));
        let mut file = self.block(0x0a0d_0d0a, &section);
        file.extend(self.interface(self.link, if self.nanos { 9 } else { 6 }, 0));
        file
    }

    /// An interface with a resolution and an offset of its time stamps.
    pub(crate) fn interface(self, link: u16, resolution: u8, offset_secs: i64) -> Vec<u8> {
        let mut body = self.half(link).to_vec();
        body.extend(self.half(0));
        body.extend(self.word(0));
        body.extend(self.half(9));
        body.extend(self.half(1));
        body.extend([resolution, 0, 0, 0]);
        body.extend(self.half(14));
        body.extend(self.half(8));
        body.extend(if self.big_endian { offset_secs.to_be_bytes() } else { offset_secs.to_le_bytes() });
        body.extend([0; 4]);
        self.block(1, &body)
    }

    /// A packet on an interface, with its time stamp in units of that interface.
    pub(crate) fn packet(self, interface: u32, ticks: u64, shot: &Shot) -> Vec<u8> {
        let captured = &shot.data[..shot.captured];
        let lengths = [captured.len(), shot.data.len()].map(|length| u32::try_from(length).unwrap());
        let head = |first: [u64; 2]| first.map(|word| u32::try_from(word).unwrap());
        if !self.next_generation {
            let unit = if self.nanos { 1_000_000_000 } else { 1_000_000 };
            let [secs, fraction] = head([ticks / unit, ticks % unit]);
            return [self.words(&[secs, fraction, lengths[0], lengths[1]]), captured.to_vec()].concat();
        }
        let [high, low] = head([ticks >> 32, ticks & 0xffff_ffff]);
        let body = [self.words(&[interface, high, low, lengths[0], lengths[1]]), captured.to_vec()].concat();
        self.block(6, &body)
    }

    /// A whole file, a packet every millisecond.
    pub(crate) fn file(self, shots: &[Shot]) -> Vec<u8> {
        let mut file = self.header();
        for (n, shot) in (0..).zip(shots) {
            let ns = u64::try_from(START_NS + n * 1_000_000).unwrap();
            file.extend(self.packet(0, if self.nanos { ns } else { ns / 1000 }, shot));
        }
        file
    }
}

/// IP packets in Ethernet in a pcap file.
pub(crate) fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let shots: Vec<Shot> = packets.iter().map(|packet| Shot::whole(ethernet(packet))).collect();
    PCAP.file(&shots)
}

/// A table with two networks: `valve` has 198.51.100.0/24 for itself, `akamai` serves many from 203.0.113.0/24 and
/// `2001:db8:a::/48`.
pub(crate) fn table() -> PrefixTable {
    let mut builder = PrefixTable::builder();
    let mut add = |cdn: &str, asn: &str, tenancy, prefixes: &[&str]| {
        let origin = builder.origin(Origin {
            cdn: cdn.parse().unwrap(),
            asn: Some(asn.parse().unwrap()),
            kind: PrefixKind::OfficialList,
            tenancy,
            source: "a list".into(),
            observed: None,
        });
        for prefix in prefixes {
            builder.insert(origin, prefix.parse().unwrap());
        }
    };
    add("valve", "AS32590", Tenancy::Dedicated, &["198.51.100.0/24"]);
    add("akamai", "AS20940", Tenancy::Shared, &["203.0.113.0/24", "2001:db8:a::/48"]);
    builder.build()
}

pub(crate) fn inspect_with(file: &[u8], limits: &Limits) -> Result<Report, CaptureError> {
    inspect(file, &table(), limits)
}

/// Reads a file and checks that no byte is lost.
pub(crate) fn report(file: &[u8]) -> Report {
    let report = inspect_with(file, &Limits::default()).unwrap();
    assert_conserved(&report);
    report
}

/// Every byte is a server's or in one of the sums beside.
pub(crate) fn assert_conserved(report: &Report) {
    let servers: u64 = report.servers.iter().map(|server| server.down_bytes + server.up_bytes).sum();
    let beside = report.withheld.bytes + report.local.bytes + report.beyond.bytes;
    assert_eq!(servers + beside, report.bytes, "{report:#?}");
    assert_eq!(report.by_cdn.iter().map(|total| total.bytes).sum::<u64>(), servers);
    assert_eq!(report.by_name.iter().map(|total| total.bytes).sum::<u64>(), servers);
}
