//! Download manifests: files, and the compressed slices in which they are fetched.
//!
//! A file is a header of three 32-bit numbers (version, length of the signature, length of the body), the signature,
//! and the body: a zlib stream around a protocol buffer (`mg.protocol.download.Manifest`). Described by
//! YoobieRE/ubisoft-demux-node; the address of a manifest comes from a signed-in connection.

use std::collections::HashSet;
use std::io::Read;

use bytes::Buf;
use flate2::read::ZlibDecoder;
use prost::Message;

use super::ID;
use crate::PlatformError;

/// Largest body after decompression. Assumed: a slice is at most a MiB and takes 30 bytes, so this is beyond 1 TB.
const LIMIT_BYTES: u64 = 32 * 1024 * 1024;

/// What a build consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Languages that the build has, as `de-DE`.
    pub languages: Vec<String>,
    /// Number of files, without folders.
    pub files: usize,
    /// Bytes on disk.
    pub install_bytes: u64,
    /// Bytes on the wire of a fresh install.
    pub download_bytes: u64,
    slices: Vec<Slice>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Slice {
    sha1: Vec<u8>,
    wire_bytes: u32,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// The signature is not checked.
    ///
    /// # Errors
    /// [`PlatformError::Malformed`]: no manifest, damaged, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, PlatformError> {
        let wire = WireManifest::decode(&*body(bytes)?)
            .map_err(|error| malformed("the protocol buffer", error.to_string()))?;
        let files: Vec<WireFile> =
            wire.chunks.into_iter().flat_map(|chunk| chunk.files).filter(|f| !f.is_dir).collect();
        let too_large = || malformed("sizes", "they add up to more than 2^64 bytes");
        let install_bytes =
            files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size)).ok_or_else(too_large)?;
        let count = files.len();
        let slices: Vec<Slice> = files
            .into_iter()
            .flat_map(|file| file.slices)
            .map(|slice| Slice { sha1: slice.download_sha1, wire_bytes: slice.download_size })
            .collect();
        let download_bytes = slices.iter().map(|slice| u64::from(slice.wire_bytes)).sum();
        let languages = wire.languages.into_iter().map(|language| language.code).collect();
        Ok(Self { languages, files: count, install_bytes, download_bytes, slices })
    }

    /// Bytes on the wire for somebody who has `old`: those of the slices that `old` lacks.
    pub fn update_bytes(&self, old: &Self) -> u64 {
        let held: HashSet<&[u8]> = old.slices.iter().map(|slice| &*slice.sha1).collect();
        // A slice without a sum cannot be recognised, so it counts as new.
        let new = self.slices.iter().filter(|slice| slice.sha1.is_empty() || !held.contains(&*slice.sha1));
        new.map(|slice| u64::from(slice.wire_bytes)).sum()
    }
}

/// Takes the header off and decompresses the rest.
fn body(bytes: &[u8]) -> Result<Vec<u8>, PlatformError> {
    let mut rest = bytes;
    let mut number = |what| rest.try_get_u32_le().map_err(|error| malformed(what, error.to_string()));
    let (version, signature, length) = (number("version")?, number("signature")?, number("body")?);
    if version != 1 {
        return Err(malformed("version", format!("{version} instead of 1")));
    }
    let take = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
    let packed = rest.get(take(signature)..).and_then(|rest| rest.get(..take(length)));
    let packed = packed.ok_or_else(|| malformed("header", "it says more bytes than there are"))?;
    let mut body = Vec::new();
    let read = ZlibDecoder::new(packed).take(LIMIT_BYTES + 1).read_to_end(&mut body);
    read.map_err(|error| malformed("the compressed body", error.to_string()))?;
    if body.len() as u64 > LIMIT_BYTES {
        return Err(malformed("the compressed body", format!("more than {LIMIT_BYTES} bytes")));
    }
    Ok(body)
}

fn malformed(at: &str, detail: impl Into<String>) -> PlatformError {
    PlatformError::Malformed { platform: ID, operation: "manifest", at: at.into(), detail: detail.into() }
}

#[derive(Clone, PartialEq, Message)]
struct WireManifest {
    #[prost(message, repeated, tag = "4")]
    chunks: Vec<WireChunk>,
    #[prost(message, repeated, tag = "23")]
    languages: Vec<WireLanguage>,
}

