//! Numbers and slices out of untrusted bytes.

use super::DecodeError;

/// Appends an unsigned LEB128 number: seven bits a byte, low bits first, the high bit set on all but the last.
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u128) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// A place in a body.
pub(super) struct Cursor<'body> {
    rest: &'body [u8],
}

impl<'body> Cursor<'body> {
    pub(super) fn new(body: &'body [u8]) -> Self {
        Self { rest: body }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `count` bytes.
    pub(super) fn bytes(&mut self, count: usize, what: &'static str) -> Result<&'body [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated(what))?;
        self.rest = rest;
        Ok(head)
    }

    /// The next number.
    pub(super) fn number(&mut self, what: &'static str) -> Result<u128, DecodeError> {
        let mut number = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.bytes(1, what)?[0];
            let part = u128::from(byte & 0x7f);
            if (part << shift) >> shift != part {
                return Err(DecodeError::Range(what));
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::Range(what))
    }

    /// A number of things of at least one byte each that still follow: more than there are bytes is a lie.
    pub(super) fn count(&mut self, what: &'static str) -> Result<usize, DecodeError> {
        match usize::try_from(self.number(what)?) {
            Ok(count) if count <= self.rest.len() => Ok(count),
            _ => Err(DecodeError::Truncated(what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for number in [0, 1, 127, 128, 300, u128::from(u64::MAX), u128::MAX] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.number("test").unwrap(), number);
            assert_eq!(cursor.left(), 0);
        }
        let too_wide = [0xff; 19];
        assert!(matches!(Cursor::new(&too_wide).number("test"), Err(DecodeError::Range("test"))));
        assert!(matches!(Cursor::new(&[0x80]).number("test"), Err(DecodeError::Truncated("test"))));
    }
}
