//! Datagrams in, flows out.

use core::net::IpAddr;
use std::collections::BTreeMap;

use super::exporter::{Exporter, ExporterView, Limits};
use super::read::{FlowError, Reader, be16, be32};
use super::record::Clock;
use super::sets::{self, Message};
use super::{Flow, sflow, v5};

/// Decodes datagrams of many exporters and remembers of each what later datagrams need.
///
/// ```
/// use traffix_telemetry::flow::Decoder;
/// // A NetFlow v5 datagram with one record: 1,500 bytes from 192.0.2.1 to 198.51.100.7, seen at 2023-11-14T22:13:20Z.
/// let mut datagram = vec![0; 72];
/// datagram[1] = 5;
/// datagram[3] = 1;
/// datagram[8..12].copy_from_slice(&1_700_000_000_u32.to_be_bytes());
/// datagram[24..28].copy_from_slice(&[192, 0, 2, 1]);
/// datagram[28..32].copy_from_slice(&[198, 51, 100, 7]);
/// datagram[44..48].copy_from_slice(&1_500_u32.to_be_bytes());
///
/// let mut decoder = Decoder::default();
/// let mut flows = Vec::new();
/// decoder.decode([203, 0, 113, 9].into(), 1_700_000_000_000, &datagram, |flow| flows.push(flow))?;
/// assert_eq!((flows[0].bytes, flows[0].start_ms), (1_500, 1_700_000_000_000));
/// # Ok::<(), traffix_telemetry::flow::FlowError>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    exporters: BTreeMap<IpAddr, Exporter>,
    limits: Limits,
    forgotten: u64,
}

/// What was in a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decoded {
    /// Flows handed out, those that had waited for a template included.
    pub flows: u64,
}

impl Decoder {
    /// A decoder that remembers within `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Decodes one datagram from `exporter`, received at `received_ms` (milliseconds since 1970), and gives every
    /// flow to `sink`.
    ///
    /// # Errors
    /// [`FlowError`], with the place in the datagram. Flows before it have been given to `sink` and stand: the
    /// datagram must not be offered again.
    pub fn decode(
        &mut self,
        exporter: IpAddr,
        received_ms: i64,
        datagram: &[u8],
        mut sink: impl FnMut(Flow),
    ) -> Result<Decoded, FlowError> {
        let mut flows = 0;
        let mut count = |flow| {
            flows += 1;
            sink(flow);
        };
        let limits = self.limits;
        let exporter = self.exporter(exporter, received_ms);
        let done = message(datagram, received_ms, (exporter, &limits), &mut count);
        exporter.counters.flows += flows;
        match done {
            Ok(()) => exporter.counters.datagrams += 1,
            Err(_) => exporter.counters.errors += 1,
        }
        done.map(|()| Decoded { flows })
    }

    /// What is known of an exporter.
    pub fn view(&self, exporter: IpAddr) -> Option<ExporterView<'_>> {
        self.exporters.get(&exporter).map(ExporterView::new)
    }

    /// All exporters that are remembered.
    pub fn exporters(&self) -> impl Iterator<Item = (IpAddr, ExporterView<'_>)> {
        self.exporters.iter().map(|(address, exporter)| (*address, ExporterView::new(exporter)))
    }

    /// Exporters that were forgotten to make room for others.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn exporter(&mut self, address: IpAddr, now_ms: i64) -> &mut Exporter {
        if self.exporters.len() >= self.limits.exporters && !self.exporters.contains_key(&address) {
            let oldest = self.exporters.iter().min_by_key(|(_, e)| e.seen_ms).map(|(address, _)| *address);
            oldest.map(|address| self.exporters.remove(&address));
            self.forgotten += 1;
        }
        let exporter = self.exporters.entry(address).or_default();
        exporter.seen_ms = now_ms;
        exporter.max_streams = self.limits.entries;
        exporter
    }
}

/// Chooses the protocol by the version, which all of them send first.
fn message(
    datagram: &[u8],
    received_ms: i64,
    known: (&mut Exporter, &Limits),
    sink: &mut impl FnMut(Flow),
) -> Result<(), FlowError> {
    let mut reader = Reader::new(datagram);
    match reader.u16("the version")? {
        5 => v5::decode(&mut reader, known.0, sink).map(drop),
        9 => version_9(&mut reader, known, sink),
        10 => ipfix(&mut reader, known, sink),
        // sFlow's version is a number of four bytes.
        0 if be16(datagram.get(2..).unwrap_or_default()) == 5 => {
            reader.take(2, "the version")?;
            sflow::decode(&mut reader, received_ms, known.0, sink)
        }
        other => Err(FlowError::Version(other)),
    }
}

/// When a datagram was made, by its exporter's clock, in milliseconds since 1970: what its header says. `None` for sFlow,
/// whose headers carry no time of day, and for anything else.
///
/// ```
/// let mut ipfix = vec![0, 10, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// ipfix[4..8].copy_from_slice(&1_700_000_000_u32.to_be_bytes());
/// assert_eq!(traffix_telemetry::flow::exported_ms(&ipfix), Some(1_700_000_000_000));
/// ```
pub fn exported_ms(datagram: &[u8]) -> Option<i64> {
    let word = |at: usize| datagram.get(at..at + 4).map(|bytes| i64::from(be32(bytes)));
    match be16(datagram.get(..2)?) {
        5 => Some(word(8)? * 1000 + word(12)? / 1_000_000),
        9 => Some(word(8)? * 1000),
        10 => Some(word(4)? * 1000),
        _ => None,
    }
}

fn version_9(
    reader: &mut Reader<'_>,
    (exporter, limits): (&mut Exporter, &Limits),
    sink: &mut impl FnMut(Flow),
) -> Result<(), FlowError> {
    reader.u16("the header")?;
    let uptime_ms = reader.u32("the header")?;
    let export_ms = i64::from(reader.u32("the header")?) * 1000;
    let sequence = reader.u32("the header")?;
    let stream = (9, reader.u32("the header")?);
    exporter.sequence(stream, sequence, 1, 1);
    let clock = Clock { export_ms, uptime_ms: Some(uptime_ms) };
    sets::decode(reader, Message { stream, clock }, (exporter, limits), sink).map(drop)
}

fn ipfix(
    reader: &mut Reader<'_>,
    (exporter, limits): (&mut Exporter, &Limits),
    sink: &mut impl FnMut(Flow),
) -> Result<(), FlowError> {
    let len = usize::from(reader.u16("the header")?);
    let export_ms = i64::from(reader.u32("the header")?) * 1000;
    let sequence = reader.u32("the header")?;
    let stream = (10, reader.u32("the header")?);
    let Some(len) = len.checked_sub(16) else { return Err(reader.impossible("the message's length")) };
    let mut sets = reader.part(len, "the message")?;
    let clock = Clock { export_ms, uptime_ms: None };
    let held = sets::decode(&mut sets, Message { stream, clock }, (exporter, limits), sink)?;
    exporter.sequence(stream, sequence, held.records, held.own_flows);
    Ok(())
}
