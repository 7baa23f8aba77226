//! What goflow2 writes.

use core::net::IpAddr;
use core::num::NonZeroU32;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use prost::Message as _;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use traffix_core::measurement::Batch;

use super::lines::{Line, Lines};
use super::{ForeignError, Received};
use crate::collector::{Bins, Config, Sink, Stage, Stats, Watch};
use crate::flow::Flow;

/// Longest message of protobuf.
const MAX_MESSAGE_BYTES: u64 = 1 << 16;
/// What is read at a time.
const READ_BYTES: usize = 1 << 16;
/// Nanoseconds of a millisecond.
const MILLI: u64 = 1_000_000;

/// A message, by the numbers of its fields in goflow2's `pb/flow.proto`. Fields that are not needed are left out.
#[derive(Clone, PartialEq, prost::Message)]
struct FlowMessage {
    #[prost(uint64, tag = "3")]
    sampling_rate: u64,
    #[prost(bytes = "vec", tag = "6")]
    src_addr: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    dst_addr: Vec<u8>,
    #[prost(uint64, tag = "9")]
    bytes: u64,
    #[prost(uint64, tag = "10")]
    packets: u64,
    #[prost(bytes = "vec", tag = "11")]
    sampler_address: Vec<u8>,
    #[prost(uint32, tag = "18")]
    in_if: u32,
    #[prost(uint32, tag = "19")]
    out_if: u32,
    #[prost(uint32, tag = "20")]
    proto: u32,
    #[prost(uint32, tag = "21")]
    src_port: u32,
    #[prost(uint32, tag = "22")]
    dst_port: u32,
    #[prost(uint64, tag = "110")]
    time_received_ns: u64,
    #[prost(uint64, tag = "111")]
    time_flow_start_ns: u64,
    #[prost(uint64, tag = "112")]
    time_flow_end_ns: u64,
}

/// The same as a line of JSON, by the names that goflow2 gives unless told otherwise. Whatever it does not know is absent,
/// empty or 0.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JsonMessage<'a> {
    sampling_rate: u64,
    #[serde(borrow)]
    src_addr: &'a str,
    dst_addr: &'a str,
    bytes: u64,
    packets: u64,
    sampler_address: &'a str,
    in_if: u32,
    out_if: u32,
    #[serde(borrow)]
    proto: Protocol<'a>,
    src_port: u32,
    dst_port: u32,
    time_received_ns: u64,
    time_flow_start_ns: u64,
    time_flow_end_ns: u64,
}

/// An IP protocol, which goflow2 names if it knows a name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Protocol<'a> {
    Number(u32),
    Name(&'a str),
}

impl Default for Protocol<'_> {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl Protocol<'_> {
    fn number(&self) -> u32 {
        match self {
            Self::Number(number) => *number,
            Self::Name("ICMP") => 1,
            Self::Name("TCP") => 6,
            Self::Name("UDP") => 17,
            Self::Name("ICMPv6") => 58,
            Self::Name("SCTP") => 132,
            Self::Name(_) => 0,
        }
    }
}

impl JsonMessage<'_> {
    fn received(&self) -> Option<Received> {
        let (source, destination) = (self.src_addr.parse().ok()?, self.dst_addr.parse().ok()?);
        let exporter = self.sampler_address.parse().ok();
        let message = FlowMessage {
            sampling_rate: self.sampling_rate,
            bytes: self.bytes,
            packets: self.packets,
            in_if: self.in_if,
            out_if: self.out_if,
            proto: self.proto.number(),
            src_port: self.src_port,
            dst_port: self.dst_port,
            time_received_ns: self.time_received_ns,
            time_flow_start_ns: self.time_flow_start_ns,
            time_flow_end_ns: self.time_flow_end_ns,
            ..FlowMessage::default()
        };
        message.with(source, destination, exporter)
    }
}

impl FlowMessage {
    fn received(&self) -> Option<Received> {
        let (source, destination) = (address(&self.src_addr)?, address(&self.dst_addr)?);
        self.with(source, destination, address(&self.sampler_address))
    }

