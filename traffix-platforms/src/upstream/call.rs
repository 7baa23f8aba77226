//! From a request to a value, with errors that say which platform, which interface and where in the answer.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use traffix_core::catalogue::PlatformId;
use traffix_core::{Evidence, SourceKind};

use super::{Request, Response, Upstream};
use crate::PlatformError;

/// One interface of one platform being asked.
///
/// ```
/// # use traffix_platforms::{PlatformError, upstream::{Call, Request, Upstream}};
/// # #[derive(serde::Deserialize)] struct Players { response: Count }
/// # #[derive(serde::Deserialize)] struct Count { player_count: u64 }
/// # async fn players(up: &dyn Upstream) -> Result<u64, PlatformError> {
/// let call = Call::new("steam".parse().unwrap(), "GetNumberOfCurrentPlayers", up);
/// let request = Request::get("https://api.steampowered.com/ISteamUserStats/GetNumberOfCurrentPlayers/v1/");
/// let players = call.json::<Players>(request.query("appid", 440)).await?;
/// # Ok(players.value.response.player_count) }
/// ```
pub struct Call<'a> {
    platform: PlatformId,
    operation: &'static str,
    up: &'a dyn Upstream,
    /// What "not found" names instead of the address.
    id: Option<String>,
}

/// A value with where and when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched<T> {
    /// What was read.
    pub value: T,
    /// The address, without secrets.
    pub source: String,
    /// When the bytes were served.
    pub observed_at: DateTime<Utc>,
}

impl<T> Fetched<T> {
    /// Evidence that the platform itself says so.
    pub fn evidence(&self) -> Evidence {
        Evidence::new(SourceKind::Official, self.source.clone(), self.observed_at)
    }

    /// The same with a value made of this one.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Fetched<U> {
        Fetched { value: make(self.value), source: self.source, observed_at: self.observed_at }
    }
}

impl<'a> Call<'a> {
    /// Of `platform`, the interface `operation`, through `up`.
    pub fn new(platform: PlatformId, operation: &'static str, up: &'a dyn Upstream) -> Self {
        Self { platform, operation, up, id: None }
    }

    /// Asks about the thing with this identifier: an answer of 404 or 410 then says that the platform does not know it,
    /// instead of the address.
    #[must_use]
    pub fn about(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// The whole answer, whatever its status below 500.
    ///
    /// # Errors
    /// [`PlatformError::Upstream`].
    pub async fn response(&self, request: &Request) -> Result<Response, PlatformError> {
        self.up.send(request).await.map_err(|source| PlatformError::Upstream {
            platform: self.platform.clone(),
            operation: self.operation,
            source,
        })
    }

    /// The body of a good answer.
    ///
    /// # Errors
    /// [`PlatformError::Upstream`], [`PlatformError::NotFound`] on 404 and 410, and [`PlatformError::Malformed`] on
    /// every other status that is not 2xx.
    pub async fn bytes(&self, request: Request) -> Result<Fetched<Bytes>, PlatformError> {
        let response = self.response(&request).await?;
        let source = request.url.to_string();
        match response.status {
            200..300 => Ok(Fetched { value: response.body, source, observed_at: response.observed_at }),
            404 | 410 => Err(self.not_found(self.id.clone().unwrap_or(source))),
            status => Err(self.malformed("status", format!("{status}"))),
        }
    }

    /// The body of a good answer, as JSON.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and [`PlatformError::Malformed`] with the path into the document.
    pub async fn json<T: DeserializeOwned>(&self, request: Request) -> Result<Fetched<T>, PlatformError> {
        let fetched = self.bytes(request).await?;
        let value = self.parse_json(&fetched.value)?;
        Ok(fetched.map(|_| value))
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`PlatformError::Malformed`] with the path into the document; a page of HTML is named as such.
    pub fn parse_json<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, PlatformError> {
        if body.trim_ascii_start().starts_with(b"<") {
            return Err(self.malformed("byte 0", "HTML or XML instead of JSON"));
        }
        let mut json = serde_json::Deserializer::from_slice(body);
        let value = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| self.malformed(error.path().to_string(), error.inner().to_string()))?;
        json.end().map_err(|error| self.malformed("end", error.to_string()))?;
        Ok(value)
    }

    /// The platform answered something unexpected at `at`.
    pub fn malformed(&self, at: impl Into<String>, detail: impl Into<String>) -> PlatformError {
        let mut detail = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(300) {
            detail.truncate(end);
        }
        PlatformError::Malformed {
            platform: self.platform.clone(),
            operation: self.operation,
            at: at.into(),
            detail,
        }
    }

    /// The platform does not know `id`.
    pub fn not_found(&self, id: impl Into<String>) -> PlatformError {
        PlatformError::NotFound { platform: self.platform.clone(), id: id.into() }
    }
}
