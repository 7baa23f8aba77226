//! Product info: what Steam tells its client about an app, with depots, manifests and builds.
//!
//! The tree is the same whether it comes as JSON from the mirror `api.steamcmd.net` or as text from the Steam network.

mod depots;
mod wire;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::parse_vdf;
use crate::error::DataError;
use wire::{Associations, number, seconds};

pub use depots::{Branch, Depot, DepotTree, Device, Manifest, Os, Transfer};

/// What Steam's client knows about one app. Unknown members are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct AppInfo {
    /// Name, kind and release.
    pub common: Common,
    /// What is downloaded.
    pub depots: DepotTree,
    /// Whether the tree is withheld from anonymous readers: then `depots` is empty.
    #[serde(rename = "_missing_token", deserialize_with = "wire::flag")]
    pub restricted: bool,
}

/// The part of the product info that names the app.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Common {
    /// Title.
    pub name: Option<String>,
    /// `Game`, `DLC`, `Demo`, `Tool`, `Application`, `Music`, …
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `released`, `prerelease`, `preloadonly` while it can be downloaded ahead, `unavailable`.
    #[serde(rename = "releasestate")]
    pub release_state: Option<String>,
    /// When it can be played; before the release possibly a placeholder.
    #[serde(rename = "steam_release_date", deserialize_with = "seconds")]
    pub released_at: Option<DateTime<Utc>>,
    /// Of an extension: the app that it extends.
    #[serde(deserialize_with = "number")]
    pub parent: Option<u64>,
    associations: Associations,
}

impl Common {
    /// Names of the publishers.
    pub fn publishers(&self) -> Vec<String> {
        self.associations.names("publisher")
    }

    /// Names of the developers.
    pub fn developers(&self) -> Vec<String> {
        self.associations.names("developer")
    }

    /// Whether it can be downloaded ahead now.
    pub fn preloads(&self) -> bool {
        self.release_state.as_deref() == Some("preloadonly")
    }
}

impl AppInfo {
    /// Reads the tree as text, as the Steam network and `app_info_print` give it.
    ///
    /// ```
    /// use traffix_platforms::steam::AppInfo;
    /// let info = AppInfo::from_vdf("\"appinfo\" { \"common\" { \"name\" \"Spacewar\" } }")?;
    /// assert_eq!(info.common.name.as_deref(), Some("Spacewar"));
    /// # Ok::<(), traffix_platforms::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError`] with the line; line 0 if a member is not what it should be.
    pub fn from_vdf(text: &str) -> Result<Self, DataError> {
        let (_, tree) = parse_vdf(text)?;
        serde_path_to_error::deserialize(serde_json::Value::Object(tree))
            .map_err(|error| DataError { line: 0, detail: format!("{}: {}", error.path(), error.inner()) })
    }

    /// Reads the tree as JSON, without an envelope.
    ///
    /// # Errors
    /// [`DataError`] with the path to what is not as expected.
    pub fn from_json(json: &[u8]) -> Result<Self, DataError> {
        // Keeping track of the path costs a copy of every key: it is done for documents that have a mistake.
        if let Ok(info) = serde_json::from_slice(json) {
            return Ok(info);
        }
        let mut reader = serde_json::Deserializer::from_slice(json);
        serde_path_to_error::deserialize(&mut reader).map_err(|error| DataError {
            line: error.inner().line(),
            detail: format!("{}: {}", error.path(), error.inner()),
        })
    }
}

#[cfg(test)]
mod tests;
