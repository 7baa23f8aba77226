//! The transport seam: a platform builds a [`Request`], somebody sends it, the platform reads the [`Response`].
//!
//! Everything about HTTP is behind [`Upstream`]: a platform's code is the same whether the bytes come from the
//! network or from a recording.

mod call;
pub mod cassette;
mod error;
mod replay;
mod request;
mod response;

pub use call::{Call, Fetched};
pub use error::UpstreamError;
pub use replay::Replay;
pub use request::{Credential, Method, Placement, Request};
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
