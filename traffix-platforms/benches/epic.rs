//! Reading a binary build manifest of 100 thousand chunks, and the update between two of them.
//!
//! `cargo bench -p traffix-platforms --bench epic`. Throughput counts upstream bytes: those of the compressed file.
//! `decompress` is the decompressor alone on the same bytes: nothing that reads the file can be faster. Results are
//! compared with a naive reader and a naive set difference before anything is timed.
#![expect(clippy::unwrap_used, reason = "a bench that cannot build its input should stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::io::Read;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::read::ZlibDecoder;
use flate2::{Decompress, FlushDecompress};
use traffix_platforms::epic::manifest::Manifest;

#[path = "../src/epic/manifest/writer.rs"]
mod writer;

use writer::{Written, WrittenFile};

const CHUNKS: u64 = 100_000;
const HEADER_BYTES: usize = 41;

/// Numbers without pattern, the same in every run (splitmix64).
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn guid(index: u64) -> u128 {
    u128::from(mix(2 * index)) << 64 | u128::from(mix(2 * index + 1))
}

/// A build of chunks `first..first + CHUNKS`: files of five whole chunks each, every tenth of them tagged.
fn build(first: u64) -> Written {
    let indices: Vec<u64> = (first..first + CHUNKS).collect();
    let file = |(number, parts): (usize, &[u64])| WrittenFile {
        path: format!("Game/Content/Paks/pakchunk{number}-WindowsClient.ucas"),
        tags: if number % 10 == 0 { vec![format!("chunk{}", number % 100)] } else { Vec::new() },
        parts: parts.iter().map(|index| (guid(*index), 1_048_576)).collect(),
    };
    Written {
        feature_level: 18,
        app: "Bench".into(),
        build_version: format!("++Bench+Release-{first}"),
        chunks: indices.iter().map(|index| (guid(*index), 400_000 + mix(*index) % 600_000)).collect(),
        files: indices.chunks(5).enumerate().map(file).collect(),
    }
}

/// Chunks by reading one number after the other, as the format is described.
fn naive_chunks(file: &[u8]) -> BTreeMap<[u8; 16], u64> {
    let mut body = Vec::new();
    ZlibDecoder::new(&file[HEADER_BYTES..]).read_to_end(&mut body).unwrap();
    let u32_at = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().unwrap()) as usize;
    let list = u32_at(0);
    let count = u32_at(list + 5);
    let guids = list + 9;
    let sizes = guids + count * (16 + 8 + 20 + 1 + 4);
    let chunk = |row: usize| {
        let (guid, size) = (guids + 16 * row, sizes + 8 * row);
        (
            body[guid..guid + 16].try_into().unwrap(),
            u64::from_le_bytes(body[size..size + 8].try_into().unwrap()),
        )
    };
    (0..count).map(chunk).collect()
}

/// Compares with the naive reader: totals, and the update.
fn check(old_file: &[u8], new_file: &[u8]) {
    let (old, new) = (Manifest::parse(old_file).unwrap(), Manifest::parse(new_file).unwrap());
    let (naive_old, naive_new) = (naive_chunks(old_file), naive_chunks(new_file));
    assert_eq!(new.chunks.len(), naive_new.len());
    assert_eq!(new.download_bytes(), Some(naive_new.values().sum()));
    assert_eq!(new.install_bytes(), CHUNKS * 1_048_576);
    let held: BTreeSet<_> = naive_old.keys().collect();
    let update = naive_new.iter().filter(|(guid, _)| !held.contains(guid)).map(|(_, bytes)| bytes).sum();
    assert_eq!(new.update_bytes(&old), Some(update));
    assert!(update > 0);
}

fn decompress(packed: &[u8], body_bytes: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(body_bytes);
    Decompress::new(true).decompress_vec(packed, &mut body, FlushDecompress::Finish).unwrap();
    body
}

fn manifests(c: &mut Criterion) {
    // A tenth of the chunks is new.
    let (old, new) = (build(0), build(CHUNKS / 10));
    let (old_file, new_file) = (old.compressed(), new.compressed());
    check(&old_file, &new_file);
    let body_bytes = new.body().len();
    println!("manifest: {} bytes on the wire, {body_bytes} decompressed, {CHUNKS} chunks", new_file.len());
    let mut group = c.benchmark_group("epic_manifest");
    group.sample_size(20).measurement_time(Duration::from_secs(5));
    let case = |name| BenchmarkId::new(name, CHUNKS);
    group.throughput(Throughput::Bytes(new_file.len() as u64));
    group.bench_function(case("decompress"), |b| {
        b.iter(|| assert_eq!(decompress(black_box(&new_file[HEADER_BYTES..]), body_bytes).len(), body_bytes));
    });
    group.bench_function(case("parse"), |b| {
        b.iter(|| assert_eq!(Manifest::parse(black_box(&new_file)).unwrap().chunks.len() as u64, CHUNKS));
    });
    let plain = new.with_header(&new.body(), body_bytes, 0);
    group.bench_function(case("parse_not_compressed"), |b| {
        b.iter(|| assert_eq!(Manifest::parse(black_box(&plain)).unwrap().chunks.len() as u64, CHUNKS));
    });
    let (old, new) = (Manifest::parse(&old_file).unwrap(), Manifest::parse(&new_file).unwrap());
    let update = new.update_bytes(&old);
    group.throughput(Throughput::Bytes((old_file.len() + new_file.len()) as u64));
    group.bench_function(case("delta"), |b| {
        b.iter(|| assert_eq!(black_box(&new).update_bytes(black_box(&old)), update));
    });
    group.bench_function(case("parse_both_and_delta"), |b| {
        b.iter(|| {
            let (old, new) =
                (Manifest::parse(black_box(&old_file)).unwrap(), Manifest::parse(&new_file).unwrap());
            assert_eq!(new.update_bytes(&old), update);
        });
    });
    group.finish();
}

criterion_group!(benches, manifests);
criterion_main!(benches);
