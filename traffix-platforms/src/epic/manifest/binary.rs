//! The binary form: a header, then compressed sections whose lists are stored column by column.

use flate2::{Decompress, FlushDecompress, Status};

use super::reader::Reader;
use super::{Chunk, Guid, Manifest, ManifestError, Part};

/// First four bytes.
const MAGIC: u32 = 0x44BE_C00C;
/// Length of the header before it had a version, which is how objects were stored.
const OLD_HEADER_BYTES: u32 = 37;
/// First feature level that is stored as columns.
const STORED_AS_BINARY: u32 = 14;
/// Bits of the header's storage flags.
const COMPRESSED: u8 = 1;
const ENCRYPTED: u8 = 2;
/// Largest decompressed manifest that is read. Assumed: ten times those of the largest games.
const MAX_BYTES: u64 = 1 << 30;
/// Deflate makes at most this many bytes out of one.
const MAX_INFLATION: u64 = 1_032;
/// Bytes of a row over all columns of the chunk list: identifier, two hashes, group, two sizes.
const CHUNK_BYTES: usize = 16 + 8 + 20 + 1 + 4 + 8;
/// Least bytes of a file over all columns: two texts, a hash, flags, tags, parts.
const FILE_BYTES: usize = 4 + 4 + 20 + 1 + 4 + 4;
/// Bytes of a part: its own length, identifier, offset and size.
const PART_BYTES: usize = 4 + 16 + 4 + 4;
/// How a part of that length begins.
const PART_LENGTH: [u8; 4] = [28, 0, 0, 0];

pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC.to_le_bytes())
}

pub(super) fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let body = body(bytes)?;
    let mut reader = Reader::new(&body);
    let mut manifest = meta(&mut reader.section()?)?;
    chunks(&mut reader.section()?, &mut manifest)?;
    files(&mut reader.section()?, &mut manifest)?;
    // The custom fields that follow hold addresses of the build system: nothing about sizes.
    manifest.checked()
}

/// Reads the header and decompresses what follows.
fn body(bytes: &[u8]) -> Result<Vec<u8>, ManifestError> {
    let mut header = Reader::new(bytes);
    header.u32()?;
    let header_bytes = header.u32()?;
    let (declared_bytes, packed_bytes) = (u64::from(header.u32()?), header.u32()?);
    header.take(20)?;
    let stored_as = header.u8()?;
    let version = if header_bytes > OLD_HEADER_BYTES { header.u32()? } else { 0 };
    if stored_as & ENCRYPTED != 0 {
        return Err(ManifestError::Encrypted);
    }
    if version < STORED_AS_BINARY {
        return Err(ManifestError::FeatureLevel(version));
    }
    if declared_bytes > MAX_BYTES {
        return Err(ManifestError::TooLarge { declared_bytes, limit_bytes: MAX_BYTES });
    }
    let mut rest = Reader::new(bytes);
    rest.take(usize::try_from(header_bytes).unwrap_or(usize::MAX))?;
    let packed = rest.take(usize::try_from(packed_bytes).unwrap_or(usize::MAX))?;
    if stored_as & COMPRESSED == 0 { Ok(packed.to_vec()) } else { inflate(packed, declared_bytes) }
}

/// Decompresses exactly `declared_bytes`: the buffer never grows, and is no larger than `packed` can fill.
fn inflate(packed: &[u8], declared_bytes: u64) -> Result<Vec<u8>, ManifestError> {
    let possible_bytes = MAX_INFLATION.saturating_mul(packed.len() as u64);
    let capacity = usize::try_from(declared_bytes.min(possible_bytes)).unwrap_or(0);
    let mut body = Vec::with_capacity(capacity);
    let mut zlib = Decompress::new(true);
    let status = zlib.decompress_vec(packed, &mut body, FlushDecompress::Finish);
    let failed = |detail: String| Err(ManifestError::malformed("the compressed body", detail));
    match status {
        Ok(Status::StreamEnd) if body.len() as u64 == declared_bytes => Ok(body),
        Ok(_) => failed(format!("{declared_bytes} bytes declared, {} found", body.len())),
        Err(error) => failed(error.to_string()),
    }
}

