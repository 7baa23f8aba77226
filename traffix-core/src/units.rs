//! Bytes and bit rates: the one place where they are parsed and printed.
//!
//! Sizes are decimal (1 GB = 10⁹ bytes) unless the text says `GiB`; rates are bits per second with decimal
//! prefixes, as network equipment prints them. Printing keeps three significant digits; the alternate form
//! (`{:#}`) is exact and parses back to the same value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

/// A number of bytes.
///
/// ```
/// use traffix_core::Bytes;
/// assert_eq!("83 GB".parse::<Bytes>()?, Bytes(83_000_000_000));
/// assert_eq!("1 GiB".parse::<Bytes>()?, Bytes(1_073_741_824));
/// assert_eq!(Bytes(84_400_000_000).to_string(), "84.4 GB");
/// # Ok::<(), traffix_core::ParseUnitError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// A rate in bits per second.
///
/// ```
/// use traffix_core::BitsPerSecond;
/// assert_eq!("1.94 Tbit/s".parse::<BitsPerSecond>()?, BitsPerSecond(1_940_000_000_000));
/// assert_eq!(BitsPerSecond(310_400_000_000).to_string(), "310 Gbit/s");
/// # Ok::<(), traffix_core::ParseUnitError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct BitsPerSecond(pub u64);

/// A text that is not a size or rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseUnitError {
    /// The number before the unit is missing, negative or not a number.
    #[error("{0:?} does not start with a non-negative number; write for example {1:?}")]
    Number(String, &'static str),
    /// The unit is not one of those of this quantity.
    #[error("{0:?} is not a unit here; write for example {1:?}")]
    Unit(String, &'static str),
    /// More than 18.4 × 10¹⁸.
    #[error("{0:?} is larger than this program can count (18.4 E)")]
    Range(String),
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(f, self.0, "B")
    }
}

impl fmt::Display for BitsPerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(f, self.0, "bit/s")
    }
}

impl FromStr for Bytes {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        const EXAMPLE: &str = "83.5 GB";
        let (number, unit) = split(text, EXAMPLE)?;
        let (prefix, base) = match unit.strip_suffix("iB") {
            Some(prefix) if !prefix.is_empty() => (prefix, 1024),
            _ => (unit.strip_suffix('B').unwrap_or(unit), 1000),
        };
        scaled(text, number, exponent(prefix, unit, EXAMPLE)?, base).map(Self)
    }
}

impl FromStr for BitsPerSecond {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        const EXAMPLE: &str = "1.94 Tbit/s";
        let (number, unit) = split(text, EXAMPLE)?;
        let prefix = ["bit/s", "bps", "b/s"].iter().find_map(|suffix| unit.strip_suffix(suffix));
        let prefix = match (prefix, unit) {
            (Some(prefix), _) => prefix,
            (None, "") => "",
            (None, _) => return Err(ParseUnitError::Unit(unit.to_owned(), EXAMPLE)),
        };
        scaled(text, number, exponent(prefix, unit, EXAMPLE)?, 1000).map(Self)
    }
}

/// Splits `"83.5 GB"` into its number and its unit.
fn split<'a>(text: &'a str, example: &'static str) -> Result<(&'a str, &'a str), ParseUnitError> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let well_formed = number.bytes().any(|b| b.is_ascii_digit()) && number.matches('.').count() <= 1;
    if !well_formed || number.len() > 40 {
        return Err(ParseUnitError::Number(shortened(text), example));
    }
    Ok((number, unit.trim()))
}

/// Index of an SI prefix; `K` is accepted for `k`.
fn exponent(prefix: &str, unit: &str, example: &'static str) -> Result<u32, ParseUnitError> {
    let wanted = if prefix == "K" { "k" } else { prefix };
    let found = (0..).zip(PREFIXES).find(|(_, p)| *p == wanted);
    found.map(|(i, _)| i).ok_or_else(|| ParseUnitError::Unit(shortened(unit), example))
}

