//! Webhooks of a repository: the same issues, at once.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Suggestion;
use super::wire::IssueEvent;

/// Longest body that GitHub sends.
const MAX_BODY_BYTES: usize = 25 * 1024 * 1024;

/// The headers of a delivery that count.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryHeaders<'a> {
    /// `X-GitHub-Event`.
    pub event: &'a str,
    /// `X-GitHub-Delivery`: the same delivery may come twice.
    pub delivery: &'a str,
    /// `X-Hub-Signature-256`.
    pub signature: &'a str,
}

/// An issue that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Identifies the delivery: drop what has been seen.
    pub id: String,
    /// What happened.
    pub action: Action,
    /// `owner/name` of the repository.
    pub repository: String,
    /// The issue as it is now.
    pub suggestion: Suggestion,
}

/// What happened to an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// It is new, or open again.
    Opened,
    /// Text or labels changed.
    Edited,
    /// It is closed.
    Closed,
    /// It was deleted or moved elsewhere.
    Removed,
    /// Something that changes nothing of a suggestion, such as an assignment.
    Other,
}

/// A delivery that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// No secret is configured: anybody could sign.
    #[error("no secret is configured for this webhook: set one here and in the repository's settings")]
    NoSecret,
    /// The signature is missing, malformed or that of another secret or body: refuse it.
    #[error("the signature is not that of this body under the configured secret")]
    Signature,
    /// The body is longer than GitHub sends.
    #[error("the body is longer than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// Signed, and not understood: report it, the interface has changed.
    #[error("not as expected at {at}: {detail}")]
    Malformed {
        /// A path into the document.
        at: String,
        /// What is there instead.
        detail: String,
    },
}

/// Checks who sent a body and reads it; nothing if the event is not about an issue.
///
/// # Errors
/// [`WebhookError`]. The signature is compared in constant time, and before anything of the body is read.
pub fn receive(
    secret: &[u8],
    headers: DeliveryHeaders<'_>,
    body: &[u8],
) -> Result<Option<Delivery>, WebhookError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(WebhookError::TooLarge);
    }
    verify_signature(secret, headers.signature, body)?;
    if headers.event != "issues" {
        return Ok(None);
    }
    let event: IssueEvent = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body))
        .map_err(|error| WebhookError::Malformed {
            at: error.path().to_string(),
            detail: error.inner().to_string(),
        })?;
    let action = match event.action.as_str() {
        "opened" | "reopened" => Action::Opened,
        "edited" | "labeled" | "unlabeled" => Action::Edited,
        "closed" => Action::Closed,
        "deleted" | "transferred" => Action::Removed,
        _ => Action::Other,
    };
    Ok(Some(Delivery {
        id: headers.delivery.to_owned(),
        action,
        repository: event.repository.full_name,
        suggestion: event.issue.into(),
    }))
}

/// Checks `X-Hub-Signature-256`: `sha256=` and the hexadecimal HMAC-SHA256 of the body under the secret.
///
/// ```
/// use traffix_platforms::sources::github::verify_signature;
/// // The example of GitHub's documentation.
/// let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// assert!(verify_signature(b"It's a Secret to Everybody", signature, b"Hello, World!").is_ok());
/// assert!(verify_signature(b"It's a Secret to Everybody", signature, b"Hello, World?").is_err());
/// ```
///
/// # Errors
/// [`WebhookError::NoSecret`] if the secret is empty, else [`WebhookError::Signature`].
pub fn verify_signature(secret: &[u8], signature: &str, body: &[u8]) -> Result<(), WebhookError> {
    if secret.is_empty() {
        return Err(WebhookError::NoSecret);
    }
    let claimed = signature.strip_prefix("sha256=").and_then(unhex).ok_or(WebhookError::Signature)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| WebhookError::Signature)?;
    mac.update(body);
    mac.verify_slice(&claimed).map_err(|_| WebhookError::Signature)
}

/// The bytes of 64 hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
