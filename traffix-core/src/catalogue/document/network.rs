//! Network profiles as TOML, in the shape that the forecast takes.

use serde_path_to_error::Segment;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::network::Network;

use super::place::{self, DocumentError, Lines};

/// Reads a network profile.
///
/// ```
/// use traffix_core::catalogue::document::parse_network;
/// let errors = parse_network("id = \"acme\"\ntz = \"Europe/London\"\nlines = -5\n").unwrap_err();
/// assert!(errors[0].to_string().starts_with("3:9: lines: "), "{}", errors[0]);
/// ```
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse_network(text: &str) -> Result<Network, Vec<DocumentError>> {
    let lines = Lines::new(text);
    let (table, syntax) = DeTable::parse_recoverable(text);
    let mut errors = place::syntax(&lines, text.len(), &syntax);
    if errors.is_empty() {
        match read(text) {
            Ok(network) => {
                for finding in network.validate() {
                    let path: Vec<String> = finding.pointer.split('/').skip(1).map(str::to_owned).collect();
                    let at = locate(&table, &path);
                    errors.push(lines.error(at, path.join("."), finding.detail));
                }
                if errors.is_empty() {
                    return Ok(network);
                }
            }
            Err((path, at, detail)) => {
                let at = at.unwrap_or_else(|| locate(&table, &path));
                errors.push(lines.error(at, path.join("."), detail));
            }
        }
    }
    place::sort(&mut errors);
    Err(errors)
}

/// The profile, or where and why it has not its form.
fn read(text: &str) -> Result<Network, (Vec<String>, Option<usize>, String)> {
    let whole =
        |error: toml::de::Error| (Vec::new(), error.span().map(|s| s.start), error.message().to_owned());
    let deserializer = toml::Deserializer::parse(text).map_err(whole)?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().iter().filter_map(segment).collect();
        let inner = error.into_inner();
        (path, inner.span().map(|span| span.start), inner.message().to_owned())
    })
}

fn segment(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// Where the value at `path` starts, or the smallest value that would hold it.
fn locate(root: &Spanned<DeTable<'_>>, path: &[String]) -> usize {
    let mut at = root.span().start;
    let mut table = Some(root.get_ref());
    let mut list: Option<&DeArray<'_>> = None;
    for step in path {
        let next: Option<&Spanned<DeValue<'_>>> = match (table, list) {
            (Some(fields), _) => fields.get(step.as_str()),
            (None, Some(items)) => step.parse::<usize>().ok().and_then(|i| items.get(i)),
            (None, None) => None,
        };
        let Some(value) = next else { return at };
        at = value.span().start;
        table = value.get_ref().as_table();
        list = value.get_ref().as_array();
    }
    at
}
