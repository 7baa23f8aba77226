//! Which servers delivered the bytes of a capture: evidence for assertions.
//!
//! [`inspect`] streams a capture of any size, pcap or pcapng, plain or gzip, and says per server how many bytes it
//! sent and got, whose address it is, and under which names it was asked for: SNI of TLS, `Host` of plain HTTP, answers
//! of DNS. All tables are bounded; what did not fit is counted and said.
//!
//! # Which side is the server
//!
//! The first of these rules that says anything:
//! 1. a `ClientHello` or an HTTP request was sent to it;
//! 2. its port is one that services have ([`is_service_port`]), and the other one is not. If both are and differ, it got
//!    the SYN; without a SYN, it sent more bytes;
//! 3. its address is in the prefix table, and the other one is not;
//! 4. it is a server in other conversations of the capture, and the other side is not.
//!
//! # Privacy
//!
//! The other side is nobody's business: it is held in memory while its conversation lasts, and is in no report. Where
//! no rule says anything, both sides may be people's machines: the bytes are summed and no address is told. Who runs a
//! server at home is a server by these rules, so a report is to be looked at before it is passed on.
//!
//! # What is not read
//!
//! Names in QUIC (the Initial is encrypted with keys that every observer can derive, but it is not done here), DNS
//! over TCP, TLS or HTTPS, fragments beyond the first, and whatever is inside an encrypted tunnel. [`Report::hidden`]
//! says how much that was.
//!
//! ```
//! use traffix_core::delivery::PrefixTable;
//! use traffix_telemetry::capture::{Limits, inspect};
//! // An empty capture: the header of a pcap file (Ethernet, microseconds) and no packet.
//! let mut file = Vec::new();
//! for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
//!     file.extend(word.to_le_bytes());
//! }
//! let report = inspect(file.as_slice(), &PrefixTable::default(), &Limits::default())?;
//! assert_eq!((report.packets, report.servers.len()), (0, 0));
//! # Ok::<(), traffix_telemetry::capture::CaptureError>(())
//! ```

mod datagrams;
mod dns;
mod file;
mod flows;
mod hello;
mod hidden;
mod link;
mod packet;
mod report;
mod servers;
mod suggest;
mod summary;
mod tunnel;

use std::io::Read;

use traffix_core::delivery::PrefixTable;

pub(crate) use datagrams::{Datagram, datagrams};
pub use flows::is_service_port;
pub use hidden::Hidden;
pub use report::{CdnTotal, DnsTotal, Name, NameTotal, Report, Rest, Scope, Seen, Server, TunnelTotal};
pub use suggest::{Suggestion, suggest};
pub use tunnel::Tunnel;

use file::{Frame, Frames};
use packet::Seen as Content;

/// How much an inspection remembers. What does not fit is counted in the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Conversations at a time. When they are full, those that were silent longest are summed up early.
    pub flows: usize,
    /// Servers told apart.
    pub servers: usize,
    /// Addresses that DNS answers named.
    pub dns_addresses: usize,
    /// Conversations whose first bytes are kept until the rest of a `ClientHello` or request arrives, 8 KiB each.
    pub openings: usize,
}

impl Default for Limits {
    /// Below 100 MB in the worst case: 65,536 conversations, 16,384 servers, 65,536 named addresses, 2,048 openings.
    fn default() -> Self {
        Self { flows: 65_536, servers: 16_384, dns_addresses: 65_536, openings: 2_048 }
    }
}

/// Why a capture cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Reading failed.
    #[error("cannot read the capture: {0}")]
    Io(#[from] std::io::Error),
    /// It is no capture, or of a kind that is not read.
    #[error("this is neither a pcap nor a pcapng file; convert it with `editcap -F pcapng IN OUT`")]
    NotACapture,
    /// The file breaks off or is damaged before its first packet.
    #[error("the capture is damaged at byte {at}: {what}")]
    Damaged {
        /// Bytes of the unpacked file that were read before.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
}

/// Reads a capture and says which servers delivered its bytes.
///
/// Constant memory, whatever the size of the file. A file that breaks off or is damaged after its first packet is
/// reported as far as it goes, and the report says so.
///
/// # Errors
/// [`CaptureError`] if reading fails, or if there is no capture to read.
pub fn inspect(
    source: impl Read + Send,
    table: &PrefixTable,
    limits: &Limits,
) -> Result<Report, CaptureError> {
    let mut inspection = Inspection::new(table, limits);
    let end = Frames::open(source)?.each(|frame| inspection.frame(frame));
    match end {
        Ok(()) => Ok(inspection.finish(None)),
        Err(error @ CaptureError::Damaged { .. }) if inspection.totals.packets > 0 => {
            Ok(inspection.finish(Some(error.to_string())))
        }
        Err(error) => Err(error),
    }
}

/// An inspection under way.
struct Inspection<'table> {
    totals: report::Totals,
    flows: flows::Flows<'table>,
    dns: dns::DnsNames,
}

impl<'table> Inspection<'table> {
    fn new(table: &'table PrefixTable, limits: &Limits) -> Self {
        Self {
            totals: report::Totals::default(),
            flows: flows::Flows::new(table, limits),
            dns: dns::DnsNames::new(limits.dns_addresses),
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        self.totals.frame(frame);
        match packet::read(frame, &mut self.flows.tunnels) {
            Content::Ip(packet) => {
                self.totals.bytes += packet.bytes;
                if packet.is_dns_answer() {
                    self.dns.answer(packet.payload);
                }
                self.flows.packet(&packet, frame.at_ns);
            }
            Content::UnknownLink => {
                self.totals.unknown_link_packets += 1;
                self.totals.unknown_links.insert(frame.link);
            }
            Content::NotIp => self.totals.other_packets += 1,
            Content::Broken => self.totals.broken_packets += 1,
        }
    }

    fn finish(self, damage: Option<String>) -> Report {
        let (servers, tunnels) = self.flows.finish();
        summary::build(self.totals, servers, &self.dns, &tunnels, damage)
    }
}
