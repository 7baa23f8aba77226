//! Texts that callers make up: identifiers and names that no type of the domain has checked.

use traffix_core::Invalid;

use crate::StoreError;

/// Longest identifier or name.
pub(super) const MAX_NAME_BYTES: usize = 200;

/// Whether a text can be an identifier or a name. What cannot is never found, and refused when written.
pub(super) fn is_name(text: &str) -> bool {
    is_printable(text, MAX_NAME_BYTES)
}

/// Fails unless a text can be an identifier or a name.
pub(super) fn check_name(pointer: &str, text: &str) -> Result<(), StoreError> {
    check_printable(pointer, text, MAX_NAME_BYTES)
}

/// As [`is_name`], of another length.
pub(super) fn is_printable(text: &str, max_bytes: usize) -> bool {
    !text.is_empty() && text.len() <= max_bytes && !text.chars().any(char::is_control)
}

/// As [`check_name`], of another length.
pub(super) fn check_printable(pointer: &str, text: &str, max_bytes: usize) -> Result<(), StoreError> {
    if is_printable(text, max_bytes) {
        return Ok(());
    }
    let detail = format!("must be printable text of 1 to {max_bytes} bytes");
    Err(StoreError::Invalid(vec![Invalid::new(pointer, detail)]))
}
