//! Answers without an end: server-sent events.

use bytes::Bytes;
use futures_util::Stream;
use poem::http::header;
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};

use crate::api::schema;

/// The content type of server-sent events (HTML standard, section 9.2).
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// Marks a response whose body the front must pass on as it comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streamed;

/// Server-sent events.
pub(crate) struct EventStream(Body);

impl EventStream {
    /// Sends pieces of text as they come.
    pub(crate) fn new(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        use futures_util::StreamExt as _;
        Self(Body::from_bytes_stream(pieces.map(Ok::<_, std::io::Error>)))
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let mut response = Response::builder()
            .content_type(EVENT_STREAM)
            .header(header::CACHE_CONTROL, "no-store")
            // Reverse proxies would wait for more.
            .header("x-accel-buffering", "no")
            .body(self.0);
        response.extensions_mut().insert(Streamed);
        response
    }
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        let events = MetaMediaType { content_type: EVENT_STREAM, schema: schema::text() };
        let meta = MetaResponse {
            description: "Events as they happen",
            status: Some(200),
            status_range: None,
            content: vec![events],
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![meta] }
    }

    fn register(_: &mut Registry) {}
}