/// The first section: which build this is.
fn meta(reader: &mut Reader<'_>) -> Result<Manifest, ManifestError> {
    reader.u8()?;
    let feature_level = reader.u32()?;
    // Whether files are stored whole instead of in chunks, and a number that is 0 for most applications.
    reader.take(1 + 4)?;
    let (app, build_version) = (reader.text()?, reader.text()?);
    let (chunks, files, parts) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Manifest { feature_level, app, build_version, chunks, files, parts })
}

/// The second section: chunks, one column after the other.
fn chunks(reader: &mut Reader<'_>, manifest: &mut Manifest) -> Result<(), ManifestError> {
    reader.u8()?;
    let count = reader.count(CHUNK_BYTES)?;
    let guids = reader.column::<16>(count)?;
    reader.column::<{ 8 + 20 + 1 + 4 }>(count)?;
    let sizes = reader.column::<8>(count)?;
    manifest.chunks.reserve_exact(count);
    for (id, size) in guids.iter().zip(sizes) {
        let Ok(wire_bytes) = u64::try_from(i64::from_le_bytes(*size)) else {
            return reader.fail("a chunk has a negative length");
        };
        manifest.chunks.push(Chunk { guid: guid(id), wire_bytes });
    }
    Ok(())
}

/// The third section: files, one column after the other; parts and tags are lists of their own.
fn files(reader: &mut Reader<'_>, manifest: &mut Manifest) -> Result<(), ManifestError> {
    reader.u8()?;
    let count = reader.count(FILE_BYTES)?;
    let paths = (0..count).map(|_| reader.text()).collect::<Result<Vec<_>, _>>()?;
    for _ in 0..count {
        reader.skip_text()?;
    }
    reader.column::<{ 20 + 1 }>(count)?;
    let tags = (0..count).map(|_| tags(reader)).collect::<Result<Vec<_>, _>>()?;
    manifest.files.reserve_exact(count);
    for (path, tags) in paths.into_iter().zip(tags) {
        let first = manifest.parts.len();
        parts(reader, &mut manifest.parts)?;
        manifest.push_file(path, tags, first);
    }
    // Newer versions add hashes and content types after this.
    Ok(())
}

fn tags(reader: &mut Reader<'_>) -> Result<Vec<String>, ManifestError> {
    let count = reader.count(4)?;
    (0..count).map(|_| reader.text()).collect()
}

/// Each part begins with its own length, which counts itself: those of newer writers may be longer.
fn parts(reader: &mut Reader<'_>, parts: &mut Vec<Part>) -> Result<(), ManifestError> {
    let count = reader.count(PART_BYTES)?;
    parts.reserve(count);
    let mut ahead = reader.clone();
    let rows = ahead.column::<PART_BYTES>(count)?;
    if rows.iter().all(|row| row[..4] == PART_LENGTH) {
        parts.extend(rows.iter().filter_map(|row| row[4..].as_array()).map(part));
        *reader = ahead;
        return Ok(());
    }
    for _ in 0..count {
        parts.push(part(&reader.section()?.column(1)?[0]));
    }
    Ok(())
}

/// Identifier, offset, size.
fn part(row: &[u8; PART_BYTES - 4]) -> Part {
    let (words, _) = row.as_chunks::<4>();
    let (id, _) = row.as_chunks::<16>();
    Part { guid: guid(&id[0]), disk_bytes: u32::from_le_bytes(words[5]) }
}

/// Four little-endian numbers, the first in the highest bits.
fn guid(bytes: &[u8; 16]) -> Guid {
    let number = u128::from_le_bytes(*bytes);
    // Each 32-bit number keeps its value; only their order turns around.
    let [a, b, c, d] = [0, 32, 64, 96].map(|shift| (number >> shift) & u128::from(u32::MAX));
    Guid(a << 96 | b << 64 | c << 32 | d)
}
