//! Writing releases and updates, for moderators.

use std::sync::Arc;

use poem::Request;
use poem_openapi::OpenApi;
use traffix_core::Invalid;
use traffix_core::catalogue::{DownloadSize, Listing, Phase, PlatformId, Ru, RuId};
use traffix_store::{Actor, Catalogue, Expect, StoreError, Written};

use super::Chapter;
use super::catalogue::{find, no_listing};
use crate::AppState;
use crate::auth::Moderator;
use crate::http::{Answer, Body, Created, Deleted, Kind, Path, Problem, Saved, expectation, strong_etag};

pub(crate) struct EditApi(pub(crate) Arc<AppState>);

/// How often an edit is repeated when somebody else edits the same RU in between.
const ATTEMPTS: usize = 5;

#[OpenApi(tag = "Chapter::Catalogue")]
impl EditApi {
    /// Creates a release or update.
    #[oai(path = "/rus", method = "post", operation_id = "createRu")]
    async fn create(&self, who: Moderator, ru: Body<Ru>) -> Result<Created<Ru>, Problem> {
        let ru = ru.0;
        let written = match put(&self.0, &ru, Expect::Absent, &who.actor()).await {
            Err(StoreError::Conflict { .. }) => {
                let detail = format!("ru {:?} exists already; PUT edits it", ru.id.as_str());
                return Err(Problem::at("/id", detail).into_kind(Kind::Conflict));
            }
            other => other?,
        };
        let location = format!("{}/rus/{}", super::PREFIX, ru.id);
        Ok(Answer::json(&ru)?.tag(strong_etag(revision(written))).created(&location))
    }

    /// Creates or replaces a release or update.
    ///
    /// `If-Match` makes it an edit of one revision, `If-None-Match: *` a creation only.
    #[oai(path = "/rus/:id", method = "put", operation_id = "putRu")]
    async fn put(
        &self,
        who: Moderator,
        request: &Request,
        Path(id): Path<RuId>,
        ru: Body<Ru>,
    ) -> Result<Saved<Ru>, Problem> {
        let ru = ru.0;
        if ru.id != id {
            return Err(Problem::at("/id", format!("must be {:?}, as in the path", id.as_str())));
        }
        let written = put(&self.0, &ru, expectation(request.headers())?, &who.actor()).await?;
        let is_new = matches!(written, Written::Created(_));
        Ok(Answer::json(&ru)?.tag(strong_etag(revision(written))).saved(is_new))
    }

    /// Removes a release or update; refused while updates name it.
    #[oai(path = "/rus/:id", method = "delete", operation_id = "deleteRu")]
    async fn delete(
        &self,
        who: Moderator,
        request: &Request,
        Path(id): Path<RuId>,
    ) -> Result<Deleted, Problem> {
        let expect = expectation(request.headers())?;
        self.0.store.delete_ru(&id, expect, &who.actor()).await.map_err(|error| match error {
            StoreError::NotFound { .. } => Problem::missing("id", "ru", id.as_str()),
            error => error.into(),
        })?;
        self.0.pages.note(Catalogue::sequence(self.0.store.as_ref()).await?);
        Ok(Deleted)
    }

    /// Creates or replaces one listing.
    #[oai(path = "/rus/:id/listings/:platform", method = "put", operation_id = "putListing")]
    async fn put_listing(
        &self,
        who: Moderator,
        request: &Request,
        Path(id): Path<RuId>,
        Path(platform): Path<PlatformId>,
        listing: Body<Listing>,
    ) -> Result<Saved<Listing>, Problem> {
        let listing = listing.0;
        if listing.platform != platform {
            let detail = format!("must be {:?}, as in the path", platform.as_str());
            return Err(Problem::at("/platform", detail));
        }
        checked(listing.findings())?;
        let edit = Edit { id: &id, expect: expectation(request.headers())?, actor: who.actor() };
        let (is_new, revision) = edit.run(&self.0, |ru| Ok(replace(ru, listing.clone()))).await?;
        Ok(Answer::json(&listing)?.tag(strong_etag(revision)).saved(is_new))
    }

    /// Removes one listing.
    #[oai(path = "/rus/:id/listings/:platform", method = "delete", operation_id = "deleteListing")]
    async fn delete_listing(
        &self,
        who: Moderator,
        request: &Request,
        Path(id): Path<RuId>,
        Path(platform): Path<PlatformId>,
    ) -> Result<Deleted, Problem> {
        let edit = Edit { id: &id, expect: expectation(request.headers())?, actor: who.actor() };
        let remove = |ru: &mut Ru| {
            ru.listing(&platform).ok_or_else(|| no_listing(&platform))?;
            ru.listings.retain(|listing| listing.platform != platform);
            Ok(())
        };
        edit.run(&self.0, remove).await?;
        Ok(Deleted)
    }

