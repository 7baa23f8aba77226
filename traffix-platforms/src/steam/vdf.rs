//! Valve's text format for trees (`KeyValues`), as the product info of an app is printed in.
//!
//! ```text
//! "appinfo"
//! {
//!     "appid"  "480"
//!     "common" { "name" "Spacewar" }
//! }
//! ```
//!
//! A key is followed by a text or by a tree in braces. The tree is given as JSON of objects and texts, so that the
//! same structs read it as read the JSON of the mirror.

use serde_json::{Map, Value};

use crate::error::DataError;

/// How deep trees may be: product info is less than ten deep.
const MAX_DEPTH: usize = 32;

/// Reads a document with one root; its name and what is in it. Of a repeated key the last counts.
///
/// ```
/// use traffix_platforms::steam::parse_vdf;
/// let (name, tree) = parse_vdf("\"appinfo\" { \"appid\" \"480\" }")?;
/// assert_eq!((name.as_str(), tree["appid"].as_str()), ("appinfo", Some("480")));
/// # Ok::<(), traffix_platforms::DataError>(())
/// ```
///
/// # Errors
/// [`DataError`] with the line and what is missing there.
pub fn parse_vdf(text: &str) -> Result<(String, Map<String, Value>), DataError> {
    let mut reader = Reader { rest: text, line: 1 };
    let Some(Token::Text(name)) = reader.token()? else {
        return Err(reader.error("a document begins with the name of its root"));
    };
    match reader.token()? {
        Some(Token::Open) => {}
        _ => return Err(reader.error("the name of the root is followed by an opening brace")),
    }
    let tree = reader.tree()?;
    match reader.token()? {
        None => Ok((name, tree)),
        Some(_) => Err(reader.error("a document has one root")),
    }
}

enum Token {
    Open,
    Close,
    Text(String),
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

impl Reader<'_> {
    /// What is between an opening brace, already read, and its closing one. Trees within it lie on a stack, so that
    /// the depth of a document never becomes that of the program.
    fn tree(&mut self) -> Result<Map<String, Value>, DataError> {
        let mut outer: Vec<(Map<String, Value>, String)> = Vec::new();
        let mut tree = Map::new();
        loop {
            let key = match self.token()? {
                Some(Token::Text(key)) => key,
                Some(Token::Open) => return Err(self.error("a key stands before an opening brace")),
                None => return Err(self.error("a closing brace is missing")),
                Some(Token::Close) => match outer.pop() {
                    None => return Ok(tree),
                    Some((parent, key)) => {
                        let inner = std::mem::replace(&mut tree, parent);
                        tree.insert(key, Value::Object(inner));
                        continue;
                    }
                },
            };
            match self.token()? {
                Some(Token::Text(value)) => drop(tree.insert(key, Value::String(value))),
                Some(Token::Open) if outer.len() < MAX_DEPTH => outer.push((std::mem::take(&mut tree), key)),
                Some(Token::Open) => return Err(self.error("the tree is too deep")),
                _ => return Err(self.error("a key is followed by a text or a tree")),
            }
        }
    }

    fn token(&mut self) -> Result<Option<Token>, DataError> {
        self.skip_space();
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        match first {
            '{' => {
                self.rest = &self.rest[1..];
                Ok(Some(Token::Open))
            }
            '}' => {
                self.rest = &self.rest[1..];
                Ok(Some(Token::Close))
            }
            '"' => self.quoted().map(|text| Some(Token::Text(text))),
            _ => {
                let end = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | '"');
                let (word, rest) = self.rest.split_at(self.rest.find(end).unwrap_or(self.rest.len()));
                self.rest = rest;
                Ok(Some(Token::Text(word.to_owned())))
            }
        }
    }

    /// Skips space and comments, counting lines. A NUL ends the buffers that the network sends.
    fn skip_space(&mut self) {
        loop {
            let rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\0');
            let skipped = &self.rest[..self.rest.len() - rest.len()];
            self.line += skipped.matches('\n').count();
            self.rest = rest;
            if !rest.starts_with("//") {
                return;
            }
            self.rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        }
    }

    fn quoted(&mut self) -> Result<String, DataError> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.line += text.matches('\n').count();
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    Some((_, c)) => text.extend(['\\', c]),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err(self.error("a closing quotation mark is missing"))
    }

    fn error(&self, detail: &str) -> DataError {
        DataError { line: self.line, detail: detail.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECORDED: &str = include_str!("fixtures/appinfo_480.vdf");

    #[test]
    fn a_recorded_document_is_the_tree_it_prints() {
        let (name, tree) = parse_vdf(RECORDED).unwrap();
        assert_eq!(name, "appinfo");
        assert_eq!(tree["common"]["associations"]["0"]["name"], "Telltale Games");
        assert_eq!(tree["depots"]["481"]["manifests"]["public"]["download"], "797632");
        assert_eq!(tree["depots"]["branches"]["private"]["pwdrequired"], "1");
    }

    #[test]
    fn escapes_comments_and_bare_words() {
        let (_, tree) = parse_vdf("r { // comment\n a \"x\\\"y\\\\z\\n\" \"b\"\t{ c d } }\0").unwrap();
        assert_eq!(tree["a"], "x\"y\\z\n");
        assert_eq!(tree["b"]["c"], "d");
    }

    #[test]
    fn mistakes_name_the_line() {
        for (text, says) in [
            ("", "line 1: a document begins"),
            ("{}", "line 1: a document begins"),
            ("\"a\"\n\"b\"", "line 2: the name of the root is followed"),
            ("\"a\"\n{\n\"b\"", "line 3: a key is followed"),
            ("\"a\"\n{\n\"b\" \"c\"", "line 3: a closing brace is missing"),
            ("\"a\" { {", "line 1: a key stands before"),
            ("\"a\" { } \"b\"", "line 1: a document has one root"),
            ("\"a\n\n", "line 1: a closing quotation mark is missing"),
        ] {
            let message = parse_vdf(text).unwrap_err().to_string();
            assert!(message.starts_with(says), "{text:?}: {message}");
        }
        let deep = "a {".repeat(10_000);
        assert!(parse_vdf(&deep).unwrap_err().detail.contains("too deep"));
    }

    proptest! {
        #[test]
        fn mutations_never_panic(at in 0..RECORDED.len(), len in 0_usize..40, new in "[\"{}\\\\a\n]{0,4}") {
            let end = (at + len).min(RECORDED.len());
            let text = format!("{}{new}{}", &RECORDED[..at], &RECORDED[end..]);
            if let Err(error) = parse_vdf(&text) {
                prop_assert!(error.line >= 1);
            }
        }
    }
}
