//! The headers of a sampled packet, from Ethernet or IP down to the ports, through tags, labels and tunnels.

use core::net::IpAddr;

use super::read::{be16, ipv4, ipv6};

/// Headers that are unpacked one inside the other before the rest is left alone.
const MAX_DEPTH: usize = 12;
/// Destination of VXLAN (RFC 7348).
const VXLAN_PORT: u16 = 4789;

/// What the innermost IP packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    pub(super) ports: (u16, u16),
}

/// What comes next in the bytes.
#[derive(Debug, Clone, Copy)]
enum Layer {
    Ethernet,
    EtherType(u16),
    Ip,
    Mpls,
    /// Of an IP packet found already: what it carries.
    Payload(u8),
}

/// The innermost IP packet of a frame that starts with an Ethernet header.
pub(super) fn ethernet(bytes: &[u8]) -> Option<Packet> {
    walk(bytes, Layer::Ethernet)
}

/// What most frames that start with an Ethernet header are, read at once: TCP or UDP in an IPv4 packet without options, neither fragment nor tunnel.
#[inline]
pub(super) fn plain_ipv4(bytes: &[u8]) -> Option<Packet> {
    let head: &[u8; 38] = bytes.first_chunk()?;
    let offset = be16(&head[20..]) & 0x1fff;
    let is_plain = head[12..15] == [8, 0, 0x45] && offset == 0;
    let is_tcp = head[23] == 6;
    let ports = (be16(&head[34..]), be16(&head[36..]));
    (is_plain && (is_tcp || head[23] == 17 && ports.1 != VXLAN_PORT)).then(|| Packet {
        source: ipv4(&head[26..]),
        destination: ipv4(&head[30..]),
        protocol: head[23],
        ports,
    })
}

/// The innermost IP packet of bytes that start with an IP header.
pub(super) fn ip(bytes: &[u8]) -> Option<Packet> {
    walk(bytes, Layer::Ip)
}

/// The innermost IP packet below a label stack.
pub(super) fn mpls(bytes: &[u8]) -> Option<Packet> {
    walk(bytes, Layer::Mpls)
}

/// Unpacks layer by layer; what is cut short or unknown ends it, and what was found until then stands.
fn walk(mut bytes: &[u8], mut layer: Layer) -> Option<Packet> {
    let mut found: Option<Packet> = None;
    for _ in 0..MAX_DEPTH {
        let step = match layer {
            Layer::Ethernet => bytes.get(12..14).map(|t| (14, Layer::EtherType(be16(t)))),
            Layer::EtherType(kind) => ether_type(kind, bytes),
            Layer::Ip => ip_header(bytes, &mut found),
            Layer::Mpls => label(bytes),
            Layer::Payload(protocol) => payload(protocol, bytes, &mut found),
        };
        let Some((len, next)) = step else { break };
        let Some(rest) = bytes.get(len..) else { break };
        (bytes, layer) = (rest, next);
    }
    found
}

/// What an Ethernet type stands before: tags of IEEE 802.1Q and 802.1ad, labels, a `PPPoE` session, IP.
fn ether_type(kind: u16, bytes: &[u8]) -> Option<(usize, Layer)> {
    match kind {
        0x8100 | 0x88a8 | 0x9100 => bytes.get(2..4).map(|t| (4, Layer::EtherType(be16(t)))),
        0x8847 | 0x8848 => Some((0, Layer::Mpls)),
        0x0800 | 0x86dd => Some((0, Layer::Ip)),
        // Six bytes of PPPoE (RFC 2516), then the protocol of PPP: 0x21 is IPv4, 0x57 is IPv6.
        0x8864 => match bytes.get(6..8).map(be16)? {
            0x0021 | 0x0057 => Some((8, Layer::Ip)),
            _ => None,
        },
        // Transparent Ethernet bridging, inside GRE.
        0x6558 => Some((0, Layer::Ethernet)),
        _ => None,
    }
}

/// One label of MPLS (RFC 3032). Below the last one the first nibble tells IP apart, as routers do (RFC 4928); a zero
/// is the control word of a pseudowire, before a frame.
fn label(bytes: &[u8]) -> Option<(usize, Layer)> {
    let is_last = bytes.get(2)? & 1 == 1;
    if !is_last {
        return Some((4, Layer::Mpls));
    }
    match bytes.get(4)? >> 4 {
        4 | 6 => Some((4, Layer::Ip)),
        0 => Some((8, Layer::Ethernet)),
        _ => Some((4, Layer::Ethernet)),
    }
}

fn ip_header(bytes: &[u8], found: &mut Option<Packet>) -> Option<(usize, Layer)> {
    match bytes.first()? >> 4 {
        4 => {
            let len = usize::from(bytes[0] & 15) * 4;
            let header = bytes.get(..20).filter(|_| len >= 20)?;
            let protocol = header[9];
            *found = Some(Packet {
                source: ipv4(&header[12..]),
                destination: ipv4(&header[16..]),
                protocol,
                ports: (0, 0),
            });
            // Only the first fragment has the header of what is carried.
            let offset = be16(&header[6..]) & 0x1fff;
            (offset == 0).then_some((len, Layer::Payload(protocol)))
        }
        6 => {
            let header = bytes.get(..40)?;
            let protocol = header[6];
            *found = Some(Packet {
                source: ipv6(&header[8..]),
                destination: ipv6(&header[24..]),
                protocol,
                ports: (0, 0),
            });
            Some((40, Layer::Payload(protocol)))
        }
        _ => None,
    }
}

/// What an IP packet carries: ports, an extension header, or another packet.
fn payload(protocol: u8, bytes: &[u8], found: &mut Option<Packet>) -> Option<(usize, Layer)> {
    if let Some(packet) = found {
        packet.protocol = protocol;
    }
    match protocol {
        // TCP, UDP, SCTP, DCCP, UDP-Lite.
        6 | 17 | 132 | 33 | 136 => {
            let ports = bytes.get(..4)?;
            if let Some(packet) = found {
                packet.ports = (be16(ports), be16(&ports[2..]));
            }
            // VXLAN (RFC 7348): eight bytes of UDP, eight of VXLAN, then a frame.
            (protocol == 17 && be16(&ports[2..]) == VXLAN_PORT).then_some((16, Layer::Ethernet))
        }
        // Hop-by-hop options, routing, destination options (RFC 8200).
        0 | 43 | 60 => {
            let header = bytes.get(..2)?;
            Some((8 + 8 * usize::from(header[1]), Layer::Payload(header[0])))
        }
        // A fragment: only the first has more.
        44 => {
            let header = bytes.get(..8)?;
            (be16(&header[2..]) & 0xfff8 == 0).then_some((8, Layer::Payload(header[0])))
        }
        4 | 41 => Some((0, Layer::Ip)),
        137 => Some((0, Layer::Mpls)),
        47 => gre(bytes),
        _ => None,
    }
}

/// GRE (RFC 2784, RFC 2890): flags tell which optional words precede the payload.
fn gre(bytes: &[u8]) -> Option<(usize, Layer)> {
    let header = bytes.get(..4)?;
    let flags = be16(header);
    // Version 1 is PPTP, whose payload is compressed.
    if flags & 7 != 0 {
        return None;
    }
    let words = [0x8000, 0x2000, 0x1000].iter().filter(|&&bit| flags & bit != 0).count();
    Some((4 + 4 * words, Layer::EtherType(be16(&header[2..]))))
}
