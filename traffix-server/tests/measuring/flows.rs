//! Datagrams that are sent to `traffix collect`, `serve` and `replay` are seen in `/api/v1/measurements`.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;

use chrono::Utc;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pcap::{self, Packets};
use crate::process::{Running, Server, free_udp, listening, refused, run, traffix};

/// Embedded prefixes name it: a cache of Valve.
pub(crate) const VALVE: Ipv4Addr = Ipv4Addr::new(155, 133, 226, 70);
/// An address that the profile gives to an embedded cache.
const CACHE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);
/// An address that nobody is known to deliver from.
const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// A subscriber.
const SUBSCRIBER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);

/// The profile of a network with a private interconnect, transit, and a cache.
pub(crate) fn profile(dir: &Path) -> String {
    let interface = |index: u32| json!([{"exporter": "127.0.0.1", "index": index}]);
    let network = json!({
        "id": "acme", "tz": "Europe/London", "lines": 20_000, "prefixes": ["203.0.113.0/24", "198.51.100.0/24"],
        "links": [
            {"id": "pni", "kind": "pni", "cdns": ["valve"], "capacity_bps": 1e10, "interfaces": interface(7)},
            {"id": "transit", "kind": "transit", "capacity_bps": 1e10, "interfaces": interface(8)},
            {"id": "cache", "kind": "embedded-cache", "cdns": ["google"], "capacity_bps": 1e10,
             "interfaces": interface(9), "prefixes": ["198.51.100.0/28"]},
        ],
    });
    let path = dir.join("acme.json");
    std::fs::write(&path, network.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn database() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("test.db").display());
    (dir, url)
}

/// A `NetFlow` v5 datagram, exported now, of flows that ended some seconds ago: sender, interface, bytes.
pub(crate) fn netflow_v5(ago_secs: u32, flows: &[(Ipv4Addr, u16, u32)]) -> Vec<u8> {
    let (uptime_ms, now) = (10_000_000_u32, u32::try_from(Utc::now().timestamp()).unwrap());
    let mut datagram = vec![0; 24];
    datagram[1] = 5;
    datagram[3] = u8::try_from(flows.len()).unwrap();
    datagram[4..8].copy_from_slice(&uptime_ms.to_be_bytes());
    datagram[8..12].copy_from_slice(&now.to_be_bytes());
    for (from, interface, bytes) in flows {
        let mut record = [0; 48];
        record[..4].copy_from_slice(&from.octets());
        record[4..8].copy_from_slice(&SUBSCRIBER.octets());
        record[12..14].copy_from_slice(&interface.to_be_bytes());
        record[19] = 1;
        record[20..24].copy_from_slice(&bytes.to_be_bytes());
        for time in [24, 28] {
            record[time..time + 4].copy_from_slice(&(uptime_ms - ago_secs * 1000).to_be_bytes());
        }
        record[32..34].copy_from_slice(&443_u16.to_be_bytes());
        record[38] = 6;
        datagram.extend(record);
    }
    datagram
}

/// An IPFIX message, exported now, with its template and one flow that ended just now.
fn ipfix(from: Ipv4Addr, interface: u32, bytes: u64) -> Vec<u8> {
    let now = Utc::now();
    let mut template = Vec::new();
    // Source, destination, ingress interface, octets, start and end in milliseconds: entity and length.
    let fields = [(8_u16, 4_u16), (12, 4), (10, 4), (1, 8), (152, 8), (153, 8)];
    for word in [2, u16::try_from(8 + 4 * fields.len()).unwrap(), 256, u16::try_from(fields.len()).unwrap()] {
        template.extend(word.to_be_bytes());
    }
    for (entity, length) in fields {
        template.extend(entity.to_be_bytes());
        template.extend(length.to_be_bytes());
    }
    let mut record = Vec::new();
    record.extend(from.octets());
    record.extend(SUBSCRIBER.octets());
    record.extend(interface.to_be_bytes());
    record.extend(bytes.to_be_bytes());
    let ms = u64::try_from(now.timestamp_millis()).unwrap();
    record.extend((ms - 50).to_be_bytes());
    record.extend(ms.to_be_bytes());
    let mut set = Vec::new();
    set.extend(256_u16.to_be_bytes());
    set.extend(u16::try_from(4 + record.len()).unwrap().to_be_bytes());
    set.extend(record);
    let mut message = Vec::new();
    message.extend(10_u16.to_be_bytes());
    message.extend(u16::try_from(16 + template.len() + set.len()).unwrap().to_be_bytes());
    message.extend(u32::try_from(now.timestamp()).unwrap().to_be_bytes());
    message.extend([0; 8]);
    [message, template, set].concat()
}

