//! Entity tags and preconditions (RFC 9110, 8.8.3 and 13).

use poem::http::{HeaderMap, HeaderValue, header};
use traffix_store::{Expect, Revision};

use super::accept::Encoding;
use super::problem::{Kind, Problem};
use crate::auth::hex;

/// What an answer's `ETag` is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tag {
    /// Names one revision of one entity; usable in `If-Match`.
    Strong(String),
    /// Names a content: equal pages have equal tags.
    Weak(String),
}

impl Tag {
    /// A weak tag of a body.
    pub(crate) fn of(body: &[u8]) -> Self {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(body);
        Self::Weak(hex(&digest[..12]))
    }

    /// The header for a coding: a strong tag differs between codings, as it must.
    pub(crate) fn header(&self, encoding: Encoding) -> Option<HeaderValue> {
        let text = match (self, encoding.name()) {
            (Self::Strong(tag), None) => format!("\"{tag}\""),
            (Self::Strong(tag), Some(coding)) => format!("\"{tag}-{coding}\""),
            (Self::Weak(tag), _) => format!("W/\"{tag}\""),
        };
        HeaderValue::from_str(&text).ok()
    }

    fn opaque(&self) -> &str {
        match self {
            Self::Strong(tag) | Self::Weak(tag) => tag,
        }
    }
}

/// The tag of a revision.
pub(crate) fn strong_etag(revision: Revision) -> Tag {
    Tag::Strong(revision.to_string())
}

/// Whether `If-None-Match` names the tag, by weak comparison and in any coding.
pub(crate) fn none_match(headers: &HeaderMap, tag: &Tag) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .any(|line| line.split(',').map(str::trim).any(|one| one == "*" || opaque(one) == Some(tag.opaque())))
}

/// What the tag says between its quotes, without the coding.
fn opaque(text: &str) -> Option<&str> {
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    let tag = quoted.strip_prefix('"')?.strip_suffix('"')?;
    Some(tag.strip_suffix("-gzip").or_else(|| tag.strip_suffix("-br")).unwrap_or(tag))
}

/// What a write expects, by `If-Match` and `If-None-Match: *`.
pub(crate) fn expectation(headers: &HeaderMap) -> Result<Expect, Problem> {
    if let Some(none) = headers.get(header::IF_NONE_MATCH) {
        let wrong = || Problem::header(Kind::Malformed, "If-None-Match", "must be * on a write");
        return if none == "*" { Ok(Expect::Absent) } else { Err(wrong()) };
    }
    let Some(wanted) = headers.get(header::IF_MATCH) else { return Ok(Expect::Anything) };
    let wrong = || {
        let allowed = "must be the ETag of one revision, such as \"42\", as GET answered it";
        Problem::header(Kind::Malformed, "If-Match", allowed)
    };
    let text = wanted.to_str().map_err(|_| wrong())?.trim();
    let weak = || Problem::header(Kind::PreconditionFailed, "If-Match", "a weak tag never matches");
    if text.starts_with("W/") {
        return Err(weak());
    }
    opaque(text).and_then(|tag| tag.parse().ok()).map(Expect::At).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let tag = strong_etag(42);
        for (value, want) in [
            ("\"42\"", true),
            ("W/\"42\"", true),
            ("\"42-br\"", true),
            ("\"41\", \"42-gzip\"", true),
            ("*", true),
            ("\"43\"", false),
            ("42", false),
            ("\"", false),
        ] {
            assert_eq!(none_match(&with(header::IF_NONE_MATCH, value), &tag), want, "{value}");
        }
    }

    #[test]
    fn writes_state_what_they_expect() {
        let expect = |value: &str| expectation(&with(header::IF_MATCH, value)).map_err(|p| p.status);
        assert_eq!(expect("\"42\""), Ok(Expect::At(42)));
        assert_eq!(expect("\"42-gzip\""), Ok(Expect::At(42)));
        assert_eq!(expect("W/\"42\""), Err(412));
        assert_eq!(expect("42"), Err(400));
        assert_eq!(expectation(&HeaderMap::new()).ok(), Some(Expect::Anything));
        let absent = expectation(&with(header::IF_NONE_MATCH, "*")).ok();
        assert_eq!(absent, Some(Expect::Absent));
    }
}
