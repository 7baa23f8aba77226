//! The names of things: MD5 digests.

use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};

/// Declares one kind of key; they differ in what they are digests of and must not be mixed up.
macro_rules! keys {
    ($($(#[$doc:meta])+ $name:ident)+) => {$(
        $(#[$doc])+
        ///
        /// Sixteen bytes; where a format cuts keys short, zeros stand for the rest. Printed in hexadecimal.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// From the leading bytes of a key; whatever exceeds sixteen is not looked at.
            pub fn from_prefix(bytes: &[u8]) -> Self {
                Self(prefix(bytes))
            }

            /// The key of these bytes.
            pub fn of(bytes: &[u8]) -> Self {
                Self(md5(bytes))
            }

            /// The bytes as one big-endian number.
            pub fn as_u128(self) -> u128 {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseKeyError;

            fn from_str(text: &str) -> Result<Self, ParseKeyError> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )+};
}

keys! {
    /// Digest of a file as the game sees it.
    ContentKey
    /// Digest of a file as the CDN delivers it, packed: of its chunk table, or of all of it if it has none.
    EncodingKey
    /// Digest of a text of the configuration.
    ConfigKey
}

/// Text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key: 32 hexadecimal digits are expected")]
pub struct ParseKeyError(String);

/// The MD5 of some bytes.
pub(super) fn md5(bytes: &[u8]) -> u128 {
    u128::from_be_bytes(Md5::digest(bytes).into())
}

/// Up to sixteen bytes as a number, zeros behind.
pub(super) fn prefix(bytes: &[u8]) -> u128 {
    let mut key = [0; 16];
    let length = bytes.len().min(16);
    key[..length].copy_from_slice(&bytes[..length]);
    u128::from_be_bytes(key)
}

fn parse(text: &str) -> Result<u128, ParseKeyError> {
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return u128::from_str_radix(text, 16).map_err(|_| ParseKeyError(text.to_owned()));
    }
    Err(ParseKeyError(text.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_written() {
        let text = "0004b76ff56d0bb10d1a2ae4bd4d28ab";
        assert_eq!(text.parse::<EncodingKey>().unwrap().to_string(), text);
        assert_eq!("FF".repeat(16).parse::<ContentKey>().unwrap(), ContentKey::from_prefix(&[0xff; 16]));
        for bad in ["", "0", &"g".repeat(32), &"0".repeat(31), &"+".repeat(32)] {
            assert!(bad.parse::<ConfigKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_text_is_named_by_its_md5() {
        // RFC 1321, appendix A.5.
        assert_eq!(ConfigKey::of(b"abc").to_string(), "900150983cd24fb0d6963f7d28e17f72");
    }
}
