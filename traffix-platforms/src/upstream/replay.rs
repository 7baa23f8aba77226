//! Answers from a recording.

use std::collections::BTreeMap;
use std::path::Path;

use async_trait::async_trait;

use super::cassette::{self, Exchange, Key};
use super::{Request, Response, Upstream, UpstreamError};

/// An [`Upstream`] that answers from cassettes and knows nothing else.
///
/// ```
/// use traffix_platforms::upstream::{Replay, Request, Upstream, UpstreamError};
/// # fn main() -> Result<(), UpstreamError> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// # std::fs::write(folder.join("players.json"), "{}").unwrap();
/// # std::fs::write(folder.join("cassette.toml"), "[[exchange]]\nurl = \"https://example.org/?a=1&b=2\"\nobserved_at = 2026-09-01T12:00:00Z\nbody = \"players.json\"\n").unwrap();
/// let replay = Replay::open(folder)?;
/// let request = Request::get("https://example.org/?b=2&a=1");
/// let other = Request::get("https://example.org/other");
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(replay.send(&request).await?.body, "{}");
/// assert!(matches!(replay.send(&other).await, Err(UpstreamError::NotRecorded(_))));
/// # Ok(()) })
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Replay {
    answers: BTreeMap<Key, Response>,
}

impl Replay {
    /// Reads every cassette in `folder` and the folders below it.
    ///
    /// # Errors
    /// [`UpstreamError::Recording`] with the file and what is wrong with it; also if two exchanges are the same
    /// request: keep another time in another folder.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, UpstreamError> {
        Self::new(cassette::load(folder.as_ref())?)
    }

    /// Answers with these exchanges.
    ///
    /// # Errors
    /// [`UpstreamError::Recording`] if two exchanges are the same request.
    pub fn new(exchanges: impl IntoIterator<Item = Exchange>) -> Result<Self, UpstreamError> {
        let mut answers = BTreeMap::new();
        for exchange in exchanges {
            let key = Key::new(exchange.method, &exchange.url, exchange.request.as_deref());
            if answers.insert(key, exchange.response).is_some() {
                let detail =
                    format!("{} is recorded twice; keep another time in another folder", exchange.url);
                return Err(UpstreamError::Recording(detail));
            }
        }
        Ok(Self { answers })
    }
}

#[async_trait]
impl Upstream for Replay {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        let Some(response) = self.answers.get(&Key::of(request)) else {
            let (method, url) = (request.method.as_str(), request.url.as_str());
            return Err(UpstreamError::NotRecorded(format!("{method} {url}")));
        };
        if response.body.len() as u64 > request.body_limit_bytes {
            return Err(UpstreamError::TooLarge { limit_bytes: request.body_limit_bytes });
        }
        response.clone().or_status()
    }
}
