//! How fast the large manifests of Battle.net are read and compared, on generated ones of the sizes of real titles.
//!
//! Every result is compared with that of a naive reader before it is timed. What a parser cannot be faster than is
//! timed in the same run: MD5 for the encoding table, zlib for what is packed.
//!
//! `cargo bench -p traffix-platforms --bench battlenet`

#![expect(clippy::unwrap_used, reason = "a broken generator should stop the bench")]

use std::collections::HashSet;
use std::hint::black_box;
use std::io::{Read, Write};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use md5::{Digest, Md5};
use traffix_platforms::battlenet::{Device, DownloadManifest, EncodingTable, blte, delta};

const CONTENTS: usize = 500_000;
const FILES: usize = 1_000_000;
const PAGE_BYTES: usize = 4096;
const TAGS: [(&str, u16); 6] =
    [("OSX", 1), ("Windows", 1), ("x86_64", 2), ("deDE", 3), ("enUS", 3), ("US", 4)];

/// Numbers without a pattern, the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn key(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }
}

fn be32(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap().to_be_bytes()
}

fn bytes_40(size: u64) -> [u8; 5] {
    size.to_be_bytes()[3..].try_into().unwrap()
}

/// Rows on pages: the index, then the pages. A row starts its page's entry of the index with `row[key_at..][..16]`.
fn pages(rows: &[Vec<u8>], key_at: usize, filler: u8) -> (usize, Vec<u8>) {
    let (mut index, mut data, mut count) = (Vec::new(), Vec::new(), 0);
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let fitting = rest.len().min(PAGE_BYTES / first.len());
        let (these, others) = rest.split_at(fitting);
        let mut page = these.concat();
        page.resize(PAGE_BYTES, filler);
        index.extend(&first[key_at..key_at + 16]);
        index.extend(Md5::digest(&page));
        data.extend(page);
        rest = others;
        count += 1;
    }
    index.extend(data);
    (count, index)
}

/// An encoding table, one encoding per content.
fn encoding_table() -> Vec<u8> {
    let mut numbers = Numbers(1);
    let (mut contents, mut encodings) = (Vec::new(), Vec::new());
    for _ in 0..CONTENTS {
        let (content, encoding, size) = (numbers.key(), numbers.key(), numbers.next() >> 40);
        contents.push([&[1][..], &bytes_40(2 * size), &content, &encoding].concat());
        encodings.push([&encoding[..], &[0, 0, 0, 0], &bytes_40(size)].concat());
    }
    contents.sort_unstable_by(|a, b| a[6..22].cmp(&b[6..22]));
    encodings.sort_unstable();
    let ((content_pages, contents), (encoding_pages, encodings)) =
        (pages(&contents, 6, 0), pages(&encodings, 0, 0));
    let mut out = b"EN\x01\x10\x10\0\x04\0\x04".to_vec();
    out.extend([be32(content_pages), be32(encoding_pages)].concat());
    out.push(0);
    out.extend(be32(2));
    out.extend(b"z\0");
    out.extend(contents);
    out.extend(encodings);
    out
}

/// What a table sums up to, read without checks and without the index.
fn naive_encoding(table: &[u8]) -> (u64, u64, u128) {
    let number = |at: usize| u32::from_be_bytes(table[at..at + 4].try_into().unwrap()) as usize;
    let (content_pages, encoding_pages) = (number(9), number(13));
    let contents = 22 + number(18) + 32 * content_pages;
    let encodings = contents + PAGE_BYTES * content_pages + 32 * encoding_pages;
    let size = |row: &[u8]| row.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let key = |row: &[u8]| u128::from_be_bytes(row.try_into().unwrap());
    let (mut decoded, mut wire, mut keys) = (0, 0, 0);
    for page in table[contents..][..PAGE_BYTES * content_pages].chunks(PAGE_BYTES) {
        for row in page.chunks_exact(38).filter(|row| row[0] == 1) {
            decoded += size(&row[1..6]);
            keys ^= key(&row[6..22]) ^ key(&row[22..38]);
        }
    }
    for page in table[encodings..][..PAGE_BYTES * encoding_pages].chunks(PAGE_BYTES) {
        for row in page.chunks_exact(25).filter(|row| row[..16] != [0; 16]) {
            wire += size(&row[20..25]);
        }
    }
    (decoded, wire, keys)
}

fn read_encoding(table: &EncodingTable) -> (u64, u64, u128) {
    let (mut decoded, mut wire, mut keys) = (0, 0, 0);
    for row in table.contents() {
        decoded += row.decoded_bytes;
        keys ^= row.encodings().fold(row.key.as_u128(), |keys, key| keys ^ key.as_u128());
    }
    for row in table.encodings() {
        wire += row.wire_bytes;
    }
    (decoded, wire, keys)
}

fn bench_encoding(c: &mut Criterion) {
    let table = Bytes::from(encoding_table());
    let naive = naive_encoding(&table);
    assert_eq!(read_encoding(&EncodingTable::parse(table.clone()).unwrap()), naive);
    let mut group = c.benchmark_group(format!("encoding table of {CONTENTS} contents"));
    group.sample_size(10).throughput(Throughput::Bytes(table.len() as u64));
    group.bench_function("read, checked and summed up", |b| {
        b.iter(|| {
            let sums = read_encoding(&EncodingTable::parse(black_box(table.clone())).unwrap());
            assert_eq!(sums, naive);
        });
    });
    group.bench_function("MD5 of its bytes alone", |b| b.iter(|| black_box(Md5::digest(black_box(&table)))));
    group.finish();
}

