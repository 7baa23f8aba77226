//! Nintendo eShop.
//!
//! External identifiers are the numbers of the shop (`70010000001128`); they differ by region. The search of the
//! European site knows days and sometimes a rounded size, the one of the Japanese site days; the price service knows
//! whether a title is sold. The American site searches through a service that wants a key of its own.

mod observe;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::LazyLock;

use async_trait::async_trait;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::Assertion;

use crate::embedded::profile;
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, unsupported,
};

const ID: PlatformId = PlatformId::from_static("nintendo");
/// The country whose shop tells whether a title is sold: the largest of the European shop.
const SHOP: &str = "DE";
/// Titles on one page of the European search.
const EUROPEAN_PAGE: u64 = 200;
/// Titles on one page of the Japanese search, the most it gives.
const JAPANESE_PAGE: u64 = 300;
/// Titles after which discovery ends: both sites list fewer.
const MAX_TITLES: u64 = 30_000;

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Nintendo eShop.
pub(crate) struct Nintendo;

/// The European search for what `query` says, newest first, from the title number `start` on.
async fn europe(up: &dyn Upstream, filter: &str, start: u64) -> Result<Fetched<wire::Docs>, PlatformError> {
    let request = Request::get("https://search.nintendo-europe.com/en/select")
        .query("q", "*")
        .query("fq", filter)
        .query("sort", "date_from desc")
        .query("start", start)
        .query("rows", EUROPEAN_PAGE)
        .query("wt", "json")
        .fresh_for(3_600);
    let found: Fetched<wire::Europe> = Call::new(ID, "search Europe", up).json(request).await?;
    Ok(found.map(|found| found.response))
}

/// Whether the shop sells the title: `onsale`, `preorder`, `unreleased`, `sales_termination`.
///
/// # Errors
/// [`PlatformError::NotFound`] if the shop does not know the number; else as every request.
pub async fn sales_status(up: &dyn Upstream, nsuid: &str) -> Result<Fetched<String>, PlatformError> {
    let call = Call::new(ID, "price", up);
    let request = Request::get("https://api.ec.nintendo.com/v1/price")
        .query("country", SHOP)
        .query("lang", "en")
        .query("ids", nsuid)
        .fresh_for(900);
    let mut found: Fetched<wire::Prices> = call.json(request).await?;
    let ours = |price: &wire::Price| price.title_id.is_some_and(|id| id.to_string() == nsuid);
    let place = found.value.prices.iter().position(ours).ok_or_else(|| call.not_found(nsuid))?;
    let status = found.value.prices.swap_remove(place).sales_status;
    let status = status.filter(|status| status != "not_found").ok_or_else(|| call.not_found(nsuid))?;
    Ok(found.map(|_| status))
}

/// Whether a title belongs into the window: undated or released in it.
fn wanted(seen: &ListingObservation, query: &Discover) -> bool {
    let start = seen.listing.phases.first().map(|phase| phase.window.value.start);
    start.is_none_or(|start| query.from <= start && start < query.until)
}

/// The cursor after a page, unless it was the last or older than the window.
fn next(
    start: u64,
    page: u64,
    total: Option<u64>,
    seen: &[ListingObservation],
    query: &Discover,
) -> Option<String> {
    let next = start + page;
    let mut starts =
        seen.iter().filter_map(|seen| seen.listing.phases.first()).map(|phase| phase.window.value.start);
    // Newest first: once a page ends before the window, so do the following ones.
    let past = starts.next_back().is_some_and(|oldest| oldest < query.from);
    (next < total.unwrap_or(0).min(MAX_TITLES) && !past).then(|| next.to_string())
}

async fn discover_europe(
    up: &dyn Upstream,
    query: &Discover,
    start: u64,
) -> Result<Page<ListingObservation>, PlatformError> {
    let found = europe(up, "type:GAME AND system_type:nintendoswitch*", start).await?;
    let evidence = found.evidence();
    let mut seen: Vec<_> =
        found.value.docs.iter().filter_map(|doc| observe::european(doc, &evidence)).collect();
    let next = next(start, EUROPEAN_PAGE, found.value.num_found, &seen, query);
    seen.retain(|seen| wanted(seen, query));
    Ok(Page { items: seen, next })
}

async fn discover_japan(
    up: &dyn Upstream,
    query: &Discover,
    start: u64,
) -> Result<Page<ListingObservation>, PlatformError> {
    let request = Request::get("https://search.nintendo.jp/nintendo_soft/search.json")
        .query("opt_sshow", 1)
        .query("limit", JAPANESE_PAGE)
        .query("page", start / JAPANESE_PAGE + 1)
        .query("sort", "sodate desc")
        .fresh_for(3_600);
    let found: Fetched<wire::Japan> = Call::new(ID, "search Japan", up).json(request).await?;
    let evidence = found.evidence();
    let items = &found.value.result.items;
    let mut seen: Vec<_> = items.iter().filter_map(|item| observe::japanese(item, &evidence)).collect();
    let next = next(start, JAPANESE_PAGE, found.value.result.total, &seen, query);
    seen.retain(|seen| wanted(seen, query));
    Ok(Page { items: seen, next })
}

#[async_trait]
impl Platform for Nintendo {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// The Japanese site for Japan, else the European one.
    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let start = query.cursor.as_deref().map_or(Some(0), |cursor| cursor.parse().ok());
        let start = start.filter(|start| *start <= MAX_TITLES).ok_or_else(|| {
            Call::new(ID, "discover", up).malformed("cursor", format!("{:?}", query.cursor))
        })?;
        if query.region.as_str() == "JP" {
            discover_japan(up, query, start).await
        } else {
            discover_europe(up, query, start).await
        }
    }

    /// The shop's status, and what the European site says about the number.
    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let id = listing.external_id.as_str();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Call::new(ID, "price", up).not_found(id));
        }
        let status = sales_status(up, id).await?;
        let found = europe(up, &format!("type:GAME AND nsuid_txt:{id}"), 0).await?;
        let evidence = found.evidence();
        let ours = |doc: &&wire::Doc| doc.nsuid_txt.iter().any(|nsuid| nsuid == id);
        let seen = found.value.docs.iter().find(ours).and_then(|doc| observe::european(doc, &evidence));
        let mut seen = seen.unwrap_or_else(|| ListingObservation::new(ID, id, status.evidence()));
        observe::apply_status(&mut seen, &status.value, status.observed_at);
        Ok(seen)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}
