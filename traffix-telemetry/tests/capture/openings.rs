//! Names in the first bytes of conversations and in DNS.

use simple_dns::rdata::{A, AAAA, CNAME, HTTPS, RData, SVCB};
use simple_dns::{CLASS, Name as DnsName, Packet, Question, ResourceRecord};
use traffix_telemetry::capture::{Hidden, Limits, Name, Report, Seen};

use super::build::{End, Kind, assert_conserved, download, inspect_with, pcap, report, tcp, udp};

/// What `openssl s_client -servername Cache1-fra1.SteamContent.com` of version 3.0.19 sends.
const HELLO: &[u8] = include_bytes!("client-hello.bin");

const SERVER: End = ("198.51.100.7", 443);
const CLIENT: End = ("192.0.2.1", 50_001);

fn names(report: &Report) -> Vec<(&str, Seen, u64)> {
    let names = report.servers.iter().flat_map(|server| &server.names);
    names.map(|name| (name.name.as_str(), name.seen, name.flows)).collect()
}

/// A conversation whose first bytes come as the client's pieces say: from where to where, in which order.
fn conversation(pieces: &[(usize, &[u8])]) -> Vec<Vec<u8>> {
    let start = u32::MAX - 100;
    let mut packets = vec![
        tcp(CLIENT, SERVER, start.wrapping_sub(1), Kind::Syn, &[]),
        tcp(SERVER, CLIENT, 0, Kind::SynAck(start), &[]),
    ];
    for (at, piece) in pieces {
        let sequence = start.wrapping_add(u32::try_from(*at).unwrap());
        packets.push(tcp(CLIENT, SERVER, sequence, Kind::Data, piece));
    }
    packets.extend(download(SERVER, CLIENT, 3));
    packets
}

const SNI: (&str, Seen, u64) = ("cache1-fra1.steamcontent.com", Seen::Sni, 1);

#[test]
fn the_name_of_a_hello_is_read_however_it_comes() {
    let whole: &[(usize, &[u8])] = &[(0, HELLO)];
    let split: &[(usize, &[u8])] = &[(0, &HELLO[..150]), (150, &HELLO[150..])];
    let bytewise: Vec<(usize, &[u8])> = HELLO.chunks(1).enumerate().collect();
    let repeated: &[(usize, &[u8])] = &[(0, &HELLO[..150]), (0, &HELLO[..150]), (100, &HELLO[100..])];
    let swapped: &[(usize, &[u8])] = &[(150, &HELLO[150..]), (0, &HELLO[..150])];
    for pieces in [whole, split, &bytewise, repeated, swapped] {
        let report = report(&pcap(&conversation(pieces)));
        assert_eq!(names(&report), [SNI], "{pieces:?}");
        assert_eq!(report.by_name[0].bytes, report.bytes);
    }
    // Without its beginning, a hello is known by its look.
    assert_eq!(names(&report(&pcap(&conversation(split)[2..]))), [SNI]);
}

