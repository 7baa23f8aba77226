//! Recordings replayed are measured as what was recorded.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etherparse::PacketBuilder;
use proptest::prelude::*;
use traffix_core::measurement::Batch;
use traffix_telemetry::collector::{Cause, Collector, Config};
use traffix_telemetry::replay::{Contents, Count, Recorded, ReplayError, Speed, count, read, send};

use crate::capture::{END_MS, START_MS, conversations};
use crate::measured::{Store, truth, watch};
use crate::run::{complete, nfcapd, softflowd, wait_for};

/// A capture of datagrams on their way to a collector, one every 10 ms from the capture's end on, with other traffic.
fn recorded(path: &Path, datagrams: &[Vec<u8>]) {
    let mut file = std::fs::File::create(path).unwrap();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    file.write_all(&words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1])).unwrap();
    let mut at_us = END_MS * 1000;
    let mut write = |payload: &[u8], port: u16| {
        let mut frame = Vec::new();
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([203, 0, 113, 9], [192, 0, 2, 1], 60);
        ethernet.udp(40_000, port).write(&mut frame, payload).unwrap();
        let len = u32::try_from(frame.len()).unwrap();
        let parts = [at_us / 1_000_000, at_us % 1_000_000].map(|part| u32::try_from(part).unwrap());
        at_us += 10_000;
        file.write_all(&words(&[parts[0], parts[1], len, len])).unwrap();
        file.write_all(&frame).unwrap();
    };
    for datagram in datagrams {
        write(datagram, 2055);
        write(b"\x12\x34\x01\0\0\x01 a question", 53);
    }
}

fn counting(shift_ms: i64) -> Count {
    Count { config: Config::default(), watch: Arc::new(watch(None)), speed: Speed::Max, shift_ms }
}

fn measure(path: &Path, count_as: &Count, store: &Store) -> traffix_telemetry::replay::Counted {
    count(path, count_as, &mut |batch: &Batch| store.keep(batch)).unwrap()
}

#[test]
fn a_capture_of_exports_is_measured_when_it_was_recorded_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exports.pcap");
    let datagrams = complete(|| softflowd(9));
    recorded(&path, &datagrams);
    let mut seen = Vec::new();
    let contents = read(std::fs::File::open(&path).unwrap(), |Recorded { exporter, datagram, .. }| {
        assert_eq!(exporter, Ipv4Addr::new(203, 0, 113, 9));
        seen.push(datagram.to_vec());
        Ok(())
    });
    assert_eq!(seen, datagrams);
    let len = datagrams.len() as u64;
    let last_ms = END_MS + 20 * (i64::try_from(len).unwrap() - 1);
    let expected =
        Contents { datagrams: len, passed_over: len, first_ms: Some(END_MS), last_ms: Some(last_ms) };
    assert_eq!(contents.unwrap(), expected);

    let store = Store::default();
    let first = measure(&path, &counting(0), &store);
    assert_eq!((first.contents, store.total()), (expected, truth(|_| true)));
    assert_eq!(first.stats.left_out(Cause::TooOld).flows, 0);
    let (from, until) = store.span_ms();
    assert!(from >= START_MS - 120_000 && until <= last_ms, "{from} {until}");
    // Again: nothing is counted twice.
    measure(&path, &counting(0), &store);
    assert_eq!(store.total(), truth(|_| true));
    // Moved by a year it is another recording.
    let (moved, year_ms) = (Store::default(), 365 * 86_400_000);
    measure(&path, &counting(year_ms), &moved);
    assert_eq!(moved.total(), truth(|_| true));
    assert!(moved.span_ms().0.abs_diff(from + year_ms) <= 60_000);
}

