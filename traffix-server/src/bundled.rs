//! The catalogue and the example networks that are compiled into the program.
//!
//! They are the files under `data/` of the source, as reviewed. A first start imports the catalogue; later starts
//! compare the digest and import again only if the program brings other data. Importing twice changes nothing.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};
use traffix_core::catalogue::document;
use traffix_core::catalogue::{Company, Ru};
use traffix_core::network::Network;

/// The files.
#[derive(rust_embed::Embed)]
#[folder = "data"]
#[include = "*.toml"]
struct Files;

/// What the files say.
#[derive(Debug, Clone, Default)]
pub struct Bundled {
    /// Publishers and developers.
    pub companies: Vec<Company>,
    /// Releases and updates.
    pub rus: Vec<Ru>,
    /// Example networks, by id.
    pub networks: Vec<Network>,
    /// SHA-256 of all files, in hexadecimal.
    pub digest: String,
}

static BUNDLED: LazyLock<Result<Bundled, String>> = LazyLock::new(read);

/// The bundled data.
///
/// # Errors
/// If a file is not valid, which the tests of this crate exclude for every build that passes them.
///
/// # Example
/// ```
/// let bundled = traffix_server::bundled::bundled()?;
/// assert!(bundled.rus.iter().any(|ru| ru.id.as_str() == "fortnite-og"));
/// # Ok::<(), &'static str>(())
/// ```
pub fn bundled() -> Result<&'static Bundled, &'static str> {
    BUNDLED.as_ref().map_err(String::as_str)
}

fn read() -> Result<Bundled, String> {
    let mut names: Vec<String> = Files::iter().map(Into::into).collect();
    names.sort_unstable();
    let mut bundled = Bundled::default();
    let mut digest = Sha256::new();
    for name in names {
        let Some(file) = Files::get(&name) else { continue };
        digest.update(name.as_bytes());
        digest.update([0]);
        digest.update(file.metadata.sha256_hash());
        let text = std::str::from_utf8(&file.data).map_err(|error| format!("data/{name}: {error}"))?;
        if name.starts_with("networks/") {
            let found = document::parse_network(text).map_err(|errors| first(&name, &errors))?;
            bundled.networks.push(found);
        } else {
            let found = document::parse_toml(text).map_err(|errors| first(&name, &errors))?;
            bundled.companies.extend(found.companies);
            bundled.rus.extend(found.rus);
        }
    }
    bundled.networks.sort_by(|a, b| b.lines.total_cmp(&a.lines).then_with(|| a.id.cmp(&b.id)));
    bundled.digest = hex(&digest.finalize());
    Ok(bundled)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn first(name: &str, errors: &[document::DocumentError]) -> String {
    errors.first().map_or_else(String::new, |error| format!("data/{name}:{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_valid_and_complete() {
        let bundled = bundled().unwrap();
        assert!(!bundled.rus.is_empty() && !bundled.companies.is_empty());
        assert_eq!(bundled.digest.len(), 64);
        let mut ids: Vec<_> = bundled.rus.iter().map(|ru| &ru.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), bundled.rus.len());
    }
}