pub(crate) fn send(to: SocketAddr, datagram: &[u8]) {
    // Exported from the address that the profile names.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(datagram, to).unwrap();
}

/// A question about the last and the next minutes.
pub(crate) fn question(by: &str) -> String {
    let at = |minutes| (Utc::now() + chrono::TimeDelta::minutes(minutes)).format("%Y-%m-%dT%H:%M:00Z");
    format!("/api/v1/measurements?network=acme&from={}&until={}&step=60&by={by}", at(-30), at(3))
}

/// Bytes of the item with such a CDN and link.
pub(crate) fn bytes(answer: &Value, cdn: Option<&str>, link: &str) -> Option<u64> {
    let items = answer["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["cdn"].as_str() == cdn && item["link"] == link)?;
    item["bytes"].as_u64()
}

const FLOWS: [(Ipv4Addr, u16, u32); 5] =
    [(VALVE, 7, 1_000), (VALVE, 7, 234), (VALVE, 8, 50), (CACHE, 9, 7_000), (NOBODY, 8, 60)];

fn check(answer: &Value) {
    let found = |cdn: Option<&str>, link: &str| bytes(answer, cdn, link);
    assert_eq!(found(Some("valve"), "pni"), Some(1_234), "{answer}");
    assert_eq!(found(Some("valve"), "transit"), Some(50));
    assert_eq!(found(Some("google"), "cache"), Some(7_000));
    assert_eq!(found(None, "transit"), Some(60));
    assert_eq!(answer["items"].as_array().unwrap().len(), 4, "{answer}");
    assert!(!answer.to_string().contains("203.0.113"), "no subscriber's address is anywhere");
}

#[test]
fn collect_counts_until_it_is_interrupted_and_says_what_it_wrote() {
    let (dir, url) = database();
    let (dir, network) = (dir.path(), profile(dir.path()));
    let words = ["collect", "--netflow", "127.0.0.1:0", "--network", &network, "--database", &url, "--json"];
    let mut collect = Running::start(&mut traffix(dir, &words));
    let to = listening(&collect.line("collecting for acme"));
    send(to, &netflow_v5(120, &FLOWS));
    send(to, &netflow_v5(7_200, &[(VALVE, 7, 11)]));
    send(to, b"\x00\x05nonsense");
    let (report, code) = collect.interrupt();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["bytes"], &report["flows"]), (Some(0), &json!(8_344), &json!(6)), "{report}");
    assert_eq!(report["bytes_by_cdn"], json!({"valve": 1_284, "google": 7_000, "unknown": 60}));
    assert_eq!((&report["left_out"]["too-old"]["bytes"], &report["decode_errors"]), (&json!(11), &json!(1)));
    assert_eq!(report["unsaved"], 0);
    let server = Server::start(dir, &url, &[]);
    check(&server.json(&question("cdn,link")));
    let platform = server.json(&question("platform"));
    let items = platform["items"].as_array().unwrap();
    let steam = items.iter().find(|item| item["platform"] == "steam");
    assert_eq!(steam.map(|item| &item["bytes"]), Some(&json!(1_284)), "{platform}");
}

