//! `traffix forecast`.

use traffix_core::Invalid;
use traffix_core::forecast::{Fan, Forecast, ForecastError, ForecastInput, forecast};

use super::{Failure, Input, Out, input, output, what_if};
use crate::report;

/// Forecast one release or update on one network: peak, when, how sure.
///
/// Prints a chart: blocks are full up to P10, dense up to P50, light up to P90. With --what-if, prints a table of what
/// would be different instead.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// RU, network and options; - reads standard input.
    #[arg(value_name = "INPUT.json")]
    input: Input,
    /// Compare with scenarios: a JSON file of one or of a list, or a TOML file with [[scenarios]].
    ///
    /// A scenario has a name and a list of changes to the network (`add_link`, `remove_link`, `set_capacity`,
    /// `scale_capacity`, `set_lines`, `scale_lines`, `set_line_rate`, `scale_line_rate`) or to the release (`scale_audience`,
    /// `set_size`, `scale_size`, `set_release`, `shift`, `stagger`, `cdn_mix`, `add_preload`, `remove_preload`, `throttle`), such
    /// as {"name": "lost peer", "changes": [{"`remove_link`": {"link": "peer"}}]}. All forecasts are made in the same
    /// worlds, so that differences are exact: P50 of a change is the median of the differences of every draw.
    #[arg(long, value_name = "FILE", conflicts_with = "csv")]
    what_if: Option<Input>,
    /// Draw the extra traffic on this link instead of all.
    #[arg(long, value_name = "ID", requires_all = ["what_if", "plot"])]
    link: Option<String>,
    /// Print the whole forecast, or the comparison, as JSON.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the curves as CSV: one line per series and bin.
    #[arg(long)]
    csv: bool,
    /// Draw the chart into this file as SVG.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<Input>,
    /// Days to draw; as long as it matters by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=366))]
    days: Option<u32>,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let question: ForecastInput = input::read_json(&args.input)?;
    let name = input::name(&args.input);
    if let Some(scenarios) = &args.what_if {
        let wanted = what_if::Wanted {
            json: args.json,
            plot: args.plot.as_deref(),
            link: args.link.as_deref(),
            days: args.days,
        };
        return what_if::run((&name, &question), scenarios, &wanted, out);
    }
    let answer = forecast(&question).map_err(|error| match error {
        ForecastError::Invalid(findings) => invalid(&name, &findings),
        other => Failure::new(format_args!("{name}: {other}")),
    })?;
    let chart = report::forecast_chart(&question, &answer, args.days);
    if let Some(path) = &args.plot {
        output::plot(path, &chart, out)?;
    }
    if args.json {
        return out.json(&answer);
    }
    if args.csv {
        return csv(&answer, out);
    }
    if args.plot.is_none() {
        out.text(&chart.to_text(out.chart_options()))?;
        out.line("")?;
    }
    out.text(&report::forecast_text(&question, &answer))
}

/// All findings, each with its place in the document.
pub(super) fn invalid(name: &str, findings: &[Invalid]) -> Failure {
    let lines: Vec<String> = findings.iter().take(50).map(|f| format!("\n  {f}")).collect();
    let more = findings.len().saturating_sub(50);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    Failure::new(format_args!("{name} is not valid:{}{more}", lines.concat()))
        .hint("the places are JSON pointers: /ru/items/0/bytes is the bytes of the first item of ru")
}

/// `scope,id,start,p10_bps,p50_bps,p90_bps,p99_bps`, the total first.
fn csv(answer: &Forecast, out: &mut Out) -> Result<(), Failure> {
    out.line("scope,id,start,p10_bps,p50_bps,p90_bps,p99_bps")?;
    series(("total", ""), &answer.total, answer, out)?;
    for (scope, fans) in [("platform", &answer.platforms), ("cdn", &answer.cdns)] {
        fans.iter().try_for_each(|(id, fan)| series((scope, id), fan, answer, out))?;
    }
    answer.links.iter().try_for_each(|(id, link)| series(("link", id), &link.extra, answer, out))
}

fn series((scope, id): (&str, &str), fan: &Fan, answer: &Forecast, out: &mut Out) -> Result<(), Failure> {
    let step = chrono::TimeDelta::seconds(answer.grid.step_s.into());
    let id = if id.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", id.replace('"', "\"\""))
    } else {
        id.into()
    };
    let starts = std::iter::successors(Some(answer.grid.start), |at| at.checked_add_signed(step));
    let quantiles = fan.p10.iter().zip(&fan.p50).zip(&fan.p90).zip(&fan.p99);
    for (at, (((p10, p50), p90), p99)) in starts.zip(quantiles) {
        let at = at.format("%Y-%m-%dT%H:%M:%SZ");
        out.line(format!("{scope},{id},{at},{p10},{p50},{p90},{p99}"))?;
    }
    Ok(())
}
