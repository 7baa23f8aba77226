//! Where things stand in a text.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::Invalid;

use super::{Document, scan};

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The field as the text calls it, such as `ru[fortnite-og].unlock.at`; empty for the whole document.
    pub field: String,
}

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The field as the text calls it, such as `ru[fortnite-og].unlock.at`; empty for the whole document.
    pub field: String,
    /// What is wrong and what is allowed.
    pub detail: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "file" } else { &self.field };
        write!(f, "{}:{}: {field}: {}", self.line, self.column, self.detail)
    }
}

impl std::error::Error for DocumentError {}

/// Turns byte offsets into lines and columns.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    starts: Vec<usize>,
}

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text: text.to_owned(), starts: std::iter::once(0).chain(breaks).collect() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn place(&self, offset: usize, field: String) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or_default();
        Place { line, column: before.chars().count() + 1, field }
    }

    pub(super) fn error(&self, offset: usize, field: String, detail: String) -> DocumentError {
        self.place(offset, field).error(detail)
    }

    /// The offset of a line and a column counted in bytes from 1, as `serde_json` counts them.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        start + column.saturating_sub(1)
    }
}

impl Place {
    fn error(self, detail: String) -> DocumentError {
        DocumentError { line: self.line, column: self.column, field: self.field, detail }
    }
}

/// Where the parts of one entity stand, by JSON pointer into the entity.
#[derive(Debug, Clone)]
pub(super) enum Places {
    /// Noted while reading.
    Marked(BTreeMap<String, Place>),
    /// The text is itself JSON: looked up when asked.
    Json {
        /// The text.
        lines: Arc<Lines>,
        /// The pointer to the entity, and where it starts.
        entity: (String, usize),
    },
}

impl Default for Places {
    fn default() -> Self {
        Self::Marked(BTreeMap::new())
    }
}

impl Places {
    pub(super) fn mark(&mut self, pointer: impl Into<String>, place: Place) {
        if let Self::Marked(places) = self {
            places.entry(pointer.into()).or_insert(place);
        }
    }

    /// The place of `pointer` or of the smallest known part that holds it.
    fn of(&self, pointer: &str) -> Option<Place> {
        match self {
            Self::Marked(places) => {
                let mut ends = pointer.match_indices('/').map(|(at, _)| at).chain([pointer.len()]).rev();
                ends.find_map(|end| places.get(&pointer[..end])).cloned()
            }
            Self::Json { lines, entity: (prefix, start) } => {
                let at = scan::locate(lines.text(), *start, pointer);
                Some(lines.place(at, format!("{prefix}{pointer}")))
            }
        }
    }
}

pub(super) fn error(places: Option<&Places>, finding: &Invalid) -> DocumentError {
    let start = || Place { line: 1, column: 1, field: String::new() };
    let place = places.and_then(|p| p.of(&finding.pointer)).unwrap_or_else(start);
    place.error(finding.detail.clone())
}

/// What the TOML parser says, with the one hint that it cannot give.
pub(super) fn syntax(lines: &Lines, end: usize, errors: &[toml::de::Error]) -> Vec<DocumentError> {
    let one = |error: &toml::de::Error| {
        let at = error.span().map_or(end, |span| span.start);
        let hint = if error.message().contains("date") { "; a month is text: \"2023-11\"" } else { "" };
        lines.error(at, String::new(), format!("is not TOML: {}{hint}", error.message()))
    };
    errors.iter().map(one).collect()
}

pub(super) fn sort(errors: &mut Vec<DocumentError>) {
    errors.sort_by_key(|error| (error.line, error.column));
    errors.dedup();
}

/// Adds what the catalogue's own rules say about every entity, and decides.
pub(super) fn finish(
    mut errors: Vec<DocumentError>,
    document: Document,
) -> Result<Document, Vec<DocumentError>> {
    for (i, ru) in document.rus.iter().enumerate() {
        errors.extend(ru.findings().iter().map(|finding| document.place_in_ru(i, finding)));
    }
    for (i, company) in document.companies.iter().enumerate() {
        errors.extend(company.findings().iter().map(|finding| document.place_in_company(i, finding)));
    }
    if errors.is_empty() {
        return Ok(document);
    }
    sort(&mut errors);
    Err(errors)
}
