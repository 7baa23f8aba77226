//! `traffix overlay`.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use clap::builder::PossibleValuesParser;
use traffix_core::Invalid;
use traffix_core::catalogue::PhaseKind;
use traffix_core::overlay::{Overlay, Period, Trace, Window, align, stretches, wall_clock};

use super::database::block_on;
use super::history::{History, HistoryArgs};
use super::{Failure, Input, Out, output};
use crate::history::{Event, around, finer};
use crate::report;

/// Lay past events, days or weeks of one series of traffic over each other.
///
/// Events are laid on the time elapsed since each, days and weeks on the local clock. With --per-1000-lines networks of any
/// size compare. Gaps stay gaps.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// An event: the id of a release or update, or LABEL@INSTANT; may be repeated.
    #[arg(long, value_name = "EVENT", required_unless_present_any = ["days", "weeks"])]
    event: Vec<Event>,
    /// Which phase of a release or update is 0 on the axis [default: its release].
    #[arg(long, value_name = "PHASE", requires = "event", value_parser = PossibleValuesParser::new(PHASES))]
    phase: Option<String>,
    /// Hours before each event.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=840))]
    before_hours: u32,
    /// Hours after each event.
    #[arg(long, value_name = "HOURS", default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=840))]
    after_hours: u32,
    /// So many days over each other instead of events.
    #[arg(long, value_name = "N", conflicts_with_all = ["event", "weeks"], value_parser = clap::value_parser!(u16).range(1..=366))]
    days: Option<u16>,
    /// So many weeks over each other, from Monday on.
    #[arg(long, value_name = "N", conflicts_with = "event", value_parser = clap::value_parser!(u16).range(1..=366))]
    weeks: Option<u16>,
    /// The last day or week is the one of this instant [default: now, or the end of the file].
    #[arg(long, value_name = "INSTANT", value_parser = super::instant)]
    until: Option<DateTime<Utc>>,
    /// Seconds of a bin; longer where the traffic has longer ones.
    #[arg(long, value_name = "SECS", default_value_t = 900, value_parser = clap::value_parser!(u32).range(60..=86_400))]
    bin_secs: u32,
    /// Divide by the access lines: bit/s per 1,000 lines.
    #[arg(long)]
    per_1000_lines: bool,
    /// Print the curves as JSON.
    #[arg(long)]
    json: bool,
    /// Draw the chart into this file as SVG.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<Input>,
    #[command(flatten)]
    history: HistoryArgs,
}

/// The words of [`PhaseKind`].
pub(super) const PHASES: [&str; 4] = ["preload", "early-access", "unlock", "wave"];

/// The kind of phase that a word means.
pub(super) fn phase(word: Option<&str>) -> Result<Option<PhaseKind>, Failure> {
    let kind = word.map(|word| serde_json::from_value::<PhaseKind>(word.into()));
    kind.transpose().map_err(Failure::usage)
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let overlay = block_on(async {
        let history = args.history.open().await?;
        match (args.days, args.weeks) {
            (Some(count), _) => periods(args, &history, Period::Day, count).await,
            (None, Some(count)) => periods(args, &history, Period::Week, count).await,
            (None, None) => events(args, &history).await,
        }
    })?;
    let chart = report::overlay_chart(&overlay, &args.history.name()?, !args.event.is_empty());
    if let Some(path) = &args.plot {
        output::drawing(path, &chart.to_svg(&crate::plot::SvgOptions::default()), out)?;
    }
    if args.json {
        return out.json(&overlay);
    }
    if args.plot.is_none() {
        out.text(&chart.to_text(out.chart_options()))?;
        out.line("")?;
    }
    out.text(&report::overlay_text(&overlay, !args.event.is_empty()))
}

async fn events(args: &Args, history: &History) -> Result<Overlay, Failure> {
    let phase = phase(args.phase.as_deref())?;
    let window = Window {
        before_secs: args.before_hours * 3600,
        after_secs: args.after_hours * 3600,
        step_secs: step(args),
    };
    let lines = if args.per_1000_lines { Some(args.history.lines()?) } else { None };
    let mut read = Vec::new();
    for event in &args.event {
        let (label, t0) = history.instant(event, phase).await?;
        // A bin more on either side: those of the axis need not begin where those that are kept do.
        let span = around(t0, window.before_secs + args.bin_secs, window.after_secs + args.bin_secs);
        read.push((label, t0, history.read(span, finer(args.bin_secs)).await?));
    }
    let traces =
        read.iter().map(|(label, t0, samples)| Trace { label: label.clone(), t0: *t0, samples, lines });
    align(&traces.collect::<Vec<_>>(), &window).map_err(|found| refused(&found))
}

async fn periods(args: &Args, history: &History, period: Period, count: u16) -> Result<Overlay, Failure> {
    let zone = args.history.zone()?;
    let lines = if args.per_1000_lines { Some(args.history.lines()?) } else { None };
    let all = stretches(zone, period, args.until.unwrap_or_else(|| history.end()), count.into());
    let Some((first, last)) = all.first().zip(all.last()) else {
        return Err(Failure::usage("--until is beyond the calendar"));
    };
    let samples = history.read((first.from, last.until), finer(args.bin_secs)).await?;
    wall_clock(&samples, zone, &all, step(args), lines).map_err(|found| refused(&found))
}

fn step(args: &Args) -> NonZeroU32 {
    NonZeroU32::new(args.bin_secs).unwrap_or(NonZeroU32::MIN)
}

fn refused(found: &[Invalid]) -> Failure {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    Failure::usage(lines.join("; ")).hint("--bin-secs makes bins longer")
}
