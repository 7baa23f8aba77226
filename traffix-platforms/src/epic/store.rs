//! The store: offers, giveaways and product pages.

use chrono::{DateTime, Datelike, Utc};
use serde_json::json;
use traffix_core::catalogue::{
    ByteRange, Content, DownloadSize, Phase, PhaseKind, Precision, Region, RuKind, Thumbnail, Window,
};
use traffix_core::{Bytes, Evidence, Fact, SourceKind};

use super::ids::{self, LauncherItem};
use super::wire::{Offer, Product, Promotion, SearchStore, StoreAnswer};
use super::{ID, wire};
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::{Discover, ListingObservation, Page, PlatformError};

const PROMOTIONS: &str = "https://store-site-backend-static.ak.epicgames.com/freeGamesPromotions";
const SEARCH: &str = "https://store.epicgames.com/graphql";
const CONTENT: &str = "https://store-content.ak.epicgames.com/api/en-US/content/products";
/// Offers asked for in one page of the search.
const SEARCH_PAGE: u64 = 40;
/// What is asked of the search.
const SEARCH_QUERY: &str = "query search($country: String!, $count: Int, $start: Int, $releaseDate: String) \
     { Catalog { searchStore(country: $country, allowCountries: $country, locale: \"en-US\", \
     category: \"games/edition/base\", sortBy: \"releaseDate\", sortDir: \"ASC\", count: $count, start: $start, \
     releaseDate: $releaseDate) { elements { id title namespace offerType effectiveDate releaseDate pcReleaseDate \
     productSlug publisherDisplayName developerDisplayName seller { name } keyImages { type url } \
     categories { path } catalogNs { mappings { pageSlug pageType } } } paging { count total } } } }";

/// The list of promotions: the offers that are or will soon be free, and some that are merely cheap.
pub(super) async fn promotions(
    up: &dyn Upstream,
    region: &Region,
) -> Result<Fetched<Vec<Offer>>, PlatformError> {
    let call = Call::new(ID, "freeGamesPromotions", up);
    let country = country(region);
    let request = Request::get(PROMOTIONS)
        .query("locale", "en-US")
        .query("country", country)
        .query("allowCountries", country)
        .fresh_for(900);
    let answer = call.json::<StoreAnswer>(request).await?;
    let (source, observed_at) = (answer.source, answer.observed_at);
    let value = offers(found(&call, answer.value)?);
    Ok(Fetched { value, source, observed_at })
}

/// Offers of base games that are released in the time asked for, one page.
///
/// The search is behind a filter that refuses most programs; the error says so.
pub(super) async fn search(
    up: &dyn Upstream,
    query: &Discover,
    start: u64,
) -> Result<Page<ListingObservation>, PlatformError> {
    let call = Call::new(ID, "searchStore", up);
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    let variables = json!({
        "country": country(&query.region),
        "count": SEARCH_PAGE,
        "start": start,
        "releaseDate": format!("[{},{}]", day(query.from), day(query.until)),
    });
    let request = Request::get(SEARCH).post_json(&json!({ "query": SEARCH_QUERY, "variables": variables }));
    let source = request.url.to_string();
    let response = call.response(&request).await?;
    if response.status != 200 {
        let detail = format!(
            "{}: the filter before the search refuses programs; giveaways and the launcher's lists need no search",
            response.status
        );
        return Err(call.malformed("status", detail));
    }
    let store = found(&call, call.parse_json(&response.body)?)?;
    let total = store.paging.as_ref().and_then(|paging| paging.total).unwrap_or(0);
    let evidence = Evidence::new(SourceKind::Official, source, response.observed_at);
    let items: Vec<_> = offers(store).iter().filter_map(|offer| listing(offer, &evidence)).collect();
    let next = start.saturating_add(SEARCH_PAGE);
    let more = next < total && !items.is_empty();
    Ok(Page { items, next: more.then(|| format!("search:{next}")) })
}

/// A country for interfaces that want one: the world is asked for as the United States.
fn country(region: &Region) -> &str {
    if *region == Region::WORLD || region.as_str() == "EU" { "US" } else { region.as_str() }
}

/// What was found. The store may send errors beside usable data.
fn found(call: &Call<'_>, answer: StoreAnswer) -> Result<SearchStore, PlatformError> {
    let store = answer.data.and_then(|data| data.catalog).and_then(|catalog| catalog.search_store);
    let problem = || answer.errors.into_iter().flatten().find_map(|problem| problem.message);
    store.ok_or_else(|| {
        call.malformed("data.Catalog.searchStore", problem().unwrap_or_else(|| "nothing is there".into()))
    })
}

