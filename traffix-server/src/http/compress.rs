//! Compressing whole bodies.

use std::io::Write as _;

use super::accept::Encoding;
use bytes::Bytes;

/// Smaller bodies fit one packet anyway.
pub(crate) const MIN_BYTES: usize = 1_000;
/// Brotli's quality: above gzip -9 in size, at gzip -6 in time.
const BROTLI_QUALITY: u32 = 5;
/// Brotli's window, 2^20 bytes.
const BROTLI_WINDOW: u32 = 20;

/// The body in a coding; `None` if that would not pay.
pub(crate) fn compress(body: &Bytes, encoding: Encoding) -> Option<Bytes> {
    if body.len() < MIN_BYTES {
        return None;
    }
    let packed = match encoding {
        Encoding::Identity => return None,
        Encoding::Gzip => gzip(body),
        Encoding::Brotli => brotli(body),
    };
    packed.ok().filter(|packed| packed.len() < body.len()).map(Bytes::from)
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

fn brotli(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    {
        let mut encoder = brotli::CompressorWriter::new(&mut packed, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
        encoder.write_all(body)?;
        encoder.flush()?;
    }
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn round_trips() {
        let body = Bytes::from("traffix ".repeat(500));
        let mut text = Vec::new();
        let gzip = compress(&body, Encoding::Gzip).unwrap();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text, body);
        text.clear();
        let brotli = compress(&body, Encoding::Brotli).unwrap();
        brotli::Decompressor::new(&brotli[..], 4096).read_to_end(&mut text).unwrap();
        assert_eq!(text, body);
        assert!(compress(&Bytes::from_static(b"short"), Encoding::Gzip).is_none());
    }
}
