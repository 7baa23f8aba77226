//! `traffix effect`.

use clap::builder::PossibleValuesParser;
use traffix_core::effect::Windows;

use super::database::block_on;
use super::history::HistoryArgs;
use super::overlay::{PHASES, phase};
use super::usual::FitArgs;
use super::{Failure, Input, Out, output};
use crate::history::{Event, around};
use crate::plot::SvgOptions;
use crate::report;
use crate::usual::Fitted;

/// Tell what an event did to traffic: before, during and after it, against what is usual then.
///
/// Usual traffic is fitted to the weeks before the event, and to none of the time that is looked at. Ranges are those of its
/// error; before and after should show no excess unless something else happened.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The event: the id of a release or update, or LABEL@INSTANT.
    #[arg(long, value_name = "EVENT")]
    event: Event,
    /// Which phase of a release or update is its beginning [default: its release].
    #[arg(long, value_name = "PHASE", value_parser = PossibleValuesParser::new(PHASES))]
    phase: Option<String>,
    /// Hours before the event that are looked at.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=840))]
    before_hours: u32,
    /// Hours that the event lasts.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=840))]
    during_hours: u32,
    /// Hours after its end that are looked at.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=840))]
    after_hours: u32,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    /// Draw measured and usual traffic into this file as SVG.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<Input>,
    #[command(flatten)]
    fit: FitArgs,
    #[command(flatten)]
    history: HistoryArgs,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let (event, windows, fitted) = block_on(measure(args))?;
    let (samples, baseline) = (fitted.samples.clone(), fitted.baseline.clone());
    let answer = fitted.effect(&args.event, event, &windows);
    let chart =
        || report::effect_chart(&answer, &samples, &baseline, &args.history.name()?).map_err(Failure::new);
    if let Some(path) = &args.plot {
        output::drawing(path, &chart()?.to_svg(&SvgOptions::default()), out)?;
    }
    if args.json {
        return out.json(&answer);
    }
    if args.plot.is_none() {
        out.text(&chart()?.to_text(out.chart_options()))?;
        out.line("")?;
    }
    out.text(&report::effect_text(&answer, baseline.tz()))
}

type Measured = ((String, chrono::DateTime<chrono::Utc>), Windows, Fitted);

async fn measure(args: &Args) -> Result<Measured, Failure> {
    let history = args.history.open().await?;
    let event = history.instant(&args.event, phase(args.phase.as_deref())?).await?;
    let windows = Windows {
        t0: event.1,
        before_secs: args.before_hours * 3600,
        during_secs: args.during_hours * 3600,
        after_secs: args.after_hours * 3600,
    };
    let span = around(event.1, windows.before_secs, windows.during_secs + windows.after_secs);
    let fitted = args.fit.fit(&args.history, &history, span, Some(windows.span())).await?;
    Ok((event, windows, fitted))
}
