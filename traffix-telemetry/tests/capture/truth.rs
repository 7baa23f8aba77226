//! Who is the server, and what it delivered.

use traffix_core::delivery::Tenancy;
use traffix_telemetry::capture::{Hidden, Report, Scope, Server};

use super::build::{Kind, PCAP, Shot, address, download, ethernet, pcap, report, tcp, udp};

fn server<'a>(report: &'a Report, ip: &str) -> &'a Server {
    let found = report.servers.iter().find(|server| server.address == address(ip));
    found.unwrap_or_else(|| panic!("{ip} is in no report: {report:#?}"))
}

/// Bytes of layer 3 of `download(_, _, n)`: IPv4 or IPv6 and TCP.
fn down_up(n: u64, header: u64) -> (u64, u64) {
    (n * (header + 20 + 1000), n * (header + 20))
}

#[test]
fn bytes_are_those_of_the_servers() {
    let packets = [
        download(("198.51.100.7", 443), ("192.0.2.1", 50_001), 30),
        download(("203.0.113.9", 80), ("192.0.2.2", 50_002), 20),
        download(("203.0.113.9", 80), ("192.0.2.3", 50_003), 5),
        download(("2001:db8:a::1", 443), ("2001:db8:ffff::1", 50_004), 10),
        download(("192.0.2.200", 443), ("192.0.2.4", 50_005), 1),
    ];
    let report = report(&pcap(&packets.concat()));
    let found: Vec<_> = report
        .servers
        .iter()
        .map(|s| (s.address.to_string(), s.down_bytes, s.up_bytes, s.cdn.as_ref().map(ToString::to_string)))
        .collect();
    let expected = [
        ("198.51.100.7", down_up(30, 20), Some("valve")),
        ("203.0.113.9", down_up(25, 20), Some("akamai")),
        ("2001:db8:a::1", down_up(10, 40), Some("akamai")),
        ("192.0.2.200", down_up(1, 20), None),
    ];
    let expected = expected.map(|(ip, (down, up), cdn)| (ip.to_owned(), down, up, cdn.map(str::to_owned)));
    assert_eq!(found, expected);
    let valve = server(&report, "198.51.100.7");
    assert_eq!((valve.tenancy, valve.packets, valve.flows), (Some(Tenancy::Dedicated), 60, 1));
    assert_eq!(valve.asn.map(|asn| asn.to_string()).as_deref(), Some("AS32590"));
    assert_eq!(valve.first.unwrap().to_rfc3339(), "2023-11-14T22:13:20.123456+00:00");
    assert_eq!(valve.last.unwrap() - valve.first.unwrap(), chrono::TimeDelta::milliseconds(59));
    assert!((report.servers.iter().map(|s| s.share).sum::<f64>() - 1.0).abs() < 1e-9);
    let totals: Vec<_> = report.by_cdn.iter().map(|total| (total.cdn.is_some(), total.servers)).collect();
    assert_eq!(totals, [(true, 2), (true, 1), (false, 1)]);
}

#[test]
fn no_client_is_in_the_report() {
    let text = serde_json::to_string(&report(&pcap(
        &[
            download(("198.51.100.7", 443), ("192.0.2.1", 50_001), 3),
            // Two players, and two that download from each other.
            vec![udp(("192.0.2.2", 3074), ("192.0.2.3", 3074), &[1; 100])],
            download(("192.0.2.4", 51_413), ("192.0.2.5", 60_000), 50),
            // A player on a server that is in a list.
            vec![udp(("192.0.2.6", 27_005), ("198.51.100.8", 27_015), &[1; 100])],
        ]
        .concat(),
    )))
    .unwrap();
    assert!(text.contains("198.51.100.7") && text.contains("198.51.100.8"), "{text}");
    assert!(!text.contains("192.0.2."), "{text}");
}

