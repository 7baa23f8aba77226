//! The download manifest: every file of a build with its bytes on the wire, its priority and its tags.
//!
//! `DL`, version, length of keys, whether there are checksums, 32-bit count of files, 16-bit count of tags; version 2
//! adds a count of flag bytes, version 3 a base priority and three reserved bytes. Files and tags follow. Source: the
//! documentation of <https://github.com/wowemulation-dev/cascette-rs>, checked against a recording (version 1).

use bytes::{Buf, Bytes};

use super::error::TactError;
use super::key::EncodingKey;
use super::reader::{Reader, u40};
use super::tags::Tags;

const WHAT: &str = "download manifest";

/// Files are downloaded in the order of priorities; with those up to this one, a title can be played.
pub const PLAYABLE_PRIORITY: i16 = 1;

/// A download manifest. It keeps the bytes it was read from and reads a file's entry when it is asked for: the five
/// million files of a large title are 110 MB, and would be twice that as structs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadManifest {
    /// All entries, one after another.
    entries: Bytes,
    stride: usize,
    key_bytes: usize,
    base_priority: i16,
    tags: Tags,
}

/// A file of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadEntry {
    /// As what it is delivered.
    pub key: EncodingKey,
    /// Bytes on the wire.
    pub wire_bytes: u64,
    /// 0 comes first.
    pub priority: i16,
}

impl DownloadManifest {
    /// Reads an unpacked manifest.
    ///
    /// # Errors
    /// [`TactError::Truncated`] and [`TactError::Malformed`].
    pub fn parse(mut bytes: Bytes) -> Result<Self, TactError> {
        let mut reader = Reader::new(WHAT, &bytes);
        reader.magic(b"DL")?;
        let version = reader.u8()?;
        if !(1..=3).contains(&version) {
            return Err(reader.malformed(format!("version {version}; 1 to 3 are known")));
        }
        let key_bytes = reader.key_length()?;
        let checksum_bytes = if reader.u8()? == 0 { 0 } else { 4 };
        let file_count = reader.count()?;
        let tag_count = usize::from(reader.u16()?);
        let flag_bytes = if version >= 2 { usize::from(reader.u8()?) } else { 0 };
        let base_priority = if version >= 3 { i16::from(reader.u8()?.cast_signed()) } else { 0 };
        if version >= 3 {
            reader.take(3)?;
        }
        let stride = key_bytes + 6 + checksum_bytes + flag_bytes;
        let start = reader.position();
        let entries = start..start + reader.items(file_count, stride)?.len();
        let tags = Tags::read(&mut reader, tag_count, file_count)?;
        bytes.truncate(entries.end);
        bytes.advance(entries.start);
        Ok(Self { entries: bytes, stride, key_bytes, base_priority, tags })
    }

    /// The files, in the order of the manifest.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = DownloadEntry> {
        self.entries.chunks_exact(self.stride).map(|entry| self.entry(entry))
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.entries.len() / self.stride
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Who gets what.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    fn entry(&self, bytes: &[u8]) -> DownloadEntry {
        let (key, rest) = bytes.split_at(self.key_bytes);
        let size = rest.first_chunk().map(|size| u40(*size)).unwrap_or_default();
        let priority = i16::from(rest.get(5).copied().unwrap_or_default().cast_signed());
        DownloadEntry {
            key: EncodingKey::from_prefix(key),
            wire_bytes: size,
            priority: priority - self.base_priority,
        }
    }
}
