//! Reading binary formats whose numbers are big-endian, without ever reading past the end.

use super::error::TactError;

/// A position in some bytes.
pub(super) struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the start of `bytes`, which are of the format `what`.
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], TactError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.get(..count) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => Err(TactError::Truncated {
                what: self.what,
                offset: self.bytes.len(),
                needed: count - rest.len(),
            }),
        }
    }

    /// `count` items of `stride` bytes each.
    pub(super) fn items(&mut self, count: usize, stride: usize) -> Result<&'a [u8], TactError> {
        let bytes = count.checked_mul(stride);
        let bytes = bytes.ok_or_else(|| self.malformed(format!("{count} items of {stride} bytes")))?;
        self.take(bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, TactError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, TactError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, TactError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A count of 32 bits.
    pub(super) fn count(&mut self) -> Result<usize, TactError> {
        let count = self.u32()?;
        usize::try_from(count).map_err(|_| self.malformed(format!("{count} items")))
    }

    /// 40 bits: how these formats write sizes of files.
    pub(super) fn u40(&mut self) -> Result<u64, TactError> {
        Ok(u40(self.array()?))
    }

    /// Text up to a zero byte, which is read too.
    pub(super) fn text(&mut self) -> Result<&'a str, TactError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte == 0) else {
            return Err(TactError::Truncated { what: self.what, offset: self.bytes.len(), needed: 1 });
        };
        let text = std::str::from_utf8(&rest[..length]).map_err(|_| self.malformed("text is not UTF-8"))?;
        self.at += length + 1;
        Ok(text)
    }

    /// Expects the two letters that such a format starts with.
    pub(super) fn magic(&mut self, letters: &[u8]) -> Result<(), TactError> {
        let found = self.take(letters.len())?;
        if found == letters {
            return Ok(());
        }
        let (letters, found) = (letters.escape_ascii(), found.escape_ascii());
        Err(TactError::malformed(self.what, "byte 0", format!("starts with \"{found}\", not \"{letters}\"")))
    }

    /// A length of a key in bytes.
    pub(super) fn key_length(&mut self) -> Result<usize, TactError> {
        match self.u8()? {
            length @ 1..=16 => Ok(usize::from(length)),
            length => Err(self.malformed(format!("a key of {length} bytes; 1 to 16 are allowed"))),
        }
    }

    /// Something before the current position is not allowed.
    pub(super) fn malformed(&self, detail: impl Into<String>) -> TactError {
        TactError::malformed(self.what, format_args!("byte {}", self.at), detail)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TactError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

/// A number of 40 bits.
pub(super) fn u40([a, b, c, d, e]: [u8; 5]) -> u64 {
    u64::from_be_bytes([0, 0, 0, a, b, c, d, e])
}
