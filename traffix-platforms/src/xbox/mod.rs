//! Xbox consoles and the Microsoft Store.
//!
//! The display catalogue tells bytes per package, dates per market and when it last changed. A listing's plain size
//! is that of the console package, the variant `pc` that of the PC package. What a subscription such as Game Pass
//! holds is not part of the answers that are read here. External identifiers are product ids (`9NBR63PT4FZC`).

mod lists;
mod observe;
mod sizes;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use traffix_core::catalogue::{Audience, PhaseKind, PlatformId, Region};
use traffix_core::delivery::Assertion;
use traffix_core::{Evidence, Fact};

use crate::embedded::profile;
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, unsupported,
};
use wire::{Product, Products};

const ID: PlatformId = PlatformId::from_static("xbox");
/// Products that one request may name.
const BULK: usize = 20;
/// How deep bundles of bundles are followed.
const BUNDLE_DEPTH: usize = 2;
/// The market that is asked where none is given: the one with the most titles.
const DEFAULT_MARKET: &str = "US";
/// Longest answer: 20 products of a hundred kilobytes each, with room.
const BODY_LIMIT_BYTES: u64 = 32 * 1024 * 1024;

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Xbox consoles and the Microsoft Store.
pub(crate) struct Xbox;

/// Another identifier by which the catalogue finds a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlternateId {
    /// `4DF9E0F8.Netflix_mcm4njqhnhss8`.
    PackageFamilyName,
    /// The decimal title id that consoles report.
    XboxTitleId,
    /// The product id of the Xbox 360 and the early Xbox One store.
    LegacyXboxProductId,
}

impl AlternateId {
    fn as_str(self) -> &'static str {
        match self {
            Self::PackageFamilyName => "PackageFamilyName",
            Self::XboxTitleId => "XboxTitleId",
            Self::LegacyXboxProductId => "LegacyXboxProductId",
        }
    }
}

/// The product that another identifier stands for.
///
/// # Errors
/// [`PlatformError::NotFound`] if no product has it; else as every request.
pub async fn lookup(
    up: &dyn Upstream,
    kind: AlternateId,
    value: &str,
) -> Result<ListingObservation, PlatformError> {
    let call = Call::new(ID, "displaycatalog/lookup", up);
    let request = catalogue("https://displaycatalog.mp.microsoft.com/v7.0/products/lookup", DEFAULT_MARKET)
        .query("alternateId", kind.as_str())
        .query("value", value);
    let found: Fetched<Products> = call.json(request).await?;
    let product = found.value.products.first().ok_or_else(|| call.not_found(value))?;
    Ok(observe::observation(product, &found.evidence()))
}

