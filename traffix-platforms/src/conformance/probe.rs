//! An upstream that answers from recordings, or badly.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::upstream::{Replay, Request, Response, Upstream, UpstreamError};

/// The wait that a bad answer asks for; an error must carry it on.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(17);
/// How deep the nested body goes: far beyond any stack.
const DEPTH: usize = 100_000;
const PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Please &amp; thank you</p></body></html>";

/// A bad answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    Empty,
    Truncated,
    /// A page for people, such as those of captive portals and maintenance.
    Html,
    /// JSON, but not of this shape.
    Shape(&'static str),
    /// Brackets or elements without end.
    Nested,
    NotFound,
    /// Refused or failed, with the wait.
    Status(u16),
    /// These bytes instead.
    Body(Bytes),
}

impl Fault {
    /// Those that every recorded request gets.
    pub(super) const ALL: [Self; 12] = [
        Self::Empty,
        Self::Truncated,
        Self::Html,
        Self::Shape("null"),
        Self::Shape("[]"),
        Self::Shape("{}"),
        Self::Shape("[[1], \"text\", {\"a\": null}]"),
        Self::Nested,
        Self::NotFound,
        Self::Status(429),
        Self::Status(500),
        Self::Status(503),
    ];

    /// Whether it makes sense instead of this answer.
    fn suits(&self, good: &Response) -> bool {
        match self {
            Self::Empty | Self::Truncated | Self::Html | Self::Nested | Self::Body(_) => {
                (200..300).contains(&good.status) && !good.body.is_empty()
            }
            Self::Shape(_) => (200..300).contains(&good.status) && is_json(&good.body),
            Self::NotFound | Self::Status(_) => true,
        }
    }

    fn answer(&self, good: &Response) -> Result<Response, UpstreamError> {
        let with = |body: Bytes| Ok(Response { body, ..good.clone() });
        match self {
            Self::Empty => with(Bytes::new()),
            Self::Truncated => with(good.body.slice(..good.body.len() / 2)),
            Self::Html => with(Bytes::from_static(PAGE.as_bytes())),
            Self::Shape(json) => with(Bytes::from_static(json.as_bytes())),
            Self::Nested => with(Bytes::from(nested(&good.body))),
            Self::NotFound => {
                Ok(Response { status: 404, body: Bytes::from_static(b"not found"), ..good.clone() })
            }
            Self::Status(status) => {
                Err(UpstreamError::Status { status: *status, retry_after: Some(RETRY_AFTER) })
            }
            Self::Body(body) => with(body.clone()),
        }
    }
}

fn is_json(body: &[u8]) -> bool {
    body.trim_ascii_start().first().is_some_and(|first| matches!(first, b'{' | b'['))
}

/// Nested in the notation of the good answer.
fn nested(good: &[u8]) -> String {
    if good.trim_ascii_start().starts_with(b"<") { "<a>".repeat(DEPTH) } else { "[".repeat(DEPTH) }
}

/// Which requests are answered badly.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plan<'a> {
    Good,
    /// The request of this number, counted from 0.
    One(usize, &'a Fault),
    All(&'a Fault),
}

/// Answers from recordings except where its plan says otherwise, and remembers what it was asked.
pub(super) struct Probe<'a> {
    replay: &'a Replay,
    plan: Plan<'a>,
    seen: Mutex<Vec<(Request, Option<Response>)>>,
}

impl<'a> Probe<'a> {
    pub(super) fn new(replay: &'a Replay, plan: Plan<'a>) -> Self {
        Self { replay, plan, seen: Mutex::default() }
    }

    /// The requests in their order, with their good answers.
    pub(super) fn seen(self) -> Vec<(Request, Option<Response>)> {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Upstream for Probe<'_> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        let good = self.replay.send(request).await;
        let number = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push((request.clone(), good.as_ref().ok().cloned()));
            seen.len() - 1
        };
        let fault = match self.plan {
            Plan::Good => None,
            Plan::One(which, fault) => (which == number).then_some(fault),
            Plan::All(fault) => Some(fault),
        };
        match (good, fault) {
            (Ok(good), Some(fault)) if fault.suits(&good) => fault.answer(&good),
            (good, _) => good,
        }
    }
}

/// Whether a fault changes anything for this recorded answer.
pub(super) fn applies(fault: &Fault, good: Option<&Response>) -> bool {
    good.is_some_and(|good| fault.suits(good))
}
