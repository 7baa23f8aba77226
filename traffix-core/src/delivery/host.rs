//! Host names as sources write them: exact, or with a wildcard.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{ParseDeliveryError, shown};

/// Longest host name, in bytes without a final dot (RFC 1035 section 2.3.4: 255 octets with lengths and root).
pub(super) const MAX_HOST_BYTES: usize = 253;

/// A host name or a pattern of host names.
///
/// - `x.example` is exactly that name;
/// - `*.x.example` is one or more labels before `x.example`, never `x.example` itself;
/// - a `*` inside a label (`cache*-fra1.x.example`) is a run of one or more decimal digits.
///
/// Names are compared without case and without a final dot.
///
/// ```
/// use traffix_core::delivery::HostPattern;
/// let any: HostPattern = "*.steamcontent.com".parse()?;
/// assert!(any.matches("cache1-fra1.steamcontent.com"));
/// assert!(!any.matches("steamcontent.com"));
/// let caches: HostPattern = "cache*-fra1.steamcontent.com".parse()?;
/// assert!(caches.matches("CACHE12-fra1.steamcontent.com."));
/// assert!(!caches.matches("cache-fra1.steamcontent.com"));
/// # Ok::<(), traffix_core::delivery::ParseDeliveryError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern(String);

impl HostPattern {
    /// The pattern as written, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names below which everything matches: `x.example` for `*.x.example`, nothing for other patterns.
    pub fn suffix(&self) -> Option<&str> {
        self.0.strip_prefix("*.")
    }

    /// Whether the pattern has no wildcard at all.
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether `host` is one of the names. Case and one final dot do not matter; what is longer than DNS allows is no
    /// name.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.len() > MAX_HOST_BYTES {
            return false;
        }
        let host = host.to_ascii_lowercase();
        match self.suffix() {
            Some(suffix) => host.strip_suffix(suffix).is_some_and(|head| {
                head.strip_suffix('.').is_some_and(|labels| {
                    !labels.is_empty() && labels.split('.').all(|label| !label.is_empty())
                })
            }),
            None => digits_match(&self.0, &host),
        }
    }
}

/// Matches `pattern` against the whole of `host`, where `*` takes a run of digits as long as it can be.
///
/// [`check`] refuses a digit after a star, so the longest run is the only one that can match.
pub(super) fn digits_match(pattern: &str, host: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| host.strip_prefix(head)) else { return false };
    for part in parts {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if after.len() == rest.len() {
            return false;
        }
        match after.strip_prefix(part) {
            Some(tail) => rest = tail,
            None => return false,
        }
    }
    rest.is_empty()
}

/// The grammar: labels of letters, digits, `-` and `_`; a star alone only as the first label; elsewhere a star
/// must not stand before a digit or another star.
fn check(name: &str) -> bool {
    let body = name.strip_prefix("*.").unwrap_or(name);
    let wildcard = body.len() != name.len();
    name.len() <= MAX_HOST_BYTES
        && body.contains('.')
        && !(wildcard && body.contains('*'))
        && body.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label != "*"
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_*".contains(&b))
        })
        && !body
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0] == b'*' && (pair[1] == b'*' || pair[1].is_ascii_digit()))
}

impl FromStr for HostPattern {
    type Err = ParseDeliveryError;

    fn from_str(text: &str) -> Result<Self, ParseDeliveryError> {
        let name = text.to_ascii_lowercase();
        if check(&name) {
            return Ok(Self(name));
        }
        Err(ParseDeliveryError::Host(shown(text)))
    }
}

impl TryFrom<String> for HostPattern {
    type Error = ParseDeliveryError;

    fn try_from(text: String) -> Result<Self, ParseDeliveryError> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_match(pattern: &str, host: &str, expected: bool) {
        let pattern: HostPattern = pattern.parse().unwrap();
        assert_eq!(pattern.matches(host), expected, "{pattern} on {host}");
    }

    #[test]
    fn wildcards() {
        check_match("*.b.c", "a.b.c", true);
        check_match("*.b.c", "x.a.b.c", true);
        check_match("*.b.c", "b.c", false);
        check_match("*.b.c", ".b.c", false);
        check_match("*.b.c", "a..b.c", false);
        check_match("*.b.c", "ab.c", false);
        check_match("b.c", "B.C.", true);
        check_match("b.c", "a.b.c", false);
    }

    #[test]
    fn runs_of_digits() {
        check_match("d*-*.file.x", "d1-1251447533.file.x", true);
        check_match("d*-*.file.x", "d1-.file.x", false);
        check_match("d*.x", "d12.x", true);
        check_match("d*.x", "d1.2.x", false);
    }

    #[test]
    fn grammar() {
        for bad in ["", "*", "*.", "a", "a..b", "*.*.a.b", "a.*.b", "a b.c", "a*1.c", "a**.c", ".a.b", "a.b."]
        {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad:?}");
        }
    }
}
