//! `traffix capture`.

mod propose;
mod table;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use traffix_core::catalogue::PlatformId;
use traffix_telemetry::capture::{CaptureError, Limits, Report, Suggestion, inspect, suggest};

use super::database::DatabaseArgs;
use super::{Failure, Input, Out, input};

/// Smaller files are read before a bar could be.
const WORTH_A_BAR_BYTES: u64 = 64 << 20;

/// Look into packet captures.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Inspect(Inspect),
}

/// Say which servers delivered the bytes of a capture, under which names, and what hides the answer.
///
/// Reads pcap and pcapng of any size, also packed with gzip. Servers are told with their CDN, ASN and tenancy, names
/// with how they were seen: SNI of TLS, Host of HTTP, answers of DNS. The other side is never printed or stored; where
/// nobody is known to be a server, bytes are only summed.
#[derive(Debug, clap::Args)]
struct Inspect {
    /// The capture; - reads standard input.
    #[arg(value_name = "FILE")]
    file: Input,
    /// What was downloaded while it was captured.
    #[arg(long, value_name = "ID")]
    platform: Option<PlatformId>,
    /// Suggest assertions about who delivers, with evidence and confidence, for review.
    #[arg(long)]
    suggest: bool,
    /// Put what is suggested and new before a moderator, as proposals in the database.
    #[arg(long, requires = "platform")]
    propose: bool,
    /// Most servers and names listed; in JSON all if absent.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Servers and names listed in the table unless said otherwise.
const TOP: usize = 20;

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestions: Option<&'a [Suggestion]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed: Option<u64>,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let Command::Inspect(args) = &args.command;
    let known = |id: &PlatformId| traffix_platforms::PLATFORMS.iter().any(|platform| platform.id() == *id);
    if let Some(id) = args.platform.as_ref().filter(|id| !known(id)) {
        return Err(
            Failure::usage(format_args!("there is no platform {id}")).hint("traffix platforms lists them")
        );
    }
    let mut report = read(&args.file)?;
    let suggestions = (args.suggest || args.propose).then(|| suggestions(args, &report));
    let proposed = match &suggestions {
        Some(all) if args.propose => Some(propose::run(all, &args.database)?),
        _ => None,
    };
    if args.json {
        if let Some(top) = args.top {
            report.servers.truncate(top);
            report.by_name.truncate(top);
        }
        out.json(&Answer { report: &report, suggestions: suggestions.as_deref(), proposed })?;
    } else {
        table::print(&input::name(&args.file), &report, args.top.unwrap_or(TOP), out)?;
        if let Some(suggestions) = &suggestions {
            table::suggestions(suggestions, out)?;
        }
        if let Some(proposed) = proposed {
            out.line(format!("\n{proposed} new proposals await a moderator: GET /api/v1/proposals"))?;
        }
    }
    // The answer stands, but a script should know that it is not the whole file.
    match report.damage {
        Some(damage) => Err(Failure::new(damage).hint("what came before is reported above")),
        None => Ok(()),
    }
}

fn suggestions(args: &Inspect, report: &Report) -> Vec<Suggestion> {
    let name = args.file.file_name().map_or_else(|| "standard input".into(), |name| name.to_string_lossy());
    suggest(
        report,
        args.platform.as_ref(),
        traffix_platforms::delivery::assertions(),
        &format!("capture {name}"),
    )
}

fn read(path: &Path) -> Result<Report, Failure> {
    let name = input::name(path);
    let failed = |error: CaptureError| Failure::new(format_args!("{name}: {error}"));
    if input::is_stdin(path) {
        return inspection(std::io::stdin()).map_err(failed);
    }
    let file = File::open(path).map_err(|error| {
        Failure::new(format_args!("cannot read {name}: {error}"))
            .hint("check the path; - reads standard input")
    })?;
    let size = file.metadata().map(|about| about.len()).unwrap_or_default();
    let bar = if size < WORTH_A_BAR_BYTES { ProgressBar::hidden() } else { ProgressBar::new(size) };
    let style = ProgressStyle::with_template("reading {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let report = inspection(bar.wrap_read(file));
    bar.finish_and_clear();
    report.map_err(failed)
}

fn inspection(source: impl Read + Send) -> Result<Report, CaptureError> {
    inspect(source, traffix_platforms::prefix_table(), &Limits::default())
}
