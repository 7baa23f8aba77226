//! What Riot's services answer, as far as it is read.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A patchline of a title: `live`, `pbe`.
#[derive(Debug, Deserialize)]
pub(super) struct Patchline {
    /// By operating system: `win`, `mac`.
    #[serde(default)]
    pub(super) platforms: BTreeMap<String, System>,
}

/// A patchline on an operating system.
#[derive(Debug, Deserialize)]
pub(super) struct System {
    #[serde(default)]
    pub(super) configurations: Vec<Configuration>,
}

/// A patchline in a region.
#[derive(Debug, Deserialize)]
pub(super) struct Configuration {
    /// Riot's own code: `EUW`, `na`.
    pub(super) id: String,
    /// The manifest of the release.
    #[serde(default)]
    pub(super) patch_url: Option<String>,
}

/// The releases of a product that are rolled out together.
#[derive(Debug, Deserialize)]
pub(super) struct VersionSet {
    #[serde(default)]
    pub(super) releases: Vec<Rollout>,
}

/// A release and where it is.
#[derive(Debug, Deserialize)]
pub(super) struct Rollout {
    pub(super) release: Release,
    #[serde(default)]
    pub(super) download: Option<Download>,
}

/// What a release is.
#[derive(Debug, Deserialize)]
pub(super) struct Release {
    #[serde(default)]
    pub(super) labels: BTreeMap<String, Label>,
    /// An instant of RFC 3339.
    #[serde(default)]
    pub(super) created_at: Option<String>,
}

/// What is said about a release under one name.
#[derive(Debug, Deserialize)]
pub(super) struct Label {
    #[serde(default)]
    pub(super) values: Vec<String>,
}

/// Where a release is.
#[derive(Debug, Deserialize)]
pub(super) struct Download {
    #[serde(default)]
    pub(super) url: Option<String>,
}

impl Release {
    /// The first value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name)?.values.first().map(String::as_str)
    }
}
