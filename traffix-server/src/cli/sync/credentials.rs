//! A file of secrets.

use std::path::Path;

use serde::Deserialize;

use crate::cli::Failure;
use crate::config::Credentials;

/// Names and secrets, at the top or in a table `credentials`, as in `traffix.toml`.
#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Section { credentials: Credentials },
    Plain(Credentials),
}

/// Reads a file of secrets, JSON if its name ends so, else TOML. Messages never repeat what is in it.
pub(super) fn read(path: &Path) -> Result<Credentials, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("cannot read {shown}: {error}")))?;
    let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let file: Option<File> =
        if is_json { serde_json::from_str(&text).ok() } else { toml::from_str(&text).ok() };
    match file {
        Some(File::Section { credentials } | File::Plain(credentials)) => Ok(credentials),
        None => Err(Failure::usage(format_args!("{shown} is not a table of names and secrets"))
            .hint("write lines such as steam = \"KEY\"")),
    }
}
