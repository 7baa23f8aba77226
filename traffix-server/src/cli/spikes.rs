//! `traffix spikes`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::baseline::{Baseline, BaselineOptions};
use traffix_core::catalogue::Ru;
use traffix_core::network::Network;
use traffix_core::samples::Samples;
use traffix_core::spike::{DetectOptions, Spike, detect};

use super::database::block_on;
use super::history::HistoryArgs;
use super::{Failure, Input, Out, import, output};
use crate::report::{self, ToldSpike};
use crate::spikes::{Expected, Traffic, Watched, announced, explained, input, near};

/// Most releases and updates that are forecast to explain one spike.
const CANDIDATES: usize = 40;
/// Weeks of a database that are read.
const WEEKS: i64 = 6;
/// Length of bins, if a database has them, s.
const STEP_SECS: u32 = 300;

/// Find spikes in a series of traffic, and the releases and updates that may have caused them.
///
/// What is usual is learned from the series itself, which needs a week at least and better six. Every spike has a
/// probability for each cause that was due, and for something unknown; they sum to 1. The catalogue is that of --catalogue,
/// else that of --database, or without one the bundled one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    history: HistoryArgs,
    /// Files of releases and updates, as import reads them; may be repeated.
    #[arg(long, value_name = "FILE")]
    catalogue: Vec<Input>,
    /// Days between false alarms that are put up with.
    #[arg(long, value_name = "DAYS", default_value_t = 28.0, value_parser = positive)]
    false_alarm_days: f64,
    /// Least excess that is worth a line, in percent of the usual traffic.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = positive)]
    least_percent: f64,
    /// Print the spikes as JSON.
    #[arg(long)]
    json: bool,
    /// Draw the largest spike into this file as SVG.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<Input>,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "must be a number above 0".into())
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let network = args.history.profile()?;
    let network = network.ok_or_else(|| {
        Failure::usage("--network must say whose traffic it is")
            .hint("a profile as JSON or TOML, or the id of a bundled example")
    })?;
    let zone = args.history.zone()?;
    let (samples, usual, found, rus) = block_on(async {
        let history = args.history.open().await?;
        let end = history.end();
        let samples = history.read((end - TimeDelta::weeks(WEEKS), end), STEP_SECS).await?.into_owned();
        let usual = Baseline::fit(&samples, &BaselineOptions::new(zone)).map_err(Failure::new)?;
        let found = detect(&samples, &usual, &options(args));
        let rus = match (span(&found, &samples), args.catalogue.is_empty()) {
            (None, _) => Vec::new(),
            (Some(_), false) => import::rus(&args.catalogue)?,
            (Some((from, until)), true) => history.rus(announced(from, until)).await?,
        };
        Ok((samples, usual, found, rus))
    })?;
    let traffic = Traffic {
        total: Watched { samples, usual: Arc::new(usual) },
        cdns: BTreeMap::new(),
        platforms: BTreeMap::new(),
    };
    let told = tell(&traffic, found, &rus, &network);
    let watched = (&traffic.total.samples, &*traffic.total.usual);
    if let Some(path) = &args.plot {
        let chart = report::spike_chart(&told, watched, (&args.history.name()?, zone));
        let chart = chart.ok_or_else(|| Failure::new("there is no spike to draw"))?;
        output::drawing(path, &chart.to_svg(&crate::plot::SvgOptions::default()), out)?;
    }
    if args.json {
        return out.json(&told);
    }
    if told.is_empty() {
        let (from, until) = watched.1.fitted();
        return out.line(format!("no spike from {from} to {until}"));
    }
    out.text(&report::spikes_text(&told, zone))
}

fn options(args: &Args) -> DetectOptions {
    DetectOptions {
        false_alarm_days: args.false_alarm_days,
        least_share: args.least_percent / 100.0,
        ..DetectOptions::default()
    }
}

/// From the first spike to the end of the last.
fn span(found: &[Spike], samples: &Samples) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let first = found.iter().map(|spike| spike.start).min()?;
    Some((first, found.iter().map(|spike| until(spike, samples)).max()?))
}

/// When a spike ended, or the series did.
fn until(spike: &Spike, samples: &Samples) -> DateTime<Utc> {
    spike.end.or_else(|| samples.start_of(samples.len())).unwrap_or(spike.start)
}

/// Explains each spike. A release is forecast once.
fn tell(traffic: &Traffic, found: Vec<Spike>, rus: &[Ru], network: &Network) -> Vec<ToldSpike> {
    let inputs: Vec<_> = rus.iter().filter_map(|ru| Some((ru.id.to_string(), input(ru, network)?))).collect();
    let mut made: BTreeMap<String, Option<Arc<Expected>>> = BTreeMap::new();
    let mut told = Vec::with_capacity(found.len());
    for spike in found {
        let until = until(&spike, &traffic.total.samples);
        let mut expected = Vec::new();
        for (id, input) in near(inputs.iter().cloned(), (spike.start, until), CANDIDATES) {
            expected
                .extend(made.entry(id).or_insert_with(|| Expected::new(input, None).map(Arc::new)).clone());
        }
        let observed = traffic.observe(spike.start, until);
        told.push(ToldSpike { explanation: explained(&observed, &expected, &BTreeSet::new()), spike });
    }
    told
}
