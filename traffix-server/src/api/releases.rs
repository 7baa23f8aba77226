//! Releases and their updates.

use std::sync::Arc;

use poem::Request;
use poem_openapi::OpenApi;
use traffix_core::catalogue::{RuId, RuKind};

use super::Chapter;
use super::catalogue::{RuListParams, RuPage, find, list};
use crate::AppState;
use crate::http::{Answer, Path, Problem, Query};

pub(crate) struct ReleaseApi(pub(crate) Arc<AppState>);

#[OpenApi(tag = "Chapter::Catalogue")]
impl ReleaseApi {
    /// Releases only: the list of RUs with `kind=release`.
    #[oai(path = "/releases", method = "get", operation_id = "listReleases")]
    async fn list(&self, request: &Request, params: Query<RuListParams>) -> Result<Answer<RuPage>, Problem> {
        list(&self.0, request, params.0.only(RuKind::Release, None)?).await
    }

    /// The updates of one release.
    #[oai(path = "/releases/:id/updates", method = "get", operation_id = "listUpdates")]
    async fn updates(
        &self,
        request: &Request,
        Path(id): Path<RuId>,
        params: Query<RuListParams>,
    ) -> Result<Answer<RuPage>, Problem> {
        let release = find(&self.0, &id, None).await?;
        if release.value.kind != RuKind::Release {
            return Err(Problem::missing("id", "release", id.as_str()));
        }
        list(&self.0, request, params.0.only(RuKind::Update, Some(id))?).await
    }
}
