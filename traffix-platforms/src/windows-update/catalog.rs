//! The Update Catalog: bytes of whole packages, in pages made for people.

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use scraper::{ElementRef, Html, Selector};

use super::ID;
use crate::PlatformError;
use crate::embedded::must;
use crate::upstream::{Call, Fetched, Request, Upstream};

/// One package of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Identifier of the package.
    pub id: String,
    /// `2023-04 Cumulative Update for Windows 11 Version 22H2 for arm64-based Systems (KB5025239)`.
    pub title: String,
    /// `Windows 11`.
    pub products: Option<String>,
    /// First instant of the day of the last change.
    pub changed_at: Option<DateTime<Utc>>,
    /// Bytes of the whole package; a client that has an earlier one fetches less.
    pub package_bytes: Option<u64>,
}

/// Details of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageDetails {
    /// As in [`Package::title`].
    pub title: String,
    /// First instant of the day of the last change.
    pub changed_at: Option<DateTime<Utc>>,
    /// As people read it: `401.5 MB`.
    pub size_text: Option<String>,
    /// Titles of the packages that this one replaces.
    pub supersedes: Vec<String>,
    /// Titles of the packages by which it was replaced.
    pub superseded_by: Vec<String>,
}

/// The packages that a search finds, such as one for `KB5025239`.
///
/// # Errors
/// As every request; [`PlatformError::Malformed`] if the page has neither packages nor says that there are none.
pub async fn packages(up: &dyn Upstream, search: &str) -> Result<Fetched<Vec<Package>>, PlatformError> {
    let call = Call::new(ID, "update catalog", up);
    let address = "https://www.catalog.update.microsoft.com/Search.aspx";
    let page = call.bytes(Request::get(address).query("q", search).fresh_for(86_400)).await?;
    let found = parse_search(&page.value).ok_or_else(|| call.malformed("table", "no table of updates"))?;
    Ok(page.map(|_| found))
}

/// Details of the package of this identifier.
///
/// # Errors
/// As every request; [`PlatformError::NotFound`] if the page has no title.
pub async fn package_details(up: &dyn Upstream, id: &str) -> Result<Fetched<PackageDetails>, PlatformError> {
    let call = Call::new(ID, "update catalog details", up);
    let address = "https://www.catalog.update.microsoft.com/ScopedViewInline.aspx";
    let page = call.bytes(Request::get(address).query("updateid", id).fresh_for(86_400)).await?;
    let details = parse_details(&page.value).ok_or_else(|| call.not_found(id))?;
    Ok(page.map(|_| details))
}

/// The rows of a search; `None` if this is no page of the catalogue.
pub(super) fn parse_search(page: &Bytes) -> Option<Vec<Package>> {
    let html = Html::parse_document(&String::from_utf8_lossy(page));
    let table = html.select(&select("#ctl00_catalogBody_updateMatches")).next();
    let Some(table) = table else {
        let nothing = html.select(&select("#ctl00_catalogBody_noResultText")).next();
        return nothing.map(|_| Vec::new());
    };
    let rows = select("tr[id]");
    let packages = table.select(&rows).filter_map(|row| {
        let id = row.value().id()?.rsplit_once("_R")?.0.to_owned();
        let cells: Vec<String> = row.select(&select("td")).map(plain).collect();
        let bytes = row.select(&select("span[id$='_originalSize']")).next().map(plain);
        Some(Package {
            id,
            title: cells.get(1)?.clone(),
            products: cells.get(2).cloned().filter(|text| !text.is_empty()),
            changed_at: cells.get(4).and_then(|text| day(text)),
            package_bytes: bytes.and_then(|bytes| bytes.parse().ok()).filter(|bytes| *bytes > 0),
        })
    });
    Some(packages.collect())
}

pub(super) fn parse_details(page: &Bytes) -> Option<PackageDetails> {
    let html = Html::parse_document(&String::from_utf8_lossy(page));
    let text = |selector| html.select(&select(selector)).next().map(plain).filter(|text| !text.is_empty());
    let list = |selector| html.select(&select(selector)).map(plain).filter(|text| !text.is_empty()).collect();
    Some(PackageDetails {
        title: text("#ScopedViewHandler_titleText")?,
        changed_at: text("#ScopedViewHandler_date").and_then(|text| day(&text)),
        size_text: text("#ScopedViewHandler_size"),
        supersedes: list("#supersedesInfo > div"),
        superseded_by: list("#supersededbyInfo > div"),
    })
}

/// Words of the package's devices: `windows-11-22h2-arm64`.
pub(super) fn variant(title: &str) -> Option<String> {
    let about = title.find("Windows 1").map(|at| &title[at..])?;
    let about = about.split(" (KB").next().unwrap_or(about).to_ascii_lowercase();
    let words = about.split_whitespace().filter(|word| !["for", "version", "systems"].contains(word));
    let words = words.map(|word| word.trim_end_matches("-based"));
    Some(words.take(6).collect::<Vec<_>>().join("-"))
}

fn select(selector: &str) -> Selector {
    must("selector", Selector::parse(selector).map_err(|error| error.to_string()))
}

/// The text of an element with single spaces.
fn plain(element: ElementRef<'_>) -> String {
    let text: String = element.text().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `4/11/2023`.
fn day(text: &str) -> Option<DateTime<Utc>> {
    Some(NaiveDate::parse_from_str(text, "%m/%d/%Y").ok()?.and_hms_opt(0, 0, 0)?.and_utc())
}
