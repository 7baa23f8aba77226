//! Packets from pcap and pcapng files, one after the other.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use pcap_parser::traits::{PcapNGPacketBlock as _, PcapReaderIterator};
use pcap_parser::{
    Block, InterfaceDescriptionBlock, LegacyPcapBlock, PcapBlockOwned, PcapError, PcapHeader, create_reader,
};

use super::CaptureError;

/// Largest block of a file: a packet of the largest snap length that tools write (256 KiB) and its options fit in.
const BUFFER_BYTES: usize = 1 << 20;
/// Interfaces of one section; more are read as unknown link types.
const MAX_INTERFACES: usize = 4096;
/// Nanoseconds of a second.
const NANOS: i128 = 1_000_000_000;

/// One captured packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    /// When it passed, in nanoseconds since 1970, if the file says.
    pub(super) at_ns: Option<i64>,
    /// Kind of link layer: a number of the registry at tcpdump.org.
    pub(super) link: u16,
    /// As much of it as was captured.
    pub(super) data: &'a [u8],
    /// Bytes on the link, captured or not.
    pub(super) original_bytes: u64,
}

/// Interface of a capture: what its packets need to be read.
#[derive(Debug, Clone, Copy)]
struct Interface {
    link: u16,
    /// Units of time stamps per second, and seconds to add.
    units_per_sec: i128,
    offset_secs: i64,
}

/// A capture being read.
pub(super) struct Frames<'a> {
    reader: Box<dyn PcapReaderIterator + Send + 'a>,
    interfaces: Vec<Interface>,
    big_endian: bool,
}

impl<'a> Frames<'a> {
    /// Recognises the kind of file; gzip is unpacked on the way.
    pub(super) fn open(source: impl Read + Send + 'a) -> Result<Self, CaptureError> {
        let reader = create_reader(BUFFER_BYTES, unpacked(source)?).map_err(|error| match error {
            PcapError::ReadError => io::Error::other("the file cannot be unpacked").into(),
            _ => CaptureError::NotACapture,
        })?;
        Ok(Self { reader, interfaces: Vec::new(), big_endian: false })
    }

    /// Hands every packet to `sink`.
    pub(super) fn each(mut self, mut sink: impl FnMut(&Frame<'_>)) -> Result<(), CaptureError> {
        loop {
            let at = self.reader.consumed() as u64;
            let damaged = |what| Err(CaptureError::Damaged { at, what });
            let size = match self.reader.next() {
                Ok((size, block)) => {
                    match block {
                        PcapBlockOwned::Legacy(packet) => legacy(&packet, &self.interfaces, &mut sink),
                        PcapBlockOwned::LegacyHeader(header) => {
                            self.interfaces = vec![Interface::legacy(&header)];
                        }
                        PcapBlockOwned::NG(block) => {
                            next_generation(&block, &mut self.interfaces, &mut self.big_endian, &mut sink);
                        }
                    }
                    size
                }
                Err(PcapError::Eof) => return Ok(()),
                Err(PcapError::Incomplete(_)) => match self.reader.refill() {
                    Ok(()) => continue,
                    Err(_) => return damaged("the rest cannot be read or unpacked"),
                },
                Err(PcapError::UnexpectedEof) => return damaged("it ends within a packet"),
                Err(PcapError::BufferTooSmall) => return damaged("a block claims more than 1 MiB"),
                Err(_) => return damaged("this is no block of a capture"),
            };
            self.reader.consume(size);
        }
    }
}

/// A packet of a pcap file.
fn legacy(packet: &LegacyPcapBlock<'_>, interfaces: &[Interface], sink: &mut impl FnMut(&Frame<'_>)) {
    if let Some(interface) = interfaces.first() {
        sink(&Frame {
            at_ns: interface.legacy_ns(packet.ts_sec, packet.ts_usec),
            link: interface.link,
            data: packet.data,
            original_bytes: u64::from(packet.origlen),
        });
    }
}

