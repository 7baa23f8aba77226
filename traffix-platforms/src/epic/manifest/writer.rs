//! Writes the binary form, for tests and benches: it needs nothing of this crate, so it cannot share a mistake with
//! the reader.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// A file: path, tags, and parts as (chunk, bytes).
pub(crate) struct WrittenFile {
    /// Path.
    pub(crate) path: String,
    /// Install tags.
    pub(crate) tags: Vec<String>,
    /// Chunk and bytes of each part.
    pub(crate) parts: Vec<(u128, u32)>,
}

/// A build to write.
pub(crate) struct Written {
    /// Feature level of header and meta data.
    pub(crate) feature_level: u32,
    /// Application.
    pub(crate) app: String,
    /// Build.
    pub(crate) build_version: String,
    /// Chunks: identifier and bytes on the wire.
    pub(crate) chunks: Vec<(u128, u64)>,
    /// Files.
    pub(crate) files: Vec<WrittenFile>,
}

impl Written {
    /// The sections, not compressed.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = section(&self.meta());
        body.extend(section(&self.chunk_list()));
        body.extend(section(&self.file_list()));
        body.extend(section(&[0, 0, 0, 0, 0]));
        body
    }

    /// The whole file, compressed.
    pub(crate) fn compressed(&self) -> Vec<u8> {
        let body = self.body();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let packed = zlib.write_all(&body).and_then(|()| zlib.finish()).unwrap_or_default();
        self.with_header(&packed, body.len(), 1)
    }

    /// Any bytes behind the header that says this about them.
    pub(crate) fn with_header(&self, packed: &[u8], body_bytes: usize, stored_as: u8) -> Vec<u8> {
        let mut file = 0x44BE_C00C_u32.to_le_bytes().to_vec();
        file.extend(41_u32.to_le_bytes());
        file.extend(u32::try_from(body_bytes).unwrap_or(u32::MAX).to_le_bytes());
        file.extend(u32::try_from(packed.len()).unwrap_or(u32::MAX).to_le_bytes());
        file.extend([0; 20]);
        file.push(stored_as);
        file.extend(self.feature_level.to_le_bytes());
        file.extend(packed);
        file
    }

    fn meta(&self) -> Vec<u8> {
        let mut meta = vec![1];
        meta.extend(self.feature_level.to_le_bytes());
        meta.extend([0; 5]);
        for text in [&*self.app, &*self.build_version, "Game.exe", "-launch"] {
            put_text(&mut meta, text);
        }
        meta.extend(1_u32.to_le_bytes());
        for text in ["prerequisite", "Prerequisites", "setup.exe", "/quiet", "build id"] {
            put_text(&mut meta, text);
        }
        meta
    }

    fn chunk_list(&self) -> Vec<u8> {
        let mut list = vec![0];
        list.extend(count(self.chunks.len()));
        for (guid, _) in &self.chunks {
            put_guid(&mut list, *guid);
        }
        for (guid, _) in &self.chunks {
            list.extend(&guid.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()[..8]);
        }
        for (guid, _) in &self.chunks {
            list.extend(guid.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_le_bytes());
            list.extend([7; 4]);
        }
        for (guid, _) in &self.chunks {
            list.push(u8::try_from(guid % 100).unwrap_or(0));
        }
        for _ in &self.chunks {
            list.extend(0x10_0000_u32.to_le_bytes());
        }
        for (_, wire_bytes) in &self.chunks {
            list.extend(wire_bytes.to_le_bytes());
        }
        list
    }

    fn file_list(&self) -> Vec<u8> {
        let mut list = vec![2];
        list.extend(count(self.files.len()));
        for file in &self.files {
            put_text(&mut list, &file.path);
        }
        for _ in &self.files {
            put_text(&mut list, "");
        }
        for file in &self.files {
            list.extend(scrambled(file));
            list.extend([7; 4]);
        }
        list.extend(vec![0; self.files.len()]);
        for file in &self.files {
            list.extend(count(file.tags.len()));
            for tag in &file.tags {
                put_text(&mut list, tag);
            }
        }
        for file in &self.files {
            list.extend(count(file.parts.len()));
            for (guid, bytes) in &file.parts {
                list.extend(28_u32.to_le_bytes());
                put_guid(&mut list, *guid);
                list.extend(0_u32.to_le_bytes());
                list.extend(bytes.to_le_bytes());
            }
        }
        // Version 2: no MD5, no content types, SHA-256 of every file.
        for _ in &self.files {
            list.extend(count(0));
        }
        for _ in &self.files {
            put_text(&mut list, "");
        }
        for file in &self.files {
            list.extend(scrambled(file).repeat(2));
        }
        list
    }
}

/// Bytes that look like a hash: they hardly compress.
fn scrambled(file: &WrittenFile) -> [u8; 16] {
    let seed = file.parts.iter().fold(1, |seed: u128, (guid, _)| seed.wrapping_mul(3).wrapping_add(*guid));
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_le_bytes()
}

fn count(rows: usize) -> [u8; 4] {
    u32::try_from(rows).unwrap_or(u32::MAX).to_le_bytes()
}

/// A section begins with its length, which counts itself.
fn section(content: &[u8]) -> Vec<u8> {
    let mut section = count(content.len() + 4).to_vec();
    section.extend(content);
    section
}

fn put_guid(out: &mut Vec<u8>, guid: u128) {
    for word in guid.to_be_bytes().as_chunks::<4>().0 {
        out.extend(word.iter().rev());
    }
}

/// ASCII as bytes, everything else as UTF-16, both with a terminator; nothing as length 0.
fn put_text(out: &mut Vec<u8>, text: &str) {
    if text.is_empty() {
        out.extend([0; 4]);
    } else if text.is_ascii() {
        out.extend(count(text.len() + 1));
        out.extend(text.as_bytes());
        out.push(0);
    } else {
        let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
        out.extend(i32::try_from(units.len()).map_or(0, |units| -units).to_le_bytes());
        out.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    }
}
