//! From a frame to addresses, ports and payload.

use std::net::IpAddr;

use etherparse::{LaxIpSlice, TcpSlice, UdpSlice};

use super::file::Frame;
use super::link::{self, Carried};
use super::tunnel::{self, Tally, Tunnel};

/// Most packets inside packets.
const MAX_DEPTH: usize = 6;
/// IP protocol numbers.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// What a frame is.
pub(super) enum Seen<'a> {
    Ip(Packet<'a>),
    /// Something other than IP, such as ARP.
    NotIp,
    /// The headers are cut or make no sense.
    Broken,
    /// A link layer that is not read here.
    UnknownLink,
}

/// An IP packet; if tunnels carried it and can be read, the one inside.
pub(super) struct Packet<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    /// Of sender and receiver; 0 without.
    pub(super) ports: (u16, u16),
    /// Bytes of layer 3 on the wire, captured or not.
    pub(super) bytes: u64,
    pub(super) tcp: Option<Segment>,
    /// What was captured of what TCP or UDP carries.
    pub(super) payload: &'a [u8],
    /// The tunnel whose inside cannot be read.
    pub(super) tunnel: Option<Tunnel>,
}

/// What TCP says of a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) syn: bool,
    pub(super) sequence: u32,
    /// The number that the sender waits for.
    pub(super) acknowledged: Option<u32>,
}

impl Packet<'_> {
    pub(super) fn is_dns_answer(&self) -> bool {
        self.protocol == UDP && self.ports.0 == 53
    }

    /// Whether it went to many, or stayed on the link.
    pub(super) fn is_local(&self) -> bool {
        match self.destination {
            IpAddr::V4(to) => to.is_multicast() || to.is_broadcast(),
            IpAddr::V6(to) => to.is_multicast(),
        }
    }
}

/// Reads a frame down to the innermost packet that can be read, and counts the tunnels on the way.
pub(super) fn read<'a>(frame: &Frame<'a>, tunnels: &mut Tally) -> Seen<'a> {
    let mut data = match link::strip(frame.link, frame.data) {
        Carried::Ip(packet) => packet,
        Carried::Other => return Seen::NotIp,
        Carried::Broken => return Seen::Broken,
        Carried::Unknown => return Seen::UnknownLink,
    };
    for _ in 0..MAX_DEPTH {
        let Ok((ip, _)) = LaxIpSlice::from_slice(data) else { return Seen::Broken };
        let before = (frame.data.len() - data.len()) as u64;
        let bytes = length(&ip).unwrap_or_else(|| frame.original_bytes.saturating_sub(before));
        let (packet, inside) = transport(&ip, bytes);
        let Some((tunnel, inner)) = inside else { return Seen::Ip(packet) };
        tunnels.add(tunnel, bytes, inner.is_some());
        match inner {
            Some(inner) => data = inner,
            None => return Seen::Ip(Packet { tunnel: Some(tunnel), ..packet }),
        }
    }
    Seen::Broken
}

/// Bytes of layer 3 as the header has them; not there if a network card was to fill it in.
fn length(ip: &LaxIpSlice<'_>) -> Option<u64> {
    match ip {
        LaxIpSlice::Ipv4(ip) => Some(u64::from(ip.header().total_len())).filter(|bytes| *bytes >= 20),
        LaxIpSlice::Ipv6(ip) => {
            Some(u64::from(ip.header().payload_length())).filter(|bytes| *bytes > 0).map(|bytes| 40 + bytes)
        }
    }
}

fn transport<'a>(ip: &LaxIpSlice<'a>, bytes: u64) -> (Packet<'a>, Option<tunnel::Inside<'a>>) {
    let carried = ip.payload();
    let protocol = carried.ip_number.0;
    let mut packet = Packet {
        source: ip.source_addr().to_canonical(),
        destination: ip.destination_addr().to_canonical(),
        protocol,
        ports: (0, 0),
        bytes,
        tcp: None,
        payload: &[],
        tunnel: None,
    };
    // Only the first fragment has ports, and what it carries is not whole.
    if carried.fragmented {
        return (packet, None);
    }
    let inside = match protocol {
        TCP => TcpSlice::from_slice(carried.payload).ok().and_then(|tcp| {
            packet.ports = (tcp.source_port(), tcp.destination_port());
            packet.tcp = Some(Segment {
                syn: tcp.syn(),
                sequence: tcp.sequence_number(),
                acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
            });
            packet.payload = tcp.payload();
            tunnel::of_tcp(packet.ports).map(|tunnel| (tunnel, None))
        }),
        UDP => UdpSlice::from_slice_lax(carried.payload).ok().and_then(|udp| {
            packet.ports = (udp.source_port(), udp.destination_port());
            packet.payload = udp.payload();
            tunnel::of_udp(packet.ports, udp.payload())
        }),
        _ => tunnel::of_protocol(protocol, carried.payload),
    };
    (packet, inside)
}
