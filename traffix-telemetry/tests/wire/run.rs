//! Runs exporters and collectors of Debian packages on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use traffix_telemetry::flow::{Decoder, Flow};

use crate::capture;

/// An exporter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tool {
    Softflowd,
    Pmacctd,
}

/// Longest wait for anything to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Plugins of pmacctd are processes of their own: the whole group ends.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> Running {
    let started =
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Running(started.unwrap_or_else(|error| {
        panic!("{command:?}: {error}; install the Debian packages softflowd, pmacct and nfdump")
    }))
}

/// An exporter at work on the capture; it ends with this.
pub(crate) struct Exporter {
    process: Running,
    _folder: tempfile::TempDir,
}

impl Exporter {
    fn has_ended(&mut self) -> bool {
        self.process.0.try_wait().unwrap().is_some()
    }
}

/// Lets an exporter read the capture and export it to an address.
pub(crate) fn export(tool: Tool, version: u8, target: SocketAddr) -> Exporter {
    let folder = tempfile::tempdir().unwrap();
    let pcap = folder.path().join("capture.pcap");
    capture::write(&pcap);
    let process = match tool {
        Tool::Softflowd => start(
            Command::new("softflowd")
                .arg("-r")
                .arg(&pcap)
                .args(["-a", "-d", "-n", &target.to_string(), "-v", &version.to_string(), "-p"])
                .arg(folder.path().join("pid"))
                // With a control socket it waits there for ever after a file of more than a few packets.
                .args(["-c", "none"]),
        ),
        Tool::Pmacctd => {
            let config = format!(
                "plugins: nfprobe\nnfprobe_receiver: {target}\nnfprobe_version: {version}\n\
                 nfprobe_timeouts: general=1:maxlife=1:expint=1:tcp=1:udp=1\n\
                 aggregate: src_host, dst_host, src_port, dst_port, proto, tos\n"
            );
            start_pmacctd(folder.path(), &pcap, &config)
        }
    };
    Exporter { process, _folder: folder }
}

/// What softflowd exports of the capture.
pub(crate) fn softflowd(version: u8) -> Vec<Vec<u8>> {
    let socket = socket();
    let mut exporter = export(Tool::Softflowd, version, socket.local_addr().unwrap());
    receive(&socket, version == 5, || exporter.has_ended())
}

/// What pmacctd exports of the capture.
pub(crate) fn pmacctd(version: u8) -> Vec<Vec<u8>> {
    let socket = socket();
    let mut exporter = export(Tool::Pmacctd, version, socket.local_addr().unwrap());
    receive(&socket, false, || exporter.has_ended())
}

/// What pmacctd exports of the capture as sFlow, every packet of it.
pub(crate) fn sfprobe() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let pcap = folder.path().join("capture.pcap");
    capture::write(&pcap);
    let socket = socket();
    let target = socket.local_addr().unwrap();
    let config = format!("plugins: sfprobe\nsfprobe_receiver: {target}\nsampling_rate: 1\n");
    let mut running = start_pmacctd(folder.path(), &pcap, &config);
    receive(&socket, false, || running.0.try_wait().unwrap().is_some())
}

fn start_pmacctd(folder: &Path, pcap: &Path, config: &str) -> Running {
    let file = folder.join("pmacctd.conf");
    let config = format!(
        "daemonize: false\npcap_savefile: {}\nplugin_buffer_size: 10240\nplugin_pipe_size: 10240000\n{config}",
        pcap.display()
    );
    std::fs::write(&file, config).unwrap();
    start(Command::new("pmacctd").arg("-f").arg(file))
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket
}

