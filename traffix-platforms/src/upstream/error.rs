//! Why a request got no answer.

use std::time::Duration;

/// A request that got no usable answer. No variant holds an address with secrets or a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The platform refuses for now (429) or has failed (5xx): wait.
    #[error("answered {status}{}", wait(*.retry_after))]
    Status {
        /// HTTP status.
        status: u16,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// No connection, or it broke: try later.
    #[error("cannot be reached: {0}")]
    Connection(String),
    /// No answer in time: try later.
    #[error("gave no answer within {0:?}")]
    Timeout(Duration),
    /// The body ended early or cannot be decompressed: try later.
    #[error("sent a broken body: {0}")]
    Body(String),
    /// The body is longer than the request accepts.
    #[error("sent more than {limit_bytes} bytes")]
    TooLarge {
        /// What the request accepts.
        limit_bytes: u64,
    },
    /// A redirect to a host that the request does not allow, or too many of them.
    #[error("redirects to {0:?}, which is not allowed")]
    Redirect(String),
    /// The name resolves to a private or local address: nothing was sent.
    #[error("{0:?} is at a private address, which is not allowed")]
    PrivateAddress(String),
    /// The operator has not configured a secret that the request needs.
    #[error("needs the credential {0:?}: set it under [credentials], or TRAFFIX__CREDENTIALS__{upper}", upper = .0.to_ascii_uppercase().replace('-', "_"))]
    MissingCredential(&'static str),
    /// The platform does not accept the configured secret for this request: check it, or do without.
    #[error("refuses the credential {0:?}: it is wrong, blocked or may not read this")]
    RefusedCredential(&'static str),
    /// A secret that the operator has configured cannot be one.
    #[error("the credential {0:?} must be given {1}")]
    BadCredential(&'static str, &'static str),
    /// What the operator has configured in place of a service's address is none.
    #[error("endpoint {0:?} must be an http:// or https:// address without a user name")]
    Endpoint(String),
    /// The recording holds no answer to this request.
    #[error("{0} is not in the recording")]
    NotRecorded(String),
    /// A recording or a kept answer cannot be read or written.
    #[error("recording: {0}")]
    Recording(String),
}

impl UpstreamError {
    /// Whether the same request may get an answer later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Status { .. } | Self::Connection(_) | Self::Timeout(_) | Self::Body(_))
    }

    /// One word for counters: `status`, `connection`, `timeout`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Connection(_) => "connection",
            Self::Timeout(_) => "timeout",
            Self::Body(_) => "body",
            Self::TooLarge { .. } => "too-large",
            Self::Redirect(_) => "redirect",
            Self::PrivateAddress(_) => "private-address",
            Self::MissingCredential(_) | Self::RefusedCredential(_) | Self::BadCredential(..) => "credential",
            Self::Endpoint(_) => "endpoint",
            Self::NotRecorded(_) | Self::Recording(_) => "recording",
        }
    }

    /// The same with its free text, if it has one, made anew.
    #[cfg(feature = "live")]
    pub(super) fn map_text(self, make: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Connection(text) => Self::Connection(make(text)),
            Self::Body(text) => Self::Body(make(text)),
            Self::Redirect(text) => Self::Redirect(make(text)),
            Self::PrivateAddress(text) => Self::PrivateAddress(make(text)),
            Self::NotRecorded(text) => Self::NotRecorded(make(text)),
            Self::Recording(text) => Self::Recording(make(text)),
            other => other,
        }
    }

    /// How long the platform asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn wait(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!(", asks to wait {} s", wait.as_secs())).unwrap_or_default()
}
