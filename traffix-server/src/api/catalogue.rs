//! Reading releases and updates.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::{CategoryId, CompanyId, Content, Listing, PlatformId, Ru, RuId, RuKind};
use traffix_store::{Catalogue, RuQuery, Versioned};

use super::Chapter;
use super::changes::ChangePage;
use super::lists::{Cursor, Limit, PageParams, page, page_request};
use crate::AppState;
use crate::http::{Answer, Path, Problem, Query, strong_etag};

pub(crate) struct CatalogueApi(pub(crate) Arc<AppState>);

/// Which releases and updates; all conditions must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuListParams {
    /// Listed on this platform.
    platform: Option<PlatformId>,
    /// Releases or updates only.
    kind: Option<RuKind>,
    /// What is delivered.
    content: Option<Content>,
    /// Published by this company.
    publisher: Option<CompanyId>,
    /// Developed by this company.
    developer: Option<CompanyId>,
    /// In this category.
    category: Option<CategoryId>,
    /// Updates of this release.
    release: Option<RuId>,
    /// Some phase ends, or without an end starts, at or after this instant.
    from: Option<DateTime<Utc>>,
    /// Some phase starts before this instant.
    until: Option<DateTime<Utc>>,
    /// The largest wire size of any listing is at least this.
    min_bytes: Option<u64>,
    /// The largest wire size of any listing is at most this.
    max_bytes: Option<u64>,
    /// Words of the title; each must match the beginning of a word.
    #[schemars(length(max = 200), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"))]
    q: Option<String>,
    /// By first instant: earliest or latest first. Without any date comes last.
    order: Option<Order>,
    /// The catalogue as it was at this instant.
    as_of: Option<DateTime<Utc>>,
    /// Most items wanted, 1 to 500; 100 if absent.
    limit: Option<Limit>,
    /// Where to go on: a cursor from `next` of the page before.
    after: Option<Cursor>,
}

/// Order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// Earliest first.
    #[default]
    Earliest,
    /// Latest first.
    Latest,
}

/// At which instant.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AsOfParams {
    /// As it was at this instant.
    as_of: Option<DateTime<Utc>>,
}

/// A page of releases and updates.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RuPage {
    items: Vec<Ru>,
    /// The next page, if there is one.
    #[schemars(default)]
    next: Option<String>,
}

/// All listings of one release or update.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ListingPage {
    items: Vec<Listing>,
}

#[OpenApi(tag = "Chapter::Catalogue")]
impl CatalogueApi {
    /// Releases and updates.
    #[oai(path = "/rus", method = "get", operation_id = "listRus")]
    async fn list(&self, request: &Request, params: Query<RuListParams>) -> Result<Answer<RuPage>, Problem> {
        list(&self.0, request, params.0).await
    }

    /// One release or update.
    #[oai(path = "/rus/:id", method = "get", operation_id = "getRu")]
    async fn get(&self, Path(id): Path<RuId>, params: Query<AsOfParams>) -> Result<Answer<Ru>, Problem> {
        let found = find(&self.0, &id, params.0.as_of).await?;
        let answer = Answer::json(&found.value)?.public();
        Ok(answer.tag(strong_etag(found.revision)).modified(found.updated_at))
    }

    /// What changed about it, newest first.
    #[oai(path = "/rus/:id/history", method = "get", operation_id = "getRuHistory")]
    async fn history(
        &self,
        request: &Request,
        Path(id): Path<RuId>,
        params: Query<PageParams>,
    ) -> Result<Answer<ChangePage>, Problem> {
        let found = self.0.store.history(&id, &params.0.request()).await?;
        if found.items.is_empty() {
            find(&self.0, &id, None).await?;
        }
        Ok(page(&found.items, request.original_uri(), found.next.as_deref())?.public())
    }

    /// Where it can be had.
    #[oai(path = "/rus/:id/listings", method = "get", operation_id = "listListings")]
    async fn listings(&self, Path(id): Path<RuId>) -> Result<Answer<ListingPage>, Problem> {
        let found = find(&self.0, &id, None).await?;
        Ok(Answer::json(&ListingPage { items: found.value.listings })?.public())
    }

    /// One listing.
    #[oai(path = "/rus/:id/listings/:platform", method = "get", operation_id = "getListing")]
    async fn listing(
        &self,
        Path(id): Path<RuId>,
        Path(platform): Path<PlatformId>,
    ) -> Result<Answer<Listing>, Problem> {
        let found = find(&self.0, &id, None).await?;
        let listing = found.value.listing(&platform).ok_or_else(|| no_listing(&platform))?;
        let answer = Answer::json(listing)?.public();
        Ok(answer.tag(strong_etag(found.revision)).modified(found.updated_at))
    }
}

pub(super) fn no_listing(platform: &PlatformId) -> Problem {
    Problem::missing("platform", "listing", platform.as_str())
}

/// One RU, or the problem that it does not exist.
pub(super) async fn find(
    state: &AppState,
    id: &RuId,
    as_of: Option<DateTime<Utc>>,
) -> Result<Versioned<Ru>, Problem> {
    let found = Catalogue::ru(state.store.as_ref(), id, as_of).await?;
    found.ok_or_else(|| Problem::missing("id", "ru", id.as_str()))
}

/// A page of RUs.
pub(super) async fn list(
    state: &AppState,
    request: &Request,
    params: RuListParams,
) -> Result<Answer<RuPage>, Problem> {
    let as_of = params.as_of;
    let (query, wanted) = params.query()?;
    let found = match as_of {
        None => state.store.rus(&query, &wanted).await?,
        Some(at) => state.store.rus_as_of(&query, at, &wanted).await?,
    };
    let items: Vec<Ru> = found.items.into_iter().map(|one| one.value).collect();
    Ok(page(&items, request.original_uri(), found.next.as_deref())?.public())
}

impl RuListParams {
    /// The same with conditions that a path implies.
    pub(super) fn only(self, kind: RuKind, release: Option<RuId>) -> Result<Self, Problem> {
        if self.kind.is_some_and(|asked| asked != kind) {
            return Err(Problem::unusable("kind", "contradicts the path"));
        }
        if release.is_some() && self.release.is_some() && self.release != release {
            return Err(Problem::unusable("release", "contradicts the path"));
        }
        Ok(Self { kind: Some(kind), release: release.or(self.release), ..self })
    }

    fn query(self) -> Result<(RuQuery, traffix_store::PageRequest), Problem> {
        if self.q.as_ref().is_some_and(|q| q.chars().count() > 200) {
            return Err(Problem::parameter("q", "must be at most 200 characters"));
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until <= from
        {
            return Err(Problem::unusable("until", "must be after from"));
        }
        if let (Some(low), Some(high)) = (self.min_bytes, self.max_bytes)
            && high < low
        {
            return Err(Problem::unusable("max_bytes", "must not be below min_bytes"));
        }
        let query = RuQuery {
            platform: self.platform,
            kind: self.kind,
            content: self.content,
            publisher: self.publisher,
            developer: self.developer,
            category: self.category,
            release: self.release,
            from: self.from,
            until: self.until,
            min_bytes: self.min_bytes,
            max_bytes: self.max_bytes,
            text: self.q,
            descending: self.order == Some(Order::Latest),
        };
        Ok((query, page_request(self.limit, self.after)))
    }
}
