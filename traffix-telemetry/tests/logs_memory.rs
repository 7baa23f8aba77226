//! Memory does not grow with the log.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::fs::File;
use std::io::{BufWriter, Write};

use traffix_telemetry::access_log::{Follower, Limits, Reader, Reading};

const LINE: &str = r#"[steam] 10.0.0.1 / - - - [07/Nov/2026:12:34:56 +0000] "GET /depot/730/chunk/0a HTTP/1.1" 200 1048576 "-" "Valve/Steam HTTP Client 1.0" "HIT" "cache1.steamcontent.com" "-""#;
const LOG_BYTES: usize = 64_000_000;

/// Most memory that the process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn sixty_four_megabytes_with_long_lines_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let mut file = BufWriter::new(File::create(&log).unwrap());
    let lines = LOG_BYTES / (LINE.len() + 1);
    let long = vec![b'x'; 1_000_000];
    for n in 0..lines {
        if n % (lines / 5) == 0 {
            file.write_all(&long).unwrap();
            file.write_all(b"\n").unwrap();
        }
        writeln!(file, "{LINE}").unwrap();
    }
    file.into_inner().unwrap();
    let mut reader = Reader::new(Follower::new(vec![log], true, Limits::default()), None, Reading::default());
    let before = peak();
    let (mut requests, mut bytes) = (0, 0);
    while reader
        .poll(0, |request| {
            requests += 1;
            bytes += request.sent_bytes.unwrap_or(0);
        })
        .more
    {}
    assert_eq!((requests, bytes), (lines, lines as u64 * 1_048_576));
    assert!(reader.stats().followed.too_long >= 5);
    let grown = peak() - before;
    assert!(grown < 8_000_000, "{grown} bytes for a log of {LOG_BYTES}");
}
