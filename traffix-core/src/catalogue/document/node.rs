//! A cursor in a TOML document that knows where it stands and notes what is wrong.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::place::{DocumentError, Lines, Place};

/// Collects what is wrong with one text.
pub(super) struct Context<'t> {
    lines: &'t Lines,
    errors: RefCell<Vec<DocumentError>>,
}

impl<'t> Context<'t> {
    pub(super) fn new(lines: &'t Lines) -> Self {
        Self { lines, errors: RefCell::default() }
    }

    pub(super) fn into_errors(self) -> Vec<DocumentError> {
        self.errors.into_inner()
    }
}

/// A value, its field name and its place.
#[derive(Clone)]
pub(super) struct Node<'a> {
    value: Value<'a>,
    span: Range<usize>,
    path: String,
    context: &'a Context<'a>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Root(&'a DeTable<'a>),
    Inner(&'a DeValue<'a>),
}

impl<'a> Node<'a> {
    pub(super) fn root(table: &'a Spanned<DeTable<'a>>, context: &'a Context<'a>) -> Self {
        Self { value: Value::Root(table.get_ref()), span: table.span(), path: String::new(), context }
    }

    fn child(&self, path: String, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { value: Value::Inner(value.get_ref()), span: value.span(), path, context: self.context }
    }

    /// The same value under another name.
    pub(super) fn named(mut self, path: String) -> Self {
        self.path = path;
        self
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn place(&self) -> Place {
        self.context.lines.place(self.span.start, self.path.clone())
    }

    /// How many errors the text has so far.
    pub(super) fn errors(&self) -> usize {
        self.context.errors.borrow().len()
    }

    /// Notes that the value is wrong.
    pub(super) fn wrong<T>(&self, detail: impl Into<String>) -> Option<T> {
        self.note(self.span.start, self.path.clone(), detail.into());
        None
    }

    fn note(&self, at: usize, path: String, detail: String) {
        self.context.errors.borrow_mut().push(self.context.lines.error(at, path, detail));
    }

    fn mismatch<T>(&self, wanted: &str) -> Option<T> {
        let got = match self.value {
            Value::Root(_) => "table",
            Value::Inner(value) => value.type_str(),
        };
        self.wrong(format!("must be {wanted}, got {}", article(got)))
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match self.value {
            Value::Inner(DeValue::String(text)) => Some(text),
            _ => self.mismatch("text in quotes"),
        }
    }

    /// A text that is a `T`.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self) -> Option<T> {
        let text = self.text()?;
        text.parse().map_err(|error: T::Err| self.wrong::<()>(error.to_string())).ok()
    }

    /// One of a fixed set of words.
    pub(super) fn word<T: Deserialize<'a>>(&self) -> Option<T> {
        let words: StrDeserializer<'a, serde::de::value::Error> = self.text()?.into_deserializer();
        T::deserialize(words).map_err(|error| self.wrong::<()>(error.to_string())).ok()
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.value {
            Value::Inner(DeValue::Boolean(flag)) => Some(*flag),
            _ => self.mismatch("true or false"),
        }
    }

    pub(super) fn count(&self) -> Option<u64> {
        match self.value {
            Value::Inner(DeValue::Integer(number)) => {
                let parsed = u64::from_str_radix(number.as_str(), number.radix()).ok();
                parsed.or_else(|| self.wrong("must be a whole number from 0 to 18446744073709551615"))
            }
            _ => self.mismatch("a whole number"),
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        let parsed = match self.value {
            Value::Inner(DeValue::Integer(number)) if number.radix() == 10 => number.as_str().parse().ok(),
            Value::Inner(DeValue::Float(number)) => number.as_str().parse().ok(),
            _ => return self.mismatch("a number"),
        };
        parsed.filter(|n: &f64| n.is_finite()).or_else(|| self.wrong("must be a finite number"))
    }

    /// A TOML date or time, if it is one.
    pub(super) fn datetime(&self) -> Option<&'a Datetime> {
        match self.value {
            Value::Inner(DeValue::Datetime(at)) => Some(at),
            _ => None,
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.value, Value::Inner(DeValue::String(_)))
    }

    /// A field, if this is a table and has it, without noting anything.
    pub(super) fn peek(&self, key: &str) -> Option<Self> {
        match self.value {
            Value::Inner(DeValue::Table(table)) => Some(self.child(join(&self.path, key), table.get(key)?)),
            _ => None,
        }
    }

    /// The entries of a list, which must be one.
    pub(super) fn list(&self) -> Vec<Self> {
        match self.value {
            Value::Inner(DeValue::Array(_)) => self.one_or_more(),
            _ => self.mismatch("a list").unwrap_or_default(),
        }
    }

    /// The entries of a list, or the value itself if it is none.
    pub(super) fn one_or_more(&self) -> Vec<Self> {
        let Value::Inner(DeValue::Array(items)) = self.value else { return vec![self.clone()] };
        let named = |(i, item)| self.child(format!("{}[{i}]", self.path), item);
        items.iter().enumerate().map(named).collect()
    }

    pub(super) fn fields(&self) -> Option<Fields<'a>> {
        let table = match self.value {
            Value::Root(table) | Value::Inner(DeValue::Table(table)) => table,
            Value::Inner(_) => return self.mismatch("a table"),
        };
        Some(Fields { table, node: self.clone(), asked: Vec::new() })
    }
}

fn article(noun: &str) -> String {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

/// A table whose fields are all known by name.
pub(super) struct Fields<'a> {
    table: &'a DeTable<'a>,
    node: Node<'a>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn get(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.asked.push(key);
        let value = self.table.get(key)?;
        Some(self.node.child(join(&self.node.path, key), value))
    }

    pub(super) fn require(&mut self, key: &'static str) -> Option<Node<'a>> {
        let found = self.get(key);
        if found.is_none() {
            self.node.wrong::<()>(format!("needs the field \"{key}\""));
        }
        found
    }

    /// A table whose keys are names, not fields: every key with its value.
    pub(super) fn entries(&self) -> Vec<(Node<'a>, &'a str)> {
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let name: &'a std::borrow::Cow<'a, str> = key.get_ref();
            let mut node = self.node.child(join(&self.node.path, name), value);
            // The key is the better place to point to: a sub-table's span may start anywhere.
            node.span = key.span().start..node.span.end;
            (node, &**name)
        };
        self.table.iter().map(entry).collect()
    }

    /// Refuses every field that nobody asked for.
    pub(super) fn finish(self) {
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if !self.asked.contains(&name) {
                let path = join(&self.node.path, name);
                self.node.note(key.span().start, path, unknown(name, &self.asked));
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn unknown(name: &str, allowed: &[&str]) -> String {
    match closest(name, allowed.iter().copied()) {
        Some(guess) => format!("is not a field here; did you mean \"{guess}\"?"),
        None => format!("is not a field here; allowed: {}", allowed.join(", ")),
    }
}

/// The candidate that `name` is probably a misspelling of.
pub(super) fn closest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let scored = candidates.map(|candidate| (distance(name, candidate), candidate));
    let limit = name.len().div_ceil(3);
    scored.min_by_key(|(distance, _)| *distance).filter(|(d, _)| *d <= limit).map(|(_, c)| c)
}

/// Levenshtein distance; names are cut at 60 characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(60).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(60).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
