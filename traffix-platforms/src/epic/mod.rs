//! The Epic Games Store and its launcher.
//!
//! Identifiers of a catalogue take four forms:
//!
//! - `fn/4fe75bbc5a674f4f9b356b5c90567da5/Fortnite`: namespace, catalogue item and application of something that the
//!   launcher installs. [`refresh`](crate::Platform::refresh) gives its build and exact sizes with the credential
//!   `epic`, a bearer token of a launcher. Without it the store's page is asked instead, under the application's name
//!   in lower case, and believed only if it names the same item: a title and a hint at the storage are left. If there
//!   is no such page, the error is the missing credential.
//! - an offer of the store, 32 hexadecimal digits: found in the open list of promotions only.
//! - `<offer>:giveaway:<day>`: the days on which an offer costs nothing, as an update of the offer.
//! - the last part of the address of a product's page: title and storage.
//!
//! The first page of [`discover`](crate::Platform::discover) is the open list of promotions, further pages are the
//! search, whose filter may refuse them with an error that says so.

mod ids;
pub mod launcher;
pub mod manifest;
pub mod status;
mod store;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::LazyLock;

use async_trait::async_trait;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::Assertion;

use self::ids::EpicId;
pub use self::ids::LauncherItem;
use crate::embedded::profile;
use crate::upstream::{Fetched, Upstream, UpstreamError};
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, unsupported,
};

const ID: PlatformId = PlatformId::from_static("epic");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// The Epic Games Store and its launcher.
pub(crate) struct Epic;

#[async_trait]
impl Platform for Epic {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let Some(cursor) = &query.cursor else { return promotions(up, query).await };
        let start = cursor.strip_prefix("search:").and_then(|start| start.parse().ok());
        let start = start.ok_or_else(|| PlatformError::NotFound { platform: ID, id: cursor.clone() })?;
        store::search(up, query, start).await
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let unknown = || PlatformError::NotFound { platform: ID, id: listing.external_id.clone() };
        match EpicId::parse(&listing.external_id).ok_or_else(unknown)? {
            EpicId::Item(item) => match launcher::refresh(up, &item, listing.build.as_ref()).await {
                Err(error) if lacks_credential(&error) => item_page(up, &item).await?.ok_or(error),
                seen => seen,
            },
            EpicId::Offer(offer) | EpicId::Giveaway(offer) => {
                offered(up, &offer, &listing.external_id).await?.ok_or_else(unknown)
            }
            EpicId::Page(slug) => match store::product(up, &slug).await {
                Err(PlatformError::NotFound { .. }) => Err(unknown()),
                page => Ok(page_listing(page?, slug)),
            },
        }
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, up: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        launcher::distribution_points(up).await
    }
}

/// Offers of the list of promotions, and the giveaways among them that touch the time asked for.
async fn promotions(up: &dyn Upstream, query: &Discover) -> Result<Page<ListingObservation>, PlatformError> {
    let offers = store::promotions(up, &query.region).await?;
    let evidence = offers.evidence();
    let mut items = Vec::new();
    for offer in &offers.value {
        let giveaways = store::giveaways(offer, &query.region, &evidence);
        let touches = |seen: &ListingObservation| {
            let windows = seen.listing.phases.iter().map(|phase| phase.window.value);
            windows.into_iter().any(|w| w.start < query.until && w.end.is_none_or(|end| end > query.from))
        };
        items.extend(store::listing(offer, &evidence));
        items.extend(giveaways.into_iter().filter(touches));
    }
    Ok(Page { items, next: Some("search:0".into()) })
}

/// An offer of the list of promotions, or one of its giveaways, with what the product's page adds.
async fn offered(
    up: &dyn Upstream,
    offer_id: &str,
    external_id: &str,
) -> Result<Option<ListingObservation>, PlatformError> {
    let offers = store::promotions(up, &Region::WORLD).await?;
    let evidence = offers.evidence();
    let Some(offer) = offers.value.iter().find(|offer| offer.id == offer_id) else { return Ok(None) };
    let found = store::listing(offer, &evidence).into_iter();
    let mut found = found.chain(store::giveaways(offer, &Region::WORLD, &evidence));
    let Some(mut seen) = found.find(|seen| seen.listing.external_id.as_deref() == Some(external_id)) else {
        return Ok(None);
    };
    if let Some(slug) = store::page_slug(offer) {
        match store::product(up, slug).await {
            // Newer products have no page of this kind.
            Err(PlatformError::NotFound { .. }) => {}
            page => seen.listing.sizes.extend(page?.value.size),
        }
    }
    Ok(Some(seen))
}

/// What the store's page says about something that the launcher installs, if it is the page of that very item.
async fn item_page(
    up: &dyn Upstream,
    item: &LauncherItem,
) -> Result<Option<ListingObservation>, PlatformError> {
    let page = match store::product(up, &item.app.to_lowercase()).await {
        Err(PlatformError::NotFound { .. }) => return Ok(None),
        page => page?,
    };
    let same = page.value.item.as_ref() == Some(item);
    Ok(same.then(|| page_listing(page, item.external_id())))
}

fn page_listing(page: Fetched<store::ProductNotes>, external_id: String) -> ListingObservation {
    let mut seen = ListingObservation::new(ID, external_id, page.evidence());
    let notes = page.value;
    let alias = notes.item.map(|item| item.external_id());
    seen.listing.aliases.extend(alias.filter(|alias| seen.listing.external_id.as_ref() != Some(alias)));
    seen.listing.sizes.extend(notes.size);
    seen.title = notes.title;
    seen.changed_at = notes.changed_at;
    seen
}

fn lacks_credential(error: &PlatformError) -> bool {
    matches!(error, PlatformError::Upstream { source: UpstreamError::MissingCredential(_), .. })
}
