//! Packets inside packets: which tunnels there were, and what is inside where it can be read.

use std::fmt;

use serde::Serialize;

use super::link::{self, Carried, rest, word};

/// A way to carry packets inside packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tunnel {
    /// IPv4 or IPv6 in IPv4, or IPv4 in IPv6 (RFC 2003, RFC 2473); so DS-Lite.
    IpInIp,
    /// IPv6 in IPv4 (RFC 4213); so 6rd and 6to4.
    SixInFour,
    /// RFC 2784.
    Gre,
    /// User traffic of a mobile network (3GPP TS 29.281).
    GtpU,
    /// RFC 7348.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// RFC 4380.
    Teredo,
    /// RFC 2661 and RFC 3931.
    L2tp,
    /// Version 1 of GRE (RFC 2637).
    Pptp,
    /// ESP (RFC 4303), also over UDP (RFC 3948).
    Ipsec,
    /// By the look of its messages, on any port of UDP.
    WireGuard,
    /// By its port, 1194.
    OpenVpn,
}

impl Tunnel {
    const ALL: [Self; 12] = [
        Self::IpInIp,
        Self::SixInFour,
        Self::Gre,
        Self::GtpU,
        Self::Vxlan,
        Self::Geneve,
        Self::Teredo,
        Self::L2tp,
        Self::Pptp,
        Self::Ipsec,
        Self::WireGuard,
        Self::OpenVpn,
    ];

    /// Whether what is inside is encrypted, as a VPN does.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Pptp | Self::Ipsec | Self::WireGuard | Self::OpenVpn)
    }

    /// The name that people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IpInIp => "IP in IP",
            Self::SixInFour => "6in4",
            Self::Gre => "GRE",
            Self::GtpU => "GTP-U",
            Self::Vxlan => "VXLAN",
            Self::Geneve => "Geneve",
            Self::Teredo => "Teredo",
            Self::L2tp => "L2TP",
            Self::Pptp => "PPTP",
            Self::Ipsec => "IPsec",
            Self::WireGuard => "WireGuard",
            Self::OpenVpn => "OpenVPN",
        }
    }
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Packets of one tunnel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) packets: u64,
    /// Bytes of layer 3, of the packets that carry.
    pub(super) bytes: u64,
    /// Packets of which the inside was read.
    pub(super) read: u64,
    /// Bytes of those of which it was not.
    pub(super) unread_bytes: u64,
    /// Bytes of the largest conversation on it.
    pub(super) largest_bytes: u64,
}

/// Packets of all tunnels.
#[derive(Debug, Default)]
pub(super) struct Tally([Count; Tunnel::ALL.len()]);

impl Tally {
    pub(super) fn add(&mut self, tunnel: Tunnel, bytes: u64, read: bool) {
        let count = &mut self.0[tunnel as usize];
        count.packets += 1;
        count.bytes += bytes;
        if read { count.read += 1 } else { count.unread_bytes += bytes }
    }

    /// A conversation that ran on a tunnel, and was not read further.
    pub(super) fn conversation(&mut self, tunnel: Tunnel, bytes: u64) {
        let largest = &mut self.0[tunnel as usize].largest_bytes;
        *largest = bytes.max(*largest);
    }

    /// Tunnels that were seen.
    pub(super) fn seen(&self) -> impl Iterator<Item = (Tunnel, Count)> + '_ {
        Tunnel::ALL.into_iter().zip(self.0).filter(|(_, count)| count.packets > 0)
    }
}

/// A tunnel, and the IP packet inside if it can be read.
pub(super) type Inside<'a> = (Tunnel, Option<&'a [u8]>);

/// Whether an IP protocol is a tunnel.
pub(super) fn of_protocol(protocol: u8, payload: &[u8]) -> Option<Inside<'_>> {
    match protocol {
        4 => Some((Tunnel::IpInIp, packet(&link::ip(payload)))),
        41 => Some((Tunnel::SixInFour, packet(&link::ip(payload)))),
        47 if payload.get(1).is_some_and(|flags| flags & 7 == 1) => Some((Tunnel::Pptp, None)),
        47 => Some((Tunnel::Gre, gre(payload))),
        50 => Some((Tunnel::Ipsec, None)),
        115 => Some((Tunnel::L2tp, None)),
        _ => None,
    }
}

