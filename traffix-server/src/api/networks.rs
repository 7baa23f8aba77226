//! Saved network profiles.

use std::sync::Arc;

use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use traffix_core::network::Network;
use traffix_store::{Networks, StoreError, Written};

use super::Chapter;
use super::lists::{PageParams, page};
use crate::AppState;
use crate::auth::Keyed;
use crate::http::{
    Answer, Body, Deleted, Path, PathParam, Problem, Query, Saved, expectation, strong_etag,
};
