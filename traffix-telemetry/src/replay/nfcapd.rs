//! Files of nfcapd, as nfdump 1.7 writes them: file layout 2, records of type 3, not compressed.
//!
//! Source: `nffile.h` and `nfxV3.h` of nfdump 1.7.1, and files that its nfcapd wrote. Everything is in the byte order of
//! the machine that wrote it; little endian is read.

use core::net::IpAddr;
use core::num::NonZeroU32;
use std::collections::HashMap;
use std::io::Read;

use super::ipfix::Message;
use super::{Recorded, ReplayError};
use crate::flow::{Direction, Flow};

/// The first two bytes of a file.
pub(super) const MAGIC: [u8; 2] = 0xa50c_u16.to_le_bytes();

/// Length of the header of the file, and of that of a block.
const FILE_HEADER: usize = 40;
const BLOCK_HEADER: usize = 12;
/// Largest block; nfdump's own buffers have 2 MiB.
const MAX_BLOCK: usize = 16 << 20;
/// Blocks that hold records.
const DATA_BLOCK: u16 = 3;
/// Records: a flow, and what is known of an exporter.
const FLOW: u16 = 11;
const EXPORTER: u16 = 7;
/// Parts of a flow's record.
const GENERIC: u16 = 1;
const ADDRESSES_V4: u16 = 2;
const ADDRESSES_V6: u16 = 3;
const MISCELLANEOUS: u16 = 4;
const RECEIVED_FROM_V4: u16 = 12;
const RECEIVED_FROM_V6: u16 = 13;
/// Exporters that are told apart.
const MAX_EXPORTERS: usize = 65_536;

/// Reads a file and gives its flows to `each`, in datagrams. The answer is how many records are no flows.
pub(super) fn read(
    source: impl Read,
    each: &mut impl FnMut(Recorded<'_>) -> Result<(), ReplayError>,
) -> Result<u64, ReplayError> {
    let mut file = File { source, at: 0 };
    let header = file.take(FILE_HEADER, "its header")?;
    if le16(&header, 2) != 2 {
        return Err(ReplayError::Unread("a layout other than that of nfdump 1.7"));
    }
    match (header[16], header[17]) {
        (0, 0) => {}
        (_, 0) => return Err(ReplayError::Unread("a compressed nfcapd file")),
        _ => return Err(ReplayError::Unread("an encrypted nfcapd file")),
    }
    let mut exporters = Exporters::default();
    // A file that is still written to, or was not closed, tells no number of blocks.
    let blocks = Some(le32(&header, 36)).filter(|blocks| *blocks > 0).unwrap_or(u32::MAX);
    for _ in 0..blocks {
        let Some((kind, block)) = file.block()? else { break };
        if kind == DATA_BLOCK {
            let start = file.at - block.len() as u64;
            records(&block, start, &mut exporters, each)?;
        }
    }
    exporters.finish(each)?;
    Ok(exporters.passed_over)
}

/// A file being read.
struct File<R> {
    source: R,
    at: u64,
}

impl<R: Read> File<R> {
    fn take(&mut self, len: usize, what: &'static str) -> Result<Vec<u8>, ReplayError> {
        let mut bytes = vec![0; len];
        self.source.read_exact(&mut bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ReplayError::Nfcapd { at: self.at, what },
            _ => error.into(),
        })?;
        self.at += len as u64;
        Ok(bytes)
    }

    /// The next block and its kind; nothing at the end of the file.
    fn block(&mut self) -> Result<Option<(u16, Vec<u8>)>, ReplayError> {
        let mut first = [0];
        if self.source.read(&mut first)? == 0 {
            return Ok(None);
        }
        self.at += 1;
        let rest = self.take(BLOCK_HEADER - 1, "a block's header is cut short")?;
        let header = [&first, rest.as_slice()].concat();
        let size = usize::try_from(le32(&header, 4)).unwrap_or(usize::MAX);
        if size > MAX_BLOCK {
            return Err(ReplayError::Nfcapd { at: self.at, what: "a block claims more than 16 MiB" });
        }
        Ok(Some((le16(&header, 8), self.take(size, "a block is cut short")?)))
    }
}

