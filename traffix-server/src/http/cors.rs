//! Cross-origin requests from browsers: refused unless configured.

use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// What a page of another origin may send and read.
const REQUEST_HEADERS: &str = "authorization, content-type, if-match, if-none-match, idempotency-key";
const EXPOSED_HEADERS: &str =
    "etag, last-modified, link, location, ratelimit, ratelimit-policy, retry-after, x-request-id";
/// Seconds for which a browser may remember the permission.
const MAX_AGE: &str = "600";

/// The origins that may call.
pub(crate) struct Cors {
    any: bool,
    origins: Vec<String>,
}

impl Cors {
    pub(crate) fn new(origins: &[String]) -> Self {
        let clean = origins.iter().map(|origin| origin.trim_end_matches('/').to_owned());
        Self { any: origins.iter().any(|origin| origin == "*"), origins: clean.collect() }
    }

    /// Whether answers depend on the origin.
    pub(crate) fn varies(&self) -> bool {
        !self.any && !self.origins.is_empty()
    }

    /// The permission for a request, if its origin has one.
    fn permission(&self, request: &HeaderMap) -> Option<HeaderValue> {
        if self.any {
            return request.contains_key(header::ORIGIN).then(|| HeaderValue::from_static("*"));
        }
        let origin = request.get(header::ORIGIN)?;
        let listed = origin.to_str().is_ok_and(|origin| self.origins.iter().any(|one| one == origin));
        listed.then(|| origin.clone())
    }

    /// What a request's origin may do.
    pub(crate) fn origin(&self, request: &HeaderMap) -> Origin {
        if self.any || !self.origins.is_empty() { Origin(self.permission(request)) } else { Origin(None) }
    }
}

/// The permission of one request's origin.
pub(crate) struct Origin(Option<HeaderValue>);

impl Origin {
    /// Adds the permission to an answer; `allow` lists the methods in answer to a preflight.
    pub(crate) fn finish(&self, allow: Option<HeaderValue>, headers: &mut HeaderMap) {
        let Some(origin) = &self.0 else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let mut put = |name: HeaderName, value| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        put(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        if let Some(allow) = allow {
            put(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            put(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow);
        }
    }
}

/// Whether a request only asks for permission.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}
