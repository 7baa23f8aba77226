//! The profile of the network that is measured.

use std::path::Path;

use traffix_core::catalogue::document;
use traffix_core::network::Network;
use traffix_store::{Store, StoreError};

use crate::bundled::bundled;

/// Why there is no profile to measure by.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    /// Nobody said which.
    #[error(
        "collect.network is not set: name a file with the network's profile, or KEY-ID/ID of a saved one"
    )]
    Unset,
    /// It names nothing.
    #[error("{0:?} is neither a file, nor an example network, nor KEY-ID/ID of a saved network")]
    Unknown(String),
    /// It cannot be read.
    #[error("{name}: {detail}")]
    Broken {
        /// What was named.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The network that a setting names: a file, the id of an example, or `KEY-ID/ID` of a saved one.
pub(crate) async fn profile(store: &dyn Store, name: &str) -> Result<Network, ProfileError> {
    let broken = |detail: String| ProfileError::Broken { name: name.to_owned(), detail };
    let path = Path::new(name);
    let network = if path.is_file() {
        let text = std::fs::read_to_string(path).map_err(|error| broken(error.to_string()))?;
        parse(&text).map_err(broken)?
    } else if let Some(example) = example(name) {
        example
    } else {
        let unknown = || ProfileError::Unknown(name.to_owned());
        let (owner, id) = name.split_once('/').ok_or_else(unknown)?;
        let saved = store.network(owner, id).await?.ok_or_else(unknown)?;
        serde_json::from_value(saved.profile).map_err(|error| broken(error.to_string()))?
    };
    let findings = network.validate();
    if findings.is_empty() {
        return Ok(network);
    }
    Err(broken(findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
}

fn example(id: &str) -> Option<Network> {
    bundled().ok()?.networks.iter().find(|network| network.id == id).cloned()
}

/// JSON or TOML, as the first character tells.
fn parse(text: &str) -> Result<Network, String> {
    if text.trim_start().starts_with('{') {
        let mut from = serde_json::Deserializer::from_str(text);
        return serde_path_to_error::deserialize(&mut from).map_err(|error| error.to_string());
    }
    document::parse_network(text)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}
