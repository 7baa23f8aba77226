//! Lists of titles: the store's filter and the newer catalogue.

use chrono::NaiveDate;
use traffix_core::catalogue::{Content, Precision, Thumbnail, Window};

use super::wire::{Catalogue, CatalogueItem, List, ListItem};
use super::{ID, unlock};
use crate::upstream::{Call, Request, Upstream};
use crate::{Discover, ListingObservation, Page, PlatformError};

const LIST: &str = "https://embed.gog.com/games/ajax/filtered";
const CATALOGUE: &str = "https://catalog.gog.com/v1/catalog";
const STORE: &str = "https://www.gog.com";

/// One page of the store's list, newest release first; ends with the first page that lies before the time asked for.
pub(super) async fn page(
    up: &dyn Upstream,
    query: &Discover,
) -> Result<Page<ListingObservation>, PlatformError> {
    let call = Call::new(ID, "games/ajax/filtered", up);
    let number = number(query.cursor.as_deref())
        .ok_or_else(|| call.not_found(query.cursor.clone().unwrap_or_default()))?;
    let request = Request::get(LIST)
        .query("mediaType", "game")
        .query("page", number)
        .query("sort", "release_desc")
        .fresh_for(3_600);
    let list = call.json::<List>(request).await?;
    let evidence = list.evidence();
    let list = list.value;
    let reaches = list.products.iter().filter_map(released).all(|at| at >= query.from);
    let more = reaches && number < list.total_pages.unwrap_or(0) && !list.products.is_empty();
    let wanted = |item: &&ListItem| released(item).is_none_or(|at| (query.from..query.until).contains(&at));
    let items = list.products.iter().filter(wanted).map(|item| {
        let mut seen = ListingObservation::new(ID, item.id.to_string(), evidence.clone());
        seen.title = item.title.as_deref().map(plain);
        seen.content = if item.is_movie == Some(true) { Content::Media } else { Content::Game };
        seen.developers = item.developer.clone().into_iter().collect();
        seen.publishers = item.publisher.clone().into_iter().collect();
        seen.listing.url =
            item.url.as_deref().filter(|url| url.starts_with('/')).map(|url| format!("{STORE}{url}"));
        seen.thumbnails = item.image.as_deref().and_then(thumbnail).into_iter().collect();
        let window = |start| Window { start, end: None, precision: Precision::Hour };
        seen.listing.phases =
            released(item).map(|at| unlock(window(at), evidence.clone())).into_iter().collect();
        seen
    });
    Ok(Page { items: items.collect(), next: more.then(|| (number + 1).to_string()) })
}

/// One page of the newer catalogue, newest in the store first, titles to come included. Pages count from 1.
///
/// # Errors
/// [`PlatformError`].
pub async fn catalogue(up: &dyn Upstream, number: u64) -> Result<Page<ListingObservation>, PlatformError> {
    let request = Request::get(CATALOGUE)
        .query("limit", 48)
        .query("order", "desc:storeReleaseDate")
        .query("productType", "in:game")
        .query("page", number)
        .fresh_for(3_600);
    let catalogue = Call::new(ID, "catalog", up).json::<Catalogue>(request).await?;
    let evidence = catalogue.evidence();
    let items = catalogue.value.products.into_iter().map(|item| {
        let window = day(&item);
        let mut seen = ListingObservation::new(ID, item.id, evidence.clone());
        seen.title = item.title.as_deref().map(plain);
        seen.developers = item.developers.unwrap_or_default();
        seen.publishers = item.publishers.unwrap_or_default();
        seen.listing.url = item.store_link.filter(|link| link.starts_with(STORE));
        seen.listing.phases = window.map(|window| unlock(window, evidence.clone())).into_iter().collect();
        seen
    });
    let more = number < catalogue.value.pages.unwrap_or(0);
    Ok(Page { items: items.collect(), next: more.then(|| number.saturating_add(1).to_string()) })
}

/// The number of a page; the first has no cursor.
fn number(cursor: Option<&str>) -> Option<u64> {
    cursor.map_or(Some(1), |cursor| cursor.parse().ok().filter(|number| (1..100_000).contains(number)))
}

fn released(item: &ListItem) -> Option<chrono::DateTime<chrono::Utc>> {
    let at = item.global_release_date.or(item.release_date);
    at.filter(|_| item.is_tba != Some(true))
}

/// Days as `2026.09.15` or `2026-09-15`, perhaps with a time behind them.
fn day(item: &CatalogueItem) -> Option<Window> {
    let text = item.store_release_date.as_deref().or(item.release_date.as_deref())?;
    let day = text.get(..10)?.replace('.', "-").parse::<NaiveDate>().ok()?;
    let start = day.and_hms_opt(0, 0, 0)?.and_utc();
    Some(Window { start, end: None, precision: Precision::Day })
}

/// Titles carry stray spaces at their ends.
fn plain(title: &str) -> String {
    title.trim().to_owned()
}

/// A picture's address, given without scheme, or without size and ending.
pub(super) fn thumbnail(address: &str) -> Option<Thumbnail> {
    let path = address.strip_prefix("//").filter(|path| path.contains(".gog"))?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = if name.contains('.') { "" } else { "_392.jpg" };
    Some(Thumbnail { url: format!("https://{path}{ending}"), width_px: None, height_px: None })
}
