//! What is wrong with an input, and where.
//!
//! Every check of data from outside answers with a list of [`Invalid`]: a JSON pointer (RFC 6901) to the
//! offending value and a sentence that says what is allowed. Servers turn them into problem documents,
//! command lines print them, file checkers map the pointer back to a line.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One finding about one value of an input document.
///
/// ```
/// use traffix_core::Invalid;
/// let finding = Invalid::new("/network/links/0/headroom", "must be between 0 and 1, got 7");
/// assert_eq!(finding.to_string(), "/network/links/0/headroom: must be between 0 and 1, got 7");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    /// JSON pointer (RFC 6901) to the value; empty for the whole document.
    pub pointer: String,
    /// What is wrong and what is allowed, as a sentence without a full stop.
    pub detail: String,
}

impl Invalid {
    /// A finding at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }

    /// The same finding seen from a document that holds this one under `prefix`.
    ///
    /// ```
    /// # use traffix_core::Invalid;
    /// assert_eq!(Invalid::new("/tz", "unknown").under("/network").pointer, "/network/tz");
    /// ```
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{place}: {}", self.detail)
    }
}
