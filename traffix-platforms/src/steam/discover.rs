//! Which titles are coming, and which have changed.
//!
//! Two lists follow each other: the coming titles in the order of how many people await them, a hundred a page, without
//! a key; then every app whose store page has changed since, ten thousand a page, if the operator has a key. A cursor
//! says in which list and where: `popular/100`, `changed/507030`.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use scraper::{ElementRef, Html, Selector};
use traffix_core::{Evidence, Fact};

use super::dates::release_date;
use super::store::{add_item, unlock};
use super::wire::{Item, Search};
use super::{ID, api, read_app_list};
use crate::upstream::{Call, Fetched, Request, Upstream, UpstreamError};
use crate::{Discover, ListingObservation, Page, PlatformError};

/// Rows of a page of the search: the most it gives, and the most that items are asked for at once.
const SEARCH_ROWS: u32 = 100;
/// Rows of a page of the app list; 50,000 is the most it gives.
const LIST_ROWS: u32 = 10_000;
/// The store asks for patience with its search.
const SEARCH_FRESH_SECS: u32 = 3 * 3600;
/// Most apps of one row: bundles have some dozens.
const MAX_APPS_PER_ROW: usize = 100;

/// Where a walk over the lists is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// So many rows of the coming titles have been read.
    Popular(u32),
    /// The changed apps up to this one have been read.
    Changed(u32),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Popular(start) => write!(f, "popular/{start}"),
            Self::Changed(last) => write!(f, "changed/{last}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (list, at) = text.split_once('/').ok_or(())?;
        let at = at.parse().map_err(drop)?;
        match list {
            "popular" => Ok(Self::Popular(at)),
            "changed" => Ok(Self::Changed(at)),
            _ => Err(()),
        }
    }
}

/// One page of what is coming or has changed.
pub(super) async fn discover(
    up: &dyn Upstream,
    query: &Discover,
) -> Result<Page<ListingObservation>, PlatformError> {
    let cursor = match &query.cursor {
        None => Cursor::Popular(0),
        Some(text) => text.parse().map_err(|()| {
            let detail = format!("{text:?} is no cursor of this platform: begin without one");
            Call::new(ID, "discover", up).malformed("cursor", detail)
        })?,
    };
    match cursor {
        Cursor::Popular(start) => popular(up, query, start).await,
        Cursor::Changed(last) => changed(up, query, last).await,
    }
}

/// A page of the coming titles, with the exact instants of those whose items can be had.
async fn popular(
    up: &dyn Upstream,
    query: &Discover,
    start: u32,
) -> Result<Page<ListingObservation>, PlatformError> {
    let country = api::country(&query.region);
    let call = Call::new(ID, "search", up);
    let request = Request::get("https://store.steampowered.com/search/results/")
        .query("query", "")
        .query("start", start)
        .query("count", SEARCH_ROWS)
        .query("infinite", 1)
        .query("filter", "popularcomingsoon")
        .query("category1", 998)
        .query("cc", country)
        .query("l", "english")
        .fresh_for(SEARCH_FRESH_SECS);
    let answer = call.json::<Search>(request).await?;
    let rows = rows(&answer.value.results_html);
    let read = start.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
    let more = !rows.is_empty() && answer.value.total_count.is_some_and(|total| u64::from(read) < total);
    let next = if more { Cursor::Popular(read) } else { Cursor::Changed(0) };
    let evidence = answer.evidence();
    let mut items: Vec<ListingObservation> = (start..)
        .zip(&rows)
        .flat_map(|(before, row)| row.observe(&evidence, u64::from(before) + 1))
        .collect();
    add_items(up, &mut items, country).await;
    items.retain(|seen| begins_by(seen, query.until));
    Ok(Page { items, next: Some(next.to_string()) })
}

/// One row of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    apps: Vec<u32>,
    title: Option<String>,
    released: String,
}

static ROW: LazyLock<Selector> = LazyLock::new(|| selector("a[data-ds-appid]"));
static TITLE: LazyLock<Selector> = LazyLock::new(|| selector(".title"));
static RELEASED: LazyLock<Selector> = LazyLock::new(|| selector(".search_released"));

fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap_or_else(|error| panic!("{css:?} in the code is no selector: {error}"))
}

/// The rows of a page of results; a row of a bundle holds several apps.
fn rows(html: &str) -> Vec<Row> {
    let page = Html::parse_fragment(html);
    page.select(&ROW).filter_map(row).collect()
}

fn row(element: ElementRef<'_>) -> Option<Row> {
    let ids = element.value().attr("data-ds-appid")?;
    let apps: Vec<u32> =
        ids.split(',').filter_map(|id| id.trim().parse().ok()).take(MAX_APPS_PER_ROW).collect();
    let text = |selector| {
        element.select(selector).next().map(|found| found.text().collect::<String>().trim().to_owned())
    };
    let title = text(&TITLE).filter(|title| !title.is_empty());
    (!apps.is_empty()).then(|| Row { apps, title, released: text(&RELEASED).unwrap_or_default() })
}

