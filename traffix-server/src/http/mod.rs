//! Everything about HTTP that is not about a particular resource.
//!
//! [`Front`] sees every request first: it knows the client, applies limits, answers hot pages from prepared
//! bytes and finishes every answer, errors included, in one form.

use poem::http::HeaderName;

mod accept;
mod answer;
mod body;
mod cached;
mod client;
mod compress;
mod conditional;
mod cors;
mod finish;
mod front;
mod idempotency;
mod operations;
mod pages;
mod params;
mod problem;
mod request_id;
mod stream;

pub(crate) use accept::wants_csv;
pub(crate) use answer::{Answer, Created, Deleted, Holds, Reply, Saved};
pub(crate) use body::Body;
pub(crate) use client::ClientId;
pub(crate) use conditional::{expectation, strong_etag};
pub(crate) use front::Front;
pub(crate) use idempotency::Idempotency;
pub(crate) use operations::Operations;
pub(crate) use pages::Pages;
pub(crate) use params::{Path, PathParam, Query};
pub(crate) use problem::{Kind, Problem};
pub(crate) use stream::EventStream;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
