//! Autonomous system numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{ParseDeliveryError, shown};

/// A 32-bit autonomous system number (RFC 6793). Printed as `AS32590`, parsed with or without the prefix.
///
/// ```
/// use traffix_core::delivery::Asn;
/// assert_eq!("AS32590".parse::<Asn>()?, Asn(32590));
/// assert_eq!("32590".parse::<Asn>()?.to_string(), "AS32590");
/// # Ok::<(), traffix_core::delivery::ParseDeliveryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Asn(pub u32);

impl Asn {
    /// Whether the number may be announced to the Internet: not reserved (RFC 7607, RFC 7300), not for private
    /// use (RFC 6996), not for documentation (RFC 5398) and not the 16-bit placeholder (RFC 6793).
    ///
    /// ```
    /// use traffix_core::delivery::Asn;
    /// assert!(Asn(20940).is_public());
    /// assert!(!Asn(64512).is_public());
    /// ```
    pub fn is_public(self) -> bool {
        !matches!(self.0, 0 | 23456 | 64496..=65551 | 4_200_000_000..)
    }
}

impl FromStr for Asn {
    type Err = ParseDeliveryError;

    fn from_str(text: &str) -> Result<Self, ParseDeliveryError> {
        let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
        match digits.parse() {
            Ok(number) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(number)),
            _ => Err(ParseDeliveryError::Asn(shown(text))),
        }
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsing() {
        for bad in ["", "AS", "ASx", "-1", "+1", "4294967296", " 1"] {
            assert!(bad.parse::<Asn>().is_err(), "{bad:?}");
        }
        assert_eq!("as1".parse::<Asn>().unwrap(), Asn(1));
    }
}