/// Reads the records of a block that starts at byte `start` of the file.
fn records(
    block: &[u8],
    start: u64,
    exporters: &mut Exporters,
    each: &mut impl FnMut(Recorded<'_>) -> Result<(), ReplayError>,
) -> Result<(), ReplayError> {
    let mut rest = block;
    while !rest.is_empty() {
        let at = start + (block.len() - rest.len()) as u64;
        let damaged = |what| ReplayError::Nfcapd { at, what };
        let size = usize::from(le16(rest, 2));
        let record =
            rest.get(..size).filter(|_| size >= 4).ok_or(damaged("a record's length is impossible"))?;
        rest = &rest[size..];
        match le16(record, 0) {
            FLOW => match flow(record) {
                Some(told) => exporters.flow(&told, each)?,
                None => exporters.passed_over += 1,
            },
            EXPORTER => exporters.learn(record),
            _ => exporters.passed_over += 1,
        }
    }
    Ok(())
}

/// What a record tells.
struct Told {
    flow: Flow,
    received_ms: i64,
    exporter: u16,
    sender: Option<IpAddr>,
}

/// The flow of a record; nothing if it is about no addresses, or damaged.
fn flow(record: &[u8]) -> Option<Told> {
    let mut addresses = None;
    let mut generic = None;
    let (mut ingress, mut egress, mut direction, mut sender) = (None, None, None, None);
    let mut rest = record.get(12..)?;
    for _ in 0..le16(record, 4) {
        let (kind, len) = (le16(rest, 0), usize::from(le16(rest, 2)));
        let part = rest.get(4..len)?;
        rest = rest.get(len..)?;
        match kind {
            GENERIC if part.len() >= 48 => generic = Some(part),
            ADDRESSES_V4 if part.len() >= 8 => addresses = Some((v4(part, 0), v4(part, 4))),
            ADDRESSES_V6 if part.len() >= 32 => addresses = Some((v6(part, 0), v6(part, 16))),
            MISCELLANEOUS if part.len() >= 11 => {
                ingress = NonZeroU32::new(le32(part, 0));
                egress = NonZeroU32::new(le32(part, 4));
                direction = if part[10] == 1 { Some(Direction::Egress) } else { None };
            }
            RECEIVED_FROM_V4 if part.len() >= 4 => sender = Some(v4(part, 0)),
            RECEIVED_FROM_V6 if part.len() >= 16 => sender = Some(v6(part, 0)),
            _ => {}
        }
    }
    let ((source, destination), generic) = (addresses?, generic?);
    let (start_ms, end_ms, received_ms) = (ms(generic, 0), ms(generic, 8), ms(generic, 16));
    let flow = Flow {
        source,
        destination,
        source_port: le16(generic, 40),
        destination_port: le16(generic, 42),
        protocol: generic[44],
        bytes: le64(generic, 32),
        packets: le64(generic, 24),
        // nfcapd multiplies what was sampled.
        sampling: 1,
        start_ms,
        end_ms,
        ingress,
        egress,
        direction,
    };
    let received_ms = if received_ms > 0 { received_ms } else { end_ms };
    Some(Told { flow, received_ms, exporter: le16(record, 8), sender })
}

/// Exporters of the file, and the datagram that is being filled.
#[derive(Default)]
struct Exporters {
    addresses: HashMap<u16, IpAddr>,
    sequences: HashMap<(IpAddr, u16), u32>,
    message: Message,
    /// Of whom the message is, and when its last flow was received.
    of: Option<(IpAddr, u16)>,
    at_ms: i64,
    passed_over: u64,
}

impl Exporters {
    /// An exporter's address by the number that records have.
    fn learn(&mut self, record: &[u8]) {
        if record.len() >= 28 {
            let is_v4 = le16(record, 24) == 2;
            let address = if is_v4 { v4(record, 16) } else { v6(record, 8) };
            self.addresses.insert(le16(record, 26), address);
        }
    }

    fn flow(
        &mut self,
        told: &Told,
        each: &mut impl FnMut(Recorded<'_>) -> Result<(), ReplayError>,
    ) -> Result<(), ReplayError> {
        let address = told.sender.or_else(|| self.addresses.get(&told.exporter).copied());
        // Files that were made without the exporter's address have none: it is nobody's.
        let of = (address.unwrap_or(IpAddr::from([0, 0, 0, 0])), told.exporter);
        if self.of != Some(of) || !self.message.takes(&told.flow) {
            self.finish(each)?;
        }
        (self.of, self.at_ms) = (Some(of), told.received_ms);
        self.message.push(&told.flow);
        Ok(())
    }

    /// Gives away the datagram that is being filled.
    fn finish(
        &mut self,
        each: &mut impl FnMut(Recorded<'_>) -> Result<(), ReplayError>,
    ) -> Result<(), ReplayError> {
        let Some(of) = self.of.filter(|_| !self.message.is_empty()) else { return Ok(()) };
        if self.sequences.len() >= MAX_EXPORTERS {
            self.sequences.clear();
        }
        let sequence = self.sequences.entry(of).or_default();
        let (datagram, flows) = self.message.finish(self.at_ms, of.1.into(), *sequence);
        *sequence = sequence.wrapping_add(flows.into());
        each(Recorded { at_ms: self.at_ms, exporter: of.0, datagram: &datagram })
    }
}

fn bytes<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

fn le16(from: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes(from, at))
}

fn le32(from: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes(from, at))
}

fn le64(from: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes(from, at))
}

/// Milliseconds since 1970, which fit a signed number for ages.
fn ms(from: &[u8], at: usize) -> i64 {
    i64::try_from(le64(from, at)).unwrap_or(i64::MAX)
}

fn v4(from: &[u8], at: usize) -> IpAddr {
    core::net::Ipv4Addr::from_bits(le32(from, at)).into()
}

/// The upper half comes first.
fn v6(from: &[u8], at: usize) -> IpAddr {
    let (high, low) = (u128::from(le64(from, at)), u128::from(le64(from, at + 8)));
    core::net::Ipv6Addr::from_bits(high << 64 | low).to_canonical()
}
