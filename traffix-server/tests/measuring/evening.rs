//! An evening on a network: what is known to have been on the wire, exported by real exporters, collected by a running server,
//! and read back from its API.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chrono::Utc;
use serde_json::{Value, json};

use crate::flows::{bytes, database, question};
use crate::pcap::{self, Packets};
use crate::process::{Server, free_udp, until};

/// Who sends: addresses that the embedded prefixes know, an address of the network's own cache, and one that nobody knows.
const SENDERS: [(&str, Option<&str>); 6] = [
    ("155.133.226.70", Some("valve")),
    ("23.32.3.10", Some("akamai")),
    ("151.101.1.10", Some("fastly")),
    ("198.51.100.9", Some("google")),
    ("2a04:4e42::10", Some("fastly")),
    ("192.0.2.1", None),
];
/// Whose traffic comes from the network's own cache.
const CACHE: Option<&str> = Some("google");
/// One packet in so many is sampled by sFlow.
const SAMPLING: u64 = 10;
/// Packets of each sender on the sampled link. About 400 of them are sampled, with a standard deviation of
/// sqrt(400 · 0.9) = 19, which is 4.7 %.
const SAMPLED_PACKETS: u64 = 4_000;
/// Five standard deviations, and the last datagram (seven samples), which pmacctd does not send at the end of a file.
const SAMPLING_ERROR: f64 = 5.0 * 0.047 + 7.0 / 400.0;

/// An exporter that ends with the test.
struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        // Plugins of pmacctd are processes of their own: the whole group ends.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

impl Exporter {
    fn start(command: &mut Command) -> Self {
        let quiet = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(
            quiet
                .spawn()
                .unwrap_or_else(|error| panic!("{error}; install the Debian packages softflowd and pmacct")),
        )
    }

    fn has_ended(&mut self) -> Option<()> {
        self.0.try_wait().unwrap().map(drop)
    }
}

fn softflowd(dir: &Path, pcap: &Path, to: SocketAddr) -> Exporter {
    let mut command = Command::new("softflowd");
    command.arg("-r").arg(pcap).args(["-a", "-d", "-n", &to.to_string(), "-v", "9", "-c", "none", "-p"]);
    Exporter::start(command.arg(dir.join("softflowd.pid")))
}

/// pmacctd with its probe for IPFIX or sFlow, on a link that comes in by an interface.
fn pmacctd(dir: &Path, pcap: &Path, probe: &str) -> Exporter {
    let pcap = pcap.display();
    let config = format!(
        "daemonize: false\npcap_savefile: {pcap}\nplugin_buffer_size: 10240\nplugin_pipe_size: 10240000\n{probe}\n"
    );
    let file = dir.join(format!("{}.conf", probe.split(':').next_back().unwrap().trim()));
    std::fs::write(&file, config).unwrap();
    Exporter::start(Command::new("pmacctd").arg("-f").arg(file))
}

