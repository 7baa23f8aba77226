//! The page at `/`.

use std::sync::Arc;

use poem::Response;
use poem::web::Html;

use crate::AppState;

/// Answers `GET /`.
#[expect(clippy::unused_async, reason = "a page reads the store")]
pub async fn index(_state: &Arc<AppState>) -> Response {
    poem::IntoResponse::into_response(Html(
        "<!doctype html><title>traffix</title><a href=\"/docs\">API documentation</a>",
    ))
}
