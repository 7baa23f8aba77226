//! All kinds of files and links say the same.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use traffix_telemetry::capture::{CaptureError, Limits};

use super::build::{
    Format, PCAP, START_NS, Shot, assert_conserved, download, ethernet, inspect_with, pcap, report,
};

fn packets() -> Vec<Vec<u8>> {
    let packets = [
        download(("198.51.100.7", 443), ("192.0.2.1", 50_001), 30),
        download(("2001:db8:a::1", 443), ("2001:db8:ffff::1", 50_004), 10),
    ];
    packets.concat()
}

/// An IP packet on a link.
fn framed(link: u16, packet: &[u8]) -> Vec<u8> {
    let is_ipv4 = packet[0] >> 4 == 4;
    let ether_type: &[u8] = if is_ipv4 { &[0x08, 0x00] } else { &[0x86, 0xdd] };
    match link {
        1 => ethernet(packet),
        0 => [&[if is_ipv4 { 2 } else { 30 }, 0, 0, 0], packet].concat(),
        108 => [&[0, 0, 0, if is_ipv4 { 2 } else { 30 }], packet].concat(),
        113 => [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], ether_type, packet].concat(),
        276 => [ether_type, &[0; 18], packet].concat(),
        _ => packet.to_vec(),
    }
}

#[test]
fn formats_and_links_say_the_same() {
    let expected = report(&pcap(&packets()));
    assert_eq!(expected.servers.len(), 2);
    for next_generation in [false, true] {
        for (big_endian, nanos) in [(false, false), (false, true), (true, false), (true, true)] {
            for link in [0, 1, 12, 101, 108, 113, 276] {
                let format = Format { next_generation, big_endian, nanos, link };
                let shots: Vec<Shot> = packets().iter().map(|p| Shot::whole(framed(link, p))).collect();
                assert_eq!(report(&format.file(&shots)), expected, "{format:?}");
            }
        }
    }
}

/// What follows the addresses of a frame, given the packet and its `EtherType`.
type Wrapping<'a> = &'a dyn Fn(&[u8], [u8; 2]) -> Vec<u8>;

#[test]
fn tags_labels_and_sessions_are_looked_behind() {
    let expected = report(&pcap(&packets()));
    let wrap = |wrapping: Wrapping<'_>| {
        let shots = packets().into_iter().map(|packet| {
            let frame = ethernet(&packet);
            let ether_type = [frame[12], frame[13]];
            Shot::whole([&frame[..12], &wrapping(&packet, ether_type)].concat())
        });
        report(&PCAP.file(&shots.collect::<Vec<_>>()))
    };
    let vlan = wrap(&|packet, kind| [&[0x81, 0, 0, 5], &kind[..], packet].concat());
    let double = wrap(&|packet, kind| [&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6], &kind[..], packet].concat());
    let labels = wrap(&|packet, _| [&[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64], packet].concat());
    let pseudowire =
        wrap(&|packet, _| [&[0x88, 0x47, 0, 1, 1, 64, 0, 0, 0, 0], ethernet(packet).as_slice()].concat());
    let session = wrap(&|packet, kind| {
        let protocol = if kind == [8, 0] { 0x21 } else { 0x57 };
        [&[0x88, 0x64, 0x11, 0, 0, 1, 0, 0, 0, protocol], packet].concat()
    });
    for found in [vlan, double, labels, pseudowire, session] {
        assert_eq!(found, expected);
    }
}

#[test]
fn gzip_is_unpacked() {
    let plain = pcap(&packets());
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&plain).unwrap();
    assert_eq!(report(&packer.finish().unwrap()), report(&plain));
}

#[test]
fn interfaces_have_their_own_link_and_clock() {
    for big_endian in [false, true] {
        let format = Format { next_generation: true, big_endian, nanos: false, link: 1 };
        let packet = &packets()[0];
        let mut file = format.header();
        // Raw IP in units of 2⁻²⁰ seconds since 2020, and nanoseconds since 1970.
        let since = 1_577_836_800;
        file.extend(format.interface(101, 0x80 + 20, since));
        file.extend(format.interface(113, 9, 0));
        let later_ns = START_NS + 2_000_000_000;
        let ticks = u64::try_from((START_NS / 1_000_000_000 - since) << 20).unwrap();
        file.extend(format.packet(1, ticks, &Shot::whole(packet.clone())));
        file.extend(format.packet(2, u64::try_from(later_ns).unwrap(), &Shot::whole(framed(113, packet))));
        // Another section begins with other interfaces; one that was never described is unknown.
        let second = Format { big_endian: !big_endian, ..format };
        file.extend(second.header());
        file.extend(second.packet(
            0,
            u64::try_from(later_ns / 1000).unwrap(),
            &Shot::whole(ethernet(packet)),
        ));
        file.extend(second.packet(1, 0, &Shot::whole(packet.clone())));
        // A simple packet has no time, and blocks that carry none are passed over.
        let frame = ethernet(packet);
        let simple = [&second.word(u32::try_from(frame.len()).unwrap()), frame.as_slice()].concat();
        file.extend(second.block(3, &simple));
        file.extend(second.block(5, &[0; 12]));
        file.extend(second.block(0xbad, &[0; 5]));
        let report = report(&file);
        assert_eq!((report.packets, report.unknown_link_packets), (5, 1));
        assert_eq!((report.servers[0].packets, report.servers[0].flows), (4, 1));
        assert_eq!(report.first.unwrap().timestamp(), 1_700_000_000);
        assert_eq!((report.last.unwrap() - report.servers[0].first.unwrap()).num_milliseconds(), 2_123);
        assert_eq!(report.damage, None);
    }
}

#[test]
fn links_that_are_not_read_are_said() {
    let format = Format { link: 105, ..PCAP };
    let report = report(&format.file(&[Shot::whole(vec![0; 60])]));
    assert_eq!((report.unknown_link_packets, report.bytes), (1, 0));
    assert_eq!(report.unknown_links.into_iter().collect::<Vec<_>>(), [105]);
}

#[test]
fn what_breaks_off_is_reported_as_far_as_it_goes() {
    let whole = pcap(&packets());
    let report = report(&whole[..whole.len() - 7]);
    assert_eq!(report.packets, packets().len() as u64 - 1);
    let damage = report.damage.unwrap();
    assert!(damage.ends_with("it ends within a packet"), "{damage}");
}

#[test]
fn what_is_no_capture_is_refused() {
    for text in [&b""[..], b"PK\x03\x04", b"GET / HTTP/1.1\r\n\r\n", &[0x1f, 0x8b], &[0; 100]] {
        let error = inspect_with(text, &Limits::default()).unwrap_err();
        assert!(matches!(error, CaptureError::NotACapture | CaptureError::Io(_)), "{error:?}");
    }
    // A packet that claims four gigabytes is not waited for.
    let mut file = PCAP.header();
    file.extend([0xff; 16]);
    file.extend([0; 1000]);
    let error = inspect_with(&file, &Limits::default()).unwrap_err();
    assert!(matches!(error, CaptureError::Damaged { at: 24, .. }), "{error:?}");
    assert_conserved(&report(&PCAP.header()));
}
