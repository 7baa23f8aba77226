//! Broken files give an answer or an error, never a panic.

use proptest::prelude::*;
use traffix_telemetry::capture::{CaptureError, Limits};

use super::build::{
    Format, Kind, PCAP, Shot, assert_conserved, download, ethernet, inspect_with, other, tcp, udp,
};

const HELLO: &[u8] = include_bytes!("client-hello.bin");

/// A bit of everything.
fn shots() -> Vec<Shot> {
    let (server, client) = (("198.51.100.7", 443), ("192.0.2.1", 50_001));
    let mut packets = vec![tcp(client, server, 0, Kind::Syn, &[])];
    packets.push(tcp(client, server, 1, Kind::Data, &HELLO[..200]));
    packets.push(tcp(client, server, 201, Kind::Data, &HELLO[200..]));
    packets.push(tcp(
        client,
        ("203.0.113.1", 80),
        1,
        Kind::Data,
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    ));
    packets.extend(download(("2001:db8:a::1", 443), ("2001:db8:ffff::1", 50_004), 1));
    // An answer: a.example is 203.0.113.1.
    let dns = b"\x00\x07\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01\
        \xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xcb\x00\x71\x01";
    packets.push(udp(("192.0.2.53", 53), ("192.0.2.1", 40_000), dns));
    let inside = packets[1].clone();
    packets.push(other("192.0.2.10", "192.0.2.20", 4, &inside));
    packets.push(other("192.0.2.10", "192.0.2.20", 47, &[&[0xb0, 0, 8, 0], &[0; 12][..], &inside].concat()));
    let gtp = [&[0x34, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0x85, 1, 9, 9, 0], inside.as_slice()].concat();
    packets.push(udp(("192.0.2.10", 2152), ("192.0.2.20", 2152), &gtp));
    let vxlan = [&[8, 0, 0, 0, 0, 0, 1, 0], ethernet(&inside).as_slice()].concat();
    packets.push(udp(("192.0.2.10", 4789), ("192.0.2.20", 4789), &vxlan));
    let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 9, 9, 9, 9], ethernet(&inside).as_slice()].concat();
    packets.push(udp(("192.0.2.10", 6081), ("192.0.2.20", 6081), &geneve));
    packets.iter().map(|packet| Shot::whole(ethernet(packet))).collect()
}

fn survives(file: &[u8]) {
    match inspect_with(file, &Limits::default()) {
        Ok(report) => assert_conserved(&report),
        Err(CaptureError::NotACapture | CaptureError::Damaged { .. } | CaptureError::Io(_)) => {}
    }
}

const NG: Format = Format { next_generation: true, ..PCAP };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn mutated_files(
        next_generation in any::<bool>(),
        wrong in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        end in any::<prop::sample::Index>(),
    ) {
        let mut file = if next_generation { NG.file(&shots()) } else { PCAP.file(&shots()) };
        for (at, byte) in &wrong {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        survives(&file);
        survives(&file[..end.index(file.len())]);
    }

    /// Damage within packets only, so that all of it gets past the file's own framing.
    #[test]
    fn mutated_packets(
        wrong in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..6),
        link in prop::sample::select(vec![0_u16, 1, 101, 108, 113, 276]),
    ) {
        let mut shots = shots();
        for (which, at, byte) in &wrong {
            let shot = which.index(shots.len());
            let at = at.index(shots[shot].data.len());
            shots[shot].data[at] = *byte;
        }
        for (which, at) in &cuts {
            let shot = which.index(shots.len());
            shots[shot].captured = at.index(shots[shot].data.len());
        }
        survives(&Format { link, ..PCAP }.file(&shots));
    }

    #[test]
    fn random_payloads(bytes in prop::collection::vec(any::<u8>(), 0..300), port in prop::sample::select(vec![53_u16, 443, 2152, 3544, 4500, 4789, 6081])) {
        let shots = [
            Shot::whole(ethernet(&udp(("192.0.2.10", port), ("192.0.2.20", 40_000), &bytes))),
            Shot::whole(ethernet(&tcp(("192.0.2.20", 40_000), ("192.0.2.10", port), 1, Kind::Data, &bytes))),
            Shot::whole(bytes),
        ];
        survives(&PCAP.file(&shots));
    }
}