#[test]
fn a_server_with_a_collector_shows_flows_within_seconds() {
    let (dir, url) = database();
    let (dir, network) = (dir.path(), profile(dir.path()));
    let address = free_udp();
    let listen = address.to_string();
    let settings = [
        ("TRAFFIX__COLLECT__IPFIX", listen.as_str()),
        ("TRAFFIX__COLLECT__NETWORK", &network),
        ("TRAFFIX__COLLECT__STEP_SECS", "1"),
        ("TRAFFIX__COLLECT__GRACE_SECS", "0"),
    ];
    let server = Server::start(dir, &url, &settings);
    server.until("/readyz", |ready| ready["parts"]["collector"]["status"] == "ok");
    send(address, &netflow_v5(120, &FLOWS));
    check(&server.until(&question("cdn,link"), |answer| bytes(answer, Some("valve"), "pni").is_some()));
    send(address, &ipfix(VALVE, 7, 4_000_000_000_000));
    let seen = |answer: &Value| bytes(answer, Some("valve"), "pni") == Some(4_000_000_001_234);
    server.until(&question("cdn,link"), seen);
    let metrics = server.get("/metrics");
    for part in [
        "traffix_collector_datagrams_total 2\n",
        "traffix_collector_counted_flows_total 6\n",
        "traffix_collector_unattributed_bytes_total 60\n",
        "traffix_collector_exporter_flows_total{exporter=\"127.0.0.1\"} 6\n",
        "traffix_collector_template_misses_total{exporter=\"127.0.0.1\"} 0\n",
        "traffix_collector_left_out_bytes_total{cause=\"too-old\"} 0\n",
        "traffix_measured_bytes_total{cdn=\"google\"} 7000\n",
        "traffix_collector_last_bin_timestamp_seconds ",
        "traffix_collector_lookups_total ",
        "traffix_collector_unattributed_ratio ",
        "traffix_collector_pending_counters 0",
    ] {
        assert!(metrics.contains(part), "{part}\n{metrics}");
    }
    assert_eq!(metrics.matches("# EOF").count(), 1);
    // What came last is written before the server ends.
    send(address, &netflow_v5(120, &[(VALVE, 7, 766)]));
    assert_eq!(server.running.interrupt().1, Some(0));
    let server = Server::start(dir, &url, &[]);
    assert_eq!(bytes(&server.json(&question("cdn,link")), Some("valve"), "pni"), Some(4_000_000_002_000));
}

/// A capture of one datagram on its way to a collector.
fn capture(dir: &Path, datagram: &[u8]) -> String {
    let (from, to) = (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(192, 0, 2, 99).into());
    let mut frame = Packets { from, to, port: 2055, count: 1, payload: datagram.len() }.frame();
    let head = frame.len() - datagram.len();
    frame[head..].copy_from_slice(datagram);
    let path = dir.join("export.pcap");
    pcap::write(&path, [(Utc::now().timestamp_micros(), frame)]);
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_recording_is_counted_once_however_often_it_is_replayed() {
    let (dir, url) = database();
    let (dir, network) = (dir.path(), profile(dir.path()));
    let file = capture(dir, &netflow_v5(120, &FLOWS));
    for _ in 0..2 {
        let report = run(dir, &["replay", &file, "--network", &network, "--database", &url, "--json"]);
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!((&report["flows"], &report["counted_bytes"]), (&json!(5), &json!(8_344)), "{report}");
    }
    let server = Server::start(dir, &url, &[]);
    check(&server.json(&question("cdn,link")));
    // Sent to a collector it counts again, as of now.
    let (other, other_url) = database();
    let words =
        ["collect", "--sflow", "127.0.0.1:0", "--network", &network, "--database", &other_url, "--json"];
    let mut collect = Running::start(&mut traffix(other.path(), &words));
    let to = listening(&collect.line("collecting for acme")).to_string();
    run(dir, &["replay", &file, "--to", &to, "--speed", "10x"]);
    let (report, _) = collect.interrupt();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["flows"], 5, "{report}");
    std::fs::write(dir.join("text.pcap"), "no capture").unwrap();
    let wrong = refused(dir, &["replay", "text.pcap", "--network", &network, "--database", &url]);
    assert!(wrong.contains("text.pcap: "), "{wrong}");
}

#[test]
fn what_is_missing_for_collecting_is_named() {
    let (dir, url) = database();
    let dir = dir.path();
    let network = profile(dir);
    for (words, says) in [
        (&["collect", "--database", &url][..], "--netflow 2055"),
        (&["collect", "--netflow", "127.0.0.1:0", "--database", &url], "collect.network is not set"),
        (&["collect", "--netflow", "127.0.0.1:0", "--network", "nowhere", "--database", &url], "nowhere"),
        (&["collect", "--netflow", "192.0.2.1:1", "--network", &network, "--database", &url], "192.0.2.1:1"),
        (&["collect", "--netflow", "router", "--database", &url], "write an address"),
    ] {
        let wrong = refused(dir, words);
        assert!(wrong.contains(says), "{words:?}: {wrong}");
    }
}
