//! The OpenAPI document: operations from the handlers, schemas from the types that serde reads and writes.
//!
//! The framework's own registry cannot hold every schema of schemars, so it carries them sealed in the `example`
//! of a placeholder. [`document`] unseals them.

use std::borrow::Cow;
use std::sync::LazyLock;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{OpenApi, OpenApiService};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Names of types that are also answered as CSV.
const WITH_CSV: [&str; 2] = ["PrefixPage", "MeasurementAnswer"];
/// Where the framework carries a sealed schema.
const SEAL: &str = "x-sealed-schema";

/// The document's reference to the schema of a type.
pub(crate) fn schema_ref<T: JsonSchema>() -> MetaSchemaRef {
    MetaSchemaRef::Reference(T::schema_name().into_owned())
}

/// A plain text.
pub(crate) fn text() -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")))
}

/// Whether a type is also answered as CSV.
pub(crate) fn has_csv<T: JsonSchema>() -> bool {
    WITH_CSV.contains(&T::schema_name().as_ref())
}

/// Registers the schema of a type and of all types in it.
pub(crate) fn reference<T: JsonSchema>(registry: &mut Registry) {
    let name: Cow<'static, str> = T::schema_name();
    if registry.schemas.contains_key(name.as_ref()) {
        return;
    }
    let mut generator = SchemaSettings::openapi3().into_generator();
    let inline = generator.subschema_for::<T>().to_value();
    let parts = generator.take_definitions(true);
    let schema = parts.get(name.as_ref()).cloned().unwrap_or(inline);
    let mut placeholder = MetaSchema::new("object");
    placeholder.example = Some(json!({ SEAL: schema, "parts": parts }));
    registry.schemas.insert(name.into_owned(), placeholder);
}

/// The document as JSON text, ending in a newline, as it is committed.
pub fn openapi_json() -> String {
    serde_json::to_string_pretty(&*DOCUMENT).unwrap_or_default() + "\n"
}

/// The document.
pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let parts = super::descriptions();
    let parts = parts.iter().map(|part| serde_json::from_str::<Value>(part).unwrap_or_default());
    unsealed(parts.reduce(united).unwrap_or_default())
});

/// Two documents as one: objects are united, of anything else the first one's stays.
fn united(mut one: Value, other: Value) -> Value {
    match (&mut one, other) {
        (Value::Object(fields), Value::Object(others)) => {
            for (name, value) in others {
                match fields.remove(&name) {
                    Some(known) => fields.insert(name, united(known, value)),
                    None => fields.insert(name, value),
                };
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            let new: Vec<_> = others.into_iter().filter(|other| !items.contains(other)).collect();
            items.extend(new);
        }
        _ => {}
    }
    one
}

/// Swagger UI with the document in it.
pub(crate) fn swagger_html<T: OpenApi>(service: &OpenApiService<T, ()>) -> String {
    let spec = serde_json::to_string(&*DOCUMENT).unwrap_or_default();
    // What would end the script early, must not occur in it.
    let spec = spec.replace("</", "<\\/");
    service.swagger_ui_html().replace(&service.spec(), &spec).replacen("Swagger UI", "traffix API", 1)
}

fn unsealed(mut document: Value) -> Value {
    let sealed = document["components"]["schemas"].take();
    let mut schemas = Map::new();
    for (name, mut placeholder) in sealed.as_object().cloned().unwrap_or_default() {
        let seal = placeholder["example"].take();
        let parts = seal["parts"].as_object().cloned().unwrap_or_default();
        for (name, schema) in parts.into_iter().chain([(name, seal[SEAL].clone())]) {
            if let Some(known) = schemas.insert(name.clone(), schema) {
                debug_assert_eq!(known, schemas[&name], "two types are called {name}");
            }
        }
    }
    schemas.values_mut().for_each(tidy);
    for operation in operations(&mut document) {
        expand_parameters(operation, &schemas);
        describe(operation);
    }
    let parameters_only = schemas.keys().filter(|name| name.ends_with("Params")).cloned();
    for name in parameters_only.collect::<Vec<_>>() {
        schemas.remove(&name);
    }
    let sorted: std::collections::BTreeMap<_, _> = schemas.into_iter().collect();
    document["components"]["schemas"] = json!(sorted);
    document
}

/// Keeps of descriptions what a reader of the API wants, and says how large integers may be.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                let end = ["\n\n#", "\n\n```"].iter().filter_map(|mark| text.find(mark)).min();
                text.truncate(end.unwrap_or(text.len()));
            }
            let largest = match fields.get("format").and_then(Value::as_str) {
                Some("uint16") => Some(u64::from(u16::MAX)),
                Some("uint32") => Some(u64::from(u32::MAX)),
                Some("uint64" | "uint") => Some(u64::MAX),
                _ => None,
            };
            if let Some(largest) = largest.filter(|_| !fields.contains_key("maximum")) {
                fields.insert("maximum".into(), json!(largest));
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    paths.flat_map(|item| item.as_object_mut().into_iter().flat_map(|item| item.values_mut()))
}

