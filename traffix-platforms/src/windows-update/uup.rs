//! UUP dump: what the update service would send to a device, collected by volunteers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use traffix_core::{Evidence, SourceKind};

use super::ID;
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Request, Upstream, UpstreamError};
use crate::wire::{count, unix};

/// The service asks for patience, and what it says about a build hardly changes.
const FRESH_SECS: u32 = 86_400;

/// A build that the service knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UupBuild {
    /// Identifier: an external id of this platform.
    pub uuid: String,
    /// `Windows 11, version 26H2 (26300.9550)`.
    pub title: Option<String>,
    /// `26300.9550`.
    pub build: Option<String>,
    /// `amd64`, `arm64`.
    pub arch: Option<String>,
    /// When the service first saw it.
    #[serde(default, rename = "created", deserialize_with = "unix")]
    pub seen_at: Option<DateTime<Utc>>,
}

/// The files of one edition and language of a build.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Files {
    #[serde(rename = "updateName")]
    pub(super) title: Option<String>,
    pub(super) build: Option<String>,
    #[serde(default, rename = "files")]
    pub(super) by_name: BTreeMap<String, File>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct File {
    #[serde(default, deserialize_with = "count")]
    pub(super) size: Option<u64>,
}

impl Files {
    /// All bytes together; unknown unless every file has a size.
    pub(super) fn total_bytes(&self) -> Option<u64> {
        let mut sizes = self.by_name.values().map(|file| file.size);
        let total = sizes.try_fold(0_u64, |sum, size| sum.checked_add(size?));
        total.filter(|bytes| *bytes > 0)
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    response: T,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Builds {
    builds: Numbered,
}

/// A list that is written as an object when its numbers have gaps.
#[derive(Deserialize)]
#[serde(untagged)]
enum Numbered {
    Object(BTreeMap<String, UupBuild>),
    List(Vec<UupBuild>),
}

/// The builds that the service knows, oldest first; `search` looks into titles and numbers.
///
/// # Errors
/// As every request; a refusal for going too fast can be [retried](PlatformError::is_retryable).
pub async fn uup_builds(
    up: &dyn Upstream,
    search: Option<&str>,
) -> Result<Fetched<Vec<UupBuild>>, PlatformError> {
    let mut request = Request::get("https://api.uupdump.net/listid.php").query("sortByDate", 1);
    if let Some(search) = search {
        request = request.query("search", search);
    }
    let found: Fetched<Builds> = ask(up, "uupdump/listid", request, search.unwrap_or("builds")).await?;
    Ok(found.map(|found| {
        let mut builds = match found.builds {
            Numbered::Object(builds) => builds.into_values().collect(),
            Numbered::List(builds) => builds,
        };
        builds.sort_by_key(|build| build.seen_at);
        builds
    }))
}

/// What a device of the professional edition in English would fetch of a build at most.
pub(super) async fn files(up: &dyn Upstream, uuid: &str) -> Result<Fetched<Files>, PlatformError> {
    let request = Request::get("https://api.uupdump.net/get.php")
        .query("id", uuid)
        .query("lang", "en-us")
        .query("edition", "professional")
        .query("noLinks", 1);
    ask(up, "uupdump/get", request, uuid).await
}

/// Evidence that volunteers say so.
pub(super) fn evidence<T>(fetched: &Fetched<T>) -> Evidence {
    Evidence { kind: SourceKind::Community, ..fetched.evidence() }
}

async fn ask<T: DeserializeOwned>(
    up: &dyn Upstream,
    operation: &'static str,
    request: Request,
    id: &str,
) -> Result<Fetched<T>, PlatformError> {
    let call = Call::new(ID, operation, up);
    let request = request.fresh_for(FRESH_SECS);
    let response = call.response(&request).await?;
    let refusal: Result<Envelope<Refusal>, _> = call.parse_json(&response.body);
    if let Ok(Envelope { response: Refusal { error: Some(error) } }) = refusal {
        return Err(refused(&call, operation, &error, id));
    }
    match response.status {
        200..300 => {}
        404 | 410 => return Err(call.not_found(id)),
        status => return Err(call.malformed("status", status.to_string())),
    }
    let value: Envelope<T> = call.parse_json(&response.body)?;
    let (source, observed_at) = (request.url.to_string(), response.observed_at);
    Ok(Fetched { value: value.response, source, observed_at })
}

/// The service says what is wrong in words and uses HTTP statuses loosely.
fn refused(call: &Call<'_>, operation: &'static str, error: &str, id: &str) -> PlatformError {
    match error {
        "USER_RATE_LIMITED" | "RATE_LIMITED" | "WU_REQUEST_FAILED" => PlatformError::Upstream {
            platform: ID,
            operation,
            source: UpstreamError::Status { status: 429, retry_after: None },
        },
        "SEARCH_NO_RESULTS"
        | "UPDATE_INFORMATION_NOT_EXISTS"
        | "INCORRECT_ID"
        | "NO_UPDATE_FOUND"
        | "EMPTY_FILELIST" => call.not_found(id),
        other => call.malformed("response.error", other),
    }
}
