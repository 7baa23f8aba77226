//! Page cursors: the place of the last item of a page, opaque and safe in a URL.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Page, PageRequest, StoreError};

/// Most items of a page.
const MAX_LIMIT: u32 = 500;
/// No cursor of ours is longer; decoding more would be work for nothing.
const MAX_BYTES: usize = 2_000;

impl PageRequest {
    /// The number of items to give.
    pub(crate) fn size(&self) -> usize {
        usize::try_from(self.limit.clamp(1, MAX_LIMIT)).unwrap_or(1)
    }

    /// The number of items to ask for: one more tells whether there is a next page.
    pub(crate) fn probe(&self) -> i64 {
        i64::from(self.limit.clamp(1, MAX_LIMIT)) + 1
    }

    /// The place after which this page starts, if the cursor is one of `list`.
    pub(crate) fn place<T: DeserializeOwned>(&self, list: &str) -> Result<Option<T>, StoreError> {
        self.after.as_deref().map(|cursor| decode(list, cursor)).transpose()
    }
}

impl<T> Page<T> {
    /// Makes a page from the items of a probe. `place` says where an item stands.
    pub(crate) fn of_probe<P: Serialize>(
        mut items: Vec<T>,
        page: &PageRequest,
        list: &str,
        place: impl Fn(&T) -> P,
    ) -> Self {
        let more = items.len() > page.size();
        items.truncate(page.size());
        let next = items.last().filter(|_| more).map(|last| encode(list, &place(last)));
        Self { items, next }
    }

    /// The same page of something else.
    pub(crate) fn map<U>(self, f: impl Fn(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

fn encode<P: Serialize>(list: &str, place: &P) -> String {
    // Places are tuples of integers and texts, which always serialise.
    let json = serde_json::to_vec(&(list, place)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(json)
}

fn decode<T: DeserializeOwned>(list: &str, cursor: &str) -> Result<T, StoreError> {
    let bytes = Some(cursor).filter(|c| c.len() <= MAX_BYTES).and_then(|c| URL_SAFE_NO_PAD.decode(c).ok());
    let (made_for, place): (String, T) =
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or(StoreError::Cursor)?;
    if made_for == list { Ok(place) } else { Err(StoreError::Cursor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_only_to_its_own_list() {
        let cursor = encode("rus", &(7_i64, "fortnite"));
        assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{cursor}");
        assert_eq!(decode::<(i64, String)>("rus", &cursor).unwrap(), (7, "fortnite".to_owned()));
        for (list, bad) in
            [("history", cursor.as_str()), ("rus", ""), ("rus", "%"), ("rus", "W10"), ("rus", &cursor[1..])]
        {
            assert!(matches!(decode::<(i64, String)>(list, bad), Err(StoreError::Cursor)), "{list} {bad}");
        }
    }
}