#[test]
fn a_hello_over_two_records_is_read() {
    let record =
        |part: &[u8]| [&[0x16, 3, 1], &u16::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat();
    let hello = [record(&HELLO[5..90]), record(&HELLO[90..])].concat();
    assert_eq!(names(&report(&pcap(&conversation(&[(0, &hello)])))), [SNI]);
}

#[test]
fn a_hello_that_never_ends_is_given_up() {
    let hello = conversation(&[(0, &HELLO[..150])]);
    let report = report(&pcap(&hello));
    assert_eq!(names(&report), []);
    assert_eq!(report.by_name[0].name, None);
}

#[test]
fn a_request_shows_server_and_name_on_any_port() {
    let server = ("192.0.2.9", 30_000);
    let request = b"GET /depot/1 HTTP/1.1\r\nHost: Cache.Example:30000\r\n\r\n";
    let mut packets = download(server, CLIENT, 2);
    packets.push(tcp(CLIENT, server, 1, Kind::Data, request));
    let report = report(&pcap(&packets));
    assert_eq!(names(&report), [("cache.example", Seen::Host, 1)]);
    assert_eq!(report.servers[0].address.to_string(), "192.0.2.9");
}

#[test]
fn too_many_unfinished_openings_are_said() {
    let mut packets = Vec::new();
    for port in 50_000..50_010 {
        packets.push(tcp((CLIENT.0, port), SERVER, 1, Kind::Data, &HELLO[..150]));
    }
    let limits = Limits { openings: 4, ..Limits::default() };
    let report = inspect_with(&pcap(&packets), &limits).unwrap();
    assert_eq!(report.refused_openings, 6);
    assert_conserved(&report);
}

/// An answer for a name: what the records are of, and what they say.
fn answer(asked: &str, records: Vec<(&str, RData<'_>)>) -> Vec<u8> {
    let mut packet = Packet::new_reply(7);
    let name = |text: &str| DnsName::new(text).unwrap().into_owned();
    let kind = simple_dns::QTYPE::TYPE(simple_dns::TYPE::A);
    packet.questions.push(Question::new(name(asked), kind, CLASS::IN.into(), false));
    for (owner, data) in records {
        packet.answers.push(ResourceRecord::new(name(owner), CLASS::IN, 60, data.into_owned()));
    }
    packet.build_bytes_vec_compressed().unwrap()
}

fn resolved(message: &[u8]) -> Vec<u8> {
    udp(("192.0.2.53", 53), (CLIENT.0, 40_000), message)
}

#[test]
fn dns_names_what_conversations_do_not() {
    let alias = "x.akamaized.example";
    let cname = RData::CNAME(CNAME(DnsName::new(alias).unwrap()));
    let a = RData::A(A { address: u32::from_be_bytes([203, 0, 113, 9]) });
    let message = answer("Dl.Example.com", vec![("dl.example.com", cname), (alias, a)]);
    let mut packets = vec![resolved(&message)];
    packets.extend(download(("203.0.113.9", 443), CLIENT, 9));
    let report = report(&pcap(&packets));
    let name = Name {
        name: "dl.example.com".into(),
        seen: Seen::Dns,
        in_dns: true,
        alias_of: Some(alias.into()),
        bytes: 0,
        flows: 0,
    };
    assert_eq!(report.servers[0].names, [name]);
    assert_eq!(report.by_name[0].name.as_deref(), Some("dl.example.com"));
    assert_eq!(report.by_name[0].bytes, report.servers[0].bytes());
    assert_eq!((report.dns.answers, report.dns.unread), (1, 0));
}

#[test]
fn hints_of_https_records_and_ipv6_count() {
    let mut service = SVCB::new(1, DnsName::new("h.example").unwrap());
    service.set_ipv4hint(&[u32::from_be_bytes([203, 0, 113, 1])]);
    let aaaa = RData::AAAA(AAAA { address: "2001:db8:a::1".parse::<std::net::Ipv6Addr>().unwrap().into() });
    let message = answer("h.example", vec![("h.example", RData::HTTPS(HTTPS(service))), ("h.example", aaaa)]);
    let mut packets = vec![resolved(&message)];
    packets.extend(download(("203.0.113.1", 443), CLIENT, 1));
    packets.extend(download(("2001:db8:a::1", 443), ("2001:db8:ffff::1", 50_004), 1));
    let report = report(&pcap(&packets));
    assert_eq!(names(&report), [("h.example", Seen::Dns, 0), ("h.example", Seen::Dns, 0)]);
}

#[test]
fn two_names_of_one_address_credit_neither() {
    let a = || RData::A(A { address: u32::from_be_bytes([203, 0, 113, 9]) });
    let mut packets = vec![
        resolved(&answer("a.example", vec![("a.example", a())])),
        resolved(&answer("b.example", vec![("b.example", a())])),
    ];
    packets.extend(download(("203.0.113.9", 443), CLIENT, 9));
    let report = report(&pcap(&packets));
    assert_eq!(report.servers[0].names.len(), 2);
    assert_eq!(report.by_name[0].name, None);
}

#[test]
fn answers_that_claim_too_much_are_not_read() {
    let a = RData::A(A { address: 1 });
    let mut message = answer("a.example", vec![("a.example", a)]);
    message[6..8].fill(0xff);
    let report = report(&pcap(&[resolved(&message), resolved(&message[..20]), resolved(&[])]));
    assert_eq!((report.dns.answers, report.dns.unread), (0, 3));
}

#[test]
fn quic_is_said_to_hide_its_names() {
    let initial = [&[0xc3, 0, 0, 0, 1], &[0; 1195][..]].concat();
    let mut packets = vec![udp(CLIENT, SERVER, &initial)];
    packets.push(udp(SERVER, CLIENT, &[0x40; 1200]));
    let report = report(&pcap(&packets));
    assert_eq!(report.quic_bytes, report.bytes);
    assert!(matches!(report.hidden[..], [Hidden::Quic { .. }]), "{:?}", report.hidden);
}
