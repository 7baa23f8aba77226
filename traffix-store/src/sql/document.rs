//! Documents on their way into the database.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use traffix_core::Invalid;

use crate::StoreError;
use crate::db::Letter;

/// The JSON of a catalogue document.
///
/// # Errors
/// If it has a NUL character, which PostgreSQL cannot hold and which no name or address has.
pub(super) fn document<T: Serialize>(value: &T) -> Result<Box<RawValue>, StoreError> {
    let raw = json(value)?;
    // The cheap test also finds an escaped backslash before `u0000`; the walk decides.
    if raw.get().contains("\\u0000") {
        let parsed: Value = serde_json::from_str(raw.get()).map_err(|e| unserialisable(&e))?;
        let mut found = Vec::new();
        find_nul(&parsed, &mut String::new(), &mut found);
        if !found.is_empty() {
            return Err(StoreError::Invalid(found));
        }
    }
    Ok(raw)
}

/// The JSON of anything, to be kept to the letter.
pub(super) fn letter<T: Serialize>(value: &T) -> Result<Letter, StoreError> {
    json(value).map(Letter)
}

fn json<T: Serialize>(value: &T) -> Result<Box<RawValue>, StoreError> {
    to_raw_value(value).map_err(|e| unserialisable(&e))
}

fn unserialisable(error: &serde_json::Error) -> StoreError {
    StoreError::Invalid(vec![Invalid::new("", format!("cannot be written as JSON: {error}"))])
}

fn find_nul(value: &Value, pointer: &mut String, found: &mut Vec<Invalid>) {
    let length = pointer.len();
    match value {
        Value::String(text) if text.contains('\0') => {
            found.push(Invalid::new(pointer.as_str(), "must not contain the NUL character"));
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&i.to_string());
                find_nul(item, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                pointer.push('/');
                pointer.push_str(name);
                find_nul(field, pointer, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

/// The word that a unit variant is written as, such as `early-access`.
pub(super) fn tag<T: Serialize>(variant: &T) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(word)) => word,
        // Only unit variants are ever asked for.
        _ => String::new(),
    }
}

/// The variant that a word stands for.
pub(super) fn from_tag<T: serde::de::DeserializeOwned>(
    entity: &'static str,
    word: String,
) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(word))
        .map_err(|error| StoreError::Corrupt { entity, detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nul_is_found_where_it_stands() {
        let bad = json!({"a": ["fine", "\\u0000", "x\0"]});
        let Err(StoreError::Invalid(found)) = document(&bad) else { panic!("accepted") };
        assert_eq!(found.iter().map(|f| f.pointer.as_str()).collect::<Vec<_>>(), ["/a/2"]);
        assert!(document(&json!({"a": "\\u0000"})).is_ok());
    }
}
