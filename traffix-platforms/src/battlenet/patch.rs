//! The patch manifest: which old file can be turned into which new one by how many bytes.
//!
//! `PA`, version, lengths of the keys of contents, old files and patches, size of blocks as a power of two, 16-bit
//! count of blocks, flags. If flags have bit 1, the encoding table of the build follows: both keys, both sizes in 32
//! bits, its packing with a length before it. Then the blocks: last content key, MD5, 32-bit place. A block is a row of
//! files up to a zero byte: count of patches, content key, 40-bit size, and per patch the encoding key and 40-bit size
//! of the old file, the patch's key, its 32-bit size and an order. Source: the source text of
//! <https://github.com/wowemulation-dev/cascette-rs>, checked against a recording to the last byte.

use super::error::TactError;
use super::key::{ContentKey, EncodingKey};
use super::reader::Reader;

const WHAT: &str = "patch manifest";
/// Set if the encoding table of the build is described.
const DESCRIBES_ENCODING: u8 = 0b10;

/// A patch manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchManifest {
    /// Its own name: the digest of everything before the first block. The digests of the blocks vouch for the rest.
    pub key: EncodingKey,
    /// The files that can be made by patching.
    pub files: Vec<PatchedFile>,
}

/// A file that can be made by patching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchedFile {
    /// What it becomes.
    pub content: ContentKey,
    /// Bytes after unpacking.
    pub decoded_bytes: u64,
    /// From what: any one of these will do.
    pub patches: Vec<Patch>,
}

/// A way from an old file to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// The old file, as it was delivered.
    pub from: EncodingKey,
    /// Its bytes after unpacking.
    pub from_decoded_bytes: u64,
    /// The patch, as it is delivered.
    pub key: EncodingKey,
    /// Its bytes on the wire.
    pub wire_bytes: u64,
}

/// Lengths of the three kinds of keys.
struct KeyLengths {
    content: usize,
    old: usize,
    patch: usize,
}

impl PatchManifest {
    /// Reads a manifest, and checks the digests of its blocks.
    ///
    /// # Errors
    /// [`TactError`]: cut short, of another format, or other bytes than announced.
    pub fn parse(bytes: &[u8]) -> Result<Self, TactError> {
        let mut reader = Reader::new(WHAT, bytes);
        reader.magic(b"PA")?;
        let version = reader.u8()?;
        if !(1..=2).contains(&version) {
            return Err(reader.malformed(format!("version {version}; 1 and 2 are known")));
        }
        let keys = KeyLengths {
            content: reader.key_length()?,
            old: reader.key_length()?,
            patch: reader.key_length()?,
        };
        reader.u8()?;
        let block_count = reader.u16()?;
        if reader.u8()? & DESCRIBES_ENCODING != 0 {
            reader.take(2 * keys.content + 8)?;
            let packing = usize::from(reader.u8()?);
            reader.take(packing)?;
        }
        let mut files = Vec::new();
        // Blocks lie one behind another: a file whose blocks overlap could be made to be read many times over.
        let mut free = reader.position() + usize::from(block_count) * (keys.content + 20);
        for number in 0..block_count {
            reader.take(keys.content)?;
            let digest = EncodingKey::from_prefix(reader.take(16)?);
            let start = reader.count()?;
            if start < free || start > bytes.len() {
                return Err(reader.malformed(format!("block {number} lies at byte {start}")));
            }
            let length = block(&bytes[start..], &keys, &mut files)?;
            if EncodingKey::of(&bytes[start..start + length]) != digest {
                return Err(TactError::Digest { what: WHAT, part: format!("block {number}") });
            }
            free = start + length;
        }
        Ok(Self { key: EncodingKey::of(&bytes[..reader.position()]), files })
    }
}

/// Reads the files of a block and returns its length.
fn block(bytes: &[u8], keys: &KeyLengths, files: &mut Vec<PatchedFile>) -> Result<usize, TactError> {
    let mut reader = Reader::new(WHAT, bytes);
    loop {
        let count = reader.u8()?;
        if count == 0 {
            return Ok(reader.position());
        }
        let content = ContentKey::from_prefix(reader.take(keys.content)?);
        let decoded_bytes = reader.u40()?;
        let patches = (0..count).map(|_| patch(&mut reader, keys)).collect::<Result<_, _>>()?;
        files.push(PatchedFile { content, decoded_bytes, patches });
    }
}

fn patch(reader: &mut Reader<'_>, keys: &KeyLengths) -> Result<Patch, TactError> {
    let from = EncodingKey::from_prefix(reader.take(keys.old)?);
    let from_decoded_bytes = reader.u40()?;
    let key = EncodingKey::from_prefix(reader.take(keys.patch)?);
    let wire_bytes = u64::from(reader.u32()?);
    reader.u8()?;
    Ok(Patch { from, from_decoded_bytes, key, wire_bytes })
}