/// A download manifest: the files of the build before, a tenth of which were replaced.
fn download_manifest(changed: u64) -> Vec<u8> {
    let (mut numbers, mut replaced) = (Numbers(2), Numbers(3));
    let mut out = b"DL\x01\x10\0".to_vec();
    out.extend(be32(FILES));
    out.extend(u16::try_from(TAGS.len()).unwrap().to_be_bytes());
    for _ in 0..FILES {
        let (key, size, draw) = (numbers.key(), numbers.next() >> 42, numbers.next());
        let other = replaced.key();
        out.extend(if draw % 100 < changed { other } else { key });
        out.extend(bytes_40(size));
        out.push(u8::try_from(draw % 3).unwrap());
    }
    for (name, group) in TAGS {
        out.extend(name.as_bytes());
        out.push(0);
        out.extend(u16::to_be_bytes(group));
        // Languages have three quarters of the files each, the rest is for everybody.
        let bits =
            |numbers: &mut Numbers| if group == 3 { numbers.next() | numbers.next() } else { u64::MAX };
        let bitmap: Vec<u8> =
            (0..FILES.div_ceil(64)).flat_map(|_| bits(&mut numbers).to_be_bytes()).collect();
        out.extend(&bitmap[..FILES.div_ceil(8)]);
    }
    out
}

/// Files of a manifest of the form above that an American on Windows gets, as key and size.
fn naive_files(manifest: &[u8]) -> Vec<([u8; 16], u64)> {
    let entries = &manifest[11..11 + 22 * FILES];
    let bitmap_bytes = FILES.div_ceil(8);
    let mut at = 11 + entries.len();
    let mut own = vec![true; FILES];
    for (name, _) in TAGS {
        at += name.len() + 3;
        let bitmap = &manifest[at..at + bitmap_bytes];
        at += bitmap_bytes;
        if ["Windows", "x86_64", "enUS", "US"].contains(&name) {
            for (i, own) in own.iter_mut().enumerate() {
                *own &= bitmap[i / 8] >> (7 - i % 8) & 1 == 1;
            }
        }
    }
    let files = entries.chunks_exact(22).zip(own).filter(|(_, own)| *own);
    files
        .map(|(row, _)| {
            let size = row[16..21].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            (row[..16].try_into().unwrap(), size)
        })
        .collect()
}

fn bench_delta(c: &mut Criterion) {
    let (old, new) = (Bytes::from(download_manifest(0)), Bytes::from(download_manifest(10)));
    let has: HashSet<_> = naive_files(&old).into_iter().map(|(key, _)| key).collect();
    let missing = naive_files(&new).into_iter().filter(|(key, _)| !has.contains(key));
    let naive: u64 = missing.map(|(_, size)| size).sum();
    let device = Device::default();
    let mut group = c.benchmark_group(format!("two download manifests of {FILES} files"));
    group.sample_size(10).throughput(Throughput::Bytes((old.len() + new.len()) as u64));
    group.bench_function("read and compared", |b| {
        b.iter(|| {
            let read = |bytes: &Bytes| DownloadManifest::parse(black_box(bytes.clone())).unwrap();
            assert_eq!(delta::update_bytes(&read(&old), &read(&new), &device), naive);
        });
    });
    group.bench_function("compared by hash set", |b| {
        b.iter(|| {
            let has: HashSet<_> = naive_files(black_box(&old)).into_iter().map(|(key, _)| key).collect();
            let files = naive_files(black_box(&new)).into_iter();
            let bytes: u64 = files.filter(|(key, _)| !has.contains(key)).map(|(_, size)| size).sum();
            assert_eq!(bytes, naive);
        });
    });
    group.finish();
}

/// A file in deflated chunks of 256 KiB, as manifests are packed.
fn packed(file: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let parts: Vec<&[u8]> = file.chunks(256 << 10).collect();
    let deflate = |part: &&[u8]| {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(part).unwrap();
        zlib.finish().unwrap()
    };
    let chunks: Vec<Vec<u8>> = parts.iter().map(deflate).collect();
    let mut out = b"BLTE".to_vec();
    out.extend(be32(12 + 24 * parts.len()));
    out.push(0x0f);
    out.extend(&be32(parts.len())[1..]);
    for (part, chunk) in parts.iter().zip(&chunks) {
        out.extend([be32(chunk.len() + 1), be32(part.len())].concat());
        out.extend(Md5::new().chain_update(b"Z").chain_update(chunk).finalize());
    }
    for chunk in &chunks {
        out.push(b'Z');
        out.extend(chunk);
    }
    (out, chunks)
}

fn bench_blte(c: &mut Criterion) {
    let manifest = download_manifest(0);
    let (file, chunks) = packed(&manifest);
    assert_eq!(blte::decode(&file, 1 << 30).unwrap(), manifest);
    let mut group = c.benchmark_group("a packed download manifest, unpacked");
    group.sample_size(10).throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function("BLTE, checked", |b| {
        b.iter(|| assert_eq!(blte::decode(black_box(&file), 1 << 30).unwrap().len(), manifest.len()));
    });
    group.bench_function("zlib alone", |b| {
        b.iter(|| {
            let mut out = Vec::with_capacity(manifest.len());
            for chunk in &chunks {
                flate2::bufread::ZlibDecoder::new(black_box(chunk.as_slice())).read_to_end(&mut out).unwrap();
            }
            assert_eq!(out.len(), manifest.len());
        });
    });
    group.bench_function("MD5 of its bytes alone", |b| b.iter(|| black_box(Md5::digest(black_box(&file)))));
    group.finish();
}

criterion_group!(benches, bench_encoding, bench_delta, bench_blte);
criterion_main!(benches);
