//! `NetFlow` v5: a header of 24 bytes and records of 48.

use core::num::NonZeroU32;

use super::Flow;
use super::exporter::Exporter;
use super::read::{FlowError, Reader, be16, be32, ipv4};
use super::record::Clock;

/// Length of a record.
const RECORD: usize = 48;
/// Most records that the format allows in a datagram.
const MAX_RECORDS: u16 = 30;

/// Decodes what follows the version.
pub(super) fn decode(
    reader: &mut Reader<'_>,
    exporter: &mut Exporter,
    mut sink: impl FnMut(Flow),
) -> Result<u64, FlowError> {
    let header = reader.take(22, "the header")?;
    let count = be16(header);
    let clock = Clock {
        export_ms: i64::from(be32(&header[6..])) * 1000 + i64::from(be32(&header[10..])) / 1_000_000,
        uptime_ms: Some(be32(&header[2..])),
    };
    let sequence = be32(&header[14..]);
    let engine = u32::from(be16(&header[18..]));
    // Two bits of mode, fourteen of interval; 0 means unsampled.
    let sampling = u32::from(be16(&header[20..]) & 0x3fff).max(1);
    if count > MAX_RECORDS {
        return Err(reader.impossible("a number of records"));
    }
    let records = reader.take(RECORD * usize::from(count), "a record")?;
    exporter.sequence((5, engine), sequence, u32::from(count), u32::from(count));
    for record in records.chunks_exact(RECORD) {
        let uptime = |at: usize| clock.at_uptime(be32(&record[at..]), None);
        sink(Flow {
            source: ipv4(record),
            destination: ipv4(&record[4..]),
            source_port: be16(&record[32..]),
            destination_port: be16(&record[34..]),
            protocol: record[38],
            bytes: u64::from(be32(&record[20..])),
            packets: u64::from(be32(&record[16..])),
            sampling,
            start_ms: uptime(24),
            end_ms: uptime(28),
            ingress: NonZeroU32::new(u32::from(be16(&record[12..]))),
            egress: NonZeroU32::new(u32::from(be16(&record[14..]))),
            direction: None,
        });
    }
    Ok(u64::from(count))
}
