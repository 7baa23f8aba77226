//! Packets inside packets.

use traffix_telemetry::capture::{Hidden, Report, Tunnel};

use super::build::{Kind, download, ethernet, other, pcap, report, tcp, udp};

const A: &str = "192.0.2.10";
const B: &str = "192.0.2.20";

fn inner() -> Vec<Vec<u8>> {
    download(("198.51.100.7", 443), ("10.0.0.1", 50_001), 10)
}

/// All packets of the download, each inside another.
fn through(carry: impl Fn(&[u8]) -> Vec<u8>) -> Report {
    report(&pcap(&inner().iter().map(|packet| carry(packet)).collect::<Vec<_>>()))
}

#[test]
fn what_is_inside_open_tunnels_is_read() {
    let expected = report(&pcap(&inner()));
    let gtp = |packet: &[u8]| [&[0x30, 0xff, 0, 0, 0, 0, 0, 1], packet].concat();
    // A sequence number, and one extension header.
    let gtp_more =
        |packet: &[u8]| [&[0x36, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0x85, 1, 9, 9, 0], packet].concat();
    let vxlan = |packet: &[u8]| [&[8, 0, 0, 0, 0, 0, 1, 0], ethernet(packet).as_slice()].concat();
    let geneve =
        |packet: &[u8]| [&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 9, 9, 9, 9], ethernet(packet).as_slice()].concat();
    let gre = |packet: &[u8]| [&[0x20, 0, 8, 0, 0, 0, 0, 7], packet].concat();
    let all = [
        (Tunnel::IpInIp, through(|packet| other(A, B, 4, packet))),
        (Tunnel::IpInIp, through(|packet| other("2001:db8::1", "2001:db8::2", 4, packet))),
        (Tunnel::Gre, through(|packet| other(A, B, 47, &gre(packet)))),
        (Tunnel::GtpU, through(|packet| udp((A, 2152), (B, 2152), &gtp(packet)))),
        (Tunnel::GtpU, through(|packet| udp((A, 2152), (B, 2152), &gtp_more(packet)))),
        (Tunnel::Vxlan, through(|packet| udp((A, 40_000), (B, 4789), &vxlan(packet)))),
        (Tunnel::Geneve, through(|packet| udp((A, 40_000), (B, 6081), &geneve(packet)))),
    ];
    for (tunnel, found) in all {
        assert_eq!(found.servers, expected.servers, "{tunnel}");
        assert_eq!((found.tunnels[0].tunnel, found.tunnels[0].read_packets), (tunnel, 20));
        assert!(found.hidden.is_empty(), "{:?}", found.hidden);
    }
}

#[test]
fn ipv6_in_ipv4_is_read() {
    let inside = download(("2001:db8:a::1", 443), ("2001:db8:ffff::1", 50_001), 4);
    let packets: Vec<_> = inside.iter().map(|packet| other(A, B, 41, packet)).collect();
    let found = report(&pcap(&packets));
    assert_eq!(found.servers, report(&pcap(&inside)).servers);
    assert_eq!(found.tunnels[0].tunnel, Tunnel::SixInFour);
}

#[test]
fn a_tunnel_that_carries_nearly_all_is_a_likely_vpn() {
    let mut data = vec![4, 0, 0, 0];
    data.resize(1312, 0xee);
    let wireguard = vec![udp((A, 2408), (B, 50_000), &data); 30];
    let esp = vec![other(A, B, 50, &[0xee; 1300]); 30];
    let nat_traversal = vec![udp((A, 4500), (B, 4500), &[0xee; 1300]); 30];
    let openvpn = vec![tcp((A, 1194), (B, 50_000), 1, Kind::Data, &[0xee; 1300]); 30];
    for (tunnel, packets) in [
        (Tunnel::WireGuard, wireguard),
        (Tunnel::Ipsec, esp),
        (Tunnel::Ipsec, nat_traversal),
        (Tunnel::OpenVpn, openvpn),
    ] {
        let packets = [packets, download(("198.51.100.7", 443), ("192.0.2.1", 50_001), 3)].concat();
        let found = report(&pcap(&packets));
        let Hidden::LikelyVpn { tunnel: seen, share } = found.hidden[0] else { panic!("{:?}", found.hidden) };
        assert_eq!(seen, tunnel);
        assert!((0.9..0.95).contains(&share), "{tunnel}: {share}");
    }
}

#[test]
fn a_tunnel_that_is_not_read_is_named_with_its_share() {
    let packets =
        [vec![udp((A, 1701), (B, 1701), &[0; 1012])], download(("198.51.100.7", 443), (A, 50_001), 1)];
    let found = report(&pcap(&packets.concat()));
    let texts: Vec<String> = found.hidden.iter().map(ToString::to_string).collect();
    assert!(texts.iter().any(|text| text.contains("in L2TP, whose inside was not read")), "{texts:?}");
}

#[test]
fn packets_inside_packets_without_end_are_given_up() {
    let packet = (0..20).fold(inner()[0].clone(), |packet, _| other(A, B, 4, &packet));
    let found = report(&pcap(&[packet]));
    assert_eq!((found.broken_packets, found.bytes), (1, 0));
}
