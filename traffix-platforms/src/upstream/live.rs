//! The network.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use url::Url;

use super::redirect::{self, Hop, MAX_REDIRECTS};
use super::resolver::{PrivateName, PublicOnly};
use super::{Endpoints, Method, Request, Response, Upstream, UpstreamError};

/// How the program names itself to services.
const USER_AGENT: &str =
    concat!("traffix/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_HOMEPAGE"), ")");

/// How [`Live`] reaches the network.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// What the program calls itself.
    pub user_agent: String,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for a whole answer, redirects and body included.
    pub total_timeout: Duration,
    /// Whether names and redirects may lead to private addresses. Only for tests and development.
    pub allow_private: bool,
    /// Other addresses for services.
    pub endpoints: Endpoints,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            user_agent: USER_AGENT.into(),
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_mins(1),
            allow_private: false,
            endpoints: Endpoints::default(),
        }
    }
}

/// An [`Upstream`] that asks the service itself.
///
/// Bodies are decompressed (gzip, brotli, zstd) as they come and cut off at the request's limit. Redirects go only
/// where the request allows; names and addresses that lead into private networks are refused on every leg.
pub struct Live {
    client: reqwest::Client,
    guard: PublicOnly,
    options: LiveOptions,
}

impl Live {
    /// Opens no connection yet. TLS is that of rustls with AWS-LC and the certificates of the system; if the process
    /// has no default provider of cryptography, AWS-LC becomes it.
    ///
    /// # Errors
    /// [`UpstreamError::Connection`] if the user agent is no header value or the system has no certificates.
    pub fn new(options: LiveOptions) -> Result<Self, UpstreamError> {
        // An error says that somebody has installed one before, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let guard = PublicOnly::new(&options.endpoints, options.allow_private);
        let client = reqwest::Client::builder()
            .user_agent(&options.user_agent)
            .connect_timeout(options.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(guard.clone()))
            .no_proxy()
            .build()
            .map_err(|error| UpstreamError::Connection(chain(&error)))?;
        Ok(Self { client, guard, options })
    }

    async fn follow(&self, request: &Request) -> Result<Response, UpstreamError> {
        let mut hop = Hop::first(request);
        for _ in 0..=MAX_REDIRECTS {
            let address = self.options.endpoints.resolve(&hop.url);
            let answer = self.ask(request, &hop, &address).await?;
            let status = answer.status().as_u16();
            let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
            match location.filter(|_| matches!(status, 301..=303 | 307 | 308)) {
                Some(location) => hop = hop.next(request, &address, status, location)?,
                None => return self.read(request, answer).await?.or_status(),
            }
        }
        Err(redirect::refused(&hop.url))
    }

    async fn ask(
        &self,
        request: &Request,
        hop: &Hop,
        address: &Url,
    ) -> Result<reqwest::Response, UpstreamError> {
        self.guard.check(address)?;
        let method = match hop.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
        };
        let mut builder = self.client.request(method, address.clone());
        for (name, value) in &hop.headers {
            builder = builder.header(*name, value);
        }
        if let Some(body) = request.body.clone().filter(|_| hop.with_body) {
            builder = builder.body(body);
        }
        builder.send().await.map_err(|error| self.explain(error))
    }

    async fn read(
        &self,
        request: &Request,
        mut answer: reqwest::Response,
    ) -> Result<Response, UpstreamError> {
        let status = answer.status().as_u16();
        let limit_bytes = request.body_limit_bytes;
        // Nobody here keeps cookies, and recordings should not either.
        let kept = answer.headers().iter().filter(|(name, _)| *name != "set-cookie");
        let headers = kept
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let observed_at = super::now();
        let mut body = BytesMut::new();
        if request.method != Method::Head {
            if answer.content_length().is_some_and(|declared| declared > limit_bytes) {
                return Err(UpstreamError::TooLarge { limit_bytes });
            }
            // Chunks come decompressed, so a small body that unfolds into a huge one is cut off too.
            while let Some(chunk) = answer.chunk().await.map_err(|error| self.explain(error))? {
                if (body.len() + chunk.len()) as u64 > limit_bytes {
                    return Err(UpstreamError::TooLarge { limit_bytes });
                }
                body.extend_from_slice(&chunk);
            }
        }
        Ok(Response { status, headers, body: Bytes::from(body), observed_at })
    }

    /// The kind of failure, without addresses: they may hold a secret.
    fn explain(&self, error: reqwest::Error) -> UpstreamError {
        let error = error.without_url();
        if let Some(PrivateName(host)) = causes(&error).find_map(|cause| cause.downcast_ref()) {
            return UpstreamError::PrivateAddress(host.clone());
        }
        if error.is_timeout() {
            return UpstreamError::Timeout(self.options.connect_timeout);
        }
        if error.is_body() || error.is_decode() {
            return UpstreamError::Body(chain(&error));
        }
        UpstreamError::Connection(chain(&error))
    }
}

#[async_trait]
impl Upstream for Live {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        let limit = self.options.total_timeout;
        tokio::time::timeout(limit, self.follow(request)).await.unwrap_or(Err(UpstreamError::Timeout(limit)))
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The error and its causes as one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut lines: Vec<String> = causes(error).map(ToString::to_string).collect();
    lines.dedup();
    lines.join(": ")
}
