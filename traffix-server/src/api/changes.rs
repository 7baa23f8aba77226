//! The change log.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Chapter;
use super::lists::{Limit, page};
use crate::AppState;
use crate::http::{Answer, Problem, Query};

pub(crate) struct ChangeApi(pub(crate) Arc<AppState>);

/// Which part of the log.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeListParams {
    /// Changes after this position; 0, the default, is the beginning.
    after: Option<Position>,
    /// Most items wanted, 1 to 500; 100 if absent.
    limit: Option<Limit>,
}

/// A position of the log.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "u64")]
#[schemars(inline, extend("minimum" = 0, "maximum" = 9_007_199_254_740_991_u64))]
pub(crate) struct Position(i64);

impl Position {
    /// As a number.
    pub(super) fn number(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl TryFrom<u64> for Position {
    type Error = &'static str;

    fn try_from(position: u64) -> Result<Self, Self::Error> {
        let small = position < (1 << 53);
        i64::try_from(position).ok().filter(|_| small).map(Self).ok_or("must be below 2^53")
    }
}

/// One entry of the change log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Change")]
pub(crate) struct ChangeView {
    /// Position in the log.
    seq: i64,
    /// When.
    at: DateTime<Utc>,
    /// Who: a key's name, `import`, a platform's sync.
    actor: String,
    /// What kind of entity: `ru` or `company`.
    entity: String,
    /// Which.
    id: String,
    /// What happened: `create`, `update` or `delete`.
    op: String,
    /// The entity before.
    #[schemars(default, schema_with = "object")]
    before: Option<serde_json::Value>,
    /// The entity after.
    #[schemars(default, schema_with = "object")]
    after: Option<serde_json::Value>,
}

fn object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "object"})
}

/// A page of changes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChangePage {
    items: Vec<ChangeView>,
    /// The next page, if there is one.
    #[schemars(default)]
    next: Option<String>,
}

#[OpenApi(tag = "Chapter::Changes")]
impl ChangeApi {
    /// Changes of the catalogue after a position, oldest first.
    ///
    /// To follow the catalogue, ask again with `after` set to the `seq` of the last change seen.
    #[oai(path = "/changes", method = "get", operation_id = "listChanges")]
    async fn list(
        &self,
        request: &Request,
        params: Query<ChangeListParams>,
    ) -> Result<Answer<ChangePage>, Problem> {
        let limit = Limit::or_default(params.0.limit);
        let after = params.0.after.map_or(0, |position| position.0);
        let mut items = self.0.store.changes(after, limit + 1).await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let cursor = items.last().filter(|_| more).map(|change| change.seq.to_string());
        Ok(page(&items, request.original_uri(), cursor.as_deref())?.public())
    }
}
