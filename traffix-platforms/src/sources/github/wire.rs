//! What GitHub answers (<https://docs.github.com/rest/issues/issues>); authors are not read.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    pub(super) number: u64,
    pub(super) title: Option<String>,
    pub(super) body: Option<String>,
    pub(super) state: Option<String>,
    pub(super) html_url: Option<String>,
    pub(super) updated_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(super) labels: Vec<Label>,
    pub(super) reactions: Option<Reactions>,
    /// Present if it is not an issue but a pull request.
    pub(super) pull_request: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Label {
    Object { name: Option<String> },
    Text(String),
}

#[derive(Debug, Deserialize)]
pub(super) struct Reactions {
    #[serde(default)]
    pub(super) total_count: u64,
    #[serde(default)]
    pub(super) rocket: u64,
}

/// A webhook's body.
#[cfg(feature = "live")]
#[derive(Debug, Deserialize)]
pub(super) struct IssueEvent {
    pub(super) action: String,
    pub(super) issue: Issue,
    pub(super) repository: RepositoryName,
}

#[cfg(feature = "live")]
#[derive(Debug, Deserialize)]
pub(super) struct RepositoryName {
    pub(super) full_name: String,
}
