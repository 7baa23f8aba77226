//! Publishers and developers.

use std::sync::Arc;

use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::Serialize;
use traffix_core::catalogue::{Company, CompanyId};
use traffix_store::Catalogue;

use super::Chapter;
use super::lists::{PageParams, page};
use crate::AppState;
use crate::http::{Answer, Path, Problem, Query};

pub(crate) struct CompanyApi(pub(crate) Arc<AppState>);

/// A page of companies.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CompanyPage {
    items: Vec<Company>,
    /// The next page, if there is one.
    #[schemars(default)]
    next: Option<String>,
}

#[OpenApi(tag = "Chapter::Companies")]
impl CompanyApi {
    /// Publishers and developers by id.
    #[oai(path = "/companies", method = "get", operation_id = "listCompanies")]
    async fn list(
        &self,
        request: &Request,
        params: Query<PageParams>,
    ) -> Result<Answer<CompanyPage>, Problem> {
        let found = self.0.store.companies(&params.0.request()).await?;
        Ok(page(&found.items, request.original_uri(), found.next.as_deref())?.public())
    }

    /// One publisher or developer.
    #[oai(path = "/companies/:id", method = "get", operation_id = "getCompany")]
    async fn get(&self, Path(id): Path<CompanyId>) -> Result<Answer<Company>, Problem> {
        let found = Catalogue::company(self.0.store.as_ref(), &id).await?;
        let company = found.ok_or_else(|| Problem::missing("id", "company", id.as_str()))?;
        Ok(Answer::json(&company)?.public())
    }
}
