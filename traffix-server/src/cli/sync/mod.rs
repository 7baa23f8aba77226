//! `traffix sync`.

mod credentials;
mod recording;
mod table;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::sync::watch;
use traffix_platforms::Platform;
use traffix_store::Store;

use super::database::{self, DatabaseArgs, block_on};
use super::{Failure, Out};
use crate::config::{Config, Log};
use crate::jobs::{self, Beside, Plan, PlatformReport, PullStatus};
use crate::server::stop_signal;
use recording::Source;
use table::Bars;

/// Pull releases, updates, builds, sizes and audience from platforms into the catalogue, once.
///
/// Asks for lists of titles and for the listings that are due; what is known already is not written again. An
/// interrupted run goes on where it was. Exit code 1 only if a platform failed as a whole.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Slugs of platforms, or other sources that are configured, such as github; all if none is named.
    #[arg(value_name = "PLATFORM")]
    platforms: Vec<String>,
    /// Read a folder of recorded answers instead of the network; every known listing is asked about.
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
    /// Record the answers for --replay into this folder, without secrets.
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    record: Option<PathBuf>,
    /// Ask about every known listing, due or not.
    #[arg(long)]
    all: bool,
    /// Pretend that it is this instant [default: now; with --replay the newest instant of the recording].
    #[arg(long, value_name = "INSTANT", value_parser = super::instant)]
    at: Option<DateTime<Utc>>,
    /// File with keys and tokens by name, TOML or JSON.
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Key for Steam's Web API; better given as `TRAFFIX__CREDENTIALS__STEAM`, which no process list shows.
    #[arg(long, value_name = "KEY", hide_env_values = true)]
    steam_key: Option<String>,
    /// Most requests to each platform; the next run goes on from there [default: 2000].
    #[arg(long, value_name = "N")]
    max_requests: Option<u64>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print {"platforms": […]} with what was read, written and is new.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let config = config(args)?;
    // The table says the same in fewer words.
    if args.json || config.log != Log::default() {
        super::serve::logs(&config)?;
    }
    let (besides, named) = besides(&args.platforms, &config)?;
    let platforms =
        if named.is_empty() && !args.platforms.is_empty() { Vec::new() } else { platforms(&named, &config)? };
    let source = Source::new(args.replay.as_deref(), args.record.as_deref())?;
    let now = args.at.or(source.newest()).unwrap_or_else(Utc::now);
    let mut plan = jobs::plan(&config.sync, now).map_err(Failure::usage)?;
    plan.all_listings = args.all || args.replay.is_some();
    let reports = block_on(async {
        let store = database::open(&config.database.url).await?;
        if store.sequence().await.map_err(|error| database::failure(&error))? == 0 {
            super::tell(
                "the catalogue is empty\n\
                 hint: with traffix import --bundled first, titles that are reviewed are found and not made anew",
            );
        }
        pull_all(&config, (&platforms, &besides), (&source, &plan), &*store).await
    })?;
    if args.json {
        out.json(&serde_json::json!({ "platforms": reports }))?;
    } else {
        table::print(&reports, out)?;
    }
    let failed: Vec<&str> =
        reports.iter().filter(|report| report.status == PullStatus::Failed).map(|r| r.id.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    out.flush()?;
    Err(Failure::new(format_args!("could not pull from {}", failed.join(", ")))
        .hint("the errors above say why; the others are done, and the next run asks again"))
}

fn config(args: &Args) -> Result<Config, Failure> {
    let most = args.max_requests.map(|n| ("sync.max_requests", n.to_string()));
    let steam = args.steam_key.clone().map(|key| ("credentials.steam", key));
    let mut config = args.database.config(most.into_iter().chain(steam))?;
    if let Some(path) = &args.credentials {
        config.credentials = config.credentials.or(credentials::read(path)?);
    }
    Ok(config)
}

/// The sources beside the platforms that are meant, and the names that are not of one.
fn besides(names: &[String], config: &Config) -> Result<(Vec<Beside>, Vec<String>), Failure> {
    let mut all = jobs::besides(&config.sync).map_err(Failure::usage)?;
    let is = |beside: &Beside, name: &String| beside.id().as_str() == name;
    let rest = names.iter().filter(|name| !all.iter().any(|beside| is(beside, name))).cloned().collect();
    all.retain(|beside| names.is_empty() || names.iter().any(|name| is(beside, name)));
    Ok((all, rest))
}

fn platforms(named: &[String], config: &Config) -> Result<Vec<&'static dyn Platform>, Failure> {
    if named.is_empty() {
        return jobs::platforms(&config.sync).map_err(Failure::usage);
    }
    super::platforms::named(named)
}

/// All platforms side by side: they are different services, and one that fails stops no other. Then the sources
/// beside them.
async fn pull_all(
    config: &Config,
    (platforms, besides): (&[&'static dyn Platform], &[Beside]),
    (source, plan): (&Source, &Plan),
    store: &dyn Store,
) -> Result<Vec<PlatformReport>, Failure> {
    let (stop, stopped) = watch::channel(false);
    let signal = tokio::spawn(async move {
        stop_signal().await;
        super::tell("stopping; the next run goes on from here");
        // The receivers are gone only when the work is done.
        let _ = stop.send(true);
        // Keeps the channel open.
        std::future::pending::<()>().await;
    });
    let bars = Bars::new();
    let pulls = platforms.iter().map(|platform| {
        let stopped = until(stopped.clone());
        let bar = bars.add(platform.id().as_str());
        async move {
            let (up, plan) = source.connect(config, *platform, plan)?;
            let progress = |report: &PlatformReport| bar.show(report);
            let report = jobs::pull(store, *platform, up.as_ref(), (&plan, &progress), stopped).await;
            bar.finish(&report);
            Ok::<_, Failure>(report)
        }
    });
    let mut reports = join_all(pulls).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    for beside in besides {
        let up = source.open(config, &beside.id())?;
        let stopped = until(stopped.clone());
        reports.push(jobs::pull_beside(store, beside, up.as_ref(), plan, stopped).await);
    }
    signal.abort();
    Ok(reports)
}

/// Completes when it is time to stop.
async fn until(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
