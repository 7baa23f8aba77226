//! Recorded answers as plain files that a person can read.
//!
//! A cassette is a folder: `cassette.toml` lists the exchanges, the bodies lie beside it as files, byte for byte.
//!
//! ```toml
//! [[exchange]]
//! url = "https://api.steampowered.com/ISteamUserStats/GetNumberOfCurrentPlayers/v1/?appid=440"
//! observed_at = 2026-09-01T12:00:00Z
//! body = "players_440.json"
//! source = "https://github.com/example/recordings"   # who recorded it, if not this crate
//! scrubbed = "names replaced"                        # what was changed, if anything
//! ```
//!
//! Optional are `method` (GET), `status` (200), `headers` (a table), `request` (the file with the body of a POST),
//! `source`, `scrubbed`, and `body` (none). Secrets are never in it: requests are recorded before they are put in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Method, Request, Response, UpstreamError};

/// The file that lists the exchanges of a folder.
pub const CASSETTE_FILE: &str = "cassette.toml";
/// Folders within folders that are searched for cassettes.
const MAX_DEPTH: usize = 8;

/// One request and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// The request's method.
    pub method: Method,
    /// The request's address.
    pub url: Url,
    /// The request's body.
    pub request: Option<Bytes>,
    /// The answer.
    pub response: Response,
    /// Who recorded it, if known.
    pub source: Option<String>,
    /// What was changed in it, if anything.
    pub scrubbed: Option<String>,
    /// The file of the answer's body.
    pub body_file: Option<PathBuf>,
}

/// What two requests share that get the same answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Method, String, Vec<(String, String)>, Option<Vec<u8>>);

impl Key {
    pub(super) fn of(request: &Request) -> Self {
        Self::new(request.method, &request.url, request.body.as_deref())
    }

    /// The order of parameters does not matter, nor does the layout of a JSON body.
    pub(super) fn new(method: Method, url: &Url, body: Option<&[u8]>) -> Self {
        let mut query: Vec<_> = url.query_pairs().into_owned().collect();
        query.sort_unstable();
        let mut address = url.clone();
        address.set_query(None);
        let body = body.map(|body| match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(json) => json.to_string().into_bytes(),
            Err(_) => body.to_vec(),
        });
        Self(method, address.into(), query, body)
    }
}

/// `cassette.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    #[serde(default)]
    pub(super) exchange: Vec<Entry>,
}

/// One exchange as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    #[serde(default = "get", skip_serializing_if = "is_get")]
    pub(super) method: String,
    pub(super) url: Url,
    pub(super) observed_at: toml::value::Datetime,
    #[serde(default = "ok", skip_serializing_if = "is_ok")]
    pub(super) status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scrubbed: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
}

fn get() -> String {
    "GET".into()
}

fn is_get(method: &str) -> bool {
    method == "GET"
}

fn ok() -> u16 {
    200
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_ok(status: &u16) -> bool {
    *status == 200
}

/// Every exchange of the cassettes in `folder` and the folders below it, in the order of their paths.
///
/// # Errors
/// [`UpstreamError::Recording`] with the file and what is wrong with it; also if there is no cassette at all.
pub fn load(folder: &Path) -> Result<Vec<Exchange>, UpstreamError> {
    let mut found = Vec::new();
    search(folder, 0, &mut found)?;
    if found.is_empty() {
        let detail = format!("no {CASSETTE_FILE} in {} or below", folder.display());
        return Err(UpstreamError::Recording(detail));
    }
    found.sort();
    let mut exchanges = Vec::new();
    for file in found {
        exchanges.extend(read(&file)?);
    }
    Ok(exchanges)
}

fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), UpstreamError> {
    for entry in std::fs::read_dir(folder).map_err(|error| broken(folder, error))? {
        let entry = entry.map_err(|error| broken(folder, error))?;
        // Links are not followed: they could lead in a circle.
        let kind = entry.file_type().map_err(|error| broken(&entry.path(), error))?;
        if kind.is_dir() && depth < MAX_DEPTH {
            search(&entry.path(), depth + 1, found)?;
        } else if kind.is_file() && entry.file_name() == CASSETTE_FILE {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<Exchange>, UpstreamError> {
    let text = std::fs::read_to_string(file).map_err(|error| broken(file, error))?;
    let index: Index = toml::from_str(&text).map_err(|error| broken(file, error))?;
    index.exchange.into_iter().map(|entry| exchange(entry, file)).collect()
}

fn exchange(entry: Entry, file: &Path) -> Result<Exchange, UpstreamError> {
    let method = match entry.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        other => return Err(broken(file, format!("method {other:?} must be GET, HEAD or POST"))),
    };
    let observed_at: DateTime<Utc> = entry
        .observed_at
        .to_string()
        .parse()
        .map_err(|error| broken(file, format!("observed_at of {}: {error}", entry.url)))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let body_file = entry.body.as_deref().map(|name| beside(folder, name)).transpose()?;
    let request_file = entry.request.as_deref().map(|name| beside(folder, name)).transpose()?;
    let body = body_file.as_deref().map(bytes_of).transpose()?.unwrap_or_default();
    let request = request_file.as_deref().map(bytes_of).transpose()?;
    let headers = entry.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let response = Response { status: entry.status, headers, body, observed_at };
    let (source, scrubbed) = (entry.source, entry.scrubbed);
    Ok(Exchange { method, url: entry.url, request, response, source, scrubbed, body_file })
}

/// A file of the cassette's own folder: never one of somewhere else.
fn beside(folder: &Path, name: &str) -> Result<PathBuf, UpstreamError> {
    let plain = Path::new(name).file_name().is_some_and(|file| file == name);
    if plain { Ok(folder.join(name)) } else { Err(broken(folder, format!("{name:?} must be a file name"))) }
}

fn bytes_of(file: &Path) -> Result<Bytes, UpstreamError> {
    std::fs::read(file).map(Bytes::from).map_err(|error| broken(file, error))
}

pub(super) fn broken(file: &Path, why: impl std::fmt::Display) -> UpstreamError {
    UpstreamError::Recording(format!("{}: {why}", file.display()))
}
