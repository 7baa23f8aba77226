//! What a platform asks.

use std::fmt;

use bytes::Bytes;
use url::Url;

/// Largest body that a request accepts unless it says otherwise.
const DEFAULT_BODY_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// What is done to the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Read it.
    Get,
    /// Read its headers only.
    Head,
    /// Ask with a body. Only for interfaces where this reads.
    Post,
}

impl Method {
    /// As in the request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

/// Where a secret goes in a request. The secret itself never enters a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Placement {
    /// As this parameter of the query.
    Query(&'static str),
    /// As this header.
    Header(&'static str),
    /// As `Authorization: Bearer`.
    Bearer,
    /// The path holds `{hmac}`, which becomes the lower-case hexadecimal HMAC-SHA256 of this message under the
    /// secret, itself given in hexadecimal.
    HmacSha256Path(String),
}

/// A secret that a request needs, by name. The layer that knows the secrets puts it in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Credential {
    /// Name under which the operator configures it: `steam`, `tmdb`, `github`.
    pub name: &'static str,
    /// Where it goes.
    pub placement: Placement,
    /// Whether the request makes no sense without it.
    pub required: bool,
}

/// The query of an address that a service has signed for a short time: whoever has it may fetch what it is for.
///
/// It is sent and never shown: there is no way to its text outside the transport.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(String);

impl Signature {
    /// Only for the request that goes out, and for whoever takes it out of what is written down.
    #[cfg(any(test, feature = "live"))]
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(hidden)")
    }
}

/// A request without secrets: it may be logged, recorded and used as evidence.
///
/// ```
/// use traffix_platforms::upstream::{Placement, Request};
/// let request = Request::get("https://api.steampowered.com/ISteamUser/GetPlayerSummaries/v2/")
///     .query("steamids", "76561197960287930")
///     .credential("steam", Placement::Query("key"));
/// assert!(request.url.as_str().ends_with("?steamids=76561197960287930"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// The address, without secrets.
    pub url: Url,
    /// Headers, lower-case.
    pub headers: Vec<(&'static str, String)>,
    /// The body of a POST.
    pub body: Option<Bytes>,
    /// The secret it needs.
    pub credential: Option<Credential>,
    /// The rest of a signed address.
    pub signature: Option<Signature>,
    /// Longest body accepted, after decompression.
    pub body_limit_bytes: u64,
    /// Hosts to which the platform may redirect, besides its own; `*.example.org` stands for subdomains.
    pub redirect_hosts: &'static [&'static str],
    /// For how many seconds an answer may be used again without asking.
    pub fresh_secs: u32,
}

impl Request {
    /// Reads `url`.
    ///
    /// # Panics
    /// If `url`, which is written in the code of a platform, is not an address. Parts that come from outside belong
    /// in [`query`](Self::query) or [`segment`](Self::segment), or go through [`Url::parse`] and [`Self::to`].
    pub fn get(url: &str) -> Self {
        match Url::parse(url) {
            Ok(url) => Self::to(Method::Get, url),
            Err(error) => panic!("{url:?} in the code of a platform is not an address: {error}"),
        }
    }

    /// Reads an address that came from outside.
    pub fn to(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: None,
            credential: None,
            signature: None,
            body_limit_bytes: DEFAULT_BODY_LIMIT_BYTES,
            redirect_hosts: &[],
            fresh_secs: 0,
        }
    }

    /// Reads an address that a service has signed: its query is sent, but is no part of [`url`](Self::url), so that
    /// neither recordings nor evidence hold it, and another signature gets the same kept answer.
    ///
    /// ```
    /// use traffix_platforms::upstream::Request;
    /// let request = Request::signed("https://cdn.example/build.manifest?token=0123456789abcdef".parse().unwrap());
    /// assert_eq!(request.url.as_str(), "https://cdn.example/build.manifest");
    /// assert!(!format!("{request:?}").contains("0123456789abcdef"));
    /// ```
    pub fn signed(mut url: Url) -> Self {
        let signature = url.query().map(|query| Signature(query.to_owned()));
        url.set_query(None);
        Self { signature, ..Self::to(Method::Get, url) }
    }

    /// Asks for headers only.
    #[must_use]
    pub fn head(mut self) -> Self {
        self.method = Method::Head;
        self
    }

    /// Asks with a JSON body.
    #[must_use]
    pub fn post_json(mut self, body: &serde_json::Value) -> Self {
        self.method = Method::Post;
        self.body = Some(Bytes::from(body.to_string()));
        self.header("content-type", "application/json")
    }

    /// Adds a parameter to the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.url.query_pairs_mut().append_pair(name, &value.to_string());
        self
    }

    /// Adds a segment to the path, escaped.
    #[must_use]
    pub fn segment(mut self, segment: impl fmt::Display) -> Self {
        if let Ok(mut path) = self.url.path_segments_mut() {
            path.pop_if_empty().push(&segment.to_string());
        }
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Names a secret without which the request makes no sense.
    #[must_use]
    pub fn credential(mut self, name: &'static str, placement: Placement) -> Self {
        self.credential = Some(Credential { name, placement, required: true });
        self
    }

    /// Names a secret that is used if the operator has one.
    #[must_use]
    pub fn optional_credential(mut self, name: &'static str, placement: Placement) -> Self {
        self.credential = Some(Credential { name, placement, required: false });
        self
    }

    /// Accepts a body of up to this many bytes.
    #[must_use]
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.body_limit_bytes = bytes;
        self
    }

    /// Accepts redirects to these hosts, besides the request's own.
    #[must_use]
    pub fn redirects(mut self, hosts: &'static [&'static str]) -> Self {
        self.redirect_hosts = hosts;
        self
    }

    /// Uses a kept answer for this many seconds without asking.
    #[must_use]
    pub fn fresh_for(mut self, secs: u32) -> Self {
        self.fresh_secs = secs;
        self
    }
}