impl Row {
    /// What the row says about each of its apps. Title and date of a bundle are not those of its parts.
    fn observe(&self, evidence: &Evidence, rank: u64) -> Vec<ListingObservation> {
        let alone = self.apps.len() == 1;
        self.apps
            .iter()
            .map(|app| {
                let mut seen = ListingObservation::new(ID, app.to_string(), evidence.clone());
                seen.listing.url = Some(format!("https://store.steampowered.com/app/{app}/"));
                if alone {
                    seen.title.clone_from(&self.title);
                    seen.listing.phases.extend(
                        release_date(&self.released).map(|window| unlock(window, evidence.clone(), true)),
                    );
                    let mut evidence = evidence.clone();
                    evidence.note = Some("place among the coming titles, most awaited first".to_owned());
                    seen.listing.audience.rank = Some(Fact::new(rank, evidence));
                }
                seen
            })
            .collect()
    }
}

/// Puts in what the store items say, a hundred at a time. They make dates exact; without them the texts stand.
async fn add_items(up: &dyn Upstream, listings: &mut [ListingObservation], country: &str) {
    for part in listings.chunks_mut(SEARCH_ROWS as usize) {
        let apps: Vec<u32> =
            part.iter().filter_map(|seen| seen.listing.external_id.as_deref()?.parse().ok()).collect();
        match api::items(up, &apps, country).await {
            Ok(items) => part.iter_mut().for_each(|seen| add_item_of(seen, &items)),
            Err(error) => tracing::debug!(%error, "release dates stay as coarse as the search prints them"),
        }
    }
}

fn add_item_of(seen: &mut ListingObservation, items: &Fetched<Vec<Item>>) {
    let id = seen.listing.external_id.as_deref();
    let Some(item) = items.value.iter().find(|item| id == Some(item.id.to_string().as_str())) else { return };
    add_item(seen, item);
    let Some(release) = &item.release else { return };
    let text = seen.listing.phases.first().map(|phase| phase.window.value);
    if let Some(window) = release.window(text.as_ref()) {
        seen.listing.phases = vec![unlock(window, items.evidence(), release.is_coming_soon)];
    }
}

/// Titles without a date may come at any time.
fn begins_by(seen: &ListingObservation, until: DateTime<Utc>) -> bool {
    seen.listing.phases.iter().all(|phase| phase.window.value.start <= until)
}

/// A page of the apps whose store page has changed since the beginning of what is asked for. Without a key there is
/// none.
async fn changed(
    up: &dyn Upstream,
    query: &Discover,
    last: u32,
) -> Result<Page<ListingObservation>, PlatformError> {
    let operation = "GetAppList";
    let mut request = api::web_api("IStoreService/GetAppList/v1")
        .query("include_games", true)
        .query("include_dlc", true)
        .query("include_software", true)
        .query("if_modified_since", query.from.min(query.now).timestamp().max(0))
        .query("max_results", LIST_ROWS);
    if last > 0 {
        request = request.query("last_appid", last);
    }
    let (answer, source) = match api::keyed_response(up, operation, request).await {
        Err(PlatformError::Upstream { source: UpstreamError::MissingCredential(_), .. }) => {
            return Ok(Page { items: Vec::new(), next: None });
        }
        answer => answer?,
    };
    let evidence = Evidence::new(traffix_core::SourceKind::Official, source, answer.observed_at);
    let mut items = Vec::new();
    let call = Call::new(ID, operation, up);
    let end = read_app_list(&answer.body, |app| {
        let mut seen = ListingObservation::new(ID, app.id.to_string(), evidence.clone());
        seen.title = app.title().map(str::to_owned);
        seen.changed_at = app.changed_at();
        items.push(seen);
    })
    .map_err(|error| call.malformed(format!("line {}", error.line), error.detail))?;
    let next = match end.last_app {
        Some(app) if end.more && app > last => Some(Cursor::Changed(app).to_string()),
        _ if end.more => {
            return Err(call.malformed("response.last_appid", "the list goes on, but not forward"));
        }
        _ => None,
    };
    Ok(Page { items, next })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cursors_read_back() {
        for cursor in [Cursor::Popular(100), Cursor::Changed(507_030)] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for bad in ["", "popular", "popular/-1", "popular/99999999999", "new/1", "popular/1/2"] {
            assert_eq!(bad.parse::<Cursor>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn rows_of_a_recorded_page_in_another_language_have_no_date() {
        let rows = rows(include_str!("fixtures/search_korean.html"));
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].apps.as_slice(), rows[0].title.as_deref()),
            ([1_478_500].as_slice(), Some("Big Walk"))
        );
        assert_eq!(rows[0].released, "2026년 8월 4일");
        assert_eq!(release_date(&rows[0].released), None);
    }

    proptest! {
        #[test]
        fn no_page_is_too_odd(text in "(<a data-ds-appid=\"|[0-9,]{0,12}|\">|<span class=\"title\">|</a>|<div|é| ){0,40}") {
            for row in rows(&text) {
                prop_assert!(!row.apps.is_empty() && row.apps.len() <= MAX_APPS_PER_ROW);
            }
        }
    }
}
