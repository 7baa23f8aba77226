//! PlayStation consoles and their store.
//!
//! External identifiers are products of the store (`UP1477-CUSA07022_00-FORTNITETESTING1`) or titles (`CUSA07022`).
//! Products have a name and a date, titles of the PlayStation 3, 4 and Vita have update packages with bytes. How
//! large a title of the PlayStation 5 is, nobody says in public.
//!
//! Documents of the PlayStation 4 need the credential `playstation-ps4`, a key that the operator sets in hexadecimal.
//! The server for the PlayStation 3 has a certificate of Sony's own root, which public stores lack: an operator has
//! to trust it for `a0.ww.np.dl.playstation.net`.

mod observe;
mod store;
#[cfg(test)]
mod tests;
mod title_id;
mod updates;
mod wire;

use std::sync::LazyLock;

use async_trait::async_trait;
use traffix_core::catalogue::{Build, PhaseKind, PlatformId};
use traffix_core::delivery::Assertion;

use crate::embedded::profile;
use crate::upstream::{Call, Upstream, UpstreamError};
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, unsupported,
};
pub use store::store_page;
use store::{CATEGORIES, MAX_OFFSET, PAGE};
use title_id::{Console, TitleId};
pub use updates::{TitleUpdates, UpdatePackage, title_updates};

const ID: PlatformId = PlatformId::from_static("playstation");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// PlayStation consoles and their store.
pub(crate) struct PlayStation;

/// Where discovery is: in which category, after how many titles.
fn cursor(text: Option<&str>) -> Option<(usize, u64)> {
    let Some(text) = text else { return Some((0, 0)) };
    let (name, offset) = text.split_once('/')?;
    let category = CATEGORIES.iter().position(|(known, _)| *known == name)?;
    Some((category, offset.parse().ok().filter(|offset| *offset < MAX_OFFSET)?))
}

/// The cursor after a page.
fn next(category: usize, offset: u64, grid: &wire::Grid) -> Option<String> {
    let after = offset + PAGE;
    let more = !grid.page_info.is_last && after < grid.page_info.total_count.unwrap_or(0).min(MAX_OFFSET);
    if more {
        return Some(format!("{}/{after}", CATEGORIES[category].0));
    }
    CATEGORIES.get(category + 1).map(|(name, _)| format!("{name}/0"))
}

/// A product, from the older interface if the hash of the newer one's operation is out of date.
async fn product(up: &dyn Upstream, id: &str) -> Result<ListingObservation, PlatformError> {
    if let Some(found) = store::product(up, id).await? {
        return Ok(observe::product(&found.value, &found.evidence()));
    }
    let found = store::container(up, id).await?;
    Ok(observe::container(&found.value, &found.evidence()))
}

/// Adds the updates of a product's title, where there are any and the operator has the key that they need.
async fn add_updates(
    up: &dyn Upstream,
    seen: &mut ListingObservation,
    title: TitleId<'_>,
    from: Option<&Build>,
) -> Result<(), PlatformError> {
    match title_updates(up, title.text).await {
        Ok(found) => {
            observe::add_updates(seen, &found.value, from, &found.evidence());
            Ok(())
        }
        Err(
            PlatformError::NotFound { .. }
            | PlatformError::Upstream { source: UpstreamError::MissingCredential(_), .. },
        ) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a title belongs into the window: undated or released in it.
fn wanted(seen: &ListingObservation, query: &Discover) -> bool {
    let start = seen.listing.phase(PhaseKind::Unlock).map(|phase| phase.window.value.start);
    start.is_none_or(|start| query.from <= start && start < query.until)
}

#[async_trait]
impl Platform for PlayStation {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// The store's categories of coming and new titles.
    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let (category, offset) = cursor(query.cursor.as_deref()).ok_or_else(|| {
            Call::new(ID, "discover", up).malformed("cursor", format!("{:?}", query.cursor))
        })?;
        let locale = store::locale(&query.region);
        let found = store::category(up, CATEGORIES[category].1, offset, &locale).await?;
        let evidence = found.evidence();
        let grid = &found.value;
        // Of a concept the first product stands for all its editions.
        let concepts = grid.concepts.iter().filter_map(|concept| concept.products.first());
        let products = grid.products.iter().chain(concepts).filter(|product| !product.id.is_empty());
        let seen = products.map(|product| observe::product(product, &evidence));
        Ok(Page {
            items: seen.filter(|seen| wanted(seen, query)).collect(),
            next: next(category, offset, grid),
        })
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let id = listing.external_id.as_str();
        if TitleId::parse(id).is_some_and(|title| title.console != Console::Ps5) {
            let found = title_updates(up, id).await?;
            let evidence = found.evidence();
            let mut seen = observe::title(&found.value, &evidence);
            observe::add_updates(&mut seen, &found.value, listing.build.as_ref(), &evidence);
            return Ok(seen);
        }
        let title = TitleId::of_product(id).ok_or_else(|| Call::new(ID, "refresh", up).not_found(id))?;
        let mut seen = product(up, id).await?;
        if title.console != Console::Ps5 {
            add_updates(up, &mut seen, title, listing.build.as_ref()).await?;
        }
        Ok(seen)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}
