//! Reading what other systems measured into stored series.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use traffix_store::{SeriesKey, StoreError};

use crate::cli::export_file::ExportArgs;
use crate::cli::{Failure, Input, Out, database, input};
use crate::exports::{self, Rates, Unit};

/// Complaints printed at most.
const MAX_FINDINGS: usize = 100;

/// Where series are kept; --unit makes files series files.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Series files")]
pub(super) struct SeriesArgs {
    #[command(flatten)]
    pub(super) file: ExportArgs,
    /// Whose traffic it is, such as acme/transit-1 or ixp/bcix; names of columns are added if there are several.
    #[arg(long, value_name = "PLACE", requires = "unit")]
    place: Option<String>,
    /// Who measured it, such as grafana-export.
    #[arg(long, value_name = "NAME", requires = "unit")]
    source: Option<String>,
    /// Under which metric it is kept; must end in `_bps`, because bit rates are kept [default: `traffic_bps`].
    #[arg(long, value_name = "NAME", requires = "unit")]
    metric: Option<String>,
}

/// What became of one series.
#[derive(Serialize)]
struct Imported {
    metric: String,
    subject: String,
    source: String,
    step_secs: u32,
    points: u64,
    /// How many of them are new or differ from what was there.
    changed: u64,
    gaps: u64,
    resets: u64,
    repeated: u64,
}

/// Reads all files, then writes; returns what was done with each series.
pub(super) async fn run(
    args: &SeriesArgs,
    unit: Unit,
    files: &[Input],
    database: &database::DatabaseArgs,
) -> Result<Report, Failure> {
    let series = read(args, unit, files)?;
    let store = database.open().await?;
    let mut report = Vec::new();
    for (key, rates) in series {
        let changed = store.put_points(&key, &rates.points).await.map_err(|error| failure(&error))?;
        let SeriesKey { metric, subject, source, step_secs } = key;
        let Rates { points, gaps, resets, repeated, .. } = rates;
        let points = points.len() as u64;
        report.push(Imported { metric, subject, source, step_secs, points, changed, gaps, resets, repeated });
    }
    Ok(Report(report))
}

fn failure(error: &StoreError) -> Failure {
    database::failure(error)
}

/// What was imported, for people or programs.
pub(super) struct Report(Vec<Imported>);

impl Report {
    pub(super) fn print(&self, json: bool, out: &mut Out) -> Result<(), Failure> {
        if json {
            return out.json(&serde_json::json!({ "series": self.0 }));
        }
        for Imported { subject, step_secs, points, changed, gaps, resets, .. } in &self.0 {
            let resets = if *resets > 0 { format!(", {resets} counter resets") } else { String::new() };
            out.line(format!(
                "{subject}: {points} steps of {step_secs} s, {changed} new or changed, {gaps} unknown{resets}"
            ))?;
        }
        Ok(())
    }
}

/// Bit rates of all files by the key under which they are kept; the failure lists everything that is wrong.
fn read(args: &SeriesArgs, unit: Unit, files: &[Input]) -> Result<BTreeMap<SeriesKey, Rates>, Failure> {
    let metric = args.metric.as_deref().unwrap_or("traffic_bps");
    if !metric.ends_with("_bps") {
        return Err(Failure::usage(format_args!(
            "--metric {metric}: bit rates are kept, so it must end in _bps"
        )));
    }
    let (Some(place), Some(source)) = (&args.place, &args.source) else {
        return Err(Failure::usage("--unit needs --place and --source: under them series are kept"));
    };
    let (asked, columns) = (args.file.asked(unit), &args.file.column);
    let (mut found, mut wrong) = (BTreeMap::new(), Vec::new());
    for path in files {
        let (text, file) = (input::read_text(path)?, input::name(path));
        let all = match exports::read(&text, &asked) {
            Ok(all) => all,
            Err(errors) => {
                wrong.extend(errors.into_iter().map(|error| format!("{file}{error}")));
                continue;
            }
        };
        let names: BTreeSet<String> = all.iter().map(|one| one.name.clone()).collect();
        let chosen = |name: &String| columns.is_empty() || columns.contains(name);
        let many = names.iter().filter(|name| chosen(name)).count() > 1;
        for missing in columns.iter().filter(|column| !names.contains(*column)) {
            let known = names.iter().map(String::as_str).take(20).collect::<Vec<_>>().join(", ");
            wrong.push(format!("{file}: has no series {missing:?}, but {known}"));
        }
        for samples in all.into_iter().filter(|one| chosen(&one.name)) {
            let subject = if many { format!("{place}/{}", samples.name) } else { place.clone() };
            match samples.rates(&asked) {
                Err(errors) => wrong.extend(errors.into_iter().map(|error| format!("{file}{error}"))),
                Ok(rates) => {
                    let (step_secs, source) = (rates.step_secs, source.clone());
                    let key = SeriesKey { metric: metric.to_owned(), subject, source, step_secs };
                    add(&mut found, key, rates, &mut wrong, &file);
                }
            }
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(explained(&wrong)) }
}

/// Joins the same series of several files; where they overlap, they must agree.
fn add(
    found: &mut BTreeMap<SeriesKey, Rates>,
    key: SeriesKey,
    rates: Rates,
    wrong: &mut Vec<String>,
    file: &str,
) {
    let Some(known) = found.get_mut(&key) else {
        found.insert(key, rates);
        return;
    };
    let mut points: BTreeMap<_, f64> = known.points.drain(..).collect();
    for (at, bps) in rates.points {
        if points.insert(at, bps).is_some_and(|before| before.to_bits() != bps.to_bits()) {
            wrong.push(format!("{file}: differs at {at} from a file before it"));
            break;
        }
    }
    known.points = points.into_iter().collect();
    known.gaps += rates.gaps;
    known.resets += rates.resets;
    known.repeated += rates.repeated;
}

fn explained(wrong: &[String]) -> Failure {
    for line in wrong.iter().take(MAX_FINDINGS) {
        crate::cli::complain(line);
    }
    Failure::new(format_args!("{} findings, nothing was imported", wrong.len()))
        .hint("traffix import --help lists the formats; gaps may be empty, NaN or missing rows")
}