    /// The flow; nothing if the message has no time at all.
    fn with(&self, source: IpAddr, destination: IpAddr, exporter: Option<IpAddr>) -> Option<Received> {
        let ms = |ns: u64| i64::try_from(ns / MILLI).ok().filter(|ms| *ms > 0);
        let [received, start, end] =
            [self.time_received_ns, self.time_flow_start_ns, self.time_flow_end_ns].map(ms);
        let received_ms = received.or(end).or(start)?;
        let end_ms = end.unwrap_or(received_ms);
        Some(Received {
            exporter: exporter.map_or(IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED), |at| at.to_canonical()),
            received_ms,
            flow: Flow {
                source: source.to_canonical(),
                destination: destination.to_canonical(),
                source_port: u16::try_from(self.src_port).unwrap_or(0),
                destination_port: u16::try_from(self.dst_port).unwrap_or(0),
                protocol: u8::try_from(self.proto).unwrap_or(0),
                bytes: self.bytes,
                packets: self.packets,
                // 0 is "not told", as which a rate beyond all sense is taken too.
                sampling: u32::try_from(self.sampling_rate).unwrap_or(1).max(1),
                start_ms: start.unwrap_or(end_ms).min(end_ms),
                end_ms,
                ingress: NonZeroU32::new(self.in_if),
                egress: NonZeroU32::new(self.out_if),
                direction: None,
            },
        })
    }
}

/// An address of four or sixteen bytes.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.ok().or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok())
}

/// What was in a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// Flows handed out.
    pub flows: u64,
    /// Messages without addresses or without any time, such as those of other protocols than IP.
    pub without_addresses: u64,
    /// Messages that are none.
    pub refused: u64,
    /// What was wrong with the first of them.
    pub first_refused: Option<String>,
}

impl Contents {
    fn refuse(&mut self, why: impl std::fmt::Display) {
        self.refused += 1;
        if self.first_refused.is_none() {
            let number = self.flows + self.without_addresses + self.refused;
            self.first_refused = Some(format!("message {number}: {why}"));
        }
    }

    fn take(
        &mut self,
        received: Option<Received>,
        each: &mut impl FnMut(&Received) -> Result<(), ForeignError>,
    ) -> Result<(), ForeignError> {
        let Some(received) = received else {
            self.without_addresses += 1;
            return Ok(());
        };
        self.flows += 1;
        each(&received)
    }
}

/// Hands out the flows of what goflow2 wrote, JSON lines (`-format json`) or protobuf (`-format bin`), told apart by its
/// first bytes. Constant memory.
///
/// # Errors
/// [`ForeignError`] if reading fails, if a message of protobuf has an impossible length, or the error of `each`. Lines and
/// messages that cannot be read otherwise are counted and passed over.
pub fn read(
    source: impl Read,
    mut each: impl FnMut(&Received) -> Result<(), ForeignError>,
) -> Result<Contents, ForeignError> {
    let mut source = BufReader::with_capacity(READ_BYTES, source);
    let mut contents = Contents::default();
    if is_json(source.fill_buf()?) {
        let mut lines = Lines::default();
        loop {
            let piece = source.fill_buf()?;
            if piece.is_empty() {
                break;
            }
            lines.push(piece, |line| json(line, &mut contents, &mut each))?;
            let read = piece.len();
            source.consume(read);
        }
        lines.finish(|line| json(line, &mut contents, &mut each))?;
    } else {
        let mut message = Vec::new();
        while let Some(length) = length(&mut source, &contents)? {
            message.clear();
            if (&mut source).take(length).read_to_end(&mut message)? as u64 != length {
                return Err(broken(&contents, "it breaks off"));
            }
            match FlowMessage::decode(message.as_slice()) {
                Ok(message) => contents.take(message.received(), &mut each)?,
                Err(error) => contents.refuse(error),
            }
        }
    }
    Ok(contents)
}

/// Whether a stream begins with an object of JSON. A message of protobuf may begin with the same byte, but not go on so.
fn is_json(begin: &[u8]) -> bool {
    let mut visible = begin.iter().filter(|byte| !byte.is_ascii_whitespace());
    matches!((visible.next(), visible.next()), (Some(b'{'), Some(b'"' | b'}')))
}

