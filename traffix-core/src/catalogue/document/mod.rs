//! The catalogue as text that people review: TOML files, and JSON as the server writes it.
//!
//! Pure: text in, catalogue out. Everything that is wrong is reported at once, each finding with line, column and
//! field, whether it is a slip of the keyboard, an unknown field or a rule of the catalogue.
//! `data/README.md` describes the format; this is its smallest useful file:
//!
//! ```
//! let file = r#"
//! [sources.isp]
//! url = "https://example.org/record-traffic"
//! kind = "press"
//! date = 2023-11-10
//!
//! [[ru]]
//! id = "example-game"
//! title = "Example Game"
//! kind = "release"
//! source = "isp"
//! unlock = { at = 2023-11-10, source = "isp" }
//! size = { wire = "84.4 GB", source = "isp" }
//! listings.steam = {}
//! "#;
//! let document = traffix_core::catalogue::document::parse_toml(file).expect("a valid file");
//! assert_eq!(document.rus[0].listings[0].wire_bytes().unwrap().value.to_string(), "84.4 GB");
//!
//! let typo = file.replace("unlock", "unlok");
//! let errors = traffix_core::catalogue::document::parse_toml(&typo).unwrap_err();
//! assert_eq!(
//!     errors[0].to_string(),
//!     "12:1: ru[example-game].unlok: is not a field here; did you mean \"unlock\"?"
//! );
//! ```

mod check;
mod companies;
mod json;
mod listings;
mod network;
mod node;
mod place;
mod ru;
mod scan;
mod sources;
mod values;

#[cfg(test)]
mod tests;

use toml::de::DeTable;

pub use check::{Finding, Subject, check};
pub use json::parse_json;
pub use network::parse_network;
pub use place::{DocumentError, Place};

use super::{Company, Ru};
use crate::Invalid;
use node::{Context, Node};
use place::{Lines, Places};
use sources::Sources;

/// What one file says.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// Publishers and developers, in the order of their identifiers.
    pub companies: Vec<Company>,
    /// Releases and updates, in the order of the file.
    pub rus: Vec<Ru>,
    places: Vec<Places>,
    company_places: Vec<Places>,
}

impl Document {
    /// Where in the text a finding about the RU at `index` lies.
    pub fn place_in_ru(&self, index: usize, finding: &Invalid) -> DocumentError {
        place::error(self.places.get(index), finding)
    }

    /// Where in the text a finding about the company at `index` lies.
    pub fn place_in_company(&self, index: usize, finding: &Invalid) -> DocumentError {
        place::error(self.company_places.get(index), finding)
    }
}

/// Reads a TOML file of the catalogue.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse_toml(text: &str) -> Result<Document, Vec<DocumentError>> {
    let lines = Lines::new(text);
    let (table, syntax) = DeTable::parse_recoverable(text);
    let mut errors = place::syntax(&lines, text.len(), &syntax);
    if !errors.is_empty() {
        place::sort(&mut errors);
        return Err(errors);
    }
    let context = Context::new(&lines);
    let mut document = Document::default();
    read(&Node::root(&table, &context), &mut document);
    place::finish(context.into_errors(), document)
}

fn read(root: &Node<'_>, document: &mut Document) {
    let Some(mut fields) = root.fields() else { return };
    let sources = Sources::read(fields.get("sources").as_ref());
    if let Some(table) = fields.get("companies") {
        companies::read(&table, &sources, document);
    }
    let defaults = fields.get("defaults");
    ru::check_defaults(defaults.as_ref());
    for node in fields.get("ru").iter().flat_map(Node::list) {
        if let Some((ru, places)) = ru::read(&node, defaults.as_ref(), &sources) {
            document.rus.push(ru);
            document.places.push(places);
        }
    }
    fields.finish();
    sources.finish();
}
