//! Little-endian numbers, texts and sections out of a slice.

use super::ManifestError;

/// Reads forward; every length is checked against what is left before anything is allocated.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of `rest` in the decompressed manifest, for messages.
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    pub(super) fn fail<T>(&self, detail: impl Into<String>) -> Result<T, ManifestError> {
        Err(ManifestError::malformed(format!("byte {}", self.offset), detail))
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], ManifestError> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return self.fail(format!("{length} bytes expected, {} left", self.rest.len()));
        };
        self.rest = rest;
        self.offset += length;
        Ok(taken)
    }

    /// A column of `count` values of `N` bytes each.
    pub(super) fn column<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]], ManifestError> {
        let Some(length) = count.checked_mul(N) else { return self.fail(format!("{count} rows")) };
        Ok(self.take(length)?.as_chunks().0)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ManifestError> {
        let taken = self.take(N)?;
        taken.try_into().or_else(|_| self.fail("unreadable"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, ManifestError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32, ManifestError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A number of rows, each of at least `row_bytes`: more than fit are refused.
    pub(super) fn count(&mut self, row_bytes: usize) -> Result<usize, ManifestError> {
        let count = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        if count > self.rest.len() / row_bytes {
            return self
                .fail(format!("{count} rows of {row_bytes} bytes expected, {} bytes left", self.rest.len()));
        }
        Ok(count)
    }

    /// A part of the manifest that begins with its own length, which counts itself. What a newer writer adds at its
    /// end is skipped.
    pub(super) fn section(&mut self) -> Result<Reader<'a>, ManifestError> {
        let length = usize::try_from(self.u32()?).unwrap_or(usize::MAX);
        let Some(inner) = length.checked_sub(4) else {
            return self.fail(format!("a section of {length} bytes"));
        };
        let offset = self.offset;
        Ok(Reader { rest: self.take(inner)?, offset })
    }

    /// A text: its length with the terminator, positive for bytes and negative for UTF-16 units.
    pub(super) fn text(&mut self) -> Result<String, ManifestError> {
        let length = i32::from_le_bytes(self.array()?);
        let units = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
        if length >= 0 {
            let bytes = self.take(units)?;
            let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
            return Ok(String::from_utf8_lossy(bytes).into_owned());
        }
        let units: Vec<u16> = self.column::<2>(units)?.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        Ok(String::from_utf16_lossy(units.strip_suffix(&[0]).unwrap_or(&units)))
    }

    /// Skips a text.
    pub(super) fn skip_text(&mut self) -> Result<(), ManifestError> {
        let length = i32::from_le_bytes(self.array()?);
        let units = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
        let unit_bytes = if length < 0 { 2 } else { 1 };
        self.take(units.saturating_mul(unit_bytes)).map(|_| ())
    }
}
