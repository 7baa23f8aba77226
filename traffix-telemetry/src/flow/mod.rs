//! Flow records from the datagrams of routers: `NetFlow` v5 and v9, IPFIX, sFlow v5.
//!
//! A [`Decoder`] takes datagrams as they arrive and hands out [`Flow`]s without copying the datagram. It remembers
//! what exporters say once and mean later: templates, sampling rates, names of interfaces. All of that is bounded, and
//! any sequence of bytes is either decoded or refused with an error that says where.
//!
//! Sources: RFC 3954 (`NetFlow` v9), RFC 7011 and the IANA registry of IPFIX entities, the sFlow v5 memo of sflow.org
//! (July 2004), and Cisco's "`NetFlow` Export Datagram Format" for v5. Options of bidirectional flows (RFC 5103) and
//! structured data (RFC 6313) are passed over.

mod decoder;
mod exporter;
mod headers;
mod plan;
mod read;
mod record;
mod sets;
mod sflow;
mod template;
mod v5;

use core::net::IpAddr;
use core::num::NonZeroU32;

pub use decoder::{Decoded, Decoder, exported_ms};
pub use exporter::{Counters, ExporterView, Limits};
pub use read::FlowError;

/// Bytes and packets that went from one address to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Port of the sender; 0 if the protocol has none.
    pub source_port: u16,
    /// Port of the receiver; 0 if the protocol has none.
    pub destination_port: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// Bytes of layer 3 as exported, before scaling; of the whole frame for sFlow.
    pub bytes: u64,
    /// Packets as exported, before scaling.
    pub packets: u64,
    /// Packets on the wire for each one that was counted; 1 without sampling.
    pub sampling: u32,
    /// When the first packet passed, in milliseconds since 1970.
    pub start_ms: i64,
    /// When the last packet passed, in milliseconds since 1970.
    pub end_ms: i64,
    /// Interface by which it came in, by SNMP index.
    pub ingress: Option<NonZeroU32>,
    /// Interface by which it went out, by SNMP index.
    pub egress: Option<NonZeroU32>,
    /// Where the exporter watched, if it says.
    pub direction: Option<Direction>,
}

impl Flow {
    /// Bytes on the wire as far as sampling tells.
    ///
    /// ```
    /// # use traffix_telemetry::flow::Flow;
    /// # let flow = Flow { source: [192, 0, 2, 1].into(), destination: [192, 0, 2, 2].into(), source_port: 443,
    /// #     destination_port: 50000, protocol: 6, bytes: 1500, packets: 1, sampling: 1000, start_ms: 0, end_ms: 0,
    /// #     ingress: None, egress: None, direction: None };
    /// assert_eq!(flow.scaled_bytes(), flow.bytes * 1000);
    /// ```
    pub fn scaled_bytes(&self) -> u64 {
        self.bytes.saturating_mul(u64::from(self.sampling))
    }
}

/// At which side of the interface a flow was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Coming in.
    Ingress,
    /// Going out.
    Egress,
}
