//! Names of requests: UUID v7, or what a trusted proxy calls them.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use poem::http::HeaderValue;
use uuid::Uuid;

/// Longest name accepted from a proxy.
const MAX_BYTES: usize = 128;

/// Makes request ids without a system call: time, then a keyed hash of a counter. They are names, not secrets.
pub(crate) struct RequestIds {
    keys: [RandomState; 2],
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self { keys: [RandomState::new(), RandomState::new()], count: AtomicU64::new(0) }
    }

    /// A new id.
    pub(crate) fn next(&self, unix_millis: u64) -> Uuid {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let [high, low] = [&self.keys[0], &self.keys[1]].map(|key| key.hash_one(count).to_be_bytes());
        let mut random = [0; 10];
        random[..2].copy_from_slice(&high[..2]);
        random[2..].copy_from_slice(&low);
        uuid::Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid()
    }
}

/// A proxy's own name of a request, if it is short and plain.
pub(crate) fn acceptable(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    !bytes.is_empty() && bytes.len() <= MAX_BYTES && bytes.iter().all(plain)
}

/// An id as a header.
pub(crate) fn header(id: Uuid) -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    let text = id.hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_and_distinct() {
        let ids = RequestIds::new();
        let made: std::collections::HashSet<_> = (0..10_000).map(|_| ids.next(1_700_000_000_000)).collect();
        assert_eq!(made.len(), 10_000);
        assert!(made.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn odd_names_are_not_taken_over() {
        assert!(acceptable(&HeaderValue::from_static("0190-ab_c.d:1")));
        for bad in ["", "a b", "<script>", "\"quoted\""] {
            assert!(!acceptable(&HeaderValue::from_str(bad).unwrap()), "{bad}");
        }
        assert!(!acceptable(&HeaderValue::from_str(&"a".repeat(129)).unwrap()));
    }
}
