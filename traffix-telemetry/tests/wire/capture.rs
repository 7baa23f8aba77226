//! A capture with known contents.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use etherparse::PacketBuilder;

/// When the first packet passes, in milliseconds since 1970.
pub(crate) const START_MS: i64 = 1_700_000_000_000;
/// When the last one has passed.
pub(crate) const END_MS: i64 = START_MS + 20_000;

/// Packets in one direction.
pub(crate) struct Conversation {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) protocol: u8,
    pub(crate) packets: u64,
    pub(crate) ip_bytes: u64,
    payload: usize,
}

/// Some hundreds of conversations: TCP and UDP, IPv4 and IPv6, downloads and their acknowledgements.
pub(crate) fn conversations() -> Vec<Conversation> {
    let mut all = Vec::new();
    for n in 0..300_u16 {
        let [high, low] = n.to_be_bytes();
        let (server, client): (IpAddr, IpAddr) = if n % 3 == 0 {
            let server = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n + 1);
            (server.into(), Ipv6Addr::new(0x2001, 0xdb8, 0xffff, n, 0, 0, 0, 1).into())
        } else {
            (Ipv4Addr::new(198, 51, high, low).into(), Ipv4Addr::new(10, 7, high, low).into())
        };
        let protocol = if n % 4 == 0 { 17 } else { 6 };
        let ip_header = if server.is_ipv4() { 20 } else { 40 };
        let header = ip_header + if protocol == 17 { 8 } else { 20 };
        let (port, packets) = (40_000 + n, 1 + u64::from(n % 7));
        let mut add = |from: IpAddr, to: IpAddr, ports: (u16, u16), payload: usize| {
            all.push(Conversation {
                source: from,
                destination: to,
                source_port: ports.0,
                destination_port: ports.1,
                protocol,
                packets,
                ip_bytes: packets * (header + payload) as u64,
                payload,
            });
        };
        add(server, client, (443, port), 1200 - usize::from(n));
        add(client, server, (port, 443), 20);
    }
    all
}

/// Writes the conversations as a pcap file.
pub(crate) fn write(path: &Path) {
    let mut file = Vec::new();
    // Magic of microsecond time stamps, version 2.4, zone 0, accuracy 0, longest packet, Ethernet.
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    let conversations = conversations();
    let rounds = conversations.iter().map(|c| c.packets).max().unwrap();
    let mut at_us = START_MS * 1000;
    for round in 0..rounds {
        for conversation in conversations.iter().filter(|c| c.packets > round) {
            let frame = frame(conversation);
            at_us += 1000;
            let len = u32::try_from(frame.len()).unwrap();
            let (secs, us) =
                (u32::try_from(at_us / 1_000_000).unwrap(), u32::try_from(at_us % 1_000_000).unwrap());
            for word in [secs, us, len, len] {
                file.extend(word.to_le_bytes());
            }
            file.extend(frame);
        }
    }
    assert!(at_us < END_MS * 1000);
    std::fs::write(path, file).unwrap();
}

fn frame(c: &Conversation) -> Vec<u8> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let ip = match (c.source, c.destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ethernet.ipv4(from.octets(), to.octets(), 60),
        (IpAddr::V6(from), IpAddr::V6(to)) => ethernet.ipv6(from.octets(), to.octets(), 60),
        _ => unreachable!("both ends are of one family"),
    };
    let payload = vec![0x5a; c.payload];
    let mut frame = Vec::new();
    if c.protocol == 17 {
        ip.udp(c.source_port, c.destination_port).write(&mut frame, &payload).unwrap();
    } else {
        ip.tcp(c.source_port, c.destination_port, 1, 1000).ack(1).write(&mut frame, &payload).unwrap();
    }
    frame
}
