//! From the link layer to the IP packet.

/// What a link layer carries.
pub(super) enum Carried<'a> {
    /// An IP packet, by the look of it.
    Ip(&'a [u8]),
    /// Something else, such as ARP.
    Other,
    /// The headers are cut or make no sense.
    Broken,
    /// A link layer that is not read here.
    Unknown,
}

/// Most tags and labels before the IP header.
const MAX_LAYERS: usize = 16;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Finds the IP packet in a frame. Numbers of link layers are those of the registry at tcpdump.org.
pub(super) fn strip(link: u16, frame: &[u8]) -> Carried<'_> {
    match link {
        1 => ethernet(frame),
        // BSD loopback: the address family in the byte order of the machine that captured, or of the network.
        0 | 108 => rest(frame, 4).map_or(Carried::Broken, ip),
        // Raw IP, by several numbers.
        12 | 14 | 101 | 228 | 229 => ip(frame),
        113 => numbered(frame, 14, 16),
        276 => numbered(frame, 0, 20),
        _ => Carried::Unknown,
    }
}

/// What an Ethernet frame carries, behind tags of VLANs, labels of MPLS and `PPPoE`.
pub(super) fn ethernet(frame: &[u8]) -> Carried<'_> {
    numbered(frame, 12, 14)
}

/// A header that has the `EtherType` of what follows at one place and ends at another.
fn numbered(frame: &[u8], type_at: usize, end: usize) -> Carried<'_> {
    match (word(frame, type_at), rest(frame, end)) {
        (Some(ether_type), Some(rest)) => layers(ether_type, rest),
        _ => Carried::Broken,
    }
}

fn layers(mut ether_type: u16, mut data: &[u8]) -> Carried<'_> {
    for _ in 0..MAX_LAYERS {
        match ether_type {
            IPV4 | IPV6 => return ip(data),
            // VLAN tags: 802.1Q, 802.1ad and the two that were used before it.
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => match (word(data, 2), rest(data, 4)) {
                (Some(inner), Some(rest)) => (ether_type, data) = (inner, rest),
                _ => return Carried::Broken,
            },
            0x8847 | 0x8848 => return mpls(data),
            // A PPPoE session, and the protocol numbers of PPP for IPv4 and IPv6.
            0x8864 => {
                return match (word(data, 6), rest(data, 8)) {
                    (Some(0x0021 | 0x0057), Some(rest)) => ip(rest),
                    (Some(_), Some(_)) => Carried::Other,
                    _ => Carried::Broken,
                };
            }
            _ => return Carried::Other,
        }
    }
    Carried::Broken
}

/// Labels up to the one that says it is the last; what follows has no type, but shows it.
fn mpls(data: &[u8]) -> Carried<'_> {
    for (n, label) in data.chunks_exact(4).take(MAX_LAYERS).enumerate() {
        if label[2] & 1 == 0 {
            continue;
        }
        let inner = &data[(n + 1) * 4..];
        return match inner.first().map(|byte| byte >> 4) {
            Some(4 | 6) => ip(inner),
            // A control word (RFC 4385) before a frame of Ethernet, which must not hide another label.
            Some(0) => match (word(inner, 16), rest(inner, 18)) {
                (Some(IPV4 | IPV6), Some(packet)) => ip(packet),
                _ => Carried::Other,
            },
            Some(_) => Carried::Other,
            None => Carried::Broken,
        };
    }
    Carried::Broken
}

/// An IP packet, by its version.
pub(super) fn ip(data: &[u8]) -> Carried<'_> {
    match data.first().map(|byte| byte >> 4) {
        Some(4 | 6) => Carried::Ip(data),
        Some(_) => Carried::Other,
        None => Carried::Broken,
    }
}

/// The number of two bytes at a place.
pub(super) fn word(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

/// What follows a header.
pub(super) fn rest(data: &[u8], header: usize) -> Option<&[u8]> {
    data.get(header..)
}
