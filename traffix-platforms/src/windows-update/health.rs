//! The release-health pages: every build of Windows with its day.

use bytes::Bytes;
use chrono::NaiveDate;
use scraper::{Html, Selector};
use traffix_core::catalogue::Build;

use super::ID;
use super::edition::Edition;
use crate::embedded::must;
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::{BuildObservation, Notes, PlatformError};

/// The builds of an edition as its release-health page lists them, oldest first. The page gives days: `live_at` is
/// the first instant of it.
pub(super) async fn builds(
    up: &dyn Upstream,
    edition: Edition,
) -> Result<Fetched<Vec<BuildObservation>>, PlatformError> {
    let call = Call::new(ID, "release health", up);
    let page = call.bytes(Request::get(edition.health_page()).fresh_for(21_600)).await?;
    let rows = parse(&page.value);
    if rows.is_empty() {
        return Err(call.malformed("table", "no table of builds: the page has another layout"));
    }
    let mut evidence = page.evidence();
    evidence.note = Some("the page gives the day".into());
    let mut seen: Vec<_> = rows.into_iter().map(|row| row.observed(&evidence)).collect();
    seen.sort_by(|a, b| (a.build.live_at, &a.build.id).cmp(&(b.build.live_at, &b.build.id)));
    Ok(page.map(|_| seen))
}

/// A row of a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    build: String,
    update_type: Option<String>,
    day: Option<NaiveDate>,
    article: Option<String>,
}

impl Row {
    fn observed(self, evidence: &traffix_core::Evidence) -> BuildObservation {
        let live_at = self.day.and_then(|day| day.and_hms_opt(0, 0, 0)).map(|at| at.and_utc());
        let notes = self.article.map(|article| Notes {
            url: article
                .strip_prefix("KB")
                .map(|number| format!("https://support.microsoft.com/help/{number}")),
            title: article,
            published_at: live_at,
        });
        let build = Build { id: self.build, version: self.update_type, live_at };
        BuildObservation { notes, ..BuildObservation::new(build, evidence.clone()) }
    }
}

/// The rows of all tables that have a column of builds and one of days.
pub(super) fn parse(page: &Bytes) -> Vec<Row> {
    let html = Html::parse_document(&String::from_utf8_lossy(page));
    let (tables, lines, cells) = (select("table"), select("tr"), select("th, td"));
    let mut rows = Vec::new();
    for table in html.select(&tables) {
        let texts = |row: scraper::ElementRef<'_>| -> Vec<String> {
            row.select(&cells).map(|cell| cell.text().collect::<String>().trim().to_owned()).collect()
        };
        let mut lines = table.select(&lines).map(texts);
        let Some(header) = lines.next() else { continue };
        let column = |name: &str| header.iter().position(|head| head.to_ascii_lowercase().contains(name));
        let (Some(build), Some(day)) = (column("build"), column("availability date")) else { continue };
        let (update_type, article) = (column("update type"), column("kb"));
        rows.extend(lines.filter_map(|cells| {
            let text = |at: Option<usize>| cells.get(at?).cloned().filter(|text| !text.is_empty());
            let build = text(Some(build)).filter(|build| build.starts_with(|c: char| c.is_ascii_digit()))?;
            let day = text(Some(day)).and_then(|day| day.parse().ok());
            let article = text(article).filter(|article| article.starts_with("KB"));
            Some(Row { build, update_type: text(update_type), day, article })
        }));
    }
    rows
}

fn select(selector: &str) -> Selector {
    must("selector", Selector::parse(selector).map_err(|error| error.to_string()))
}