fn offers(store: SearchStore) -> Vec<Offer> {
    store.elements.into_iter().flatten().flatten().collect()
}

/// The offer as a release; `None` for what only adds to another title, since that title is not named.
pub(super) fn listing(offer: &Offer, evidence: &Evidence) -> Option<ListingObservation> {
    let addition = matches!(offer.kind.as_deref(), Some("DLC" | "ADD_ON" | "CONSUMABLE"));
    (!addition).then(|| {
        let mut seen = described(offer, &offer.id, evidence);
        seen.title.clone_from(&offer.title);
        seen.listing.phases.extend(release(offer, evidence));
        seen
    })
}

/// The days on which the offer costs nothing, each as an update of the offer: a known date on which many download.
pub(super) fn giveaways(offer: &Offer, region: &Region, evidence: &Evidence) -> Vec<ListingObservation> {
    let mut windows: Vec<Window> = promotions_of(offer).filter_map(free_window).collect();
    windows.sort_unstable_by_key(|window| (window.start, window.end));
    windows.dedup();
    windows
        .into_iter()
        .map(|window| {
            let mut seen = described(offer, &ids::giveaway(&offer.id, window.start), evidence);
            seen.kind = RuKind::Update;
            seen.updates = Some(offer.id.clone());
            seen.title = offer.title.as_ref().map(|title| format!("Free on Epic: {title}"));
            seen.listing.phases.push(phase(window, region, evidence.clone()));
            seen
        })
        .collect()
}

fn promotions_of(offer: &Offer) -> impl Iterator<Item = &Promotion> {
    let groups = offer.promotions.iter().flat_map(|promotions| {
        [&promotions.promotional_offers, &promotions.upcoming_promotional_offers].into_iter().flatten()
    });
    groups.flatten().flat_map(|group| group.promotional_offers.iter().flatten())
}

/// The time of a promotion that leaves nothing to pay; others are sales.
fn free_window(promotion: &Promotion) -> Option<Window> {
    let to_pay = promotion.discount_setting.as_ref()?.discount_percentage?;
    let start = instant(promotion.start_date.as_deref())?;
    let end = instant(promotion.end_date.as_deref()).filter(|end| *end > start);
    (to_pay == 0).then_some(Window { start, end, precision: Precision::Minute })
}

fn described(offer: &Offer, external_id: &str, evidence: &Evidence) -> ListingObservation {
    let mut seen = ListingObservation::new(ID, external_id, evidence.clone());
    seen.content = content(offer);
    let seller = offer.seller.as_ref().and_then(|seller| seller.name.clone());
    seen.publishers = offer.publisher_display_name.clone().or(seller).into_iter().collect();
    seen.developers = offer.developer_display_name.clone().into_iter().collect();
    let images = offer.key_images.iter().flatten().filter(|image| image.kind.as_deref() == Some("Thumbnail"));
    let addresses = images.filter_map(|image| image.url.clone()).filter(|url| url.starts_with("https://"));
    seen.thumbnails = addresses.map(|url| Thumbnail { url, width_px: None, height_px: None }).collect();
    seen.listing.url = page_slug(offer)
        .map(|slug| Request::get("https://store.epicgames.com/en-US/p").segment(slug).url.to_string());
    seen
}

fn content(offer: &Offer) -> Content {
    let mut paths = offer.categories.iter().flatten().filter_map(|category| category.path.as_deref());
    if paths.any(|path| path.starts_with("software")) { Content::App } else { Content::Game }
}

/// The last part of the address of the product's page.
pub(super) fn page_slug(offer: &Offer) -> Option<&str> {
    let mappings = offer.catalog_ns.iter().flat_map(|ns| ns.mappings.iter().flatten());
    let mut home = mappings.filter(|mapping| mapping.page_type.as_deref() == Some("productHome"));
    let slug = home.find_map(|mapping| mapping.page_slug.as_deref());
    let product = || offer.product_slug.as_deref().and_then(|slug| slug.split('/').next());
    slug.or_else(product).filter(|slug| !slug.is_empty())
}

fn release(offer: &Offer, evidence: &Evidence) -> Option<Phase> {
    let stated = instant(offer.pc_release_date.as_deref()).or(instant(offer.release_date.as_deref()));
    let mut evidence = evidence.clone();
    let start = if let Some(start) = stated {
        start
    } else {
        evidence.confidence = 0.6;
        evidence.note =
            Some("When the offer became effective: a title may have been for sale before.".into());
        instant(offer.effective_date.as_deref())?
    };
    Some(phase(Window { start, end: None, precision: Precision::Minute }, &Region::WORLD, evidence))
}

