//! Reads an access log to its end, as the server does, and says how long that took and how much memory.
//!
//! `cargo run --release -p traffix-telemetry --example follow_log -- FILE`; without a file, it makes one of 1 GB in the
//! folder for temporary files first.
#![expect(clippy::unwrap_used, reason = "an example may stop")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use traffix_core::measurement::Key;
use traffix_telemetry::access_log::{Counts, Follower, Limits, Reader, Reading};

const LOG_BYTES: usize = 1_000_000_000;

/// A log of lancache with many clients and hosts.
fn generate(path: &Path) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let mut written = 0;
    let mut n = 0_u32;
    while written < LOG_BYTES {
        n += 1;
        let (a, b, host) = (n % 256, n / 256 % 256, n % 100);
        let line = format!(
            "[steam] 10.0.{a}.{b} / - - - [07/Nov/2026:12:{:02}:{:02} +0000] \"GET /depot/{n}/chunk/0a1b2c3d4e5f60718293a4b5c6d7e8f901234567 HTTP/1.1\" 200 1048576 \"-\" \"Valve/Steam HTTP Client 1.0\" \"HIT\" \"cache{host}.steamcontent.com\" \"-\"\n",
            n / 60_000 % 60,
            n / 1000 % 60
        );
        written += line.len();
        file.write_all(line.as_bytes()).unwrap();
    }
    file.into_inner().unwrap();
}

fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.trim_start_matches("VmHWM:").trim().to_owned())
}

fn main() {
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = tempfile::tempdir().unwrap();
    let path = given.unwrap_or_else(|| {
        let path = folder.path().join("access.log");
        generate(&path);
        path
    });
    let follower = Follower::new(vec![path], true, Limits::default());
    let mut reader = Reader::new(follower, None, Reading::default());
    let mut counts = Counts::new("example", "lancache", 60.try_into().unwrap());
    let started = Instant::now();
    let mut requests = 0_u64;
    while reader
        .poll(0, |request| {
            requests += 1;
            counts.add(i64::MAX, &request, |_| Key::default());
        })
        .more
    {}
    let secs = started.elapsed().as_secs_f64();
    let stats = reader.stats();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let (gigabytes, millions) = (stats.followed.bytes as f64 / 1e9, requests as f64 / 1e6);
    println!(
        "{gigabytes:.2} GB, {millions:.2} million requests in {secs:.2} s: {:.2} GB/s, {:.2} million/s; {} malformed; \
         {} bytes counted; most memory {}",
        gigabytes / secs,
        millions / secs,
        stats.malformed,
        counts.tallies().bytes,
        peak().unwrap_or_default()
    );
}