#[test]
fn what_has_no_known_server_is_summed_and_said() {
    let report = report(&pcap(&download(("192.0.2.4", 51_413), ("192.0.2.5", 60_000), 50)));
    assert!(report.servers.is_empty());
    assert_eq!((report.withheld.flows, report.withheld.packets), (1, 100));
    let [Hidden::Withheld { share }] = report.hidden.as_slice() else { panic!("{:?}", report.hidden) };
    assert!((share - 1.0).abs() < 1e-9);
}

#[test]
fn of_two_service_ports_the_one_that_got_the_syn_is_the_server() {
    let (a, b) = (("192.0.2.1", 443), ("192.0.2.2", 8443));
    let upload = |syn: bool| {
        let mut packets = if syn { vec![tcp(a, b, 0, Kind::Syn, &[])] } else { vec![] };
        packets.extend(download(a, b, 4));
        report(&pcap(&packets)).servers[0].address
    };
    assert_eq!(upload(true), address("192.0.2.2"), "it got the SYN");
    assert_eq!(upload(false), address("192.0.2.1"), "it sent more");
}

#[test]
fn an_answer_to_a_missed_syn_shows_the_server_too() {
    let (server, client) = (("192.0.2.1", 443), ("192.0.2.2", 8443));
    let mut packets = vec![tcp(server, client, 0, Kind::SynAck(1), &[])];
    packets.extend(download(client, server, 4));
    assert_eq!(report(&pcap(&packets)).servers[0].address, address("192.0.2.1"));
}

#[test]
fn a_server_elsewhere_is_one_here() {
    let packets = [
        download(("192.0.2.9", 443), ("192.0.2.1", 50_001), 1),
        vec![udp(("192.0.2.9", 40_000), ("192.0.2.1", 50_002), &[1; 500])],
    ];
    let report = report(&pcap(&packets.concat()));
    assert_eq!((report.servers.len(), report.servers[0].flows, report.withheld.flows), (1, 2, 0));
}

#[test]
fn private_servers_and_carrier_nat_are_named_as_hiding() {
    let packets = [
        download(("10.0.0.5", 443), ("192.0.2.1", 50_001), 3),
        download(("100.64.0.5", 80), ("192.0.2.1", 50_002), 1),
    ];
    let report = report(&pcap(&packets.concat()));
    assert_eq!(server(&report, "10.0.0.5").scope, Scope::Private);
    assert_eq!(server(&report, "100.64.0.5").scope, Scope::CarrierNat);
    let texts: Vec<String> = report.hidden.iter().map(ToString::to_string).collect();
    assert!(texts[0].starts_with("75.0 % from servers with private addresses"), "{texts:?}");
    assert!(texts[1].starts_with("25.0 % from servers in 100.64.0.0/10"), "{texts:?}");
}

#[test]
fn cut_packets_count_in_full() {
    let packets = download(("198.51.100.7", 443), ("192.0.2.1", 50_001), 10);
    let shots = packets.iter().map(|packet| {
        let data = ethernet(packet);
        Shot { captured: data.len().min(64), data }
    });
    let cut = report(&PCAP.file(&shots.collect::<Vec<_>>()));
    assert_eq!((cut.servers[0].down_bytes, cut.servers[0].up_bytes), down_up(10, 20));
    assert_eq!((cut.cut_packets, cut.broken_packets), (10, 0));
}

#[test]
fn a_length_that_the_card_fills_in_is_that_of_the_frame() {
    let mut packet = tcp(("198.51.100.7", 443), ("192.0.2.1", 50_001), 1, Kind::Data, &[0; 5000]);
    packet[2..4].fill(0);
    assert_eq!(report(&pcap(&[packet])).servers[0].down_bytes, 5040);
}

#[test]
fn what_goes_to_many_is_no_servers() {
    let report = report(&pcap(&[udp(("192.0.2.1", 1900), ("239.255.255.250", 1900), &[0; 100])]));
    assert_eq!((report.servers.len(), report.local.packets, report.local.bytes), (0, 1, 128));
}
