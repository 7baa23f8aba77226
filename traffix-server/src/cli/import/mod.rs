//! `traffix import`.

mod files;
mod measured;
mod progress;
mod series;

use traffix_core::catalogue::{Company, Ru};
use traffix_store::{Actor, Expect, ImportReport, Store, StoreError};

use super::database::{self, DatabaseArgs, block_on};
use super::{Failure, Input, Out};
use crate::bundled::bundled;
use files::Files;
pub(super) use progress::Progress;

/// Merge catalogue files into the database, save network profiles, or keep series of traffic.
///
/// Reads TOML as in data/, JSON as the API writes it, and NDJSON (one RU or one batch of measurements per line); with
/// --unit, series as monitoring systems export them. All files are read and checked first; then everything is written or nothing. Importing the
/// same files again changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files; - reads standard input. The name's end decides the format, else the first character.
    #[arg(value_name = "FILE", required_unless_present = "bundled")]
    files: Vec<Input>,
    /// Import the catalogue that is compiled into the program, as the first start of serve does.
    #[arg(long)]
    bundled: bool,
    /// Id of the key that will own imported network profiles.
    #[arg(long, value_name = "KEY-ID")]
    owner: Option<String>,
    #[command(flatten)]
    series: series::SeriesArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Who imports, for the change log.
const ACTOR: &str = "import";

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    if let Some(unit) = args.series.file.unit {
        let report = block_on(series::run(&args.series, unit, &args.files, &args.database))?;
        return report.print(args.json, out);
    }
    if let Some(batches) = measured::read(&args.files)? {
        let report = block_on(measured::add(batches, &args.database))?;
        return report.print(args.json, out);
    }
    let mut files = Files::read(&args.files)?;
    if args.bundled {
        files.add_bundled(bundled().map_err(Failure::new)?);
    }
    if !files.networks.is_empty() && args.owner.is_none() {
        return Err(Failure::usage(
            "network profiles are private to a key: say whose they are with --owner KEY-ID",
        )
        .hint("traffix keys list shows the ids"));
    }
    let (report, networks) = block_on(async {
        let store = args.database.open().await?;
        let report = merge(&*store, &files.companies, &files.rus, ACTOR).await;
        let report = report.map_err(|error| files.explain(&error))?;
        let networks = save_networks(&*store, args.owner.as_deref(), &files).await?;
        Ok((report, networks))
    })?;
    if args.json {
        let mut json = serde_json::to_value(report).map_err(Failure::new)?;
        json["networks"] = networks.into();
        return out.json(&json);
    }
    let ImportReport { read, created, updated, unchanged } = report;
    out.line(format!("{read} read: {created} new, {updated} changed, {unchanged} unchanged"))?;
    if networks > 0 {
        out.line(format!("{networks} network profiles saved"))?;
    }
    Ok(())
}

/// The releases and updates of some files.
pub(super) fn rus(paths: &[Input]) -> Result<Vec<Ru>, Failure> {
    Ok(Files::read(paths)?.rus)
}

/// Merges a catalogue into a store, with a bar on standard error.
pub(super) async fn merge(
    store: &dyn Store,
    companies: &[Company],
    rus: &[Ru],
    actor: &str,
) -> Result<ImportReport, StoreError> {
    let actor = Actor(actor.to_owned());
    let first = store.put_companies(companies, &actor).await?;
    let bar = Progress::start(rus.len() as u64);
    let second = store.merge_rus_with_progress(rus, &actor, &|done| bar.at(done)).await?;
    bar.finish();
    Ok(ImportReport {
        read: first.read + second.read,
        created: first.created + second.created,
        updated: first.updated + second.updated,
        unchanged: first.unchanged + second.unchanged,
    })
}

async fn save_networks(store: &dyn Store, owner: Option<&str>, files: &Files) -> Result<u64, Failure> {
    let Some(owner) = owner.filter(|_| !files.networks.is_empty()) else { return Ok(0) };
    let known = store.key(owner).await.map_err(|error| database::failure(&error))?;
    if known.is_none() {
        return Err(
            Failure::new(format_args!("there is no key {owner:?}")).hint("traffix keys list shows the ids")
        );
    }
    let mut saved = 0;
    for (name, network) in &files.networks {
        let profile = serde_json::to_value(network).map_err(Failure::new)?;
        let written = store.put_network(owner, &network.id, &profile, Expect::Anything).await;
        written.map_err(|error| Failure::new(format_args!("{name}: {error}")))?;
        saved += 1;
    }
    Ok(saved)
}
