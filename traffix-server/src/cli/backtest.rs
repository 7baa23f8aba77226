//! `traffix backtest`.

mod chart;

use traffix_core::score::backtest::{
    BacktestError, Document, EventReport, Interval, Report, Score, backtest,
};
use traffix_core::units::format_bps;

use super::forecast::invalid;
use super::{Failure, Input, Out, input, output};

/// Forecast past events and compare with what was observed.
///
/// Each event is forecast from priors alone, then with what earlier events of the file have taught. The scores stand
/// beside baselines that need no model. Bars are P10 to P90, a stroke marks P50; blocks are what was observed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Events in the schema traffix-backtest/1; - reads standard input.
    #[arg(value_name = "EVENTS.json")]
    events: Input,
    /// Print events and scores as JSON, rates in bit/s.
    #[arg(long)]
    json: bool,
    /// Draw the chart into this file as SVG.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<Input>,
    /// Seed of the intervals, which come from resampling the events.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let events: Document = input::read_json(&args.events)?;
    let name = input::name(&args.events);
    let report = backtest(&events, args.seed).map_err(|error| match error {
        BacktestError::Invalid(findings) => invalid(&name, &findings),
        other => Failure::new(format_args!("{name}: {other}")),
    })?;
    if let Some(path) = &args.plot {
        output::drawing(path, &chart::svg(&report), out)?;
        if input::is_stdin(path) {
            return Ok(());
        }
    }
    if args.json {
        return out.json(&report);
    }
    let width = out.chart_options().width;
    out.line(heading(&report))?;
    out.line("")?;
    table(&report, out)?;
    out.line("")?;
    out.text(&chart::text(&report, width))?;
    out.line("")?;
    scores(&report, out)
}

fn heading(report: &Report) -> String {
    let networks: std::collections::BTreeSet<&str> =
        report.events.iter().map(|e| e.network.as_str()).collect();
    format!(
        "{} events on {} networks, {}; peak of the extra traffic in bit/s",
        report.scores.n,
        networks.len(),
        report.model_version
    )
}

/// One line per event, in order of time.
fn table(report: &Report, out: &mut Out) -> Result<(), Failure> {
    out.line(format!(
        "{:<8} {:<10} {:<24} {:<9} {:>6} {:>6} {:>6}  {:>7}  {:>6} {:<15} {:>5} {:>7}  {:<12}",
        "event",
        "began",
        "title",
        "network",
        "P10",
        "P50",
        "P90",
        "learned",
        "seen",
        "(range)",
        "x",
        "learned",
        "peak at (UTC)"
    ))?;
    report.events.iter().try_for_each(|event| out.line(row(event)))
}

fn row(event: &EventReport) -> String {
    let (p, o) = (&event.predicted, &event.observed);
    let range = format!("({} to {})", short(o.low), short(o.high));
    let late = event.peak_at_error_minutes.map_or_else(String::new, |m| format!(" ({m:+} min)"));
    format!(
        "{:<8} {:<10} {:<24} {:<9} {:>6} {:>6} {:>6}  {:>7}  {:>6} {:<15} {:>5.2} {:>7.2}  {}{late}",
        cut(&event.id, 8),
        event.at.format("%Y-%m-%d"),
        cut(&event.title, 24),
        cut(&event.network, 9),
        short(p.p10),
        short(p.p50),
        short(p.p90),
        short(event.learned.p50),
        if event.at_least { format!(">{}", short(o.mid)) } else { short(o.mid) },
        range,
        event.factor_error,
        event.learned_factor_error,
        event.peak_at.p50.format("%d %b %H:%M"),
    )
}

/// A rate in few characters: `2.39T`.
fn short(bps: f64) -> String {
    format_bps(bps).trim_end_matches("bit/s").replace(' ', "")
}

/// The first characters of a name.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(std::iter::once('…')).collect()
}

fn scores(report: &Report, out: &mut Out) -> Result<(), Failure> {
    let scores = &report.scores;
    out.line(format!(
        "{:<37} {:>3} {:>5} {:>5} {:>6} {:>7} {:>5} {:>7} {:>8}  {:<21} {}",
        "",
        "n",
        "CRPS",
        "rmse",
        "bias",
        "factor",
        "in x2",
        "P10-P90",
        "rel.err.",
        "skill of priors alone",
        "with learning"
    ))?;
    let rows = [
        ("priors alone", &scores.predicted),
        ("with earlier events", &scores.learned),
        ("with all other events", &scores.left_out),
    ];
    for (name, score) in rows {
        out.line(score_row(name, score))?;
    }
    for (baseline, theirs) in &scores.baselines {
        let name = format!("{baseline:?} {}", theirs.what);
        let against = |skill: Option<Interval>| skill.map_or_else(|| "-".to_owned(), |s| interval(&s));
        let (alone, learned) = (against(theirs.skill_predicted), against(theirs.skill_learned));
        out.line(format!("{}  {alone:<21} {learned}", score_row(&name, &theirs.score)))?;
    }
    out.line("")?;
    footer(report, &rows, out)
}

/// Pinball losses, instants, and what the numbers are.
fn footer(report: &Report, rows: &[(&str, &Score)], out: &mut Out) -> Result<(), Failure> {
    let scores = &report.scores;
    for (name, score) in rows {
        let p = &score.pinball;
        out.line(format!(
            "pinball loss at P10 {:.3}  P50 {:.3}  P90 {:.3}  P99 {:.3}  {name}",
            p.p10, p.p50, p.p90, p.p99
        ))?;
    }
    if let Some(minutes) = scores.peak_at_minutes {
        out.line(format!(
            "instant of the peak off by {minutes:.0} minutes (median, n {})",
            scores.peak_at_n
        ))?;
    }
    if let Some(skill) = &scores.skill_of_learning {
        out.line(format!("skill of learning over priors alone: {}", interval(skill)))?;
    }
    out.line(format!(
        "CRPS, rmse, bias and pinball on the natural-log scale; in brackets the central 90 % of {} resamples",
        scores.resamples
    ))
}

fn score_row(name: &str, score: &Score) -> String {
    // A forecast of nothing has only a relative error.
    if score.crps <= 0.0 && score.median_factor <= 0.0 {
        return format!("{name:<37} {:>3} {:>43} {:>8.2}", score.n, "", score.relative_error);
    }
    format!(
        "{name:<37} {:>3} {:>5.3} {:>5.2} {:>+6.2} {:>7.2} {:>4.0}% {:>6.0}% {:>8.2}",
        score.n,
        score.crps,
        score.rmse_log,
        score.bias_log,
        score.median_factor,
        100.0 * score.within_2,
        100.0 * score.coverage_80,
        score.relative_error
    )
}

fn interval(skill: &Interval) -> String {
    format!("{:.2} ({:.2} to {:.2})", skill.value, skill.p5, skill.p95)
}
