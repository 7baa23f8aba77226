//! sFlow v5: samples of packets, each with the first bytes of its frame.

use core::num::NonZeroU32;

use super::exporter::Exporter;
use super::headers::{self, Packet};
use super::read::{FlowError, Reader, be16, be32, ipv4, ipv6};
use super::{Direction, Flow};

/// Interfaces are numbers only if the two format bits are 0.
const INTERFACE_FORMAT: u32 = 0xc000_0000;

/// Decodes what follows the version.
pub(super) fn decode(
    reader: &mut Reader<'_>,
    received_ms: i64,
    exporter: &mut Exporter,
    sink: &mut impl FnMut(Flow),
) -> Result<(), FlowError> {
    let agent_len = match reader.u32("the agent's address")? {
        1 => 4,
        2 => 16,
        _ => return Err(reader.impossible("the agent's kind of address")),
    };
    reader.take(agent_len, "the agent's address")?;
    let stream = (0, reader.u32("the header")?);
    let sequence = reader.u32("the header")?;
    reader.u32("the header")?;
    exporter.sequence(stream, sequence, 1, 1);
    for _ in 0..reader.u32("the header")? {
        let (kind, len) = reader.pair("a sample's type and length")?;
        let mut sample = reader.part(usize::try_from(len).unwrap_or(usize::MAX), "a sample")?;
        // Types 1 and 3 of enterprise 0 are packets, plain and with long indices; the others are counters.
        if kind == 1 || kind == 3 {
            packet_sample(&mut sample, kind == 3, received_ms, exporter, sink)?;
        }
    }
    Ok(())
}

/// What a sample says before its records.
struct Sample {
    sampling: u32,
    ingress: Option<NonZeroU32>,
    egress: Option<NonZeroU32>,
    direction: Option<Direction>,
}

#[inline]
fn packet_sample(
    sample: &mut Reader<'_>,
    is_expanded: bool,
    received_ms: i64,
    exporter: &mut Exporter,
    sink: &mut impl FnMut(Flow),
) -> Result<(), FlowError> {
    const WHAT: &str = "a packet sample";
    let plain = |value: u32| if value & INTERFACE_FORMAT == 0 { NonZeroU32::new(value) } else { None };
    let with_format = |format: u32, value: u32| if format == 0 { NonZeroU32::new(value) } else { None };
    let (source, sampling, ingress, egress, records) = if is_expanded {
        let head: &[u8; 44] = sample.array(WHAT)?;
        let word = |i: usize| be32(&head[4 * i..]);
        (word(2), word(3), with_format(word(6), word(7)), with_format(word(8), word(9)), word(10))
    } else {
        let head: &[u8; 32] = sample.array(WHAT)?;
        let word = |i: usize| be32(&head[4 * i..]);
        (word(1) & 0x00ff_ffff, word(2), plain(word(5)), plain(word(6)), word(7))
    };
    // The source is the interface that sampled: it tells which way the packet passed.
    let source = NonZeroU32::new(source);
    let direction = match source {
        Some(_) if source == ingress => Some(Direction::Ingress),
        Some(_) if source == egress => Some(Direction::Egress),
        _ => None,
    };
    let about = Sample { sampling: sampling.max(1), ingress, egress, direction };
    let (mut frame, mut addressed): (Option<&[u8]>, _) = (None, None);
    for _ in 0..records {
        let (kind, len) = sample.pair("a record's type and length")?;
        let bytes = sample.take(usize::try_from(len).unwrap_or(usize::MAX), "a record")?;
        match kind {
            1 => frame = Some(bytes),
            3 | 4 => addressed = Some((bytes, kind == 4)),
            _ => {}
        }
    }
    // What most samples are goes to the sink at once, without a detour through memory.
    if let Some((packet, frame_bytes)) = frame.and_then(plain_frame) {
        sink(flow(packet, frame_bytes, &about, received_ms));
        return Ok(());
    }
    match frame.and_then(any_frame).or_else(|| addressed.and_then(addresses)) {
        Some((packet, frame_bytes)) => sink(flow(packet, frame_bytes, &about, received_ms)),
        None => exporter.counters.without_address += 1,
    }
    Ok(())
}

#[inline]
fn flow(packet: Packet, frame_bytes: u32, about: &Sample, received_ms: i64) -> Flow {
    Flow {
        source: packet.source,
        destination: packet.destination,
        source_port: packet.ports.0,
        destination_port: packet.ports.1,
        protocol: packet.protocol,
        bytes: u64::from(frame_bytes),
        packets: 1,
        sampling: about.sampling,
        start_ms: received_ms,
        end_ms: received_ms,
        ingress: about.ingress,
        egress: about.egress,
        direction: about.direction,
    }
}

/// Bytes of a record before the first bytes of a frame: protocol, length of the frame, bytes stripped from it, the
/// header's length.
const FRAME: usize = 16;

/// A frame that starts with Ethernet and is as plain as most are.
#[inline]
fn plain_frame(record: &[u8]) -> Option<(Packet, u32)> {
    let (head, bytes) = record.split_first_chunk::<FRAME>()?;
    let bytes = bytes.get(..usize::try_from(be32(&head[12..])).ok()?)?;
    let packet = if be32(head) == 1 { headers::plain_ipv4(bytes)? } else { return None };
    Some((packet, be32(&head[4..])))
}

/// A frame of any kind that is known.
#[cold]
fn any_frame(record: &[u8]) -> Option<(Packet, u32)> {
    let (head, bytes) = record.split_first_chunk::<FRAME>()?;
    let bytes = bytes.get(..usize::try_from(be32(&head[12..])).ok()?)?;
    let packet = match be32(head) {
        1 => headers::ethernet(bytes),
        11 | 12 => headers::ip(bytes),
        13 => headers::mpls(bytes),
        _ => None,
    };
    Some((packet?, be32(&head[4..])))
}

/// Addresses without a frame: length, protocol, addresses, ports.
fn addresses((record, is_v6): (&[u8], bool)) -> Option<(Packet, u32)> {
    let (width, read): (usize, fn(&[u8]) -> core::net::IpAddr) = if is_v6 { (16, ipv6) } else { (4, ipv4) };
    let rest = record.get(8..16 + 2 * width)?;
    let packet = Packet {
        source: read(rest),
        destination: read(&rest[width..]),
        protocol: record[7],
        ports: (be16(&rest[2 * width + 2..]), be16(&rest[2 * width + 6..])),
    };
    Some((packet, be32(record)))
}
