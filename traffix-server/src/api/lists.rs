//! What all lists have in common.

use bytes::Bytes;
use poem::http::{Uri, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_store::PageRequest;

use crate::http::{Answer, Kind, Problem};

/// Most items of a page.
const MAX_ITEMS: u32 = 500;
/// Items of a page if the client does not say.
const DEFAULT_ITEMS: u32 = 100;

/// How many items a page has at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
#[schemars(inline, extend("minimum" = 1, "maximum" = 500))]
pub(crate) struct Limit(u32);

impl TryFrom<u32> for Limit {
    type Error = String;

    fn try_from(limit: u32) -> Result<Self, String> {
        if (1..=MAX_ITEMS).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err(format!("must be 1 to {MAX_ITEMS}, got {limit}"))
        }
    }
}

impl Limit {
    pub(crate) fn or_default(limit: Option<Self>) -> u32 {
        limit.map_or(DEFAULT_ITEMS, |limit| limit.0)
    }
}

/// Where a page begins; opaque.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("pattern" = "^[A-Za-z0-9_~.-]+$", "maxLength" = MAX_CURSOR_BYTES))]
pub(crate) struct Cursor(String);

/// Longest cursor.
const MAX_CURSOR_BYTES: usize = 2_000;

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_~.-".contains(&b);
        let fits = !text.is_empty() && text.len() <= MAX_CURSOR_BYTES && text.bytes().all(plain);
        if fits { Ok(Self(text)) } else { Err("must be a cursor from `next` of the page before") }
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.0
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageParams {
    /// Most items wanted, 1 to 500; 100 if absent.
    pub(crate) limit: Option<Limit>,
    /// Where to go on: a cursor from `next` of the page before.
    pub(crate) after: Option<Cursor>,
}

impl PageParams {
    pub(crate) fn request(self) -> PageRequest {
        page_request(self.limit, self.after)
    }
}

/// The page that the parameters ask for.
pub(crate) fn page_request(limit: Option<Limit>, after: Option<Cursor>) -> PageRequest {
    PageRequest { limit: Limit::or_default(limit), after: after.map(String::from) }
}

#[derive(Serialize)]
struct PageOf<'a, T> {
    items: &'a [T],
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

/// A page as prepared bytes, with the address of the next in body and `Link`.
pub(crate) fn page<P, T: Serialize>(
    items: &[T],
    uri: &Uri,
    cursor: Option<&str>,
) -> Result<Answer<P>, Problem> {
    let next = cursor.map(|cursor| next_page(uri, cursor));
    let body = serde_json::to_vec(&PageOf { items, next: next.as_deref() }).map_err(|error| {
        tracing::error!(%error, "a list cannot be written");
        Problem::new(Kind::Internal, "the list cannot be written as JSON")
    })?;
    Ok(linked(Answer::prepared("application/json", Bytes::from(body)), next.as_deref()))
}

/// Adds `Link` (RFC 8288).
pub(crate) fn linked<P>(answer: Answer<P>, next: Option<&str>) -> Answer<P> {
    match next {
        Some(next) => answer.header(header::LINK, &format!("<{next}>; rel=\"next\"")),
        None => answer,
    }
}

/// The same question from a cursor on.
pub(crate) fn next_page(uri: &Uri, cursor: &str) -> String {
    let asked = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(asked.filter(|(name, _)| name != "after"));
    query.append_pair("after", cursor);
    format!("{}?{}", uri.path(), query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_question() {
        let uri: Uri = "/api/v1/rus?q=call%20of&after=old&limit=5".parse().unwrap();
        assert_eq!(next_page(&uri, "a/b"), "/api/v1/rus?q=call+of&limit=5&after=a%2Fb");
    }

    #[test]
    fn limits_are_checked() {
        assert!(Limit::try_from(500).is_ok());
        assert!(Limit::try_from(0).is_err());
        assert!(Limit::try_from(501).is_err());
    }
}
