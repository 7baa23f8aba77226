//! `traffix platforms check`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use serde::Serialize;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_platforms::conformance::{self, Law, Report};
use traffix_platforms::upstream::UpstreamError;
use traffix_platforms::{Discover, ListingRef, Platform, PlatformError};

use super::database::{DatabaseArgs, block_on};
use super::{Failure, Out};
use crate::config::Config;
use crate::jobs;

/// Where a source checkout keeps the recordings.
const FIXTURES: &str = "traffix-platforms/src";

/// Check platforms against the laws that all of them keep, over recordings, and if asked with one real request each.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Slugs of platforms; all if none is named.
    #[arg(value_name = "PLATFORM")]
    platforms: Vec<String>,
    /// Folder with a folder of recordings per platform, as in a source checkout.
    #[arg(long, value_name = "DIR", default_value = FIXTURES)]
    fixtures: PathBuf,
    /// Ask every platform's real service one question too.
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// What was found about one platform.
#[derive(Serialize)]
struct Item {
    id: PlatformId,
    /// Laws kept, broken, and not checked.
    passed: usize,
    failed: usize,
    skipped: usize,
    /// Which laws are broken, and how.
    failures: Vec<String>,
    /// Which are not checked, and why.
    skips: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Live>,
}

/// How the real service answered.
#[derive(Serialize)]
struct Live {
    /// `ok`, `failed`, or why it was not asked: `unsupported`, `needs-credential`.
    status: &'static str,
    /// How long it took.
    latency_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

pub(super) fn run(args: &Args, json: bool, out: &mut Out) -> Result<(), Failure> {
    let platforms = super::platforms::named(&args.platforms)?;
    let config = args.database.config([])?;
    if !args.fixtures.is_dir() {
        let folder = args.fixtures.display();
        super::tell(&format!(
            "{folder} is no folder: without recordings only the laws about a platform's facts are checked\n\
             hint: run this in a source checkout, or name the folder with --fixtures DIR"
        ));
    }
    let mut items: Vec<Item> = platforms.iter().map(|platform| item(*platform, &args.fixtures)).collect();
    if args.live {
        let lives = block_on(async {
            let asked = platforms.iter().map(|platform| live(*platform, &config, &args.fixtures));
            Ok(futures_util::future::join_all(asked).await)
        })?;
        for (item, live) in items.iter_mut().zip(lives) {
            item.live = Some(live);
        }
    }
    if json {
        out.json(&serde_json::json!({ "items": items }))?;
    } else {
        print(&items, out)?;
    }
    let broken =
        items.iter().any(|item| item.failed > 0 || item.live.as_ref().is_some_and(|l| l.status == "failed"));
    if broken { Err(Failure::reported()) } else { Ok(()) }
}

/// The recordings of a platform.
fn folder(fixtures: &Path, platform: &PlatformId) -> PathBuf {
    fixtures.join(platform.as_str()).join("fixtures")
}

fn item(platform: &'static dyn Platform, fixtures: &Path) -> Item {
    let folder = folder(fixtures, &platform.id());
    // The laws have a runtime of their own.
    let Report { platform: id, passed, skipped, failed, .. } = conformance::check(platform, &folder);
    // Without recordings a platform cannot be judged, which is not its fault.
    let unjudged = !folder.is_dir();
    let judged = |law| Law::OFFLINE.contains(&law) && law != Law::Undeclared;
    let (failed, missing): (Vec<_>, Vec<_>) =
        failed.into_iter().partition(|failure| !unjudged || judged(failure.law));
    let skips = skipped.iter().map(|skip| format!("{}: {}", skip.what, skip.reason));
    let missing = missing.iter().map(|failure| format!("{}: no recordings", failure.law.name()));
    let skips: Vec<String> = skips.chain(missing).collect();
    Item {
        id,
        passed: passed.len(),
        failed: failed.len(),
        skipped: skips.len(),
        failures: failed
            .iter()
            .map(|failure| format!("{}: {}", failure.law.name(), failure.detail))
            .collect(),
        skips,
        live: None,
    }
}

/// Asks for the first page of titles, else for a title that the recordings name.
async fn live(platform: &'static dyn Platform, config: &Config, fixtures: &Path) -> Live {
    let begun = Instant::now();
    let answer = match jobs::connect(config, &platform.id(), None) {
        Ok(connection) => ask(platform, connection.up.as_ref(), fixtures).await,
        Err(error) => Err(error.to_string()),
    };
    let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match answer {
        Ok((status, detail)) => Live { status, latency_ms, detail: Some(detail) },
        Err(detail) => Live { status: "failed", latency_ms, detail: Some(detail) },
    }
}

async fn ask(
    platform: &dyn Platform,
    up: &dyn traffix_platforms::upstream::Upstream,
    fixtures: &Path,
) -> Result<(&'static str, String), String> {
    let now = Utc::now();
    let (from, until) = (now - TimeDelta::days(30), now + TimeDelta::days(365));
    let query = Discover { now, from, until, region: Region::WORLD, cursor: None };
    let longest = Duration::from_mins(2);
    let late = |_| "no answer within two minutes".to_owned();
    let listed = tokio::time::timeout(longest, platform.discover(up, &query)).await.map_err(late)?;
    let answer = match (listed, sample(&folder(fixtures, &platform.id()))) {
        (Err(PlatformError::Unsupported { .. }), Some(id)) => {
            let title = ListingRef::new(id);
            let asked = platform.refresh(up, &title);
            tokio::time::timeout(longest, asked).await.map_err(late)?.map(|_| "one title".to_owned())
        }
        (listed, _) => listed.map(|page| format!("{} titles", page.items.len())),
    };
    match answer {
        Ok(detail) => Ok(("ok", detail)),
        Err(error @ PlatformError::Unsupported { .. }) => Ok(("unsupported", error.to_string())),
        Err(error @ PlatformError::Upstream { source: UpstreamError::MissingCredential(_), .. }) => {
            Ok(("needs-credential", error.to_string()))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The first title that the recordings of a platform answer about.
fn sample(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("samples.toml")).ok()?;
    let table: toml::Table = text.parse().ok()?;
    let first = table.get("refresh")?.as_array()?.first()?;
    let id = first.as_str().or_else(|| first.get("id")?.as_str());
    id.map(str::to_owned)
}

fn print(items: &[Item], out: &mut Out) -> Result<(), Failure> {
    out.line(format!(
        "{:<15} {:>6} {:>6} {:>7}  {:<16} {:>8}",
        "ID", "PASSED", "FAILED", "SKIPPED", "LIVE", "MS"
    ))?;
    for item in items {
        let Item { id, passed, failed, skipped, live, .. } = item;
        let (status, ms) =
            live.as_ref().map_or(("-", "-".into()), |live| (live.status, live.latency_ms.to_string()));
        out.line(format!("{id:<15} {passed:>6} {failed:>6} {skipped:>7}  {status:<16} {ms:>8}"))?;
    }
    out.flush()?;
    for item in items {
        for failure in &item.failures {
            super::complain(&format!("{}: {failure}", item.id));
        }
        for skip in &item.skips {
            super::tell(&format!("{}: skipped {skip}", item.id));
        }
        if let Some(Live { status, detail: Some(detail), .. }) = &item.live {
            super::tell(&format!("{}: live {status}: {detail}", item.id));
        }
    }
    Ok(())
}