/// Replaces a query object by one parameter per property.
fn expand_parameters(operation: &mut Value, schemas: &Map<String, Value>) {
    let Some(Value::Array(parameters)) = operation.get_mut("parameters") else { return };
    let mut expanded = Vec::new();
    for mut parameter in parameters.drain(..) {
        let name = parameter["schema"]["$ref"].as_str().and_then(|r| r.rsplit('/').next());
        let object = name.and_then(|name| schemas.get(name)).filter(|s| s["type"] == "object").cloned();
        if let Some(object) = object.filter(|_| parameter["in"] == "query") {
            expanded.extend(properties(&object));
        } else {
            strip(&mut parameter);
            expanded.push(parameter);
        }
    }
    *parameters = expanded;
}

fn properties(object: &Value) -> Vec<Value> {
    let required = |name: &String| object["required"].as_array().is_some_and(|r| r.contains(&json!(name)));
    let all = object["properties"].as_object().into_iter().flatten();
    all.map(|(name, schema)| {
        let mut schema = schema.clone();
        let description = schema["description"].take();
        let required = required(name);
        let fields = schema.as_object_mut().into_iter();
        fields.for_each(|fields| {
            fields.remove("description");
            fields.remove("nullable");
            if fields.get("default").is_some_and(Value::is_null) {
                fields.remove("default");
            }
        });
        if let Some(inner) = only_alternative(&schema) {
            schema = inner;
        }
        json!({
            "name": name, "in": "query", "required": required, "description": description, "schema": schema,
        })
    })
    .collect()
}

/// What an optional reference refers to.
fn only_alternative(schema: &Value) -> Option<Value> {
    let all = schema["anyOf"].as_array().or_else(|| schema["allOf"].as_array())?;
    let mut references = all.iter().filter(|one| one.get("$ref").is_some());
    let first = references.next()?;
    references.next().is_none().then(|| first.clone())
}

/// Removes what is the default anyway.
fn strip(parameter: &mut Value) {
    if let Some(fields) = parameter.as_object_mut() {
        fields.remove("deprecated");
        fields.remove("explode");
    }
}

/// Adds the headers that every operation understands.
fn describe(operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    if !has_body {
        return;
    }
    let header = |name: &str, description: &str, max: u32| {
        json!({
            "name": name, "in": "header", "required": false, "description": description,
            "schema": {"type": "string", "minLength": 1, "maxLength": max, "pattern": "^[!-~]+$"},
        })
    };
    let is_post = operation["operationId"]
        .as_str()
        .is_some_and(|id| ["create", "add", "forecast"].iter().any(|start| id.starts_with(start)));
    if is_post {
        let description = "A repeated request with the same key and body gets the first answer again.";
        let parameter = header("Idempotency-Key", description, 255);
        match operation.get_mut("parameters").and_then(Value::as_array_mut) {
            Some(parameters) => parameters.push(parameter),
            None => operation["parameters"] = json!([parameter]),
        }
    }
}
