//! The catalogue as JSON, in the shape in which the server writes it.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::Invalid;
use crate::catalogue::{Company, Ru};

use super::place::{self, DocumentError, Lines, Places};
use super::{Document, scan};

/// Reads JSON: one RU, a list of RUs, a list page `{"items": […]}`, or `{"companies": […], "rus": […]}`.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse_json(text: &str) -> Result<Document, Vec<DocumentError>> {
    let lines = Arc::new(Lines::new(text));
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let at = lines.offset(error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        vec![lines.error(at, String::new(), format!("is not JSON: {message}"))]
    })?;
    let mut reader = Reader { lines, errors: Vec::new(), document: Document::default() };
    match &value {
        Value::Array(_) => reader.list(&value, "", 0, Reader::ru),
        Value::Object(fields) if fields.contains_key("id") => reader.ru(&value, String::new(), 0),
        Value::Object(fields) => reader.fields(fields),
        _ => reader.wrong("", 0, "must be an RU, a list of RUs or {\"rus\": […]}".to_owned()),
    }
    place::finish(reader.errors, reader.document)
}

struct Reader {
    lines: Arc<Lines>,
    errors: Vec<DocumentError>,
    document: Document,
}

impl Reader {
    fn fields(&mut self, fields: &serde_json::Map<String, Value>) {
        let lines = self.lines.clone();
        for child in scan::children(lines.text(), 0) {
            let key = child.key.unwrap_or_default();
            let Some(value) = fields.get(&key) else { continue };
            let pointer = format!("/{key}");
            match key.as_str() {
                "items" | "rus" => self.list(value, &pointer, child.start, Self::ru),
                "companies" => self.list(value, &pointer, child.start, Self::company),
                "next" | "generator" | "data_version" | "count" => {}
                _ => {
                    let detail = "is not a field here; allowed: companies, rus, items, next";
                    self.wrong(&pointer, child.start, detail.to_owned());
                }
            }
        }
    }

    fn list(
        &mut self,
        value: &Value,
        pointer: &str,
        start: usize,
        read: fn(&mut Self, &Value, String, usize),
    ) {
        let Value::Array(items) = value else {
            return self.wrong(pointer, start, "must be a list".to_owned());
        };
        let lines = self.lines.clone();
        for (i, (item, child)) in items.iter().zip(scan::children(lines.text(), start)).enumerate() {
            read(self, item, format!("{pointer}/{i}"), child.start);
        }
    }

    fn ru(&mut self, value: &Value, pointer: String, start: usize) {
        if let Some((ru, places)) = self.entity::<Ru>(value, pointer, start) {
            self.document.rus.push(ru);
            self.document.places.push(places);
        }
    }

    fn company(&mut self, value: &Value, pointer: String, start: usize) {
        if let Some((company, places)) = self.entity::<Company>(value, pointer, start) {
            self.document.companies.push(company);
            self.document.company_places.push(places);
        }
    }

    fn entity<T: DeserializeOwned>(
        &mut self,
        value: &Value,
        pointer: String,
        start: usize,
    ) -> Option<(T, Places)> {
        let places = Places::Json { lines: self.lines.clone(), entity: (pointer, start) };
        match serde_path_to_error::deserialize(value) {
            Ok(entity) => Some((entity, places)),
            Err(error) => {
                let inner: String = error.path().iter().map(segment).collect();
                let finding = Invalid::new(inner, error.into_inner().to_string());
                self.errors.push(place::error(Some(&places), &finding));
                None
            }
        }
    }

    fn wrong(&mut self, pointer: &str, at: usize, detail: String) {
        self.errors.push(self.lines.error(at, pointer.to_owned(), detail));
    }
}

fn segment(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}
