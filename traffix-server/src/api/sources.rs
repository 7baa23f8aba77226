//! Where the catalogue comes from: how fresh each source is, and how much it may still be asked.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::{ParseSlugError, RuId};
use traffix_platforms::PLATFORMS;
use traffix_platforms::upstream::HostMeter;
use traffix_store::{Source, Sources};

use super::Chapter;
use crate::AppState;
use crate::http::{Answer, Path, PathParam, Problem};

pub(crate) struct SourceApi(pub(crate) Arc<AppState>);

/// Identifies a source: a platform's slug or another word.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("pattern" = "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength" = 1, "maxLength" = 100))]
pub(crate) struct SourceId(String);

impl TryFrom<String> for SourceId {
    type Error = ParseSlugError;

    fn try_from(text: String) -> Result<Self, ParseSlugError> {
        text.parse()
    }
}

impl FromStr for SourceId {
    type Err = ParseSlugError;

    fn from_str(text: &str) -> Result<Self, ParseSlugError> {
        RuId::new(text).map(|slug| Self(slug.to_string()))
    }
}

impl PathParam for SourceId {
    const NAME: &'static str = "id";
}

/// A source of the catalogue and how its last pull went.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Source")]
pub(crate) struct SourceView {
    /// A platform's slug or another word.
    id: String,
    /// `never` pulled, `ok`, or `failing` since the last success.
    status: &'static str,
    /// Whether somebody pulls it now.
    pulling: bool,
    /// When the last pull began.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    /// When the last pull ended without an error of the source as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    succeeded_at: Option<DateTime<Utc>>,
    /// Seconds since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_secs: Option<u64>,
    /// When the last error happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<DateTime<Utc>>,
    /// What it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When the next pull is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<DateTime<Utc>>,
    /// Pulls in a row that failed as a whole.
    failures: u32,
    /// Observations read, ever.
    read: u64,
    /// Changes to the catalogue, ever.
    written: u64,
    /// Errors, ever.
    errors: u64,
    /// Whom this server asked for it since its start, by host name.
    hosts: BTreeMap<String, Host>,
}

/// Requests to one host.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SourceHost")]
pub(crate) struct Host {
    /// Requests sent, repeated ones included.
    requests: u64,
    /// Those without an answer.
    errors: u64,
    /// Bytes of answers.
    body_bytes: u64,
    /// Requests that the host said it would still answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
    /// Status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
    /// When the last good answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success_at: Option<DateTime<Utc>>,
}

/// All sources.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SourcePage {
    items: Vec<SourceView>,
}

#[OpenApi(tag = "Chapter::Sources")]
impl SourceApi {
    /// Sources of the catalogue by id: every platform, and what else was pulled.
    #[oai(path = "/sources", method = "get", operation_id = "listSources")]
    async fn list(&self) -> Result<Answer<SourcePage>, Problem> {
        let mut items: BTreeMap<String, SourceView> = PLATFORMS
            .iter()
            .map(|platform| (platform.id().to_string(), self.never(platform.id().as_str())))
            .collect();
        for source in self.0.store.sources().await? {
            items.insert(source.id.clone(), self.view(source));
        }
        Answer::json(&SourcePage { items: items.into_values().collect() })
    }

    /// One source.
    #[oai(path = "/sources/:id", method = "get", operation_id = "getSource")]
    async fn get(&self, Path(id): Path<SourceId>) -> Result<Answer<SourceView>, Problem> {
        if let Some(found) = Sources::source(self.0.store.as_ref(), &id.0).await? {
            return Answer::json(&self.view(found));
        }
        if PLATFORMS.iter().any(|platform| platform.id().as_str() == id.0) {
            return Answer::json(&self.never(&id.0));
        }
        Err(Problem::missing("id", "source", &id.0))
    }
}

impl SourceApi {
    fn never(&self, id: &str) -> SourceView {
        self.view(Source { id: id.to_owned(), state: traffix_store::SourceState::default(), lease: None })
    }

    fn view(&self, source: Source) -> SourceView {
        let Source { id, state, lease } = source;
        let now = self.0.clock.now();
        let failing = state.failures > 0 || (state.succeeded_at.is_none() && state.failed_at.is_some());
        let status = match (failing, state.started_at) {
            (true, _) => "failing",
            (false, None) => "never",
            (false, Some(_)) => "ok",
        };
        let lag = state.succeeded_at.map(|at| u64::try_from((now - at).num_seconds()).unwrap_or(0));
        SourceView {
            status,
            // Leases run out by the system's clock, whatever instant the server pretends.
            pulling: lease.is_some_and(|lease| lease.until > Utc::now()),
            started_at: state.started_at,
            succeeded_at: state.succeeded_at,
            lag_secs: lag,
            failed_at: state.failed_at,
            error: state.error,
            due_at: state.due_at,
            failures: state.failures,
            read: state.read,
            written: state.written,
            errors: state.errors,
            hosts: self.0.jobs.hosts(&id).into_iter().map(|(name, host)| (name, host.into())).collect(),
            id,
        }
    }
}

impl From<HostMeter> for Host {
    fn from(meter: HostMeter) -> Self {
        Self {
            requests: meter.requests,
            errors: meter.errors.values().sum(),
            body_bytes: meter.body_bytes,
            remaining: meter.remaining,
            last_status: meter.last_status,
            last_success_at: meter.last_success_at,
        }
    }
}
