//! Stable slugs of delivery networks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::catalogue::{ParseSlugError, PlatformId};

/// Stable slug of a delivery network: `akamai`, `valve`, `apple-edge-cache`. Same grammar as
/// [`PlatformId`].
///
/// ```
/// use traffix_core::delivery::CdnId;
/// let id: CdnId = "azure-front-door".parse()?;
/// assert_eq!(id.to_string(), "azure-front-door");
/// assert!("Azure Front Door".parse::<CdnId>().is_err());
/// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("pattern" = "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength" = 1, "maxLength" = 100))
)]
#[serde(try_from = "String", into = "String")]
pub struct CdnId(String);

impl CdnId {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CdnId {
    type Err = ParseSlugError;

    fn from_str(slug: &str) -> Result<Self, ParseSlugError> {
        slug.to_owned().try_into()
    }
}

impl TryFrom<String> for CdnId {
    type Error = ParseSlugError;

    fn try_from(slug: String) -> Result<Self, ParseSlugError> {
        // One grammar for all slugs: the platform's check is the check.
        PlatformId::new(slug).map(|id| Self(id.into()))
    }
}

impl From<CdnId> for String {
    fn from(id: CdnId) -> Self {
        id.0
    }
}

impl AsRef<str> for CdnId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CdnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_strict() {
        for bad in ["", "-", "a-", "-a", "a--b", "A", "a b", "é", "a_b", &"x".repeat(101)] {
            assert!(bad.parse::<CdnId>().is_err(), "{bad:?}");
            assert!(serde_json::from_str::<CdnId>(&format!("{bad:?}")).is_err(), "{bad:?}");
        }
        for good in ["a", "a1", "1a-b2", &"x".repeat(100)] {
            assert_eq!(good.parse::<CdnId>().unwrap().as_str(), good);
        }
    }
}
