//! The command line.
//!
//! Answers go to standard output, everything else to standard error. Exit code 0 is success, 1 is failure,
//! 2 is a mistake in the command itself. A closed pipe ends the program quietly.

mod attribute;
mod backtest;
mod baseline;
mod capture;
mod check;
mod collect;
mod database;
mod effect;
mod export;
mod export_file;
mod failure;
mod forecast;
mod foreign;
mod history;
mod import;
mod input;
mod keys;
mod migrate;
mod outlook;
mod output;
mod overlay;
mod platforms;
mod reference;
mod replay;
mod scores;
mod serve;
mod spikes;
mod sync;
mod usual;
mod verify;
mod what_if;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use failure::{Failure, USAGE};
use output::Out;
pub use reference::markdown;

/// What tomorrow's releases do to an ISP's links.
#[derive(Debug, Parser)]
#[command(name = "traffix", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Import(import::Args),
    Sync(sync::Args),
    Collect(collect::Args),
    Replay(replay::Args),
    Forecast(forecast::Args),
    Outlook(outlook::Args),
    Overlay(overlay::Args),
    Baseline(baseline::Args),
    Effect(effect::Args),
    Spikes(spikes::Args),
    Attribute(attribute::Args),
    Capture(capture::Args),
    Backtest(backtest::Args),
    VerifyModel(verify::Args),
    Export(export::Args),
    Migrate(migrate::Args),
    Keys(keys::Args),
    Platforms(platforms::Args),
    Scores(scores::Args),
}

/// Does what the command line says.
///
/// # Errors
/// [`Failure`] with what went wrong and what helps; it knows its exit code.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let mut out = Out::stdout();
    match cli.command {
        Command::Serve(args) => serve::run(&args, &mut out),
        Command::Attribute(args) => attribute::run(&args, &mut out),
        Command::Capture(args) => capture::run(&args, &mut out),
        Command::Collect(args) => collect::run(&args, &mut out),
        Command::Backtest(args) => backtest::run(&args, &mut out),
        Command::Baseline(args) => baseline::run(&args, &mut out),
        Command::Effect(args) => effect::run(&args, &mut out),
        Command::Export(args) => export::run(&args, &mut out),
        Command::Forecast(args) => forecast::run(&args, &mut out),
        Command::Import(args) => import::run(&args, &mut out),
        Command::Keys(args) => keys::run(&args, &mut out),
        Command::Migrate(args) => migrate::run(&args, &mut out),
        Command::Outlook(args) => outlook::run(&args, &mut out),
        Command::Overlay(args) => overlay::run(&args, &mut out),
        Command::Platforms(args) => platforms::run(&args, &mut out),
        Command::Replay(args) => replay::run(&args, &mut out),
        Command::Scores(args) => scores::run(&args, &mut out),
        Command::Spikes(args) => spikes::run(&args, &mut out),
        Command::Sync(args) => sync::run(&args, &mut out),
        Command::VerifyModel(args) => verify::run(&args, &mut out),
    }?;
    out.flush()
}

/// Says something beside the answer.
fn tell(text: &str) {
    use std::io::Write as _;
    // Nobody may be listening, which is fine.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says what is wrong with a part of the input while the rest is worked on.
fn complain(text: &str) {
    tell(&format!("error: {text}"));
}

/// The word that stands for a value in JSON, such as `dedicated`.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "-".into(),
    }
}

/// An instant as people write it: RFC 3339, seconds and minutes optional, or a day.
fn instant(text: &str) -> Result<chrono::DateTime<chrono::Utc>, String> {
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let utc = text.strip_suffix(['Z', 'z']);
    let minutes = utc.and_then(|text| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok());
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN));
    let found = minutes.or_else(day).map(|at| at.and_utc());
    found.ok_or_else(|| "write an instant such as 2023-11-01T00:00Z or a day such as 2023-11-01".into())
}

/// A file to read; `-` is standard input.
type Input = PathBuf;
