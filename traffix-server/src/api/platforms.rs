//! Platforms, the CDNs behind them, and their prefixes. All of it is data-as-code: it is changed by review.

use std::sync::Arc;

use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::CdnId;
use traffix_platforms::cdn::{self, Cdn, CdnKind};
use traffix_platforms::{PLATFORMS, Platform, PlatformExt, prefixes};

use super::Chapter;
use super::lists::{PageParams, page};
use super::views::{self, Loose};
use crate::AppState;
use crate::http::{Answer, Kind, Path, PathParam, Problem, Query};

pub(crate) struct PlatformApi(#[expect(dead_code, reason = "the data is embedded")] pub(crate) Arc<AppState>);

impl PathParam for CdnId {
    const NAME: &'static str = "cdn";
}

/// A distribution platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlatformView {
    /// Stable slug.
    id: PlatformId,
    /// Name for people.
    name: String,
    /// Company that runs it.
    owner: String,
    /// What sort of platform it is.
    kind: String,
    /// When somebody last went through all facts.
    reviewed: String,
    /// The delivery networks that serve it today.
    cdns: Vec<CdnId>,
    /// Everything else that its profile states: client behaviour, weights, CDN shares, support.
    profile: Loose,
}
