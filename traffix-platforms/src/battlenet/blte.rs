//! BLTE: the container in which every file is delivered, chunk by chunk plain, deflated or encrypted.
//!
//! `BLTE`, a 32-bit length of the header (0: one chunk without a table), then a byte 0x0F, a 24-bit count and per
//! chunk its packed and unpacked length and the MD5 of the packed bytes; 0x10 adds the MD5 of the unpacked ones. A
//! chunk starts with its mode: `N` plain, `Z` zlib, `4` LZ4, `E` encrypted, `F` another container. Sources:
//! <https://wowdev.wiki/BLTE> and the documentation of <https://github.com/wowemulation-dev/cascette-rs>.

use std::io::Read;

use super::error::TactError;
use super::key::{EncodingKey, md5};
use super::reader::Reader;

const WHAT: &str = "BLTE";
/// Announced lengths are not trusted with more memory than this before bytes have come.
const FIRST_ALLOCATION_BYTES: u64 = 1 << 20;

/// What a chunk table says about one chunk.
struct Chunk {
    packed_bytes: usize,
    unpacked_bytes: u64,
    packed_md5: u128,
    unpacked_md5: Option<u128>,
}

/// Unpacks a file and checks the digests of its chunks.
///
/// # Errors
/// [`TactError`]: cut short, of another format, other bytes than announced, encrypted, in a mode that is not read, or
/// longer than `limit_bytes` after unpacking.
///
/// # Example
/// ```
/// use traffix_platforms::battlenet::blte;
/// assert_eq!(blte::decode(b"BLTE\0\0\0\0Nhello", 5)?, b"hello");
/// assert!(blte::decode(b"BLTE\0\0\0\0Nhello", 4).is_err());
/// # Ok::<(), traffix_platforms::battlenet::TactError>(())
/// ```
pub fn decode(file: &[u8], limit_bytes: u64) -> Result<Vec<u8>, TactError> {
    let mut reader = Reader::new(WHAT, file);
    let chunks = header(&mut reader)?;
    let Some(chunks) = chunks else {
        let packed = &file[reader.position()..];
        let mut out = Vec::new();
        unpack(packed, 0, limit_bytes, &mut out)?;
        return Ok(out);
    };
    let announced = chunks.iter().try_fold(0_u64, |sum, chunk| sum.checked_add(chunk.unpacked_bytes));
    let announced = announced.filter(|sum| *sum <= limit_bytes).ok_or(TactError::TooLarge { limit_bytes })?;
    let capacity = usize::try_from(announced.min(FIRST_ALLOCATION_BYTES)).unwrap_or_default();
    let mut out = Vec::with_capacity(capacity);
    for (number, chunk) in chunks.iter().enumerate() {
        let packed = reader.take(chunk.packed_bytes)?;
        append(packed, number, chunk, &mut out)?;
    }
    Ok(out)
}

/// Checks that a file is the one of this key: the MD5 of its header, or of all of it if it has no chunk table.
///
/// Together with the digests in the table, which [`decode`] checks, this vouches for every byte.
///
/// # Errors
/// [`TactError::Digest`], or that it is no BLTE file.
pub fn verify(file: &[u8], key: EncodingKey) -> Result<(), TactError> {
    let mut reader = Reader::new(WHAT, file);
    let named = if header(&mut reader)?.is_some() { &file[..reader.position()] } else { file };
    if EncodingKey::of(named) == key {
        return Ok(());
    }
    Err(TactError::Digest { what: WHAT, part: format!("the header of {key}") })
}

/// Reads up to the first chunk; `None` if there is no table.
fn header(reader: &mut Reader<'_>) -> Result<Option<Vec<Chunk>>, TactError> {
    reader.magic(b"BLTE")?;
    let header_bytes = reader.count()?;
    if header_bytes == 0 {
        return Ok(None);
    }
    let stride = match reader.u8()? {
        0x0f => 24,
        0x10 => 40,
        flags => return Err(reader.malformed(format!("flags {flags:#04x}; 0x0f and 0x10 are known"))),
    };
    let high = usize::from(reader.u8()?);
    let count = high << 16 | usize::from(reader.u16()?);
    if count == 0 || header_bytes != 12 + count * stride {
        return Err(reader.malformed(format!("a header of {header_bytes} bytes for {count} chunks")));
    }
    let table = reader.items(count, stride)?;
    table.chunks_exact(stride).map(chunk).collect::<Result<Vec<_>, _>>().map(Some)
}

fn chunk(row: &[u8]) -> Result<Chunk, TactError> {
    let mut row = Reader::new(WHAT, row);
    Ok(Chunk {
        packed_bytes: row.count()?,
        unpacked_bytes: u64::from(row.u32()?),
        packed_md5: u128::from_be_bytes(row.take(16)?.try_into().unwrap_or_default()),
        unpacked_md5: row.take(16).ok().map(|md5| u128::from_be_bytes(md5.try_into().unwrap_or_default())),
    })
}

/// Unpacks one chunk onto `out` and checks it against the table.
fn append(packed: &[u8], number: usize, chunk: &Chunk, out: &mut Vec<u8>) -> Result<(), TactError> {
    if md5(packed) != chunk.packed_md5 {
        return Err(TactError::Digest { what: WHAT, part: format!("chunk {number}") });
    }
    let start = out.len();
    unpack(packed, number, chunk.unpacked_bytes, out)?;
    let unpacked = &out[start..];
    if unpacked.len() as u64 != chunk.unpacked_bytes {
        let detail = format!("unpacks to {} bytes, not {}", unpacked.len(), chunk.unpacked_bytes);
        return Err(TactError::malformed(WHAT, format_args!("chunk {number}"), detail));
    }
    match chunk.unpacked_md5 {
        Some(digest) if digest != md5(unpacked) => {
            Err(TactError::Digest { what: WHAT, part: format!("unpacked chunk {number}") })
        }
        _ => Ok(()),
    }
}

/// Unpacks one chunk onto `out`, by at most `limit_bytes`.
fn unpack(packed: &[u8], chunk: usize, limit_bytes: u64, out: &mut Vec<u8>) -> Result<(), TactError> {
    let (mode, data) = match packed.split_first() {
        Some((mode, data)) => (*mode, data),
        // A table may announce chunks of nothing.
        None if limit_bytes == 0 => return Ok(()),
        None => return Err(TactError::malformed(WHAT, format_args!("chunk {chunk}"), "no mode")),
    };
    let too_large = TactError::TooLarge { limit_bytes };
    match mode {
        b'N' if data.len() as u64 > limit_bytes => Err(too_large),
        b'N' => {
            out.extend_from_slice(data);
            Ok(())
        }
        b'Z' => {
            let mut zlib = flate2::bufread::ZlibDecoder::new(data).take(limit_bytes.saturating_add(1));
            let unpacked = zlib.read_to_end(out).map_err(|error| {
                TactError::malformed(WHAT, format_args!("chunk {chunk}"), format!("zlib: {error}"))
            })?;
            if unpacked as u64 > limit_bytes { Err(too_large) } else { Ok(()) }
        }
        b'E' => Err(TactError::Encrypted { chunk }),
        b'4' | b'F' => Err(TactError::UnsupportedMode { chunk, mode: char::from(mode) }),
        mode => {
            let detail = format!("mode {mode:#04x} is not known");
            Err(TactError::malformed(WHAT, format_args!("chunk {chunk}"), detail))
        }
    }
}