fn profile(dir: &Path) -> String {
    let interface = |exporter: &str, index: u32| json!([{"exporter": exporter, "index": index}]);
    let network = json!({
        "id": "acme", "tz": "Europe/London", "lines": 20_000,
        "prefixes": ["203.0.113.0/24", "198.51.100.0/24", "3fff:1::/48"],
        "links": [
            {"id": "pni", "kind": "pni", "capacity_bps": 1e10, "interfaces": interface("127.0.0.2", 7)},
            {"id": "exchange", "kind": "exchange", "capacity_bps": 1e10, "interfaces": interface("127.0.0.3", 8)},
            {"id": "cache", "kind": "embedded-cache", "cdns": ["google"], "capacity_bps": 1e10,
             "prefixes": ["198.51.100.0/28"]},
        ],
    });
    let path = dir.join("acme.json");
    std::fs::write(&path, network.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn subscriber(of: IpAddr, n: u16) -> IpAddr {
    // Above every sender: softflowd tells directions by the order of addresses.
    let text = if of.is_ipv4() { format!("203.0.113.{n}") } else { format!("3fff:1::{n:x}") };
    text.parse().unwrap()
}

/// Downloads of some subscribers from every sender, in packets of its own size, with requests in the other direction and a
/// little traffic that stays inside.
fn downloads(scale: u64) -> Vec<Packets> {
    let mut all = Vec::new();
    for (i, (sender, _)) in (0_u16..).zip(SENDERS) {
        let from: IpAddr = sender.parse().unwrap();
        for n in 1..=20_u16 {
            let (to, port) = (subscriber(from, n + 20), 40_000 + n);
            let (count, payload) = (scale * (1 + u64::from(n % 5)), 400 + 100 * usize::from(i));
            all.push(Packets { from, to, port, count, payload });
            all.push(Packets { from: to, to: from, port, count, payload: 20 });
        }
    }
    let inside = (subscriber(all[0].from, 201), subscriber(all[0].from, 202));
    all.push(Packets { from: inside.0, to: inside.1, port: 9, count: 50, payload: 1_000 });
    all
}

/// Bytes of each CDN that came in.
fn truth(all: &[Packets], of: fn(&Packets) -> u64) -> BTreeMap<Option<&'static str>, u64> {
    let mut sums = BTreeMap::new();
    for (sender, cdn) in SENDERS {
        let from: IpAddr = sender.parse().unwrap();
        *sums.entry(cdn).or_default() += all.iter().filter(|one| one.from == from).map(of).sum::<u64>();
    }
    sums
}

/// Bytes of a CDN on a link, or on none that is known.
fn found(answer: &Value, cdn: Option<&str>, link: Option<&str>) -> u64 {
    if let Some(link) = link {
        return bytes(answer, cdn, link).unwrap_or(0);
    }
    let items = answer["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["cdn"].as_str() == cdn && item.get("link").is_none());
    item.and_then(|item| item["bytes"].as_u64()).unwrap_or(0)
}

/// Exports what was on a link, by the exporter of that link.
fn export(dir: &Path, link: &str, packets: &[Packets], (begun_ms, to): (i64, SocketAddr)) -> Exporter {
    let path = dir.join(format!("{link}.pcap"));
    // Twenty seconds of it.
    pcap::write(&path, pcap::mixed(packets, begun_ms, 20));
    let probe = match link {
        "pni" => format!(
            "nfprobe_receiver: {to}\nnfprobe_version: 10\nnfprobe_source_ip: 127.0.0.2\nnfprobe_direction[pni]: in\n\
             nfprobe_timeouts: general=1:maxlife=1:expint=1:tcp=1:udp=1\nnfprobe_ifindex[pni]: 7\n\
             aggregate: src_host, dst_host, src_port, dst_port, proto, tos, in_iface\nplugins: nfprobe[pni]"
        ),
        "exchange" => format!(
            "sfprobe_receiver: {to}\nsfprobe_source_ip: 127.0.0.3\nsfprobe_direction[exchange]: in\n\
             sfprobe_ifindex[exchange]: 8\nsampling_rate: {SAMPLING}\nplugins: sfprobe[exchange]"
        ),
        _ => return softflowd(dir, &path, to),
    };
    pmacctd(dir, &path, &probe)
}

#[test]
fn an_evening_is_measured_as_it_was() {
    let (dir, url) = database();
    let (dir, network) = (dir.path(), profile(dir.path()));
    let to = free_udp();
    let listen = to.to_string();
    let settings = [
        ("TRAFFIX__COLLECT__NETFLOW", listen.as_str()),
        ("TRAFFIX__COLLECT__NETWORK", &network),
        ("TRAFFIX__COLLECT__GRACE_SECS", "0"),
    ];
    let server = Server::start(dir, &url, &settings);
    server.until("/readyz", |ready| ready["parts"]["collector"]["status"] == "ok");

    let begun_ms = Utc::now().timestamp_millis() - 300_000;
    let (transit, pni) = (downloads(1), downloads(3));
    let sampled: Vec<Packets> = SENDERS
        .iter()
        .filter(|(_, cdn)| *cdn != CACHE)
        .map(|(sender, _)| {
            let from: IpAddr = sender.parse().unwrap();
            Packets { from, to: subscriber(from, 7), port: 50_000, count: SAMPLED_PACKETS, payload: 1_000 }
        })
        .collect();
    let links = [("transit", &transit), ("pni", &pni), ("exchange", &sampled)];
    let mut exporters = links.map(|(link, packets)| export(dir, link, packets, (begun_ms, to)));
    for exporter in &mut exporters {
        until(|| exporter.has_ended());
    }
    let metrics = server.get("/metrics");
    assert_eq!(server.running.interrupt().1, Some(0));
    let server = Server::start(dir, &url, &[]);
    let answer = server.json(&question("cdn,link"));
    let (on_transit, on_pni) = (truth(&transit, Packets::ip_bytes), truth(&pni, Packets::ip_bytes));
    for (sums, link) in [(&on_transit, None), (&on_pni, Some("pni"))] {
        for (cdn, sent) in sums {
            // The cache has no interface: where no other is known, its addresses tell the link.
            let link = link.or(Some("cache").filter(|_| *cdn == CACHE));
            assert_eq!(found(&answer, *cdn, link), *sent, "{cdn:?} on {link:?}\n{answer}\n{metrics}");
        }
    }
    for (cdn, sent) in truth(&sampled, Packets::frame_bytes).into_iter().filter(|(_, sent)| *sent > 0) {
        let seen = found(&answer, cdn, Some("exchange"));
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        let error = (seen as f64 - sent as f64).abs() / sent as f64;
        assert!(error <= SAMPLING_ERROR, "{cdn:?}: {seen} of {sent}\n{answer}\n{metrics}");
    }
}
