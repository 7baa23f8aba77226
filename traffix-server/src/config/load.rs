//! Reading the layers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use config::{Environment, File, FileFormat};

use super::Config;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting is unknown or has a wrong value, or the file cannot be read.
    #[error("configuration: {0}")]
    Setting(#[from] config::ConfigError),
    /// The `.env` file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    EnvFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: dotenvy::Error,
    },
}

/// Reads the configuration: `flags` (pairs such as `("server.listen", "0.0.0.0:80")`) over `TRAFFIX__SECTION__KEY`
/// variables and `.env` over `file` over the defaults.
///
/// Without a `file`, `traffix.toml` in the working directory is read if it exists; a named file must exist.
///
/// # Errors
/// If a layer cannot be read, or names an unknown setting, or gives a value of a wrong type.
pub fn load<'a>(
    file: Option<&Path>,
    flags: impl IntoIterator<Item = (&'a str, String)>,
) -> Result<Config, ConfigError> {
    let env_file = env_file(Path::new(".env"))?;
    let default_file = Path::new("traffix.toml");
    let source = File::from(file.unwrap_or(default_file)).format(FileFormat::Toml).required(file.is_some());
    let lists = [
        "server.trusted_proxies",
        "server.cors_origins",
        "sync.platforms",
        "collect.netflow",
        "collect.ipfix",
        "collect.sflow",
        "collect.accept",
        "live.internal",
    ];
    let secrets = secrets(
        env_file
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .chain(std::env::vars_os().filter_map(text)),
    );
    let environment = |vars: Option<std::collections::HashMap<String, String>>| {
        let layer = Environment::with_prefix("TRAFFIX").prefix_separator("__").separator("__");
        let layer = layer.try_parsing(true).list_separator(",").source(vars);
        lists.iter().fold(layer, |layer, key| layer.with_list_parse_key(key))
    };
    let mut layers = config::Config::builder()
        .add_source(source)
        .add_source(environment(Some(env_file)))
        .add_source(environment(None));
    for (name, secret) in secrets {
        layers = layers.set_override(format!("credentials.{name}"), secret)?;
    }
    for (key, value) in flags {
        layers = layers.set_override(key, value)?;
    }
    Ok(layers.build()?.try_deserialize()?)
}

/// A variable of the environment, if it is text.
fn text((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// Secrets among variables, exactly as they are: one made of digits must not become a number on its way.
fn secrets(variables: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let named = |(name, secret): (String, String)| {
        let name = name.strip_prefix("TRAFFIX__CREDENTIALS__")?.to_ascii_lowercase();
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        plain.then_some((name, secret))
    };
    variables.filter_map(named).collect()
}

/// Variables of a `.env` file; none if there is no file.
fn env_file(path: &Path) -> Result<std::collections::HashMap<String, String>, ConfigError> {
    if !path.exists() {
        return Ok(std::collections::HashMap::new());
    }
    let wrap = |source| ConfigError::EnvFile { path: path.to_owned(), source };
    let pairs = dotenvy::from_path_iter(path).map_err(wrap)?;
    pairs.collect::<Result<_, _>>().map_err(wrap)
}
