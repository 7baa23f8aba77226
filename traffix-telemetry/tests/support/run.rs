//! Runs exporters and collectors of Debian packages on loopback.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::capture;

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
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> Running {
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Running(started.unwrap_or_else(|error| {
        panic!("{command:?}: {error}; install the Debian packages softflowd, pmacct and nfdump")
    }))
}

/// What softflowd exports of the capture.
pub(crate) fn softflowd(version: u8) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let pcap = folder.path().join("capture.pcap");
    capture::write(&pcap);
    let socket = socket();
    let target = socket.local_addr().unwrap().to_string();
    let mut child = start(
        Command::new("softflowd")
            .arg("-r")
            .arg(&pcap)
            .args(["-a", "-d", "-n", &target, "-v", &version.to_string(), "-p"])
            .arg(folder.path().join("pid"))
            // With a control socket it waits there for ever after a file of more than a few packets.
            .args(["-c", "none"]),
    );
    receive(&socket, || child.0.try_wait().unwrap().is_some())
}

/// What pmacctd exports of the capture.
pub(crate) fn pmacctd(version: u8) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let pcap = folder.path().join("capture.pcap");
    capture::write(&pcap);
    let socket = socket();
    let target = socket.local_addr().unwrap();
    let config = format!(
        "daemonize: false\npcap_savefile: {}\nsavefile_wait: true\nplugins: nfprobe\nnfprobe_receiver: {target}\nnfprobe_version: {version}\n\
         nfprobe_timeouts: general=1:maxlife=1:expint=1:tcp=1:udp=1\naggregate: src_host, dst_host, src_port, dst_port, proto, tos\n\
         plugin_buffer_size: 10240\nplugin_pipe_size: 10240000\n",
        pcap.display()
    );
    run_pmacctd(folder.path(), &config, &socket)
}

fn run_pmacctd(folder: &Path, config: &str, socket: &UdpSocket) -> Vec<Vec<u8>> {
    let file = folder.join("pmacctd.conf");
    std::fs::write(&file, config).unwrap();
    let _running = start(Command::new("pmacctd").arg("-f").arg(file));
    // It stays after the file's end: two quiet seconds after something came mean that it has said all.
    let mut quiet_since = Instant::now();
    receive_while(socket, |got_something, is_first| {
        if got_something || is_first {
            quiet_since = Instant::now();
        }
        quiet_since.elapsed() < Duration::from_secs(3)
    })
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket
}

fn receive(socket: &UdpSocket, mut is_over: impl FnMut() -> bool) -> Vec<Vec<u8>> {
    receive_while(socket, |got_something, _| got_something || !is_over())
}

/// Datagrams until `go_on(whether one just came, whether none has come yet)` says no.
fn receive_while(socket: &UdpSocket, mut go_on: impl FnMut(bool, bool) -> bool) -> Vec<Vec<u8>> {
    let (mut datagrams, mut buffer, started) = (Vec::new(), vec![0; 65_536], Instant::now());
    loop {
        let got = socket.recv(&mut buffer).ok();
        if let Some(len) = got {
            datagrams.push(buffer[..len].to_vec());
        }
        if !go_on(got.is_some(), datagrams.is_empty()) {
            return datagrams;
        }
        assert!(started.elapsed() < PATIENCE, "no end after {} datagrams", datagrams.len());
    }
}

/// Flows, bytes and packets that nfcapd and nfdump find in the datagrams.
pub(crate) fn nfdump_totals(datagrams: &[Vec<u8>]) -> (u64, u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut nfcapd = start(
        Command::new("nfcapd")
            .arg("-l")
            .arg(folder.path())
            .args(["-w", folder.path().to_str().unwrap()])
            .args(["-b", "127.0.0.1", "-p", &port.to_string(), "-t", "3600"]),
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

fn wait_for(mut condition: impl FnMut() -> bool, what: &str) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