#[derive(Clone, PartialEq, Message)]
struct WireLanguage {
    #[prost(string, tag = "1")]
    code: String,
}

#[derive(Clone, PartialEq, Message)]
struct WireChunk {
    #[prost(message, repeated, tag = "3")]
    files: Vec<WireFile>,
}

#[derive(Clone, PartialEq, Message)]
struct WireFile {
    #[prost(uint64, tag = "2")]
    size: u64,
    #[prost(bool, tag = "3")]
    is_dir: bool,
    #[prost(message, repeated, tag = "7")]
    slices: Vec<WireSlice>,
}

#[derive(Clone, PartialEq, Message)]
struct WireSlice {
    #[prost(uint32, tag = "2")]
    download_size: u32,
    #[prost(bytes = "vec", tag = "3")]
    download_sha1: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::*;

    const RECORDED: &[u8] = include_bytes!("testdata/trackmania.manifest");

    fn packed(body: &[u8]) -> Vec<u8> {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(body).unwrap();
        let packed = zlib.finish().unwrap();
        let length = u32::try_from(packed.len()).unwrap();
        let header = [1_u32, 0, length].into_iter().flat_map(u32::to_le_bytes);
        header.chain(packed).collect()
    }

    #[test]
    fn the_recorded_manifest() {
        let build = Manifest::parse(RECORDED).unwrap();
        assert_eq!(build.files, 26);
        assert_eq!(build.install_bytes, 2_325_238_421);
        assert_eq!(build.download_bytes, 1_953_149_568);
        assert_eq!((build.languages.len(), &*build.languages[0]), (13, "cs-CZ"));
        assert_eq!(build.update_bytes(&build), 0);
    }

    #[test]
    fn an_update_is_the_slices_that_the_old_build_lacks() {
        let new = Manifest::parse(RECORDED).unwrap();
        let mut old = new.clone();
        // The first slice is the whole of uplay_r2_loader64.dll.
        assert_eq!(old.slices.remove(0).wire_bytes, 153_843);
        assert_eq!(new.update_bytes(&old), 153_843);
        old.slices.clear();
        assert_eq!(new.update_bytes(&old), new.download_bytes);
    }

    #[test]
    fn what_is_no_manifest_says_why() {
        let detail = |bytes: &[u8]| Manifest::parse(bytes).unwrap_err().to_string();
        assert!(detail(b"").contains("version"));
        assert!(detail(b"<html><body>").contains("instead of 1"));
        assert!(detail(&RECORDED[..1_000]).contains("more bytes than there are"));
        assert!(detail(&packed(b"\xff\xff\xff")).contains("protocol buffer"));
        let mut damaged = RECORDED.to_vec();
        damaged[356] ^= 0xff;
        assert!(detail(&damaged).contains("compressed body"));
        let bomb = vec![0; usize::try_from(LIMIT_BYTES).unwrap() + 1];
        assert!(detail(&packed(&bomb)).contains("more than 33554432 bytes"));
    }

    #[test]
    fn sums_beyond_64_bits_are_refused() {
        let file = || WireFile { size: u64::MAX, is_dir: false, slices: Vec::new() };
        let wire =
            WireManifest { chunks: vec![WireChunk { files: vec![file(), file()] }], languages: Vec::new() };
        assert!(Manifest::parse(&packed(&wire.encode_to_vec())).unwrap_err().to_string().contains("2^64"));
    }

    proptest! {
        #[test]
        fn damaged_manifests_never_panic(
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
        ) {
            let mut file = RECORDED.to_vec();
            let mut inner = body(RECORDED).unwrap();
            for (place, value, insert) in edits {
                for bytes in [&mut file, &mut inner] {
                    let place = place.index(bytes.len());
                    if insert { bytes.insert(place, value) } else { bytes[place] = value }
                }
            }
            let _ = Manifest::parse(&file);
            if let Ok(build) = Manifest::parse(&packed(&inner)) {
                prop_assert_eq!(build.update_bytes(&build), build.slices.iter().filter(|s| s.sha1.is_empty()).map(|s| u64::from(s.wire_bytes)).sum::<u64>());
            }
        }
    }
}