/// Datagrams until they tell of every packet of the capture, the exporter has ended, or patience has: on a busy machine
/// the kernel may drop some before they are read.
fn receive(socket: &UdpSocket, only_v4: bool, mut has_ended: impl FnMut() -> bool) -> Vec<Vec<u8>> {
    let conversations = capture::conversations();
    let shown = conversations.iter().filter(|c| !only_v4 || c.source.is_ipv4());
    let expected: u64 = shown.map(|c| c.packets).sum();
    let (mut decoder, mut told) = (Decoder::default(), 0);
    let (mut datagrams, mut buffer, started) = (Vec::new(), vec![0; 65_536], Instant::now());
    while told < expected && started.elapsed() < PATIENCE {
        let ended = has_ended();
        if let Ok(len) = socket.recv(&mut buffer) {
            let exporter = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let count = |flow: Flow| told += flow.packets;
            // Errors are for the tests to find.
            let _ = decoder.decode(exporter, capture::END_MS, &buffer[..len], count);
            datagrams.push(buffer[..len].to_vec());
        } else if ended {
            break;
        }
    }
    datagrams
}

/// What an exporter says, tried again if some of it was dropped on the way.
pub(crate) fn complete(export: impl Fn() -> Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let lost = |datagrams: &[Vec<u8>]| {
        let (mut decoder, exporter) = (Decoder::default(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        for datagram in datagrams {
            let _ = decoder.decode(exporter, capture::END_MS, datagram, |_| ());
        }
        decoder.view(exporter).is_none_or(|view| view.counters().lost > 0)
    };
    let mut datagrams = export();
    for _ in 0..3 {
        if lost(&datagrams) {
            datagrams = export();
        }
    }
    datagrams
}

/// The folder into which nfcapd writes what is in the datagrams.
pub(crate) fn nfcapd(datagrams: &[Vec<u8>], options: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut nfcapd = start(
        Command::new("nfcapd")
            .args(["-w", folder.path().to_str().unwrap()])
            .args(["-b", "127.0.0.1", "-p", &port.to_string(), "-t", "3600"])
            .args(options),
    );
    wait_until_bound(port);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for datagram in datagrams {
        socket.send_to(datagram, ("127.0.0.1", port)).unwrap();
        // Its socket buffer is small: one datagram at a time is read before the next is sent.
        wait_until_read(port);
    }
    let stop = Command::new("kill").args(["-TERM", &nfcapd.0.id().to_string()]).status().unwrap();
    assert!(stop.success());
    nfcapd.0.wait().unwrap();
    folder
}

/// Flows, bytes and packets that nfcapd and nfdump find in the datagrams.
pub(crate) fn nfdump_totals(datagrams: &[Vec<u8>]) -> (u64, u64, u64) {
    let folder = nfcapd(datagrams, &[]);
    let out = Command::new("nfdump")
        .arg("-R")
        .arg(folder.path())
        .args(["-q", "-o", "fmt:%byt|%pkt", "-N"])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let mut totals = (0, 0, 0);
    for line in text.lines() {
        let Some((bytes, packets)) = line.split_once('|') else { continue };
        totals.0 += 1;
        totals.1 += bytes.trim().parse::<u64>().unwrap();
        totals.2 += packets.trim().parse::<u64>().unwrap();
    }
    totals
}

/// The line of the kernel's table of UDP sockets about a port.
fn udp_line(port: u16) -> Option<String> {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let wanted = format!(":{port:04X} ");
    table
        .lines()
        .find(|line| {
            line.split_whitespace().nth(1).is_some_and(|local| format!("{local} ").ends_with(&wanted))
        })
        .map(str::to_owned)
}

fn wait_until_bound(port: u16) {
    wait_for(|| udp_line(port).is_some(), "nfcapd does not listen");
}

fn wait_until_read(port: u16) {
    let queued = |line: String| {
        line.split_whitespace()
            .nth(4)
            .and_then(|q| q.split(':').nth(1))
            .is_some_and(|rx| rx.trim_start_matches('0').is_empty())
    };
    wait_for(|| udp_line(port).is_some_and(queued), "nfcapd does not read");
}

pub(crate) fn wait_for(mut condition: impl FnMut() -> bool, what: &str) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