/// Titles whose name begins like `query`: identifiers and names only.
///
/// # Errors
/// As every request.
pub async fn suggest(up: &dyn Upstream, query: &str) -> Result<Vec<ListingObservation>, PlatformError> {
    let address = "https://displaycatalog.mp.microsoft.com/v7.0/productFamilies/autosuggest";
    let request = Request::get(address)
        .query("query", query)
        .query("productFamilyNames", "Games,Apps")
        .query("market", DEFAULT_MARKET)
        .query("languages", "en-us")
        .query("platformdependencyname", sizes::XBOX)
        .query("topProducts", "10");
    let found: Fetched<wire::Suggestions> = Call::new(ID, "autosuggest", up).json(request).await?;
    let evidence = found.evidence();
    let products = found.value.results.into_iter().flat_map(|family| family.products);
    let named = products.filter(|product| !product.product_id.is_empty()).map(|product| {
        let mut seen = ListingObservation::new(ID, product.product_id, evidence.clone());
        seen.title = observe::text(product.title.as_ref());
        seen.content = observe::content(product.r#type.as_deref());
        seen
    });
    Ok(named.collect())
}

/// A request to the catalogue as it is seen in `market`, in English.
fn catalogue(address: &str, market: &str) -> Request {
    let request = Request::get(address).query("market", market).query("languages", "en-us");
    // The service wants some text by which it could find the request in its logs.
    request.query("MS-CV", "traffix.1").body_limit(BODY_LIMIT_BYTES).fresh_for(3_600)
}

/// The products of up to [`BULK`] identifiers.
async fn products(
    up: &dyn Upstream,
    market: &str,
    ids: &[String],
) -> Result<Fetched<Vec<Product>>, PlatformError> {
    let address = "https://displaycatalog.mp.microsoft.com/v7.0/products";
    let request = catalogue(address, market).query("bigIds", ids.join(","));
    let found: Fetched<Products> = Call::new(ID, "displaycatalog", up).json(request).await?;
    Ok(found.map(|found| found.products))
}

/// The product of one identifier.
async fn product(up: &dyn Upstream, id: &str) -> Result<Fetched<Product>, PlatformError> {
    let call = Call::new(ID, "displaycatalog", up);
    if id.is_empty() || id.contains(',') {
        return Err(call.not_found(id));
    }
    let mut found = products(up, DEFAULT_MARKET, &[id.to_owned()]).await?;
    let place = found.value.iter().position(|product| product.product_id.eq_ignore_ascii_case(id));
    let product = found.value.swap_remove(place.ok_or_else(|| call.not_found(id))?);
    Ok(found.map(|_| product))
}

/// The parts of a bundle, and of bundles in it, each once: at most [`BULK`] a level, [`BUNDLE_DEPTH`] levels deep.
async fn parts(up: &dyn Upstream, bundle: &Product) -> Result<Vec<Product>, PlatformError> {
    let mut known = BTreeSet::from([bundle.product_id.clone()]);
    let mut found = Vec::new();
    let mut wanted = unknown(std::slice::from_ref(bundle), &mut known);
    for _ in 0..BUNDLE_DEPTH {
        if wanted.is_empty() {
            break;
        }
        let level = products(up, DEFAULT_MARKET, &wanted).await?.value;
        wanted = unknown(&level, &mut known);
        found.extend(level);
    }
    Ok(found)
}

/// Identifiers bundled in `products` that are not `known` yet; now they are.
fn unknown(products: &[Product], known: &mut BTreeSet<String>) -> Vec<String> {
    let skus = products.iter().flat_map(|product| &product.display_sku_availabilities);
    let bundled =
        skus.filter_map(|sku| sku.sku.as_ref()?.properties.as_ref()).flat_map(|sku| &sku.bundled_skus);
    let new = bundled.map(|part| part.big_id.clone()).filter(|id| !id.is_empty() && known.insert(id.clone()));
    new.take(BULK).collect()
}

/// Evidence for a size that was added up.
fn added_up(evidence: &Evidence, parts: usize) -> Evidence {
    let mut evidence = evidence.clone();
    evidence.confidence = 0.9;
    evidence.note = Some(format!("the packages of {parts} bundled products together"));
    evidence
}

/// Whether a title belongs into the window: undated, released in it, or changed in it.
fn wanted(seen: &ListingObservation, query: &Discover) -> bool {
    let within = |at: DateTime<Utc>| query.from <= at && at < query.until;
    let release = seen.listing.phase(PhaseKind::Unlock).map(|phase| phase.window.value.start);
    release.is_none_or(within) || seen.changed_at.is_some_and(within)
}

#[async_trait]
impl Platform for Xbox {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// Identifiers from the store's pages of coming and new titles, then the catalogue, 20 at a time.
    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let call = Call::new(ID, "store page", up);
        let at = lists::Cursor::parse(query.cursor.as_deref())
            .ok_or_else(|| call.malformed("cursor", format!("{:?}", query.cursor)))?;
        let address = Request::get("https://www.microsoft.com/en-us/store")
            .segment(lists::LISTS[at.list])
            .segment("games")
            .segment("xbox");
        let page = call.bytes(address.fresh_for(21_600)).await?;
        let ids = lists::product_ids(&page.value);
        if ids.is_empty() {
            return Err(call.malformed("page", "no productId in it: blocked, or another layout"));
        }
        let chunk: Vec<String> = ids.iter().skip(at.offset).take(BULK).cloned().collect();
        let market = if query.region == Region::WORLD { DEFAULT_MARKET } else { query.region.as_str() };
        let next = at.after(chunk.len(), ids.len());
        if chunk.is_empty() {
            return Ok(Page { items: Vec::new(), next });
        }
        let found = products(up, market, &chunk).await?;
        let evidence = found.evidence();
        let seen = found.value.iter().filter(|product| chunk.contains(&product.product_id));
        let seen = seen.map(|product| observe::observation(product, &evidence));
        Ok(Page { items: seen.filter(|seen| wanted(seen, query)).collect(), next })
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let found = product(up, &listing.external_id).await?;
        let evidence = found.evidence();
        let mut seen = observe::observation(&found.value, &evidence);
        if seen.listing.sizes.is_empty() {
            let parts = parts(up, &found.value).await?;
            seen.listing.sizes = sizes::download_sizes(&parts, &added_up(&evidence, parts.len()));
        }
        Ok(seen)
    }

    /// The catalogue counts ratings: the nearest thing to an audience that it shows.
    async fn audience(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<AudienceObservation, PlatformError> {
        let found = product(up, &listing.external_id).await?;
        let mut evidence = found.evidence();
        evidence.note = Some("ratings of all time in the market that was asked".into());
        let markets = found.value.market_properties.iter();
        let mut usage = markets.flat_map(|market| &market.usage_data);
        let ever = usage.find(|usage| usage.aggregate_time_span.as_deref() == Some("AllTime"));
        let ratings = ever.and_then(|ever| ever.rating_count).and_then(|count| u32::try_from(count).ok());
        let popularity = ratings.map(|count| Fact::new(f64::from(count), evidence.clone()));
        let audience = Audience { popularity, ..Audience::default() };
        Ok(AudienceObservation { audience, players_now: None, evidence })
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}
