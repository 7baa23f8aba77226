//! What can go wrong, by what a caller can do about it.

use traffix_core::catalogue::PlatformId;

use crate::support::Datum;

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
            Self::UnknownPlatform(_) | Self::Unsupported { .. } => false,
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