    /// Adds what a source says about a phase.
    ///
    /// A phase of the same kind and region is merged by the rules of evidence: the stronger source decides,
    /// disagreements stay visible.
    #[oai(path = "/rus/:id/listings/:platform/phases", method = "post", operation_id = "addPhase")]
    async fn add_phase(
        &self,
        who: Moderator,
        request: &Request,
        Path(id): Path<RuId>,
        Path(platform): Path<PlatformId>,
        phase: Body<Phase>,
    ) -> Result<Answer<Listing>, Problem> {
        let mut patch = Listing::new(platform);
        patch.phases.push(phase.0);
        self.merge(who, request, &id, patch, "/phases/0").await
    }

    /// Adds what a source says about a size.
    ///
    /// A size of the same variant is merged by the rules of evidence: the stronger source decides, disagreements
    /// stay visible.
    #[oai(path = "/rus/:id/listings/:platform/sizes", method = "post", operation_id = "addSize")]
    async fn add_size(
        &self,
        who: Moderator,
        request: &Request,
        Path(id): Path<RuId>,
        Path(platform): Path<PlatformId>,
        size: Body<DownloadSize>,
    ) -> Result<Answer<Listing>, Problem> {
        let mut patch = Listing::new(platform);
        patch.sizes.push(size.0);
        self.merge(who, request, &id, patch, "/sizes/0").await
    }
}

impl EditApi {
    /// Merges a listing into the stored one. Findings are told as the body of the request sees them, which
    /// stands at `place` of the patch.
    async fn merge(
        &self,
        who: Moderator,
        request: &Request,
        id: &RuId,
        patch: Listing,
        place: &str,
    ) -> Result<Answer<Listing>, Problem> {
        let seen = |found: Invalid| match found.pointer.strip_prefix(place) {
            Some(rest) => Invalid::new(rest, found.detail),
            None => found,
        };
        checked(patch.findings().into_iter().map(seen).collect())?;
        let edit = Edit { id, expect: expectation(request.headers())?, actor: who.actor() };
        let (merged, revision) = edit
            .run(&self.0, |ru| {
                let stored = ru.listing(&patch.platform).cloned();
                let merged = stored.ok_or_else(|| no_listing(&patch.platform))?.merge(patch.clone());
                checked(merged.findings())?;
                replace(ru, merged.clone());
                Ok(merged)
            })
            .await?;
        Ok(Answer::json(&merged)?.tag(strong_etag(revision)))
    }
}

/// One read-modify-write of an RU.
struct Edit<'a> {
    id: &'a RuId,
    expect: Expect,
    actor: Actor,
}

impl Edit<'_> {
    /// Runs it, again if somebody else was faster and the client did not name a revision.
    async fn run<T>(
        &self,
        state: &AppState,
        change: impl Fn(&mut Ru) -> Result<T, Problem>,
    ) -> Result<(T, i64), Problem> {
        for attempt in 1.. {
            let found = find(state, self.id, None).await?;
            let expect = match self.expect {
                Expect::Anything => Expect::At(found.revision),
                expect => expect,
            };
            let mut ru = found.value;
            let outcome = change(&mut ru)?;
            match put(state, &ru, expect, &self.actor).await {
                Err(StoreError::Conflict { .. }) if self.expect == Expect::Anything && attempt < ATTEMPTS => {
                }
                written => return Ok((outcome, revision(written?))),
            }
        }
        Err(Problem::unavailable("others edit this all the time", 1))
    }
}

/// Puts a listing in the place of the one of the same platform; whether there was none.
fn replace(ru: &mut Ru, listing: Listing) -> bool {
    let found = ru.listings.iter_mut().find(|one| one.platform == listing.platform);
    if let Some(stored) = found {
        *stored = listing;
        return false;
    }
    ru.listings.push(listing);
    true
}

fn checked(found: Vec<Invalid>) -> Result<(), Problem> {
    if found.is_empty() { Ok(()) } else { Err(Problem::findings(found)) }
}

fn revision(written: Written) -> i64 {
    match written {
        Written::Unchanged(revision) | Written::Created(revision) | Written::Updated(revision) => revision,
    }
}

/// Checks and writes an RU, and tells the prepared pages.
async fn put(state: &AppState, ru: &Ru, expect: Expect, actor: &Actor) -> Result<Written, StoreError> {
    let found = ru.findings();
    if !found.is_empty() {
        return Err(StoreError::Invalid(found));
    }
    let written = state.store.put_ru(ru, expect, actor).await?;
    state.pages.note(revision(written));
    Ok(written)
}
