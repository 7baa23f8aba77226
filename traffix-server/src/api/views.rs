//! Shapes of answers whose details are data, not contract.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

/// An object whose members depend on what is known. Absent members are unknown; none is null.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Loose(Value);

impl Loose {
    /// Any value as JSON, without nulls.
    pub(crate) fn of(value: &impl Serialize) -> Self {
        Self(without_nulls(serde_json::to_value(value).unwrap_or_default()))
    }

    /// The same without some members.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        if let Value::Object(fields) = &mut self.0 {
            fields.retain(|name, _| !names.contains(&name.as_str()));
        }
        self
    }
}

impl JsonSchema for Loose {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Loose".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object"})
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let known = fields.into_iter().filter(|(_, value)| !value.is_null());
            known.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        value => value,
    }
}

/// The word that serde writes for an enum.
pub(crate) fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
