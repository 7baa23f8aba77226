//! One finished answer in all its codings.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use poem::{Body, Response};
use traffix_store::Sequence;

use super::accept::Encoding;
use super::answer::{Holds, Reply};
use super::compress::{MIN_BYTES, compress};
use super::conditional::{Tag, none_match};
use super::operations::Operation;
use super::{RATELIMIT, RATELIMIT_POLICY, X_REQUEST_ID};

/// An answer with its headers, compressed on demand.
pub(crate) struct Entry {
    reply: Reply,
    tag: Option<Tag>,
    variants: [OnceLock<Variant>; 3],
    cache_control: HeaderValue,
    vary: HeaderValue,
    pub(crate) sequence: Sequence,
    pub(crate) until: Option<Instant>,
    pub(crate) operation: Arc<Operation>,
}

/// The answer in one coding.
struct Variant {
    headers: HeaderMap,
    /// What RFC 9110 wants in a 304.
    unchanged: HeaderMap,
    body: Bytes,
}

impl Entry {
    /// Finishes a reply. `open` says whether everybody may read it.
    pub(crate) fn new(
        reply: Reply,
        operation: Arc<Operation>,
        sequence: Sequence,
        open: bool,
        vary: HeaderValue,
    ) -> Self {
        let cache_control = match (reply.holds, open, reply.status.is_success()) {
            (_, _, false) | (Holds::Privately, ..) => "private, no-store",
            (_, true, _) => "public, max-age=0, must-revalidate",
            (_, false, _) => "private, max-age=0, must-revalidate",
        };
        let until = match reply.holds {
            Holds::AtMost(time) => Some(Instant::now() + time),
            _ => None,
        };
        let tagged = reply.status.is_success() && reply.status != StatusCode::NO_CONTENT;
        let tag = reply.tag.clone().or_else(|| tagged.then(|| Tag::of(&reply.body)));
        let cache_control = HeaderValue::from_static(cache_control);
        Self { reply, tag, variants: Default::default(), cache_control, vary, sequence, until, operation }
    }

    /// Bytes that it takes in memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        // Compressed variants together are smaller than the plain one.
        1_000 + 2 * self.reply.body.len()
    }

    pub(crate) fn holds(&self) -> Holds {
        self.reply.holds
    }

    pub(crate) fn reply(&self) -> &Reply {
        &self.reply
    }

    /// The answer to one request: 304 if the client has it already.
    pub(crate) fn respond(&self, encoding: Encoding, request: &HeaderMap, is_head: bool) -> Response {
        let variant = self.variant(encoding);
        let mut response = Response::default();
        let unchanged = self.reply.status == StatusCode::OK
            && request.contains_key(header::IF_NONE_MATCH)
            && self.tag.as_ref().is_some_and(|tag| none_match(request, tag));
        if unchanged {
            response.set_status(StatusCode::NOT_MODIFIED);
            *response.headers_mut() = variant.unchanged.clone();
            return response;
        }
        response.set_status(self.reply.status);
        *response.headers_mut() = variant.headers.clone();
        if is_head {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(variant.body.len()));
        } else {
            response.set_body(Body::from_bytes(variant.body.clone()));
        }
        response
    }

    fn variant(&self, encoding: Encoding) -> &Variant {
        let encoding = if self.reply.body.len() < MIN_BYTES { Encoding::Identity } else { encoding };
        let index = Encoding::ALL.iter().position(|one| *one == encoding).unwrap_or(0);
        self.variants[index].get_or_init(|| self.build(encoding))
    }

    fn build(&self, encoding: Encoding) -> Variant {
        let packed = compress(&self.reply.body, encoding);
        let encoding = if packed.is_some() { encoding } else { Encoding::Identity };
        let body = packed.unwrap_or_else(|| self.reply.body.clone());
        let etag = self.tag.as_ref().and_then(|tag| tag.header(encoding));
        let mut unchanged = HeaderMap::new();
        put(&mut unchanged, header::ETAG, etag);
        put(&mut unchanged, header::CACHE_CONTROL, Some(self.cache_control.clone()));
        put(&mut unchanged, header::VARY, Some(self.vary.clone()));
        // Places for what differs between requests: a copy of the map has them without growing.
        for name in [X_REQUEST_ID, RATELIMIT, RATELIMIT_POLICY] {
            unchanged.insert(name, HeaderValue::from_static(""));
        }
        let mut headers = unchanged.clone();
        let has_body = self.reply.status != StatusCode::NO_CONTENT;
        put(&mut headers, header::CONTENT_TYPE, has_body.then(|| self.reply.content_type.clone()));
        put(&mut headers, header::CONTENT_ENCODING, encoding.header());
        put(&mut headers, header::LAST_MODIFIED, self.reply.last_modified.and_then(http_date));
        headers.extend(self.reply.headers.iter().cloned());
        Variant { headers, unchanged, body }
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value);
    }
}

/// An instant as HTTP writes it.
fn http_date(at: chrono::DateTime<chrono::Utc>) -> Option<HeaderValue> {
    HeaderValue::from_str(&at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}
