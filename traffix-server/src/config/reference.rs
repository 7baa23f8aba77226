//! The reference page of all settings, and the effective configuration as text.

use std::fmt::Write as _;

use serde_json::Value;

use super::{AccessLog, Config};

impl Config {
    /// The effective configuration as TOML, secrets masked.
    pub fn print_config(&self) -> String {
        let mut masked = self.clone();
        masked.database.url = without_password(&masked.database.url);
        masked.access_log = masked.access_log.iter().map(AccessLog::masked).collect();
        toml::to_string_pretty(&masked).unwrap_or_else(|error| format!("# cannot be printed: {error}\n"))
    }
}

/// A database URL without its password, fit for logs.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((user, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = user.split_once(':').map_or(user.to_owned(), |(name, _)| format!("{name}:***"));
    format!("{scheme}://{user}@{host}")
}

/// A page in Markdown with every setting, its type, default and meaning, generated from the doc comments.
pub fn markdown() -> String {
    let schema = schemars::schema_for!(Config).to_value();
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    // The only section that may be repeated.
    let one_access_log = serde_json::to_value(AccessLog::default()).unwrap_or_default();
    let mut page = String::from(
        "# Configuration\n\n\
         Generated from the source; do not edit. Nothing must be set. Later layers win: defaults, `traffix.toml`,\n\
         `.env`, environment variables, flags. A setting `key` of `[section]` is `TRAFFIX__SECTION__KEY` in the\n\
         environment; lists are separated by commas there.\n",
    );
    for (section, property) in members(&schema, &schema) {
        let about = text(property, "description");
        let repeated = property["type"] == "array";
        let title = if repeated { format!("[[{section}]]") } else { format!("[{section}]") };
        let _ = write!(page, "\n## {title}\n\n{about}\n");
        let one = if repeated { &property["items"] } else { property };
        let keys = members(&schema, resolve(&schema, one));
        if !keys.is_empty() {
            page.push_str("\n| key | default | meaning |\n|---|---|---|\n");
        }
        for (key, property) in keys {
            let of_section = if repeated { &one_access_log } else { &defaults[section] };
            let default = match &of_section[key] {
                Value::Null => "not set".to_owned(),
                value => format!("`{value}`"),
            };
            let meaning = text(property, "description").replace('\n', " ");
            let _ = writeln!(page, "| `{key}` | {default} | {meaning} |");
        }
    }
    page
}

/// The properties of an object schema, in declaration order.
fn members<'a>(root: &'a Value, schema: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let object = resolve(root, schema)["properties"].as_object();
    object.map(|properties| properties.iter().collect()).unwrap_or_default()
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str());
    target.and_then(|path| root.pointer(path.trim_start_matches('#'))).unwrap_or(schema)
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema[key].as_str().unwrap_or_default()
}
