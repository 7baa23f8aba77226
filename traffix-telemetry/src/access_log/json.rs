//! The members of one flat JSON object, without making a tree of it.
//!
//! Traefik writes an object of thirty and more members per request, of which ten are needed. Values that are objects
//! themselves are passed over; texts are handed out as they stand.

use std::borrow::Cow;

use super::fields::{Fields, LineError, text};

/// A member's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A text between its quotes, as it stands: escapes are not resolved.
    Text(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Plain(&'a [u8]),
    /// An object or an array, passed over.
    Nested,
}

impl<'a> Value<'a> {
    /// The text with escapes resolved; `None` if it is no text, is empty or a dash.
    #[inline]
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        let Self::Text(bytes) = self else { return None };
        if memchr::memchr(b'\\', bytes).is_none() {
            return text(bytes);
        }
        let quoted = [b"\"", bytes, b"\""].concat();
        serde_json::from_str::<String>(&String::from_utf8_lossy(&quoted)).ok().map(Cow::Owned)
    }

    /// The bytes of a text or a plain value.
    #[inline]
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(bytes) | Self::Plain(bytes) => bytes,
            Self::Nested => b"",
        }
    }
}

/// Reads the members of an object one after another.
#[derive(Debug)]
pub(super) struct Members<'a> {
    fields: Fields<'a>,
    first: bool,
}

impl<'a> Members<'a> {
    pub(super) fn new(line: &'a [u8]) -> Result<Self, LineError> {
        let mut fields = Fields::new(line);
        fields.spaces();
        fields.expect(b"{", "the opening brace")?;
        Ok(Self { fields, first: true })
    }

    /// Name and value of the next member; `None` after the last.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(&'a [u8], Value<'a>)>, LineError> {
        self.fields.spaces();
        if self.fields.peek() == Some(b'}') {
            return Ok(None);
        }
        if !self.first {
            self.fields.expect(b",", "a comma or the closing brace")?;
            self.fields.spaces();
        }
        self.first = false;
        let name = self.string("a member's name")?;
        self.fields.spaces();
        self.fields.expect(b":", "the colon after a member's name")?;
        self.fields.spaces();
        Ok(Some((name, self.value()?)))
    }

    /// The bytes between two quotes.
    #[inline]
    fn string(&mut self, what: &'static str) -> Result<&'a [u8], LineError> {
        self.fields.expect(b"\"", what)?;
        let rest = self.fields.rest();
        let mut at = 0;
        loop {
            let tail = rest.get(at..).unwrap_or_default();
            let found =
                memchr::memchr2(b'"', b'\\', tail).ok_or_else(|| self.fields.missing("a closing quote"))?;
            at += found;
            if rest[at] == b'"' {
                self.fields.advance(at + 1);
                return Ok(&rest[..at]);
            }
            at += 2;
        }
    }

    fn value(&mut self) -> Result<Value<'a>, LineError> {
        match self.fields.peek() {
            Some(b'"') => self.string("a text").map(Value::Text),
            Some(b'{' | b'[') => self.nested().map(|()| Value::Nested),
            _ => {
                let rest = self.fields.rest();
                let len = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b' ' | b'\t'));
                let len = len.filter(|len| *len > 0).ok_or_else(|| self.fields.missing("a value"))?;
                self.fields.advance(len);
                Ok(Value::Plain(&rest[..len]))
            }
        }
    }

    /// Passes over an object or array by counting brackets, however deep it is.
    fn nested(&mut self) -> Result<(), LineError> {
        let mut depth = 0_usize;
        loop {
            match self.fields.peek() {
                Some(b'"') => {
                    self.string("a text")?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return Err(self.fields.missing("a closing bracket")),
            }
            self.fields.advance(1);
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(line: &str) -> Result<Vec<(String, Value<'_>)>, LineError> {
        let mut members = Members::new(line.as_bytes())?;
        let mut found = Vec::new();
        while let Some((name, value)) = members.next()? {
            found.push((String::from_utf8_lossy(name).into_owned(), value));
        }
        Ok(found)
    }

    #[test]
    fn members_of_all_kinds() {
        let found = members(r#" { "a":"x\"y", "b" : 12,"c":{"d":["}"]},"e":null}"#).unwrap();
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "e"]);
        assert_eq!(found[0].1.text().as_deref(), Some("x\"y"));
        assert_eq!(found[1].1, Value::Plain(b"12"));
        assert_eq!(found[2].1, Value::Nested);
        assert!(members("{}").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_object() {
        for bad in [
            "",
            "[1]",
            "{",
            r#"{"a"}"#,
            r#"{"a":"#,
            r#"{"a":"b"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":{"b":1}"#,
            r#"{"a":"\"#,
        ] {
            assert!(members(bad).is_err(), "{bad}");
        }
    }
}
