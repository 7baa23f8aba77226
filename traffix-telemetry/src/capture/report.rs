//! What an inspection found.

use std::collections::BTreeSet;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::Serialize;
use traffix_core::delivery::{Asn, CdnId, Tenancy};

use super::file::Frame;
use super::flows::Flow;
use super::hidden::Hidden;
use super::tunnel::Tunnel;

/// How a name was seen. Earlier ones tell more: the first two were asked for by the very conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// In the `ClientHello` of TLS.
    Sni,
    /// In the header of a plain HTTP request.
    Host,
    /// In an answer of DNS that gave the address.
    Dns,
}

impl Seen {
    /// What people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sni => "SNI",
            Self::Host => "Host",
            Self::Dns => "DNS",
        }
    }
}

/// Whose kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Reachable from everywhere.
    Public,
    /// Inside somebody's network: RFC 1918, RFC 4193, link-local, loopback.
    Private,
    /// Between a carrier's NAT and its customers (RFC 6598).
    CarrierNat,
}

impl Scope {
    /// The scope of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(ip) if ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64 => Self::CarrierNat,
            IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() || ip.is_loopback() => Self::Private,
            IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback() => {
                Self::Private
            }
            _ => Self::Public,
        }
    }
}

/// One name of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Name {
    /// In lower case, without final dot.
    pub name: String,
    /// How it was seen.
    pub seen: Seen,
    /// Whether DNS gave this address for it.
    pub in_dns: bool,
    /// What it is an alias of, if DNS said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias_of: Option<String>,
    /// Bytes of the conversations that asked for it; 0 for what only DNS said.
    pub bytes: u64,
    /// Number of those conversations.
    pub flows: u64,
}

/// What one server delivered. Bytes are of layer 3.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Server {
    /// The server's address.
    pub address: IpAddr,
    /// What kind of address that is.
    pub scope: Scope,
    /// From the server.
    pub down_bytes: u64,
    /// To the server.
    pub up_bytes: u64,
    /// In both directions.
    pub packets: u64,
    /// Conversations.
    pub flows: u64,
    /// Share of all bytes of the capture, 0 to 1.
    pub share: f64,
    /// When its first packet passed, if the file has time stamps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<DateTime<Utc>>,
    /// When its last packet passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<DateTime<Utc>>,
    /// Whose address it is; absent if no list has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cdn: Option<CdnId>,
    /// Which network announces it, as far as the list of prefixes says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<Asn>,
    /// Who shares the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<Tenancy>,
    /// The prefix that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<IpNet>,
    /// Names, the one with most bytes first.
    pub names: Vec<Name>,
}

impl Server {
    /// Bytes in both directions.
    pub fn bytes(&self) -> u64 {
        self.down_bytes + self.up_bytes
    }
}

/// What is not told by server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Rest {
    /// Conversations.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes of layer 3.
    pub bytes: u64,
}

impl Rest {
    pub(super) fn add(&mut self, flow: &Flow) {
        self.flows += 1;
        self.packets += flow.packets;
        self.bytes += flow.bytes.iter().sum::<u64>();
    }
}

/// Bytes by delivery network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CdnTotal {
    /// The network; absent for servers in no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cdn: Option<CdnId>,
    /// Bytes in both directions.
    pub bytes: u64,
    /// Share of all bytes of the capture.
    pub share: f64,
    /// Number of servers.
    pub servers: u64,
}

/// Bytes by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NameTotal {
    /// The name; absent for bytes without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it was seen. Bytes count under a name of DNS if their conversation has no own one and DNS gave the address
    /// no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// Bytes in both directions.
    pub bytes: u64,
    /// Share of all bytes of the capture.
    pub share: f64,
    /// Number of servers.
    pub servers: u64,
}

/// Packets inside packets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TunnelTotal {
    /// Of this kind.
    pub tunnel: Tunnel,
    /// Packets that carried others.
    pub packets: u64,
    /// Those of which the inside was read, and counted instead.
    pub read_packets: u64,
    /// Bytes of layer 3 of the packets that carried.
    pub bytes: u64,
    /// Bytes of those of which it was not.
    pub unread_bytes: u64,
    /// Bytes of the largest conversation whose inside was not read.
    pub largest_bytes: u64,
}

/// What answers of DNS gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct DnsTotal {
    /// Answers read.
    pub answers: u64,
    /// Answers cut or broken.
    pub unread: u64,
    /// Names beyond the limits.
    pub beyond: u64,
}

/// What a capture shows. All bytes are of layer 3, of the innermost packet that could be read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Packets of any kind.
    pub packets: u64,
    /// Bytes of all IP packets.
    pub bytes: u64,
    /// When the first packet passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<DateTime<Utc>>,
    /// When the last packet passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<DateTime<Utc>>,
    /// Packets that were captured only in part. They count in full.
    pub cut_packets: u64,
    /// Packets that are not IP.
    pub other_packets: u64,
    /// Packets whose headers are cut or make no sense.
    pub broken_packets: u64,
    /// Packets of link layers that are not read.
    pub unknown_link_packets: u64,
    /// Those link layers, by number.
    pub unknown_links: BTreeSet<u16>,
    /// Servers, the one with most bytes first.
    pub servers: Vec<Server>,
    /// By delivery network, most bytes first.
    pub by_cdn: Vec<CdnTotal>,
    /// By name, most bytes first.
    pub by_name: Vec<NameTotal>,
    /// Conversations of which neither end is known to be a server; their addresses are not told.
    pub withheld: Rest,
    /// What went to many receivers.
    pub local: Rest,
    /// Servers beyond the limit.
    pub beyond: Rest,
    /// Conversations that were summed up before their end, for want of room: their names may be missing.
    pub early_flows: u64,
    /// Conversations whose first bytes found no room: their names are missing.
    pub refused_openings: u64,
    /// Bytes of QUIC.
    pub quic_bytes: u64,
    /// Conversations whose hello has an encrypted part, or a decoy of one: their names may be a front.
    pub ech_flows: u64,
    /// DNS.
    pub dns: DnsTotal,
    /// Tunnels.
    pub tunnels: Vec<TunnelTotal>,
    /// What hides who delivered, by bytes.
    pub hidden: Vec<Hidden>,
    /// Why the file could not be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

impl Report {
    /// Share of some bytes in all bytes; 0 of an empty capture.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
    pub fn share(&self, bytes: u64) -> f64 {
        if self.bytes == 0 { 0.0 } else { bytes as f64 / self.bytes as f64 }
    }
}

/// What is counted of every packet.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) first_ns: Option<i64>,
    pub(super) last_ns: Option<i64>,
    pub(super) cut_packets: u64,
    pub(super) other_packets: u64,
    pub(super) broken_packets: u64,
    pub(super) unknown_link_packets: u64,
    pub(super) unknown_links: BTreeSet<u16>,
}

impl Totals {
    pub(super) fn frame(&mut self, frame: &Frame<'_>) {
        self.packets += 1;
        self.first_ns = self.first_ns.into_iter().chain(frame.at_ns).min();
        self.last_ns = self.last_ns.max(frame.at_ns);
        self.cut_packets += u64::from(frame.original_bytes > frame.data.len() as u64);
    }
}
