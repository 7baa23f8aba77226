//! How fast a capture of a gigabyte is inspected, and in how much memory.
//!
//! `cargo bench -p traffix-telemetry --bench capture`. The capture is made in a temporary file: downloads of 1,000
//! conversations with 200 servers, whole packets of 1,254 bytes, each conversation beginning with a `ClientHello`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::Instant;

use etherparse::PacketBuilder;
use traffix_core::delivery::PrefixTable;
use traffix_telemetry::capture::{Limits, inspect};

const HELLO: &[u8] = include_bytes!("../tests/capture/client-hello.bin");
const PACKETS: u32 = 790_000;
const FLOWS: u32 = 1_000;

fn frame(n: u32) -> Vec<u8> {
    let (flow, turn) = (n % FLOWS, n / FLOWS);
    let [low, high] = [flow % 200, flow / 200].map(|part| u8::try_from(part).unwrap());
    let (server, client) = ([198, 51, 100, low], [10, 0, high, low]);
    let port = 50_000 + u16::try_from(flow).unwrap();
    let mut frame = Vec::new();
    let ethernet = PacketBuilder::ethernet2([2; 6], [2; 6]);
    if turn == 0 {
        let step = ethernet.ipv4(client, server, 60).tcp(port, 443, 1, 1000).ack(1);
        step.write(&mut frame, HELLO).unwrap();
    } else {
        let step = ethernet.ipv4(server, client, 60).tcp(443, port, turn * 1200, 1000).ack(1);
        step.write(&mut frame, &[0xd0; 1200]).unwrap();
    }
    frame
}

/// The most memory that the process ever had, as Linux tells.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|peak| peak.trim().to_owned())
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        eprintln!("a gigabyte is made and read only with `cargo bench`");
        return;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut to = BufWriter::with_capacity(1 << 20, file.reopen().unwrap());
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        to.write_all(&word.to_le_bytes()).unwrap();
    }
    for n in 0..PACKETS {
        let frame = frame(n);
        let length = u32::try_from(frame.len()).unwrap();
        for word in [1_700_000_000 + n / 1000, n % 1000 * 1000, length, length] {
            to.write_all(&word.to_le_bytes()).unwrap();
        }
        to.write_all(&frame).unwrap();
    }
    to.flush().unwrap();
    let size = file.as_file().metadata().unwrap().len();
    for _ in 0..3 {
        let start = Instant::now();
        let report =
            inspect(File::open(file.path()).unwrap(), &PrefixTable::default(), &Limits::default()).unwrap();
        let secs = start.elapsed().as_secs_f64();
        assert_eq!((report.packets, report.servers.len(), report.by_name.len()), (PACKETS.into(), 200, 1));
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let (megabytes, packets) = (size as f64 / 1e6, f64::from(PACKETS) / 1e6);
        println!(
            "{megabytes:.0} MB in {secs:.2} s: {:.0} MB/s, {:.2} million packets/s, peak memory {}",
            megabytes / secs,
            packets / secs,
            peak_memory().as_deref().unwrap_or("unknown")
        );
    }
}
