//! What a platform answers.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::UpstreamError;

/// An answer, complete and decompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers by lower-case name; of repeated ones the last.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// When the bytes were served: now, or when they were recorded.
    pub observed_at: DateTime<Utc>,
}

impl Response {
    /// The header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// How long the platform asks to wait: the `Retry-After` header, in seconds or as a date.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        if let Ok(secs) = value.parse() {
            return Some(Duration::from_secs(secs));
        }
        let at = DateTime::parse_from_rfc2822(value).ok()?;
        (at.to_utc() - self.observed_at).to_std().ok()
    }

    /// The contract of [`Upstream`](super::Upstream): 429 and 5xx are errors, everything else is an answer.
    ///
    /// # Errors
    /// [`UpstreamError::Status`] for 429 and 5xx.
    pub fn or_status(self) -> Result<Self, UpstreamError> {
        if self.status == 429 || self.status >= 500 {
            let retry_after = self.retry_after();
            return Err(UpstreamError::Status { status: self.status, retry_after });
        }
        Ok(self)
    }
}
