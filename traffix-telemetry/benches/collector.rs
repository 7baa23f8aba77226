//! Flows per second of processor time over real sockets: the collector, beside reading the datagrams and throwing them
//! away, and beside nfcapd (Debian package nfdump), which also writes the flows to files.
//!
//! The datagrams are those of a router, 19 flows of 24 fields in each, sent over loopback at a rate that all can keep up
//! with, one at a time and many at once. Counted is the time that the receiving threads ran, as the kernel tells it, for
//! what they received.
//! Takes turns five times and prints the medians: `cargo bench -p traffix-telemetry --bench collector`.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

#[expect(dead_code, reason = "what is sent over sockets has the address of this machine")]
mod exports;

#[cfg(target_os = "linux")]
fn main() {
    // `cargo test` builds and starts benches too.
    if std::env::args().any(|argument| argument == "--bench") {
        linux::run();
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::IoSliceMut;
    use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
    use traffix_core::delivery::{Origin, PrefixKind, PrefixTable, Tenancy};
    use traffix_core::measurement::Batch;
    use traffix_core::network::Network;
    use traffix_telemetry::collector::{Collector, Config, Watch};

    use super::exports::{self, Numbers, ROUTER_FIELDS};

    /// Datagrams of one turn, and the mean time between two of them.
    const DATAGRAMS: usize = 100_000;
    const SPACING: Duration = Duration::from_micros(16);
    const TURNS: usize = 5;
    const FLOWS_PER_DATAGRAM: u64 = 19;
    const PREFIXES: u64 = 300_000;

    /// Flows received, and the seconds of processor time that it took.
    struct Took {
        flows: u64,
        secs: f64,
    }

    impl Took {
        fn per_sec(&self) -> f64 {
            assert!(self.flows > DATAGRAMS as u64 * FLOWS_PER_DATAGRAM / 10, "most datagrams were dropped");
            let flows: u32 = self.flows.try_into().unwrap();
            f64::from(flows) / self.secs
        }
    }

    /// What goes out: the template and then the others, round and round, so many at once.
    struct Traffic<'a> {
        datagrams: &'a [Vec<u8>],
        at_once: u32,
    }

    type Turn = fn(&Traffic<'_>) -> Took;

    pub(super) fn run() {
        let mut numbers = Numbers(1);
        let value = |id| match (id, numbers.next()) {
            (12, any) => 0xc612_0000 | (any % 0x2_0000),
            (10, any) => 1 + any % 9,
            (1, any) => any >> 16,
            (61 | 21 | 22 | 48, _) => 0,
            (_, any) => any,
        };
        let (datagrams, flows) = exports::datagrams(10, &ROUTER_FIELDS, value);
        assert_eq!(flows, FLOWS_PER_DATAGRAM * (datagrams.len() as u64 - 1));
        // One at a time is how datagrams of many routers come; 64 at once is what is read at the least cost.
        for at_once in [1, 64] {
            compare(&Traffic { datagrams: &datagrams, at_once });
        }
    }

    fn compare(traffic: &Traffic<'_>) {
        let rivals: [(&str, Turn); 4] = [
            ("recvmmsg alone", bare),
            ("recvmmsg alone, patient", patient),
            ("traffix", collector),
            ("nfcapd", nfcapd),
        ];
        let mut results = [const { Vec::new() }; 4];
        println!("{} at once, every {} us", traffic.at_once, (SPACING * traffic.at_once).as_micros());
        for turn in 0..TURNS {
            for ((name, rival), results) in rivals.iter().zip(&mut results) {
                let per_sec = rival(traffic).per_sec();
                println!("{turn} {name}: {:.2} M flows per CPU-second", per_sec / 1e6);
                results.push(per_sec);
            }
        }
        let [bare, patient, ours, nfcapd] = results.map(|mut all| {
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        });
        println!("medians: {:.2}, {:.2}, {:.2}, {:.2}", bare / 1e6, patient / 1e6, ours / 1e6, nfcapd / 1e6);
        println!("traffix / recvmmsg alone: {:.2} (wanted 0.6)", ours / bare);
        println!("traffix / recvmmsg alone, patient: {:.2}", ours / patient);
        println!("traffix / nfcapd: {:.2} (wanted 2)", ours / nfcapd);
    }

    fn send(traffic: &Traffic<'_>, target: SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(target).unwrap();
        let (template, data) = traffic.datagrams.split_first().unwrap();
        socket.send(template).unwrap();
        thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        for (datagram, n) in data.iter().cycle().take(DATAGRAMS).zip(0_u32..) {
            // Nobody sleeps for as short as this.
            while n % traffic.at_once == 0 && start.elapsed() < SPACING * n {
                std::hint::spin_loop();
            }
            socket.send(datagram).unwrap();
        }
        thread::sleep(Duration::from_millis(700));
    }

    /// Seconds that threads of a process ran whose names begin so.
    fn cpu_secs(process: &str, names: &str) -> f64 {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        let tasks =
            tasks.map(|task| task.unwrap().path()).filter(|task| read(task.join("comm")).starts_with(names));
        let ns = |stat: String| {
            stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0)
        };
        tasks.map(|task| ns(read(task.join("schedstat")))).sum::<f64>() / 1e9
    }

    /// Reads whatever has arrived and throws it away.
    fn bare(traffic: &Traffic<'_>) -> Took {
        read_only(traffic, false)
    }

    /// The same, and lets more gather where few came, as our collector does: what remains is what reading costs at least.
    fn patient(traffic: &Traffic<'_>) -> Took {
        read_only(traffic, true)
    }

    fn read_only(traffic: &Traffic<'_>, is_patient: bool) -> Took {
        const BUFFER: usize = 65_536 + 1_536;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(16 << 20);
        let target = socket.local_addr().unwrap();
        let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (over, counted) = (Arc::clone(&is_over), Arc::clone(&count));
        let reader = move || {
            let mut buffers = vec![0; 64 * BUFFER];
            let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(64, None);
            while !over.load(Ordering::Relaxed) {
                let mut slices: Vec<_> =
                    buffers.chunks_exact_mut(BUFFER).map(|b| [IoSliceMut::new(b)]).collect();
                let fd = socket.as_raw_fd();
                if let Ok(messages) =
                    recvmmsg(fd, &mut headers, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None)
                {
                    let messages = messages.count();
                    counted.fetch_add(messages as u64, Ordering::Relaxed);
                    if is_patient && messages < 16 {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            }
        };
        let reader = thread::Builder::new().name("bare".into()).spawn(reader).unwrap();
        send(traffic, target);
        let secs = cpu_secs("self", "bare");
        is_over.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        Took { flows: (count.load(Ordering::Relaxed) - 1) * FLOWS_PER_DATAGRAM, secs }
    }

    fn watch() -> Watch {
        let mut table = PrefixTable::builder();
        let origins: Vec<_> = (0..60)
            .map(|n| {
                table.origin(Origin {
                    cdn: format!("cdn-{n}").parse().unwrap(),
                    asn: None,
                    kind: PrefixKind::Configured,
                    tenancy: Tenancy::Dedicated,
                    source: "made up".into(),
                    observed: None,
                })
            })
            .collect();
        let mut numbers = Numbers(7);
        for _ in 0..PREFIXES {
            let address = u32::try_from(numbers.next()).unwrap();
            let length = u8::try_from(16 + numbers.next() % 9).unwrap();
            let net = ipnet::Ipv4Net::new(address.into(), length).unwrap().trunc();
            table.insert(origins[address as usize % 60], net.into());
        }
        let links: Vec<String> = (1..=8)
            .map(|n| {
                format!(
                    r#"{{"id": "{n}", "kind": "pni", "capacity_bps": 1e11,
                        "interfaces": [{{"exporter": "127.0.0.1", "index": {n}}}]}}"#
                )
            })
            .collect();
        let network: Network = serde_json::from_str(&format!(
            r#"{{"id": "acme", "tz": "UTC", "lines": 20000, "prefixes": ["198.18.0.0/15"], "links": [{}]}}"#,
            links.join(",")
        ))
        .unwrap();
        Watch::new(&network, Arc::new(table.build()))
    }

    fn collector(traffic: &Traffic<'_>) -> Took {
        let config = Config {
            listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
            workers: 1.try_into().ok(),
            pin: false,
            ..Config::default()
        };
        let collector = Collector::start(config, watch(), |_: &Batch| Ok(())).unwrap();
        send(traffic, collector.addresses()[0]);
        let secs = cpu_secs("self", "collect-");
        let stopped = collector.stop();
        assert!(stopped.stats.counted.flows > stopped.stats.decoded.flows / 2);
        Took { flows: stopped.stats.decoded.flows, secs }
    }

    fn nfcapd(traffic: &Traffic<'_>) -> Took {
        let folder = tempfile::tempdir().unwrap();
        let target = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let port = target.port().to_string();
        let child = Command::new("nfcapd")
            .args(["-b", "127.0.0.1", "-p", &port, "-t", "3600", "-B", "16777216", "-w"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("install the Debian package nfdump");
        thread::sleep(Duration::from_millis(300));
        send(traffic, target);
        let (pid, secs) = (child.id().to_string(), cpu_secs(&child.id().to_string(), ""));
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        let flows = said.rsplit_once(" Flows: ").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
        Took { flows: flows.expect("nfcapd tells how many flows it had"), secs }
    }
}
