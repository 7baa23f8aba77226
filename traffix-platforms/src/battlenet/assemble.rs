//! An encoder of the documented formats, for tests: builds small enough to be checked by hand.

use super::key::{ContentKey, EncodingKey, md5};

/// A container with a table, one chunk per part: its mode and what follows the mode.
pub(super) fn blte(parts: &[(u8, &[u8], usize)]) -> Vec<u8> {
    let header = 12 + 24 * parts.len();
    let mut out = b"BLTE".to_vec();
    out.extend(be32(header));
    out.push(0x0f);
    out.extend(&be32(parts.len())[1..]);
    let chunks: Vec<Vec<u8>> = parts.iter().map(|(mode, data, _)| [&[*mode], *data].concat()).collect();
    for (chunk, (_, _, unpacked)) in chunks.iter().zip(parts) {
        out.extend(be32(chunk.len()));
        out.extend(be32(*unpacked));
        out.extend(md5(chunk).to_be_bytes());
    }
    out.extend(chunks.concat());
    out
}

/// A file in plain chunks, and the key that names it.
pub(super) fn packed(file: &[u8]) -> (EncodingKey, Vec<u8>) {
    let parts: Vec<_> = file.chunks(100).map(|part| (b'N', part, part.len())).collect();
    let packed = blte(&parts);
    (EncodingKey::of(&packed[..12 + 24 * parts.len()]), packed)
}

/// A file of a build, for tests.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) key: [u8; 16],
    pub(super) wire_bytes: u64,
    pub(super) priority: i8,
    /// Names of its tags.
    pub(super) tags: Vec<&'static str>,
}

/// All tags that these manifests know, with their groups.
pub(super) const TAGS: [(&str, u16); 8] =
    [("OSX", 1), ("Windows", 1), ("arm64", 2), ("x86_64", 2), ("deDE", 3), ("enUS", 3), ("EU", 4), ("US", 4)];

pub(super) fn file(name: &str, wire_bytes: u64, priority: i8, tags: &[&'static str]) -> File {
    File { key: md5(name.as_bytes()).to_be_bytes(), wire_bytes, priority, tags: tags.to_vec() }
}

/// A download manifest of `version`.
pub(super) fn download(version: u8, files: &[File]) -> Vec<u8> {
    let mut out = vec![b'D', b'L', version, 16, u8::from(version >= 2)];
    out.extend(be32(files.len()));
    out.extend([0, 8]);
    if version >= 2 {
        out.push(1);
    }
    if version >= 3 {
        out.extend([2, 0, 0, 0]);
    }
    for file in files {
        out.extend(file.key);
        out.extend(&file.wire_bytes.to_be_bytes()[3..]);
        out.push((if version >= 3 { file.priority + 2 } else { file.priority }).cast_unsigned());
        if version >= 2 {
            out.extend([1, 2, 3, 4, 0]);
        }
    }
    out.extend(tags(files));
    out
}

/// A size manifest with keys of nine bytes.
pub(super) fn size(files: &[File]) -> Vec<u8> {
    let total: u64 = files.iter().map(|file| file.wire_bytes).sum();
    let mut out = b"DS\x01\x09".to_vec();
    out.extend(be32(files.len()));
    out.extend([0, 8]);
    out.extend(&total.to_be_bytes()[3..]);
    out.extend(tags(files));
    for file in files {
        out.extend(&file.key[..9]);
        out.extend(&file.wire_bytes.to_be_bytes()[4..]);
    }
    out
}

fn tags(files: &[File]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, group) in TAGS {
        out.extend(name.as_bytes());
        out.push(0);
        out.extend(u16::to_be_bytes(group));
        for eight in files.chunks(8) {
            let bit =
                |(place, file): (usize, &File)| if file.tags.contains(&name) { 0x80 >> place } else { 0 };
            // The bits behind the last file are set: they mean nothing and must not be counted.
            let unused = 0xff_u8.checked_shr(u32::try_from(eight.len()).unwrap()).unwrap_or_default();
            out.push(eight.iter().enumerate().map(bit).sum::<u8>() | unused);
        }
    }
    out
}

/// An encoding table: content, its bytes unpacked, as what it is delivered, its bytes on the wire. One page each.
pub(super) fn encoding(rows: &[(ContentKey, u64, EncodingKey, u64)]) -> Vec<u8> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.0);
    let mut contents = Vec::new();
    for (content, decoded, encoding, _) in &rows {
        contents.push(1);
        contents.extend(&decoded.to_be_bytes()[3..]);
        contents.extend(content.as_u128().to_be_bytes());
        contents.extend(encoding.as_u128().to_be_bytes());
    }
    let first_content = rows[0].0.as_u128();
    rows.sort_by_key(|row| row.2);
    let mut encodings = Vec::new();
    for (_, _, encoding, wire) in &rows {
        encodings.extend(encoding.as_u128().to_be_bytes());
        encodings.extend(be32(0));
        encodings.extend(&wire.to_be_bytes()[3..]);
    }
    encodings.extend([0; 16]);
    encodings.extend([0xff; 4]);
    contents.resize(1024, 0);
    encodings.resize(1024, 0);
    let mut out = b"EN\x01\x10\x10\0\x01\0\x01".to_vec();
    out.extend([be32(1), be32(1)].concat());
    out.push(0);
    out.extend(be32(2));
    out.extend(b"z\0");
    for (first, page) in [(first_content, contents), (rows[0].2.as_u128(), encodings)] {
        out.extend(first.to_be_bytes());
        out.extend(md5(&page).to_be_bytes());
        out.extend(page);
    }
    out
}

/// A content, its bytes unpacked, and ways to it as old file and bytes of the patch.
pub(super) type Patched<'a> = (ContentKey, u64, &'a [(EncodingKey, u64)]);

/// A patch manifest of one block.
pub(super) fn patches(files: &[Patched<'_>]) -> (EncodingKey, Vec<u8>) {
    let mut block = Vec::new();
    for (content, decoded, ways) in files {
        block.push(u8::try_from(ways.len()).unwrap());
        block.extend(content.as_u128().to_be_bytes());
        block.extend(&decoded.to_be_bytes()[3..]);
        for (number, (old, wire)) in ways.iter().enumerate() {
            block.extend(old.as_u128().to_be_bytes());
            block.extend(&decoded.to_be_bytes()[3..]);
            block.extend(md5(&old.as_u128().to_be_bytes()).to_be_bytes());
            block.extend(&wire.to_be_bytes()[4..]);
            block.push(u8::try_from(number).unwrap());
        }
    }
    block.push(0);
    let mut out = b"PA\x02\x10\x10\x10\x10\0\x01\0".to_vec();
    out.extend(files.last().unwrap().0.as_u128().to_be_bytes());
    out.extend(md5(&block).to_be_bytes());
    out.extend(be32(out.len() + 4));
    let key = EncodingKey::of(&out);
    out.extend(block);
    (key, out)
}

fn be32(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap().to_be_bytes()
}
