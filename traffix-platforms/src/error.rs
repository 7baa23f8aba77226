//! What can go wrong, by what a caller can do about it.

use std::time::Duration;

use traffix_core::catalogue::PlatformId;

use crate::support::Datum;
use crate::upstream::UpstreamError;

/// An answer that a platform cannot give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// No platform of this name is registered: correct the name.
    #[error("platform {0:?} is not registered; `PLATFORMS` lists those that are")]
    UnknownPlatform(String),
    /// The platform does not publish this: do not ask again, `why` says what to use instead.
    #[error("{platform} has no {datum}: {why}")]
    Unsupported {
        /// The platform that was asked.
        platform: PlatformId,
        /// What it was asked for.
        datum: Datum,
        /// Why not.
        why: String,
    },
    /// The platform does not know this title, or hides it: forget the identifier or ask again in days.
    #[error("{platform} does not know {id:?}")]
    NotFound {
        /// The platform that was asked.
        platform: PlatformId,
        /// The identifier that it does not know.
        id: String,
    },
    /// The request failed on its way; [`is_retryable`](Self::is_retryable) tells whether later is better.
    #[error("{platform}, {operation}: {source}")]
    Upstream {
        /// The platform that was asked.
        platform: PlatformId,
        /// Which of its interfaces.
        operation: &'static str,
        /// What happened.
        source: UpstreamError,
    },
    /// The platform answered something else than this crate understands: report it, the interface has changed.
    #[error("{platform}, {operation}: not as expected at {at}: {detail}")]
    Malformed {
        /// The platform that was asked.
        platform: PlatformId,
        /// Which of its interfaces.
        operation: &'static str,
        /// Where: a path into a document (`response.servers[0].host`), a line or a byte offset.
        at: String,
        /// What is there instead.
        detail: String,
    },
}

impl PlatformError {
    /// Whether the same question may be answered later without changing anything.
    ///
    /// ```
    /// use traffix_platforms::{PlatformError, platform};
    /// let error = platform("betamax").unwrap_err();
    /// assert!(matches!(error, PlatformError::UnknownPlatform(_)) && !error.is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Upstream { source, .. } => source.is_retryable(),
            _ => false,
        }
    }

    /// How long the platform asks to wait before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Upstream { source, .. } => source.retry_after(),
            _ => None,
        }
    }
}

/// A mistake in a reviewed text, with its line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct DataError {
    /// Counted from 1; 0 if the mistake has no line.
    pub line: usize,
    /// What is wrong and what is allowed.
    pub detail: String,
}
