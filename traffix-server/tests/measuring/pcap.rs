//! Captures with known contents.

use std::net::IpAddr;
use std::path::Path;

/// Packets of one size from one address to another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packets {
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    /// Port of the receiver; with the addresses it tells flows apart.
    pub(crate) port: u16,
    pub(crate) count: u64,
    /// Bytes behind the header of UDP.
    pub(crate) payload: usize,
}

impl Packets {
    /// Bytes of the packets of layer 3, as `NetFlow` and IPFIX count.
    pub(crate) fn ip_bytes(&self) -> u64 {
        let header = if self.from.is_ipv4() { 20 } else { 40 };
        self.count * (header + 8 + self.payload) as u64
    }

    /// Bytes of the frames, as sFlow counts.
    pub(crate) fn frame_bytes(&self) -> u64 {
        self.ip_bytes() + 14 * self.count
    }

    /// One of the packets as a frame of Ethernet. Checksums are left out, which nobody looks at.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let length = u16::try_from(8 + self.payload).unwrap();
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        match (self.from, self.to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                frame.extend([8, 0, 0x45, 0]);
                frame.extend((20 + length).to_be_bytes());
                frame.extend([0, 0, 0, 0, 60, 17, 0, 0]);
                frame.extend(from.octets().iter().chain(&to.octets()));
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend(length.to_be_bytes());
                frame.extend([17, 60]);
                frame.extend(from.octets().iter().chain(&to.octets()));
            }
            _ => panic!("both ends are of one family"),
        }
        for word in [443, self.port, length, 0] {
            frame.extend(word.to_be_bytes());
        }
        frame.resize(frame.len() + self.payload, 0x5a);
        frame
    }
}

/// Writes frames as a pcap file, by the time of each in microseconds since 1970.
pub(crate) fn write(path: &Path, frames: impl IntoIterator<Item = (i64, Vec<u8>)>) {
    let mut file = Vec::new();
    // Magic of microsecond time stamps, version 2.4, zone 0, accuracy 0, longest packet, Ethernet.
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for (at_us, frame) in frames {
        let len = u32::try_from(frame.len()).unwrap();
        let (secs, us) = (at_us.div_euclid(1_000_000), at_us.rem_euclid(1_000_000));
        for word in [u32::try_from(secs).unwrap(), u32::try_from(us).unwrap(), len, len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    std::fs::write(path, file).unwrap();
}

/// The packets in turn, so that all flows run side by side, over so many seconds from a time on.
pub(crate) fn mixed(all: &[Packets], from_ms: i64, secs: i64) -> Vec<(i64, Vec<u8>)> {
    let rounds = all.iter().map(|packets| packets.count).max().unwrap_or(0);
    let frames: Vec<Vec<u8>> = all.iter().map(Packets::frame).collect();
    let turns = (0..rounds).flat_map(|round| {
        all.iter()
            .zip(&frames)
            .filter(move |(packets, _)| packets.count > round)
            .map(|(_, frame)| frame.clone())
    });
    let turns: Vec<Vec<u8>> = turns.collect();
    let step_us = secs * 1_000_000 / i64::try_from(turns.len().max(1)).unwrap();
    (0_i64..).map(|i| from_ms * 1000 + i * step_us).zip(turns).collect()
}
