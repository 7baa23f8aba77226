//! Whether the server lives, is ready, and what it counts.

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use serde_json::json;
use traffix_store::{Maintenance, Sources};

use crate::AppState;
use crate::metrics::Sizes;

/// The process answers.
pub(crate) fn alive() -> Response {
    json_response(StatusCode::OK, &json!({"status": "ok"}))
}

/// Name, version and model of the program.
pub(crate) fn version() -> Response {
    let about = json!({"name": "traffix", "version": env!("CARGO_PKG_VERSION"), "api": "v1"});
    json_response(StatusCode::OK, &about)
}

/// Whether requests can be served, part by part. Not ready is 503 with the same body, so that an operator sees
/// which part is red.
pub(crate) async fn ready(state: Arc<AppState>) -> Response {
    let database = match Maintenance::ping(state.store.as_ref()).await {
        Ok(()) => json!({"status": "ok"}),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            json!({"status": "failed", "detail": "the database does not answer"})
        }
    };
    let fine = database["status"] == "ok";
    let (status, word) =
        if fine { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "failed") };
    let sources = sources(&state).await;
    let collector = collector(&state);
    let parts = json!({"database": database, "sources": sources, "collector": collector});
    json_response(status, &json!({"status": word, "parts": parts}))
}

/// Whether flows are counted and written. Like sources it takes nobody out of service: what was counted waits.
fn collector(state: &AppState) -> serde_json::Value {
    let Some(stats) = state.collecting.stats() else { return json!({"status": "off"}) };
    let heard_ms = stats.exporters.values().map(|exporter| exporter.heard_ms).max();
    let at = |ms: Option<i64>| ms.and_then(chrono::DateTime::from_timestamp_millis);
    let mut part = json!({
        "status": if stats.sink_error.is_none() { "ok" } else { "degraded" },
        "pending_counters": stats.pending_counters,
    });
    let known = [("heard_at", at(heard_ms)), ("written_at", at(stats.kept_ms))];
    for (name, at) in known.into_iter().filter_map(|(name, at)| Some((name, at?))) {
        part[name] = json!(at);
    }
    if stats.sink_error.is_some() {
        part["detail"] = json!("measurements wait to be written; the log says why");
    }
    part
}

/// Sources that fail, for whoever looks. They are no reason to send requests elsewhere: what is known is answered.
async fn sources(state: &AppState) -> serde_json::Value {
    let Ok(all) = Sources::sources(state.store.as_ref()).await else { return json!({"status": "unknown"}) };
    let failing: Vec<String> =
        all.into_iter().filter(|source| source.state.failures > 0).map(|source| source.id).collect();
    let status = if failing.is_empty() { "ok" } else { "degraded" };
    json!({"status": status, "failing": failing})
}

/// `OpenMetrics` text. What the collector counts is measured traffic, for those who may read that.
pub(crate) async fn metrics(state: Arc<AppState>, has_key: bool) -> Response {
    let sequence = state.pages.sequence(state.store.as_ref()).await.unwrap_or(0);
    let sizes = Sizes { sequence, clients: state.limits.clients(), pages: state.pages.size() };
    if let Ok(sources) = Sources::sources(state.store.as_ref()).await {
        state.metrics.sources.set(&sources, &state.jobs, state.clock.now());
    }
    Response::builder()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(state.metrics.text(&sizes, has_key || state.config.measurements.open_reading))
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response {
    let answer = body.to_string().with_content_type("application/json").with_status(status);
    answer.with_header(header::CACHE_CONTROL, "no-store").into_response()
}
