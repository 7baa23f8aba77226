//! Identifiers: short, stable, readable words that never change once published.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that cannot be an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseSlugError {
    /// Only `a`-`z`, `0`-`9` and single hyphens between them, at most 100 bytes.
    #[error(
        "{0:?} must be lower-case letters, digits and single hyphens, such as \"fortnite-og\", at most 100"
    )]
    Slug(String),
    /// Not a region code.
    #[error("{0:?} must be an ISO 3166 country code such as \"GB\", \"EU\" or \"world\"")]
    Region(String),
}

/// Longest identifier.
const MAX_SLUG_BYTES: usize = 100;

fn is_slug(text: &str) -> bool {
    let well_formed =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= MAX_SLUG_BYTES && text.split('-').all(well_formed)
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(
            feature = "schema",
            schemars(extend("pattern" = "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength" = 1, "maxLength" = 100))
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Cow<'static, str>);

        impl $name {
            /// Checks and wraps a text.
            ///
            /// # Errors
            /// If it is not lower-case letters, digits and single hyphens, at most 100 bytes.
            pub fn new(text: impl Into<String>) -> Result<Self, ParseSlugError> {
                let text = text.into();
                if is_slug(&text) {
                    Ok(Self(Cow::Owned(text)))
                } else {
                    Err(ParseSlugError::Slug(text.chars().take(MAX_SLUG_BYTES).collect()))
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseSlugError;
            fn from_str(text: &str) -> Result<Self, ParseSlugError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseSlugError;
            fn try_from(text: String) -> Result<Self, ParseSlugError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into_owned()
            }
        }
    };
}

slug! {
    /// Identifies one release or update, for example `fortnite-og`.
    ///
    /// ```
    /// use traffix_core::catalogue::RuId;
    /// assert!("modern-warfare-iii".parse::<RuId>().is_ok());
    /// assert!("Modern Warfare III".parse::<RuId>().is_err());
    /// ```
    RuId
}
slug! {
    /// Identifies a distribution platform, for example `steam`.
    PlatformId
}
slug! {
    /// Identifies a publisher or a developer, for example `epic-games`.
    CompanyId
}
slug! {
    /// A category such as `shooter` or `battle-royale`.
    CategoryId
}

impl PlatformId {
    /// A constant identifier.
    ///
    /// # Panics
    /// At compile time, if the text is not a slug.
    pub const fn from_static(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            assert!(bytes[i].is_ascii_lowercase() || bytes[i].is_ascii_digit() || bytes[i] == b'-');
            i += 1;
        }
        Self(Cow::Borrowed(text))
    }
}

/// Where a fact holds: an ISO 3166-1 country code, `EU`, or `world`.
///
/// ```
/// use traffix_core::catalogue::Region;
/// assert_eq!("gb".parse::<Region>()?.as_str(), "GB");
/// assert_eq!(Region::WORLD.as_str(), "world");
/// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("pattern" = "^([A-Za-z]{2}|[Ww][Oo][Rr][Ll][Dd])$")))]
#[serde(try_from = "String", into = "String")]
pub struct Region(Cow<'static, str>);

impl Region {
    /// Everywhere.
    pub const WORLD: Self = Self(Cow::Borrowed("world"));

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = ParseSlugError;

    fn from_str(text: &str) -> Result<Self, ParseSlugError> {
        if text.eq_ignore_ascii_case("world") {
            Ok(Self::WORLD)
        } else if text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
            Ok(Self(Cow::Owned(text.to_ascii_uppercase())))
        } else {
            Err(ParseSlugError::Region(text.chars().take(40).collect()))
        }
    }
}

impl TryFrom<String> for Region {
    type Error = ParseSlugError;
    fn try_from(text: String) -> Result<Self, ParseSlugError> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0.into_owned()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
