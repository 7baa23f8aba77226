//! The transport seam: a platform builds a [`Request`], somebody sends it, the platform reads the [`Response`].
//!
//! Everything about HTTP is behind [`Upstream`]: a platform's code is the same whether the bytes come from the
//! network or from a recording.
//!
//! [`Replay`] answers from recordings. With the feature `live`, [`Live`] asks the services, and around it are layers
//! of one task each; [`Builder`] stacks them in the order in which they make sense.

#[cfg(any(test, feature = "live", feature = "conformance"))]
pub(crate) mod address;
mod call;
pub mod cassette;
mod error;
mod replay;
mod request;
mod response;

#[cfg(feature = "live")]
mod builder;
#[cfg(feature = "live")]
mod conditional;
#[cfg(feature = "live")]
mod credentials;
#[cfg(feature = "live")]
mod endpoints;
#[cfg(feature = "live")]
mod kept;
#[cfg(feature = "live")]
mod live;
#[cfg(feature = "live")]
mod metered;
#[cfg(feature = "live")]
mod recorder;
#[cfg(feature = "live")]
mod redirect;
#[cfg(feature = "live")]
mod resolver;
#[cfg(feature = "live")]
mod retry;
#[cfg(feature = "live")]
mod secret;
#[cfg(feature = "live")]
mod throttle;

#[cfg(feature = "live")]
pub use {
    builder::Builder,
    conditional::Conditional,
    credentials::Credentials,
    endpoints::Endpoints,
    live::{Live, LiveOptions},
    metered::{HostMeter, Meter, Metered},
    recorder::Recorder,
    retry::{Retry, RetryOptions},
    secret::{Secret, Secrets},
    throttle::{Rate, Rates, Throttle},
};

pub use call::{Call, Fetched};
pub use error::UpstreamError;
pub use replay::Replay;
pub use request::{Credential, Method, Placement, Request, Signature};
pub use response::Response;

use async_trait::async_trait;

/// Sends a request to a platform and returns its answer.
///
/// `Ok` is any answer below status 500 except 429, with the body decompressed and complete; 429, 5xx and everything
/// that is no answer are [`UpstreamError`]s. Implementations are layers: each wraps another and adds one thing.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Sends `request` once, as far as the caller can see.
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError>;
}

/// The present: only the layers that talk to the network have one.
#[cfg(feature = "live")]
fn now() -> chrono::DateTime<chrono::Utc> {
    std::time::SystemTime::now().into()
}

#[async_trait]
impl<U: Upstream + ?Sized> Upstream for &U {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        (**self).send(request).await
    }
}

#[async_trait]
impl<U: Upstream + ?Sized> Upstream for std::sync::Arc<U> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        (**self).send(request).await
    }
}

#[async_trait]
impl<U: Upstream + ?Sized> Upstream for Box<U> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        (**self).send(request).await
    }
}