/// Whether a datagram of UDP is of a tunnel.
pub(super) fn of_udp(ports: (u16, u16), payload: &[u8]) -> Option<Inside<'_>> {
    let on = |port| ports.0 == port || ports.1 == port;
    if on(2152) && payload.first().is_some_and(|flags| flags >> 5 == 1) {
        return Some((Tunnel::GtpU, gtp(payload)));
    }
    if (on(4789) || on(8472)) && payload.first().is_some_and(|flags| flags & 0x08 != 0) {
        return Some((Tunnel::Vxlan, rest(payload, 8).and_then(|inner| packet(&link::ethernet(inner)))));
    }
    if on(6081) && word(payload, 2) == Some(0x6558) {
        let options = usize::from(payload[0] & 0x3f) * 4;
        let inner = rest(payload, 8 + options).and_then(|inner| packet(&link::ethernet(inner)));
        return Some((Tunnel::Geneve, inner));
    }
    if on(3544) {
        return Some((Tunnel::Teredo, packet(&link::ip(payload))));
    }
    if on(1701) {
        return Some((Tunnel::L2tp, None));
    }
    // What begins with four zero bytes are keys being agreed upon, one byte keeps a mapping alive.
    if on(4500) && payload.len() > 4 && payload[..4] != [0; 4] {
        return Some((Tunnel::Ipsec, None));
    }
    if on(1194) {
        return Some((Tunnel::OpenVpn, None));
    }
    is_wireguard(payload).then_some((Tunnel::WireGuard, None))
}

/// Whether a TCP port is that of a tunnel.
pub(super) fn of_tcp(ports: (u16, u16)) -> Option<Tunnel> {
    (ports.0 == 1194 || ports.1 == 1194).then_some(Tunnel::OpenVpn)
}

/// Messages begin with their type and three zero bytes, and have lengths of their own: two handshakes, a cookie, and
/// data padded to 16 bytes (the `WireGuard` paper, section 5.4).
fn is_wireguard(payload: &[u8]) -> bool {
    match (payload.get(..4), payload.len()) {
        (Some([1, 0, 0, 0]), 148) | (Some([2, 0, 0, 0]), 92) | (Some([3, 0, 0, 0]), 64) => true,
        (Some([4, 0, 0, 0]), length) => length >= 32 && length % 16 == 0,
        _ => false,
    }
}

fn gre(payload: &[u8]) -> Option<&[u8]> {
    let (flags, protocol) = (word(payload, 0)?, word(payload, 2)?);
    // Checksum, key and sequence number are there if their bits are set, four bytes each.
    let options = [0x8000, 0x2000, 0x1000].iter().filter(|bit| flags & *bit != 0).count();
    let inner = rest(payload, 4 + 4 * options)?;
    match protocol {
        0x0800 | 0x86dd => packet(&link::ip(inner)),
        0x6558 => packet(&link::ethernet(inner)),
        _ => None,
    }
}

/// Most extension headers of GTP-U.
const MAX_GTP_EXTENSIONS: usize = 8;

fn gtp(payload: &[u8]) -> Option<&[u8]> {
    // Only one type of message carries a packet.
    if *payload.get(1)? != 0xff {
        return None;
    }
    let flags = payload[0] & 0b111;
    if flags == 0 {
        return packet(&link::ip(rest(payload, 8)?));
    }
    let (mut at, mut next) = (12, *payload.get(11)?);
    for _ in 0..MAX_GTP_EXTENSIONS {
        if next == 0 || flags & 0b100 == 0 {
            return packet(&link::ip(rest(payload, at)?));
        }
        let length = usize::from(*payload.get(at)?) * 4;
        at += length.max(4);
        next = *payload.get(at - 1)?;
    }
    None
}

fn packet<'a>(carried: &Carried<'a>) -> Option<&'a [u8]> {
    match carried {
        Carried::Ip(packet) => Some(packet),
        Carried::Other | Carried::Broken | Carried::Unknown => None,
    }
}