fn json(
    line: Line<'_>,
    contents: &mut Contents,
    each: &mut impl FnMut(&Received) -> Result<(), ForeignError>,
) -> Result<(), ForeignError> {
    let Some(line) = line else {
        contents.refuse("is longer than 64 KiB");
        return Ok(());
    };
    if line.trim_ascii().is_empty() {
        return Ok(());
    }
    match serde_json::from_slice::<JsonMessage<'_>>(line) {
        Ok(message) => contents.take(message.received(), each),
        Err(error) => {
            contents.refuse(error);
            Ok(())
        }
    }
}

/// The length before a message, as a varint; nothing at the end.
fn length(source: &mut impl Read, contents: &Contents) -> Result<Option<u64>, ForeignError> {
    let mut length = 0_u64;
    for shift in [0, 7, 14] {
        let mut byte = [0];
        if source.read(&mut byte)? == 0 {
            return if shift == 0 { Ok(None) } else { Err(broken(contents, "it breaks off")) };
        }
        length |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return if length <= MAX_MESSAGE_BYTES { Ok(Some(length)) } else { break_off(contents) };
        }
    }
    break_off(contents)
}

fn break_off(contents: &Contents) -> Result<Option<u64>, ForeignError> {
    Err(broken(contents, "it claims more than 64 KiB; write it with `-format bin`"))
}

fn broken(contents: &Contents, what: &str) -> ForeignError {
    let number = 1 + contents.flows + contents.without_addresses + contents.refused;
    ForeignError::Message { number, what: what.to_owned() }
}

/// What became of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What was in it.
    pub contents: Contents,
    /// What was counted of it.
    pub stats: Stats,
    /// Batches that were given to the sink.
    pub batches: u64,
}

/// Counts a stream, and gives the sink a batch per bin: when messages say that the bin is over by its grace, and at the end.
///
/// `name` is what the identifiers of the batches begin with. Under the same name the same stream gives the same batches,
/// which a sink keeps once; for a stream that is never repeated, it must be a new one.
///
/// # Errors
/// As [`read`], and if the sink refuses a batch or is away. Batches that were kept are kept.
pub fn count(
    source: impl Read,
    name: &str,
    config: &Config,
    watch: &Arc<Watch>,
    sink: &mut dyn Sink,
) -> Result<Counted, ForeignError> {
    let mut stage = Stage::new(config, Arc::clone(watch));
    let (mut batches, mut close_ms) = (0, None);
    let mut keep = |bins: Bins| {
        if bins.is_empty() {
            return Ok(());
        }
        let id = format!("{name}/{batches:06}");
        sink.keep(&Batch { bins, ..Batch::new(id, watch.network(), config.timing.step_secs) })?;
        batches += 1;
        Ok::<(), ForeignError>(())
    };
    let contents = read(source, |received| {
        let at_ms = received.received_ms;
        let close = *close_ms.get_or_insert_with(|| config.timing.next_close(at_ms));
        if at_ms >= close {
            close_ms = Some(config.timing.next_close(at_ms));
            keep(stage.drain(at_ms))?;
        }
        stage.flow(received.exporter, at_ms, &received.flow, None);
        Ok(())
    })?;
    keep(stage.flush())?;
    Ok(Counted { contents, stats: stage.stats(), batches })
}

/// A name for [`count`] that says what is counted: the contents of a stream, the network and the length of bins. The same
/// file has the same name for ever.
///
/// # Errors
/// If the stream cannot be read.
pub fn name(mut source: impl Read, network: &str, config: &Config) -> io::Result<String> {
    let (mut hash, mut piece) = (Sha256::new(), vec![0; READ_BYTES]);
    loop {
        match source.read(&mut piece)? {
            0 => break,
            read => hash.update(&piece[..read]),
        }
    }
    hash.update(network);
    hash.update(config.timing.step_secs.get().to_be_bytes());
    let mut name = String::from("goflow2/");
    for byte in &hash.finalize()[..16] {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}
