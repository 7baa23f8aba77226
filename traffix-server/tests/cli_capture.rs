//! `traffix capture inspect` on what real clients send.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Name, Packet, QTYPE, Question, ResourceRecord, TYPE};
use support::traffix;
use tempfile::TempDir;

/// An address of Valve, one of nobody, and the client that must never be printed.
const VALVE: [u8; 4] = [155, 133, 226, 70];
const NOBODY: [u8; 4] = [192, 0, 2, 9];
const CLIENT: [u8; 4] = [198, 18, 7, 7];

/// What rustls sends first to a server of a name.
fn client_hello(name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let name = name.to_owned().try_into().unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// What reqwest sends for a name, read from a socket.
fn request(name: &str) -> Vec<u8> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (host, url) = (name.to_owned(), format!("http://{name}:{}/depot/1/chunk", address.port()));
    // Somebody else may have chosen it before, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = reqwest::Client::builder()
            .resolve(url.split('/').nth(2).unwrap().split(':').next().unwrap(), address);
        let sent = runtime.block_on(async { client.build().unwrap().get(url).send().await });
        assert!(sent.is_err(), "the connection ends without an answer");
    });
    let (mut socket, _) = listener.accept().unwrap();
    let mut bytes = vec![0; 4096];
    let read = socket.read(&mut bytes).unwrap();
    bytes.truncate(read);
    // A second attempt must not wait for an answer either.
    drop((socket, listener));
    client.join().unwrap();
    bytes
}

fn dns_answer(name: &str, address: [u8; 4]) -> Vec<u8> {
    let mut packet = Packet::new_reply(1);
    let name = Name::new(name).unwrap();
    packet.questions.push(Question::new(name.clone(), QTYPE::TYPE(TYPE::A), CLASS::IN.into(), false));
    let a = RData::A(A { address: u32::from_be_bytes(address) });
    packet.answers.push(ResourceRecord::new(name, CLASS::IN, 60, a));
    packet.build_bytes_vec_compressed().unwrap()
}

/// An IPv4 packet: TCP with sequence number and acknowledgement, or UDP.
fn packet(from: ([u8; 4], u16), to: ([u8; 4], u16), tcp: Option<u32>, payload: &[u8]) -> Vec<u8> {
    let mut transport = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
    let protocol = if let Some(sequence) = tcp {
        transport.extend(sequence.to_be_bytes());
        transport.extend([0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
        6
    } else {
        transport.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
        transport.extend([0, 0]);
        17
    };
    transport.extend(payload);
    let length = u16::try_from(20 + transport.len()).unwrap().to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 60, protocol, 0, 0];
    [&header[..], &from.0, &to.0, &transport].concat()
}

/// A pcap file of raw IP.
fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    for (secs, packet) in (1_700_000_000_u32..).zip(packets) {
        let length = u32::try_from(packet.len()).unwrap();
        for word in [secs, 0, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// A download by TLS whose hello comes in two segments, a plain one of a server in no list, and the resolver's answer.
fn capture() -> (TempDir, String) {
    let (valve, nobody, client) = ((VALVE, 443), (NOBODY, 80), (CLIENT, 50_000));
    let hello = client_hello("cache1-fra1.steamcontent.com");
    let (begin, end) = hello.split_at(hello.len() / 2);
    let next = 1 + u32::try_from(begin.len()).unwrap();
    let mut packets = vec![
        packet(([192, 0, 2, 53], 53), client, None, &dns_answer("cache1-fra1.steamcontent.com", VALVE)),
        packet(client, valve, Some(1), begin),
        packet(client, valve, Some(next), end),
        packet(client, nobody, Some(1), &request("dl.example.com")),
    ];
    packets.extend((0..50).map(|n| packet(valve, client, Some(n * 1400), &[0xaa; 1400])));
    packets.extend((0..20).map(|n| packet(nobody, client, Some(n * 1400), &[0xbb; 1400])));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("evening.pcap");
    std::fs::write(&path, pcap(&packets)).unwrap();
    let path = path.display().to_string();
    (dir, path)
}

#[test]
fn servers_are_told_with_names_and_clients_are_not() {
    let (_dir, file) = capture();
    let text = traffix(&["capture", "inspect", &file]).run().expect(0);
    for part in [
        "155.133.226.70",
        "valve AS32590 dedicated",
        "cache1-fra1.steamcontent.com (SNI, DNS)",
        "dl.example.com (Host)",
        "BY CDN",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("198.18."), "{text}");
    let json = traffix(&["capture", "inspect", &file, "--json", "--top", "1"]).run().json();
    assert_eq!(json["servers"][0]["down_bytes"], 50 * 1440);
    assert_eq!(json["servers"].as_array().unwrap().len(), 1);
    assert!(json.get("suggestions").is_none() && !json.to_string().contains("198.18."), "{json}");
    let piped =
        traffix(&["capture", "inspect", "-", "--json", "--top", "1"]).stdin(std::fs::read(&file).unwrap());
    assert_eq!(piped.run().json()["servers"], json["servers"]);
}

#[test]
fn suggestions_go_before_a_moderator_once() {
    let (dir, file) = capture();
    let base = ["capture", "inspect", &file, "--platform", "steam"];
    let text = traffix(&[&base[..], &["--suggest"]].concat()).run().expect(0);
    assert!(text.contains("steam by valve as *.steamcontent.com AS32590 (origin, dedicated)"), "{text}");
    assert!(text.contains("the same is known already") && text.contains("as dl.example.com"), "{text}");
    let url = format!("sqlite:{}", dir.path().join("traffix.db").display());
    let propose = [&base[..], &["--propose", "--json", "--database", &url]].concat();
    let first = traffix(&propose).run().json();
    assert_eq!(first["suggestions"].as_array().unwrap().len(), 2);
    assert_eq!(first["suggestions"][1]["assertion"]["evidence"], "measurement");
    assert_eq!(first["proposed"], 1, "what is known is not proposed");
    assert_eq!(traffix(&propose).run().json()["proposed"], 0);
}

#[test]
fn what_cannot_be_read_is_explained() {
    let (dir, file) = capture();
    let cut = dir.path().join("cut.pcap");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&cut, &whole[..whole.len() - 5]).unwrap();
    let run = traffix(&["capture", "inspect", &cut.display().to_string()]).run();
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.contains("155.133.226.70") && run.stderr.contains("ends within a packet"),
        "{}",
        run.stderr
    );
    let run = traffix(&["capture", "inspect", "-"]).stdin("no capture").run();
    assert!(run.code == 1 && run.stderr.contains("neither a pcap nor a pcapng"), "{}", run.stderr);
    let run = traffix(&["capture", "inspect", "nowhere.pcap"]).run();
    assert!(run.code == 1 && run.stderr.contains("hint: check the path"), "{}", run.stderr);
    assert_eq!(traffix(&["capture", "inspect", &file, "--platform", "betamax"]).run().code, 2);
    assert_eq!(traffix(&["capture", "inspect", &file, "--propose"]).run().code, 2);
}
