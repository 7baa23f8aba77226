//! Asks only for what has changed, across restarts.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::cassette::Key;
use super::kept::Kept;
use super::{Method, Request, Response, Upstream, UpstreamError};

/// The layer that keeps answers in a folder.
///
/// - An answer younger than the request's `fresh_secs` is used again without asking.
/// - An older one with an `ETag` or `Last-Modified` is asked for under that condition; 304 gives the kept body with
///   the new date.
/// - A damaged or missing file is the same as no answer. The oldest ones go when the folder is full.
///
/// Kept are good answers, and also 403, 404 and 410 for as long as they are fresh, unless the address was signed.
pub struct Conditional<U> {
    inner: U,
    kept: Arc<Kept>,
}

impl<U> Conditional<U> {
    /// Keeps up to `max_bytes` of `inner`'s answers in `folder`, which nothing else should write to.
    ///
    /// # Errors
    /// [`UpstreamError::Recording`] if the folder cannot be made or read.
    pub fn open(inner: U, folder: impl Into<PathBuf>, max_bytes: u64) -> Result<Self, UpstreamError> {
        Ok(Self { inner, kept: Arc::new(Kept::open(folder.into(), max_bytes)?) })
    }

    async fn read(&self, name: &str) -> Option<Response> {
        let (kept, name) = (Arc::clone(&self.kept), name.to_owned());
        tokio::task::spawn_blocking(move || kept.read(&name)).await.ok().flatten()
    }

    /// That an answer cannot be kept is no reason not to give it.
    async fn write(&self, name: String, response: &Response, body: bool) {
        let (kept, response) = (Arc::clone(&self.kept), response.clone());
        let written = tokio::task::spawn_blocking(move || kept.write(&name, &response, body)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!("an answer cannot be kept: {error}");
        }
    }
}

#[async_trait]
impl<U: Upstream> Upstream for Conditional<U> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        if request.method == Method::Head {
            return self.inner.send(request).await;
        }
        let name = Kept::name(&Key::of(request));
        let Some(old) = self.read(&name).await else {
            let response = self.inner.send(request).await?;
            if is_worth_keeping(request, &response) {
                self.write(name, &response, true).await;
            }
            return Ok(response);
        };
        if is_fresh(request, &old, super::now()) {
            return within_limit(request, old);
        }
        let mut response = self.inner.send(&under_condition(request, &old)).await?;
        let unchanged = response.status == 304;
        if unchanged {
            // Headers of a 304 are newer than the kept ones, and they need not be complete.
            let mut headers = old.headers;
            headers.append(&mut response.headers);
            response = Response { status: old.status, headers, body: old.body, ..response };
        }
        if is_worth_keeping(request, &response) {
            self.write(name, &response, !unchanged).await;
        }
        within_limit(request, response)
    }
}

fn within_limit(request: &Request, response: Response) -> Result<Response, UpstreamError> {
    let limit_bytes = request.body_limit_bytes;
    if response.body.len() as u64 > limit_bytes {
        return Err(UpstreamError::TooLarge { limit_bytes });
    }
    Ok(response)
}

/// An answer from the future, after the clock was set back, is not fresh.
fn is_fresh(request: &Request, old: &Response, now: DateTime<Utc>) -> bool {
    let age = now - old.observed_at;
    age >= TimeDelta::zero() && age < TimeDelta::seconds(request.fresh_secs.into())
}

fn is_worth_keeping(request: &Request, response: &Response) -> bool {
    let validator = response.header("etag").or(response.header("last-modified"));
    let again = request.method == Method::Get && validator.is_some();
    match response.status {
        200..300 => request.fresh_secs > 0 || again,
        // Of a signed address it may be the signature that is refused: the next one deserves to be tried.
        403 | 404 | 410 => request.fresh_secs > 0 && request.signature.is_none(),
        _ => false,
    }
}

/// The request for the case that the answer has changed.
fn under_condition(request: &Request, old: &Response) -> Request {
    let conditions = [("if-none-match", "etag"), ("if-modified-since", "last-modified")];
    let mut request = request.clone();
    if request.method == Method::Get && (200..300).contains(&old.status) {
        for (condition, validator) in conditions {
            if let Some(value) = old.header(validator) {
                request = request.header(condition, value);
            }
        }
    }
    request
}