/// Integer arithmetic throughout, so that every printed value parses back exactly.
fn scaled(text: &str, number: &str, exponent: u32, base: u128) -> Result<u64, ParseUnitError> {
    let range = || ParseUnitError::Range(shortened(text));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = &fraction[..fraction.len().min(18)];
    let digits = format!("0{whole}{fraction}").parse::<u128>().map_err(|_| range())?;
    let divisor = fraction.chars().fold(1_u128, |power, _| power * 10);
    let value = digits.checked_mul(base.pow(exponent)).ok_or_else(range)?;
    u64::try_from((value + divisor / 2) / divisor).map_err(|_| range())
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn print(f: &mut fmt::Formatter<'_>, value: u64, unit: &str) -> fmt::Result {
    let digits = value.to_string();
    let (text, prefix) = if f.alternate() { exact(&digits) } else { rounded(&digits) };
    f.pad(&format!("{text} {}{unit}", PREFIXES[prefix]))
}

/// All digits, with the largest prefix that leaves something before the point.
fn exact(digits: &str) -> (String, usize) {
    let prefix = (digits.len() - 1) / 3;
    (decimal(digits, digits.len() - 3 * prefix), prefix)
}

/// Three significant digits, rounded half up.
fn rounded(digits: &str) -> (String, usize) {
    if digits.len() <= 3 {
        return (digits.to_owned(), 0);
    }
    let head: u32 = digits[..3].parse().unwrap_or(0);
    let head = head + u32::from(digits.as_bytes()[3] >= b'5');
    let (head, length) = if head == 1000 { (100, digits.len() + 1) } else { (head, digits.len()) };
    let prefix = (length - 1) / 3;
    let head = head.to_string();
    (decimal(&head, length - 3 * prefix), prefix)
}

/// `digits` with a point after the first `whole` of them and no trailing zeros behind it.
fn decimal(digits: &str, whole: usize) -> String {
    let (whole, fraction) = digits.split_at(whole);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// A floating-point rate printed like [`BitsPerSecond`]; anything not finite prints as `-`.
///
/// ```
/// assert_eq!(traffix_core::units::format_bps(85e9), "85 Gbit/s");
/// ```
pub fn format_bps(bps: f64) -> String {
    whole(bps).map_or_else(|| "-".into(), |bps| BitsPerSecond(bps).to_string())
}

/// A floating-point size printed like [`Bytes`]; anything not finite prints as `-`.
///
/// ```
/// assert_eq!(traffix_core::units::format_bytes(2.2e16), "22 PB");
/// ```
pub fn format_bytes(bytes: f64) -> String {
    whole(bytes).map_or_else(|| "-".into(), |bytes| Bytes(bytes).to_string())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "finite and non-negative is checked; `as` saturates at the top"
)]
fn whole(value: f64) -> Option<u64> {
    (value.is_finite() && value >= 0.0).then(|| value.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(text: &str) -> Result<u64, ParseUnitError> {
        text.parse::<Bytes>().map(|b| b.0)
    }

    #[test]
    fn reads_what_people_write() {
        for (text, want) in [
            ("83 GB", 83_000_000_000),
            ("83GB", 83_000_000_000),
            (" 1.5 TB ", 1_500_000_000_000),
            ("77.3 GiB", 83_000_242_995),
            ("512 MiB", 536_870_912),
            ("12", 12),
            ("12 B", 12),
            ("4 kB", 4_000),
            ("4 KB", 4_000),
            ("0.5 kB", 500),
        ] {
            assert_eq!(bytes(text), Ok(want), "{text}");
        }
        assert_eq!("10 Gbps".parse(), Ok(BitsPerSecond(10_000_000_000)));
        assert_eq!("10 Gb/s".parse(), Ok(BitsPerSecond(10_000_000_000)));
    }

    #[test]
    fn bits_and_bytes_are_never_mixed() {
        assert!(matches!("10 GB".parse::<BitsPerSecond>(), Err(ParseUnitError::Unit(..))));
        assert!(matches!("10 Gbit/s".parse::<Bytes>(), Err(ParseUnitError::Unit(..))));
        assert!(matches!("10 Gb".parse::<Bytes>(), Err(ParseUnitError::Unit(..))));
    }

    #[test]
    fn refuses_nonsense() {
        for text in ["", "GB", "-3 GB", "1.2.3 GB", "NaN", "3 parsecs", "iB", "."] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert!(matches!(bytes("99999999999999999999 EB"), Err(ParseUnitError::Range(_))));
    }

    #[test]
    fn prints_three_significant_digits() {
        for (value, want) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (9_996, "10 kB"),
            (999_600, "1 MB"),
            (1_234_567, "1.23 MB"),
            (83_000_000_000, "83 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(Bytes(value).to_string(), want);
        }
    }

    proptest! {
        #[test]
        fn exact_form_round_trips(value: u64) {
            prop_assert_eq!(format!("{:#}", Bytes(value)).parse(), Ok(Bytes(value)));
            prop_assert_eq!(format!("{:#}", BitsPerSecond(value)).parse(), Ok(BitsPerSecond(value)));
        }

        #[test]
        fn short_form_is_stable(value in 0..u64::MAX / 2) {
            let printed = Bytes(value).to_string();
            let back: Bytes = printed.parse().unwrap();
            prop_assert_eq!(back.to_string(), printed);
            prop_assert!(back.0.abs_diff(value) <= value / 199);
        }

        #[test]
        fn any_text_is_safe(text in ".{0,60}") {
            let _ = text.parse::<Bytes>();
            let _ = text.parse::<BitsPerSecond>();
        }
    }
}
