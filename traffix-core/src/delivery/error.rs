//! What can be wrong with a text that should be an ASN, a date or a host.

/// A text that cannot be read. The message says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseDeliveryError {
    /// Not an autonomous system number.
    #[error("{0:?} must be an AS number between 0 and 4294967295, with or without \"AS\"")]
    Asn(String),
    /// Not a date.
    #[error("{0:?} must be a date as YYYY, YYYY-MM or YYYY-MM-DD")]
    Date(String),
    /// Not a host name or pattern.
    #[error("{0:?} must be a host name, `*.name`, or a name with `*` for a run of digits")]
    Host(String),
}

/// The beginning of a text from outside, short enough for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
