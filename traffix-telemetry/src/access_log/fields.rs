//! Reading the fields of a line.

use std::borrow::Cow;

/// A line that cannot be read. It holds a place and no part of the line: lines hold addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// None of the known formats fits.
    #[error("the line is in none of the known formats; say which it is, or log in one of them")]
    Format,
    /// Something that every line of the format has is not there.
    #[error("{what} is missing at byte {at}")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// Where, from the start of the line.
        at: usize,
    },
    /// Something is there that cannot be read.
    #[error("{what} at byte {at} cannot be read")]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// Where, from the start of the line.
        at: usize,
    },
}

/// A place in a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// What was not read yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// Passes over `count` bytes, or over what is left.
    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        self.at = (self.at + count).min(self.line.len());
    }

    /// Passes over spaces and tabs.
    #[inline]
    pub(super) fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// What stands before the next `byte`, which is passed over.
    #[inline]
    pub(super) fn until(&mut self, byte: u8, what: &'static str) -> Result<&'a [u8], LineError> {
        let rest = self.rest();
        let len = memchr::memchr(byte, rest).ok_or_else(|| self.missing(what))?;
        self.at += len + 1;
        Ok(&rest[..len])
    }

    /// Passes over exactly these bytes.
    #[inline]
    pub(super) fn expect(&mut self, bytes: &[u8], what: &'static str) -> Result<(), LineError> {
        if !self.rest().starts_with(bytes) {
            return Err(self.missing(what));
        }
        self.at += bytes.len();
        Ok(())
    }

    /// What stands between quotes, and a space after them if there is one.
    #[inline]
    pub(super) fn quoted(&mut self, what: &'static str) -> Result<&'a [u8], LineError> {
        self.expect(b"\"", what)?;
        let text = self.until(b'"', what)?;
        if self.peek() == Some(b' ') {
            self.at += 1;
        }
        Ok(text)
    }

    pub(super) fn missing(&self, what: &'static str) -> LineError {
        LineError::Missing { what, at: self.at }
    }

    pub(super) fn unreadable(&self, what: &'static str) -> LineError {
        LineError::Unreadable { what, at: self.at }
    }
}

/// Decimal digits as a number; `None` if there is anything else, nothing, or too much.
#[inline]
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    let mut sum = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum = sum.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(sum)
}

/// Text of a field, with what is no UTF-8 replaced; a dash or nothing stands for "unknown".
#[inline]
pub(super) fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match bytes {
        b"" | b"-" => None,
        known => Some(String::from_utf8_lossy(known)),
    }
}

/// A host name without its port. An address is no name: it attributes nothing, and might be somebody's.
pub(super) fn host(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let name = match memchr::memchr(b':', bytes) {
        // More than one colon is an IPv6 address.
        Some(colon) if memchr::memchr(b':', &bytes[colon + 1..]).is_some() => return None,
        Some(colon) => &bytes[..colon],
        None => bytes,
    };
    let last = name.rsplit(|byte| *byte == b'.').find(|label| !label.is_empty())?;
    let is_address = last.iter().all(u8::is_ascii_digit) || name.starts_with(b"[");
    if is_address || name.len() > MAX_HOST { None } else { text(name) }
}

/// Longest host name, in bytes (RFC 1035 section 2.3.4, without the length bytes).
const MAX_HOST: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_that_fit() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"18446744073709551616", b"-1", b"1e3", b"+5", b" 1"] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn addresses_are_no_hosts() {
        assert_eq!(host(b"cdn.example:8080").as_deref(), Some("cdn.example"));
        assert_eq!(host(b"localhost").as_deref(), Some("localhost"));
        for bad in [&b"192.0.2.7"[..], b"192.0.2.7:80", b"[2001:db8::7]:80", b"2001:db8::7", b"-", b"", b"."]
        {
            assert_eq!(host(bad), None, "{bad:?}");
        }
        assert_eq!(host(b"caf\xe9.example").as_deref(), Some("caf\u{fffd}.example"));
    }
}