pub(super) fn phase(window: Window, region: &Region, evidence: Evidence) -> Phase {
    let mut phase =
        crate::phase(PhaseKind::Unlock, region.clone(), (window.start, window.precision), evidence);
    phase.window.value.end = window.end;
    phase
}

/// An instant; far years stand for "some day".
pub(super) fn instant(text: Option<&str>) -> Option<DateTime<Utc>> {
    let at: DateTime<Utc> = text?.parse().ok()?;
    (1990..2090).contains(&at.year()).then_some(at)
}

/// What a product's page says.
pub(super) struct ProductNotes {
    pub(super) title: Option<String>,
    pub(super) item: Option<LauncherItem>,
    pub(super) size: Option<DownloadSize>,
    pub(super) changed_at: Option<DateTime<Utc>>,
}

/// The product's page of the store.
pub(super) async fn product(up: &dyn Upstream, slug: &str) -> Result<Fetched<ProductNotes>, PlatformError> {
    let call = Call::new(ID, "content/products", up);
    let request = Request::get(CONTENT).segment(slug).fresh_for(86_400);
    let product = call.json::<Product>(request).await?;
    let evidence = product.evidence();
    Ok(product.map(|product| notes(product, evidence)))
}

fn notes(product: Product, evidence: Evidence) -> ProductNotes {
    let pages = product.pages.unwrap_or_default();
    let item = pages.iter().filter_map(|page| page.item.as_ref()).find_map(|item| {
        let id = [&item.namespace, &item.catalog_id, &item.app_name].map(|word| word.as_deref());
        let [Some(namespace), Some(item), Some(app)] = id else { return None };
        LauncherItem::parse(&format!("{namespace}/{item}/{app}"))
    });
    let changed_at = pages.iter().filter_map(|page| instant(page.last_modified.as_deref())).max();
    let size = pages.iter().find_map(storage_bytes).map(|bytes| {
        let note = "The storage that the store's page asks for: a round figure with room to spare.";
        // Concluded, not stated, so that it never outweighs the sum over a manifest.
        let (kind, confidence, note) = (SourceKind::Inferred, 0.4, Some(note.into()));
        let evidence = Evidence { kind, confidence, note, ..evidence };
        let disk_bytes = Some(Fact::new(ByteRange::exactly(bytes), evidence));
        DownloadSize { variant: None, wire_bytes: None, disk_bytes }
    });
    ProductNotes { title: product.product_name, item, size, changed_at }
}

/// The storage that a page asks for at least, on Windows if it tells systems apart.
fn storage_bytes(page: &wire::ProductPage) -> Option<Bytes> {
    let requirements = page.data.as_ref()?.requirements.as_ref()?;
    let systems = requirements.systems.as_ref()?;
    let windows = systems.iter().find(|system| system.system_type.as_deref() == Some("Windows"));
    let details = windows.or(systems.first())?.details.iter().flatten();
    let mut storage = details.filter(|line| {
        let title = line.title.as_deref().unwrap_or_default().to_ascii_lowercase();
        ["storage", "hdd", "hard d", "disk", "ssd", "free space"].iter().any(|word| title.contains(word))
    });
    storage.find_map(|line| first_size(line.minimum.as_deref()?))
}

/// The first size in a text such as `At least 45 GB of free space`.
pub(super) fn first_size(text: &str) -> Option<Bytes> {
    let separate = |c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '+' | '~');
    let words: Vec<&str> = text.split(separate).filter(|word| !word.is_empty()).collect();
    let has_unit = |text: &str| text.to_ascii_uppercase().ends_with('B');
    let size =
        |text: String| has_unit(&text).then(|| text.to_ascii_uppercase().parse::<Bytes>().ok()).flatten();
    let mut pairs = words.iter().zip(words.iter().skip(1).chain([&""]));
    pairs.find_map(|(word, next)| size((*word).to_owned()).or_else(|| size(format!("{word} {next}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_prose() {
        assert_eq!(first_size("At least 45 GB of free space"), Some(Bytes(45_000_000_000)));
        assert_eq!(first_size("8GB available"), Some(Bytes(8_000_000_000)));
        assert_eq!(first_size("1.5 gb"), Some(Bytes(1_500_000_000)));
        assert_eq!(first_size("SSD"), None);
        assert_eq!(first_size("25 available"), None);
        assert_eq!(first_size(""), None);
    }

    #[test]
    fn placeholders_are_no_dates() {
        assert_eq!(instant(Some("2099-01-01T00:00:00.000Z")), None);
        assert_eq!(instant(Some("0001-01-01T00:00:00.000Z")), None);
        assert_eq!(instant(Some("soon")), None);
        assert!(instant(Some("2023-10-26T15:00:00.000Z")).is_some());
    }
}
