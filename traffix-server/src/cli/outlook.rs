//! `traffix outlook`.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::catalogue::{Ru, document};
use traffix_core::network::Network;
use traffix_core::outlook::{Outlook, OutlookError, outlook};

use super::database::{self, DatabaseArgs, block_on};
use super::{Failure, Out, input, output};
use crate::bundled::bundled;
use crate::{planning, report};

/// Show what everything in the catalogue does to one network in the coming days.
///
/// The catalogue is that of --database, or without one the bundled one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A network profile as JSON or TOML, - for standard input, or the id of a bundled example.
    #[arg(value_name = "NETWORK")]
    network: String,
    /// How many days.
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=180))]
    days: u32,
    /// From when; now by default.
    #[arg(long, value_name = "INSTANT", value_parser = super::instant)]
    at: Option<DateTime<Utc>>,
    /// Print the whole outlook as JSON.
    #[arg(long)]
    json: bool,
    /// Draw the chart into this file as SVG.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<super::Input>,
    /// Draw this link under its capacity instead of the whole network.
    #[arg(long, value_name = "ID")]
    link: Option<String>,
    /// Draw only what comes on top of the usual traffic.
    #[arg(long, conflicts_with = "link")]
    extra: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let network = network(&args.network)?;
    let now = args.at.unwrap_or_else(Utc::now);
    let rus = catalogue(args, now)?;
    let (question, unplanned) = planning::outlook_input(&rus, &network, now, args.days);
    let mut answer = outlook(&question).map_err(|error| match error {
        OutlookError::Invalid(findings) => super::forecast::invalid(&args.network, &findings),
        other => Failure::new(other),
    })?;
    answer.skipped.extend(unplanned);
    let chart = match &args.link {
        Some(id) => report::link_chart(&question, &answer, id, now).ok_or_else(|| no_link(&answer, id))?,
        None if args.extra => report::extra_chart(&question, &answer, now),
        None => report::outlook_chart(&question, &answer, now),
    };
    if let Some(path) = &args.plot {
        output::plot(path, &chart, out)?;
    }
    if args.json {
        return out.json(&answer);
    }
    if args.plot.is_none() {
        out.text(&chart.to_text(out.chart_options()))?;
        out.line("")?;
    }
    out.text(&report::outlook_text(&question, &answer))
}

/// The RUs that can matter.
fn catalogue(args: &Args, now: DateTime<Utc>) -> Result<Vec<Ru>, Failure> {
    let until = now.checked_add_signed(TimeDelta::days(args.days.into())).unwrap_or(now);
    if args.database.database.is_none() && args.database.config.is_none() {
        let bundled = bundled().map_err(Failure::new)?;
        return Ok(planning::upcoming_of(&bundled.rus, now, until));
    }
    block_on(async {
        let store = args.database.open().await?;
        planning::upcoming(&*store, now, until).await.map_err(|error| database::failure(&error))
    })
}

/// A bundled example, else a file.
pub(super) fn network(wanted: &str) -> Result<Network, Failure> {
    let examples = &bundled().map_err(Failure::new)?.networks;
    if let Some(example) = examples.iter().find(|network| network.id == wanted) {
        return Ok(example.clone());
    }
    let path = Path::new(wanted);
    if !input::is_stdin(path) && !path.exists() {
        let ids: Vec<&str> = examples.iter().map(|network| network.id.as_str()).collect();
        return Err(Failure::new(format_args!("{wanted:?} is neither a file nor an example network"))
            .hint(format_args!("examples: {}", ids.join(", "))));
    }
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    if !is_toml {
        return input::read_json(path);
    }
    document::parse_network(&input::read_text(path)?).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("{wanted}:{error}")).collect();
        Failure::new(lines.join("\n  "))
    })
}

fn no_link(answer: &Outlook, id: &str) -> Failure {
    let ids: Vec<&str> = answer.links.keys().map(String::as_str).collect();
    Failure::usage(format_args!("the network has no link {id:?}"))
        .hint(format_args!("its links: {}", ids.join(", ")))
}
