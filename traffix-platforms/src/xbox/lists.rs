//! Lists of new and coming titles: pages of the web store, of which only the identifiers are read.

use std::collections::BTreeSet;

use bytes::Bytes;

/// The lists that discovery reads, in this order.
pub(super) const LISTS: [&str; 2] = ["coming-soon", "new"];
/// Identifiers taken from one page; the largest seen had 200.
const MAX_IDS: usize = 500;
/// Characters of an identifier.
const ID_CHARS: usize = 12;

/// Where discovery is: in which list, after how many identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) list: usize,
    pub(super) offset: usize,
}

impl Cursor {
    /// Reads `coming-soon/20`; nothing is the start.
    pub(super) fn parse(text: Option<&str>) -> Option<Self> {
        let Some(text) = text else { return Some(Self { list: 0, offset: 0 }) };
        let (list, offset) = text.split_once('/')?;
        let list = LISTS.iter().position(|name| *name == list)?;
        Some(Self { list, offset: offset.parse().ok().filter(|offset| *offset <= MAX_IDS)? })
    }

    /// The cursor after `count` of `total` identifiers, or of the next list.
    pub(super) fn after(self, count: usize, total: usize) -> Option<String> {
        let offset = self.offset + count;
        if offset < total {
            return Some(format!("{}/{offset}", LISTS[self.list]));
        }
        LISTS.get(self.list + 1).map(|next| format!("{next}/0"))
    }
}

/// The identifiers that a page embeds as `productId`, each once, in the order of the page.
pub(super) fn product_ids(page: &Bytes) -> Vec<String> {
    let text = String::from_utf8_lossy(page);
    let mut known = BTreeSet::new();
    let mut ids = Vec::new();
    for rest in text.split("productId").skip(1) {
        // Between the name and the value stand quotes and a colon, escaped or not.
        let value = rest.trim_start_matches(|c: char| "\\\"':= ".contains(c));
        let value = value.trim_start_matches("&quot;").trim_start_matches(':').trim_start_matches("&quot;");
        let id: String = value.chars().take_while(char::is_ascii_alphanumeric).take(ID_CHARS + 1).collect();
        if id.len() == ID_CHARS && known.insert(id.to_ascii_uppercase()) && ids.len() < MAX_IDS {
            ids.push(id.to_ascii_uppercase());
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_however_the_page_escapes_them() {
        let page = Bytes::from_static(
            br#"{"productId":"9NBR63PT4FZC"} {\"productId\":\"9nq0mvslv0g7\"} productId&quot;:&quot;BT5P2X999VH2&quot;
            "productId":"9NBR63PT4FZC" "productId":"short" "productId":"9NBR63PT4FZC0""#,
        );
        assert_eq!(product_ids(&page), ["9NBR63PT4FZC", "9NQ0MVSLV0G7", "BT5P2X999VH2"]);
    }

    #[test]
    fn the_cursor_walks_through_all_lists_and_ends() {
        let start = Cursor::parse(None).unwrap();
        assert_eq!(start.after(20, 21).as_deref(), Some("coming-soon/20"));
        assert_eq!(start.after(20, 20).as_deref(), Some("new/0"));
        assert_eq!(Cursor::parse(Some("new/0")).unwrap().after(3, 3), None);
        for odd in ["", "new", "old/0", "new/-1", "new/99999999999999999999", "new/501"] {
            assert_eq!(Cursor::parse(Some(odd)), None, "{odd}");
        }
    }
}