/// A block of a pcapng file.
fn next_generation(
    block: &Block<'_>,
    interfaces: &mut Vec<Interface>,
    big_endian: &mut bool,
    sink: &mut impl FnMut(&Frame<'_>),
) {
    match block {
        Block::SectionHeader(header) => {
            *big_endian = header.big_endian();
            interfaces.clear();
        }
        Block::InterfaceDescription(interface) if interfaces.len() < MAX_INTERFACES => {
            interfaces.push(Interface::described(interface, *big_endian));
        }
        Block::EnhancedPacket(packet) => {
            let interface = usize::try_from(packet.if_id).ok().and_then(|id| interfaces.get(id));
            let ticks = (u64::from(packet.ts_high) << 32) | u64::from(packet.ts_low);
            sink(&Frame {
                at_ns: interface.and_then(|interface| interface.ticks_ns(ticks)),
                link: interface.map_or(UNKNOWN_LINK, |interface| interface.link),
                data: packet.packet_data(),
                original_bytes: u64::from(packet.origlen),
            });
        }
        Block::SimplePacket(packet) => sink(&Frame {
            at_ns: None,
            link: interfaces.first().map_or(UNKNOWN_LINK, |interface| interface.link),
            data: packet.packet_data(),
            original_bytes: u64::from(packet.origlen),
        }),
        _ => {}
    }
}

/// A number that no link layer has.
const UNKNOWN_LINK: u16 = u16::MAX;

impl Interface {
    fn legacy(header: &PcapHeader) -> Self {
        let units_per_sec = if header.is_nanosecond_precision() { NANOS } else { 1_000_000 };
        // The upper half of the field holds the length of frame check sequences.
        let link = u16::try_from(header.network.0 & 0xffff).unwrap_or(UNKNOWN_LINK);
        Self { link, units_per_sec, offset_secs: 0 }
    }

    fn described(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        let exponent = u32::from(block.if_tsresol & 0x7f);
        let base = if block.if_tsresol & 0x80 == 0 { 10_i128 } else { 2 };
        // The library reads the offset in one byte order, whatever that of the section is.
        let offset = block.if_tsoffset;
        Self {
            link: u16::try_from(block.linktype.0).unwrap_or(UNKNOWN_LINK),
            units_per_sec: base.checked_pow(exponent).unwrap_or(0),
            offset_secs: if big_endian { offset.swap_bytes() } else { offset },
        }
    }

    fn legacy_ns(&self, secs: u32, fraction: u32) -> Option<i64> {
        let ns = i128::from(fraction) * NANOS / self.units_per_sec;
        i64::try_from(i128::from(secs) * NANOS + ns).ok()
    }

    /// Nanoseconds since 1970 of a time stamp; nothing if its resolution makes no sense.
    fn ticks_ns(&self, ticks: u64) -> Option<i64> {
        let ticks = i128::from(ticks);
        let (secs, rest) = (ticks.checked_div(self.units_per_sec)?, ticks.checked_rem(self.units_per_sec)?);
        let ns = rest.checked_mul(NANOS)? / self.units_per_sec;
        i64::try_from((secs + i128::from(self.offset_secs)) * NANOS + ns).ok()
    }
}

/// The file itself, or what is inside if it is packed with gzip.
fn unpacked<'a>(mut source: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut magic = [0; 2];
    let read = fill(&mut source, &mut magic)?;
    let start = io::Cursor::new(magic[..read].to_vec());
    let whole = start.chain(source);
    Ok(if magic == [0x1f, 0x8b] {
        Box::new(Full(MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, whole))))
    } else {
        Box::new(Full(whole))
    })
}

/// A reader that fills what it is given: the parser wants the file's first block from one read.
struct Full<R>(R);

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        fill(&mut self.0, buffer)
    }
}

fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What came before the error is handed out first; the error comes again with the next read.
            Err(_) if filled > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
