//! Memory stays bounded, whatever the size of a capture. Alone in its file: it measures what the whole program holds.

#![expect(clippy::unwrap_used, reason = "a failing step should stop the test")]

use std::alloc::System;
use std::io::Read;

use etherparse::PacketBuilder;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use traffix_core::delivery::PrefixTable;
use traffix_telemetry::capture::{Limits, inspect};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes allocated and not given back.
fn held_bytes() -> usize {
    let stats = MEMORY.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// A pcap file of many packets, made while it is read: each is of another client, to another server, and begins a
/// hello that never ends.
struct Endless {
    ready: Vec<u8>,
    at: usize,
    made: u32,
    packets: u32,
    /// Most memory that was held at any read.
    peak_bytes: usize,
}

impl Endless {
    fn packet(&mut self) {
        let [_, b, c, d] = self.made.to_be_bytes();
        let step = PacketBuilder::ethernet2([2; 6], [2; 6]).ipv4([10, b, c, d], [32, b, c, d], 60);
        let hello = [0x16, 3, 1, 8, 0, 1, 0, 7, 0xfc].into_iter().chain([9; 1191]).collect::<Vec<u8>>();
        let mut frame = Vec::new();
        step.tcp(50_001, 443, 1, 1000).ack(1).write(&mut frame, &hello).unwrap();
        let length = u32::try_from(frame.len()).unwrap();
        for word in [self.made, 0, length, length] {
            self.ready.extend(word.to_le_bytes());
        }
        self.ready.extend(frame);
        self.made += 1;
    }
}

impl Read for &mut Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.peak_bytes = self.peak_bytes.max(held_bytes());
        if self.at == self.ready.len() && self.made < self.packets {
            (self.ready, self.at) = (Vec::new(), 0);
            self.packet();
        }
        let read = buffer.len().min(self.ready.len() - self.at);
        buffer[..read].copy_from_slice(&self.ready[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}

#[test]
fn a_capture_larger_than_the_memory_that_is_used_streams() {
    let limits = Limits { flows: 1000, servers: 500, dns_addresses: 100, openings: 100 };
    let mut header = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        header.extend(word.to_le_bytes());
    }
    let mut source = Endless { ready: header, at: 0, made: 0, packets: 100_000, peak_bytes: 0 };
    let before = held_bytes();
    let report = inspect(&mut source, &PrefixTable::default(), &limits).unwrap();
    let (used, file) = (source.peak_bytes - before, u64::from(source.packets) * (1254 + 16));
    assert!(used < 5 << 20 && file > 100 << 20, "{used} bytes for a file of {file}");
    // The beginnings that are kept are those of the first hundred at a time; what does not fit is counted.
    assert_eq!((report.packets, report.bytes), (100_000, 100_000 * 1240));
    assert_eq!((report.servers.len(), report.beyond.flows), (500, 99_500));
    assert!(report.refused_openings > 80_000 && report.early_flows > 98_000, "{report:?}");
}
