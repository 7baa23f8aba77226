//! What handlers answer: prepared bytes with the schema of a type.

use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use schemars::JsonSchema;
use serde::Serialize;

use super::conditional::Tag;
use super::problem::{Kind, Problem};
use crate::api::schema;

/// How long and for whom an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// For this client only, for now.
    Privately,
    /// For everybody, as long as the catalogue does not change.
    WithCatalogue,
    /// For everybody, as long as the catalogue does not change and no longer than this.
    AtMost(Duration),
}

/// A finished answer, before compression and conditions. Travels to the front as an extension of the response.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    pub(crate) content_type: HeaderValue,
    pub(crate) tag: Option<Tag>,
    pub(crate) last_modified: Option<DateTime<Utc>>,
    pub(crate) holds: Holds,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// Bytes of a content type.
    pub(crate) fn bytes(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            body: body.into(),
            content_type: HeaderValue::from_static(content_type),
            tag: None,
            last_modified: None,
            holds: Holds::Privately,
            headers: Vec::new(),
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}

/// 200 with a `T` as JSON.
pub(crate) struct Answer<T> {
    reply: Reply,
    content: PhantomData<fn() -> T>,
}

/// 201 with a `T` as JSON.
pub(crate) struct Created<T>(Answer<T>);

/// 200 or, if the entity is new, 201, with a `T` as JSON.
pub(crate) struct Saved<T>(Answer<T>);

/// 204.
pub(crate) struct Deleted;

impl<T: Serialize> Answer<T> {
    /// A value as JSON.
    pub(crate) fn json(value: &T) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(|error| {
            tracing::error!(%error, "an answer cannot be written");
            Problem::new(Kind::Internal, "the answer cannot be written as JSON")
        })?;
        Ok(Self::prepared("application/json", body))
    }
}

impl<T> Answer<T> {
    /// Bytes that are a `T` already.
    pub(crate) fn prepared(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { reply: Reply::bytes(content_type, body), content: PhantomData }
    }

    /// Holds for everybody until the catalogue changes.
    pub(crate) fn public(mut self) -> Self {
        self.reply.holds = Holds::WithCatalogue;
        self
    }

    /// Holds for everybody until the catalogue changes, or the time is over.
    pub(crate) fn public_for(mut self, time: Duration) -> Self {
        self.reply.holds = Holds::AtMost(time);
        self
    }

    /// Names the revision.
    pub(crate) fn tag(mut self, tag: Tag) -> Self {
        self.reply.tag = Some(tag);
        self
    }

    /// Says when the entity was written.
    pub(crate) fn modified(mut self, at: DateTime<Utc>) -> Self {
        self.reply.last_modified = Some(at);
        self
    }

    /// Adds a header; a value that is none is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.reply.headers.push((name, value));
        }
        self
    }

    /// Answers 201 and says where the new entity is.
    pub(crate) fn created(self, location: &str) -> Created<T> {
        let mut answer = self.header(header::LOCATION, location);
        answer.reply.status = StatusCode::CREATED;
        Created(answer)
    }

    /// Answers 201 if the entity is new.
    pub(crate) fn saved(mut self, is_new: bool) -> Saved<T> {
        if is_new {
            self.reply.status = StatusCode::CREATED;
        }
        Saved(self)
    }
}

impl<T: Send> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        self.reply.into_response()
    }
}

impl<T: Send> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Send> IntoResponse for Saved<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl IntoResponse for Deleted {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// One documented response; `location` adds the header of that name.
fn meta<T: JsonSchema>(status: u16, description: &'static str, location: bool) -> MetaResponse {
    let mut content =
        vec![MetaMediaType { content_type: "application/json", schema: schema::schema_ref::<T>() }];
    if schema::has_csv::<T>() {
        content.push(MetaMediaType { content_type: "text/csv", schema: schema::text() });
    }
    let header = |name: &str, description: &str| MetaHeader {
        name: name.into(),
        description: Some(description.into()),
        required: false,
        deprecated: false,
        schema: schema::text(),
    };
    let mut headers =
        vec![header("ETag", "Names this state; for `If-None-Match`, and `If-Match` on writes.")];
    if location {
        headers.push(header("Location", "Where the new entity is."));
    }
    MetaResponse { description, status: Some(status), status_range: None, content, headers }
}

impl<T: JsonSchema> ApiResponse for Answer<T> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![meta::<T>(200, "As asked for", false)] }
    }

    fn register(registry: &mut Registry) {
        schema::reference::<T>(registry);
    }
}

impl<T: JsonSchema> ApiResponse for Created<T> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![meta::<T>(201, "Created", true)] }
    }

    fn register(registry: &mut Registry) {
        schema::reference::<T>(registry);
    }
}

impl<T: JsonSchema> ApiResponse for Saved<T> {
    fn meta() -> MetaResponses {
        let responses = vec![meta::<T>(200, "Replaced", false), meta::<T>(201, "Created", true)];
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        schema::reference::<T>(registry);
    }
}

impl ApiResponse for Deleted {
    fn meta() -> MetaResponses {
        let gone = MetaResponse {
            description: "Removed",
            status: Some(204),
            status_range: None,
            content: Vec::new(),
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![gone] }
    }

    fn register(_: &mut Registry) {}
}
