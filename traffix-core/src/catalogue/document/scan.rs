//! Finds values in valid JSON by their pointer, without building anything.

/// Where the value at `pointer` starts, seen from the value that starts at `start`; if there is none, where the
/// smallest value starts that would hold it.
pub(super) fn locate(text: &str, start: usize, pointer: &str) -> usize {
    let mut at = start;
    for segment in pointer.split('/').skip(1) {
        let wanted = segment.replace("~1", "/").replace("~0", "~");
        let mut children = children(text, at).enumerate();
        let found = children.find(|(i, child)| match &child.key {
            Some(key) => *key == wanted,
            None => i.to_string() == wanted,
        });
        match found {
            Some((_, child)) => at = child.start,
            None => return at,
        }
    }
    at
}

/// A member of an object or an entry of a list.
pub(super) struct Child {
    /// Its name, in an object.
    pub(super) key: Option<String>,
    /// Where its value starts.
    pub(super) start: usize,
}

/// What is in the object or list that starts at `at`; nothing, if it is neither.
pub(super) fn children(text: &str, at: usize) -> impl Iterator<Item = Child> {
    let bytes = text.as_bytes();
    let mut next = skip_space(bytes, at) + 1;
    let is_object = bytes.get(next - 1) == Some(&b'{');
    let is_list = bytes.get(next - 1) == Some(&b'[');
    std::iter::from_fn(move || {
        next = skip_space(bytes, next);
        if !(is_object || is_list) || matches!(bytes.get(next), None | Some(b']' | b'}')) {
            return None;
        }
        let key = is_object.then(|| {
            let end = skip_text(bytes, next);
            let key = text.get(next..end).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
            next = skip_space(bytes, end) + 1;
            key
        });
        let start = skip_space(bytes, next);
        next = skip_space(bytes, skip_value(bytes, start));
        next += usize::from(bytes.get(next) == Some(&b','));
        Some(Child { key, start })
    })
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// The end of the text in quotes that starts at `at`.
fn skip_text(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn skip_value(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = skip_text(bytes, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return at + depth,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_to_values() {
        let text = r#" {"a~/b": [1, "x]", {"c": null}], "d": {"e" : [ ] } }"#;
        let at = |pointer| &text[locate(text, 0, pointer)..];
        assert!(at("/a~0~1b/1").starts_with("\"x]\""));
        assert!(at("/a~0~1b/2/c").starts_with("null"));
        assert!(at("/d/e").starts_with("[ ]"));
        assert!(at("/d/missing/x").starts_with("{\"e\""));
        assert_eq!(locate(text, 0, ""), 0);
    }
}