#[test]
fn a_file_of_nfcapd_is_measured_like_its_datagrams() {
    let folder = nfcapd(&complete(|| softflowd(9)), &[]);
    let path = only_file(folder.path());
    let store = Store::default();
    let mut late = counting(0);
    // nfcapd received now what passed years ago.
    late.config.timing.max_late_secs = 500_000_000;
    let counted = measure(&path, &late, &store);
    assert_eq!(store.total(), truth(|_| true), "{:?}", counted.stats);
    let bytes: u64 = conversations().iter().map(|c| c.ip_bytes).sum();
    assert_eq!(counted.stats.decoded.bytes, bytes);
    let of: Vec<_> = counted.stats.exporters.keys().collect();
    assert_eq!(of, [&Ipv4Addr::LOCALHOST]);
}

#[test]
fn a_compressed_file_of_nfcapd_says_how_to_unpack_it() {
    for option in ["-y", "-z", "-j"] {
        let folder = nfcapd(&complete(|| softflowd(5)), &[option]);
        let path = only_file(folder.path());
        let error = count(&path, &counting(0), &mut |_: &Batch| Ok(())).unwrap_err();
        assert!(matches!(error, ReplayError::Unread(_)) && error.to_string().contains("nfdump"), "{error}");
    }
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("nfcapd.2")).unwrap()
}

#[test]
fn a_recording_drives_a_collector() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exports.pcap");
    recorded(&path, &complete(|| softflowd(9)));
    let store = Store::default();
    let kept = store.clone();
    let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
    let config = Config { listen, workers: 1.try_into().ok(), ..Config::default() };
    let collector = Collector::start(config, watch(None), move |batch: &Batch| kept.keep(batch)).unwrap();
    let speed = "1000x".parse().unwrap();
    let sent = send(std::fs::File::open(&path).unwrap(), collector.addresses()[0], speed).unwrap();
    wait_for(|| collector.stats().datagrams >= sent.datagrams, "datagrams do not arrive");
    let stopped = collector.stop();
    // Its clock is years behind: it counts as of now.
    assert_eq!(store.total(), truth(|_| true));
    assert!(store.span_ms().0 > END_MS + 86_400_000);
    let exporters: Vec<_> = stopped.stats.exporters.into_iter().collect();
    assert_eq!(exporters.len(), 1);
    assert!(exporters[0].1.clock_behind_ms.unwrap() > 86_400_000);
}

/// A whole file of nfcapd with two flows, as nfcapd 1.7.1 lays it out.
fn small_file() -> Vec<u8> {
    let mut flow = vec![11, 0, 104, 0, 4, 0, 0, 0, 1, 0, 0, 10];
    flow.extend([2, 0, 12, 0, 1, 2, 0, 192, 7, 100, 51, 198]);
    flow.extend([1, 0, 52, 0]);
    for word in [1_700_000_000_000_u64, 1_700_000_001_000, 1_700_000_002_000, 3, 4_500] {
        flow.extend(word.to_le_bytes());
    }
    flow.extend([187, 1, 80, 195, 6, 0, 0, 0]);
    flow.extend([4, 0, 20, 0, 7, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    flow.extend([12, 0, 8, 0, 1, 0, 0, 127]);
    let records = [flow.clone(), flow].concat();
    let mut file = vec![0x0c, 0xa5, 2, 0];
    file.resize(36, 0);
    file.extend(1_u32.to_le_bytes());
    file.extend([2_u32, u32::try_from(records.len()).unwrap(), 3].map(u32::to_le_bytes).concat());
    file.extend(records);
    file
}

proptest! {
    #[test]
    fn damaged_files_of_nfcapd_are_refused_or_read_and_never_more(
        cuts in 0_usize..280,
        changes in prop::collection::vec((0_usize..280, any::<u8>()), 0..6),
    ) {
        let whole = small_file();
        let mut flows = 0;
        let contents = read(whole.as_slice(), |recorded| { flows += recorded.datagram.len(); Ok(()) }).unwrap();
        prop_assert_eq!((contents.datagrams, contents.passed_over), (1, 0));
        let mut damaged = whole;
        for (at, byte) in changes {
            if let Some(place) = damaged.get_mut(at) {
                *place = byte;
            }
        }
        damaged.truncate(damaged.len().saturating_sub(cuts));
        let _ = read(damaged.as_slice(), |_| Ok(()));
    }
}
