//! Stable slugs of CDNs and platforms.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Longest slug that is accepted, in bytes.
const MAX_SLUG_BYTES: usize = 48;

/// Checks the grammar shared by all slugs: `[a-z0-9]+(-[a-z0-9]+)*`, at most 48 bytes.
fn check(slug: &str) -> Result<(), Invalid> {
    let fine = slug.len() <= MAX_SLUG_BYTES
        && slug.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
    if fine {
        return Ok(());
    }
    let shown: String = slug.chars().take(MAX_SLUG_BYTES).collect();
    Err(Invalid::new(
        "",
        format!("must be lower-case letters, digits and single hyphens, at most 48 bytes, got {shown:?}"),
    ))
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The slug as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(slug: &str) -> Result<Self, Invalid> {
                check(slug).map(|()| Self(slug.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(slug: String) -> Result<Self, Invalid> {
                check(&slug).map(|()| Self(slug))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug! {
    /// Stable slug of a delivery network: `akamai`, `valve`, `apple-edge-cache`.
    ///
    /// ```
    /// use traffix_core::delivery::CdnId;
    /// let id: CdnId = "azure-front-door".parse()?;
    /// assert_eq!(id.to_string(), "azure-front-door");
    /// assert!("Azure Front Door".parse::<CdnId>().is_err());
    /// # Ok::<(), traffix_core::Invalid>(())
    /// ```
    CdnId
}

slug! {
    /// Stable slug of a distribution platform: `steam`, `windows-update`.
    ///
    /// ```
    /// use traffix_core::delivery::PlatformId;
    /// assert_eq!("steam".parse::<PlatformId>()?.as_str(), "steam");
    /// # Ok::<(), traffix_core::Invalid>(())
    /// ```
    PlatformId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_strict() {
        for bad in ["", "-", "a-", "-a", "a--b", "A", "a b", "é", "a_b", &"x".repeat(49)] {
            assert!(bad.parse::<CdnId>().is_err(), "{bad:?}");
        }
        for good in ["a", "a1", "1a-b2", &"x".repeat(48)] {
            assert_eq!(good.parse::<CdnId>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn serde_checks_the_grammar() {
        assert!(serde_json::from_str::<PlatformId>("\"Steam\"").is_err());
        assert_eq!(serde_json::to_string(&"gog".parse::<PlatformId>().unwrap()).unwrap(), "\"gog\"");
    }
}
