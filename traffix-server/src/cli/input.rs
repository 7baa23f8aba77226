//! Reading files and standard input.

use std::io::Read as _;
use std::path::Path;

use super::Failure;

/// Larger inputs are refused before they fill the memory.
const MAX_BYTES: u64 = 512 << 20;

/// The text of a file, or of standard input for `-`.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let name = name(path);
    let failed = |error: std::io::Error| {
        let failure = Failure::new(format_args!("cannot read {name}: {error}"));
        match error.kind() {
            std::io::ErrorKind::NotFound => failure.hint("check the path; - reads standard input"),
            _ => failure,
        }
    };
    let mut bytes = Vec::new();
    if is_stdin(path) {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::new(format_args!("{name} is larger than 512 MiB")).hint("split it"));
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(&name, &error))
}

/// The path for messages.
pub(super) fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".into() } else { path.display().to_string() }
}

pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Failure {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = good.split(|b| *b == b'\n').count();
    let column = good.len() - good.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1) + 1;
    Failure::new(format_args!("{name}:{line}:{column}: is not UTF-8 text"))
        .hint("save the file as UTF-8; compressed files must be unpacked first")
}

/// A JSON document. What does not fit is named with line, column and field.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    parse_json(&name(path), &read_text(path)?)
}

/// The text of a JSON document.
pub(super) fn parse_json<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, Failure> {
    let mut from = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        let message = inner.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let place = if field == "." { String::new() } else { format!("{field}: ") };
        let (line, column) = (inner.line(), inner.column());
        let failure = Failure::new(format_args!("{name}:{line}:{column}: {place}{message}"));
        if inner.is_data() { failure } else { failure.hint("the file must be one JSON document") }
    })?;
    from.end().map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Failure::new(format_args!("{name}:{line}:{column}: something follows the JSON document"))
    })?;
    Ok(value)
}
