//! The page at `/`: what comes next, and what it does to an example network.
//!
//! One plain document that works without script, of three steps: `build` asks the model, `view` holds what is
//! shown, `html` writes it. The front keeps the bytes until the catalogue changes.

mod build;
mod html;
mod view;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use poem::http::header;
use poem::http::{HeaderName, HeaderValue};
use poem::{IntoResponse as _, Response};
use traffix_core::network::Network;

use crate::bundled::bundled;
use crate::http::{Holds, Kind, Problem, Reply};
use crate::{AppState, Clock, planning};

/// How old a page may be while the catalogue stands still: the "now" in it moves.
const FRESH: Duration = Duration::from_mins(5);

/// Answers `GET /` and, with the id of an example network, `GET /networks/{id}`.
pub async fn index(state: &Arc<AppState>, network: Option<&str>) -> Response {
    match page(state, network).await {
        Ok(reply) => reply.into_response(),
        Err(problem) => poem::Error::from(problem).into_response(),
    }
}

async fn page(state: &Arc<AppState>, wanted: Option<&str>) -> Result<Reply, Problem> {
    let examples = bundled().map(|bundled| bundled.networks.as_slice()).unwrap_or_default();
    let network = choose(examples, wanted).ok_or_else(|| {
        let detail = "no example network has this name; / lists them";
        Problem::new(Kind::NotFound, detail)
    })?;
    let now = state.clock.now();
    let until = now.checked_add_signed(TimeDelta::days(build::LIST_DAYS)).unwrap_or(now);
    let rus = planning::upcoming(state.store.as_ref(), now, until).await?;
    let pretended = matches!(state.clock, Clock::Fixed(_));
    let draw = move || html::render(&build::page(&rus, network, examples, (now, pretended)));
    let html = state.compute.run(&state.metrics, draw).await?;
    let mut reply = Reply::bytes("text/html; charset=utf-8", html);
    reply.holds = if pretended { Holds::WithCatalogue } else { Holds::AtMost(FRESH) };
    reply.headers = headers();
    Ok(reply)
}

/// The network of this name; without a name the largest.
fn choose(examples: &'static [Network], wanted: Option<&str>) -> Option<&'static Network> {
    match wanted {
        Some(id) => examples.iter().find(|network| network.id == id),
        None => examples.first(),
    }
}

fn headers() -> Vec<(HeaderName, HeaderValue)> {
    let policy =
        HeaderValue::from_str(&html::POLICY).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    vec![
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ]
}

#[cfg(test)]
mod tests;
