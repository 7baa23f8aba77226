//! `traffix replay`.

use std::fs::File;
use std::io::{self, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;
use traffix_core::units;
use traffix_telemetry::collector::Watch;
use traffix_telemetry::replay::{self, Contents, Count, Counted, ReplayError, Speed};

use super::database::{self, DatabaseArgs, block_on};
use super::{Failure, Out};
use crate::collecting::{self, StoreSink};
use crate::{AppState, ServeError};

/// Replay what routers exported: to a collector, or straight into the database.
///
/// Reads captures of export datagrams (pcap, pcapng, plain or gzip) and files of nfcapd. With --to they are sent, and the
/// collector there counts them as of now. Otherwise they are counted at the time at which they were recorded, as often as
/// the recording is replayed: once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Capture, or file of nfcapd.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Send it to a collector at this address.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["network", "begin"])]
    to: Option<SocketAddr>,
    /// How many times as fast as it was recorded, such as 10x; max for as fast as it goes [default: 1x with --to, max
    /// without].
    #[arg(long, value_name = "SPEED")]
    speed: Option<Speed>,
    /// The network that is measured: a file with its profile, the id of an example, or KEY-ID/ID of a saved one.
    #[arg(long, value_name = "NETWORK", required_unless_present = "to")]
    network: Option<String>,
    /// Count it as if it began at this instant.
    #[arg(long, value_name = "INSTANT", value_parser = super::instant)]
    begin: Option<DateTime<Utc>>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    match args.to {
        Some(to) => send(args, to, out),
        None => count(args, out),
    }
}

fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    let file = File::open(path).map_err(|error| {
        Failure::new(format_args!("cannot read {}: {error}", path.display())).hint("check the path")
    })?;
    Ok(BufReader::with_capacity(1 << 20, file))
}

fn failure(path: &Path, error: &ReplayError) -> Failure {
    Failure::new(format_args!("{}: {error}", path.display()))
}

fn send(args: &Args, to: SocketAddr, out: &mut Out) -> Result<(), Failure> {
    let speed = args.speed.unwrap_or(Speed::Times(1.0));
    let contents = replay::send(open(&args.file)?, to, speed).map_err(|error| failure(&args.file, &error))?;
    if args.json {
        return out.json(&about(&contents));
    }
    out.line(format!("{} datagrams sent to {to}{}", contents.datagrams, passed_over(&contents)))
}

fn count(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let counted = block_on(count_into_store(args))?;
    let Counted { contents, stats, batches } = &counted;
    if args.json {
        let mut json = about(contents);
        json["batches"] = json!(batches);
        json["flows"] = json!(stats.decoded.flows);
        json["counted_flows"] = json!(stats.counted.flows);
        json["counted_bytes"] = json!(stats.counted.bytes);
        json["unattributed_bytes"] = json!(stats.unattributed.bytes);
        let left_out =
            stats.left_out.iter().map(|(cause, tally)| (cause.as_str().to_owned(), json!(tally.bytes)));
        json["left_out_bytes"] = left_out.collect::<serde_json::Map<_, _>>().into();
        return out.json(&json);
    }
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let bytes = units::format_bytes(stats.counted.bytes as f64);
    out.line(format!(
        "{} flows in {} datagrams: {} counted, {bytes}, in {batches} batches{}",
        stats.decoded.flows,
        contents.datagrams,
        stats.counted.flows,
        passed_over(contents)
    ))?;
    if let (Some(first), Some(last)) = (at(contents.first_ms), at(contents.last_ms)) {
        out.line(format!("recorded {first} to {last}"))?;
    }
    Ok(())
}

async fn count_into_store(args: &Args) -> Result<Counted, Failure> {
    let config = args.database.config([])?;
    let shift_ms = match args.begin {
        Some(begin) => begin.timestamp_millis() - first_ms(&args.file)?,
        None => 0,
    };
    let store = database::open(&config.database.url).await?;
    let name = args.network.clone().unwrap_or_default();
    let network = collecting::profile(store.as_ref(), &name).await.map_err(Failure::new)?;
    let state = AppState::new(config, Arc::clone(&store)).map_err(Failure::usage)?;
    state.reload_attributor().await;
    let collector = collecting::collector_config(&state.config.collect);
    let count = Count {
        config: collector.map_err(|error: ServeError| Failure::usage(error))?,
        watch: Arc::new(Watch::new(&network, Arc::clone(&state.attributor.load().prefixes))),
        speed: args.speed.unwrap_or(Speed::Max),
        shift_ms,
    };
    let mut sink = StoreSink::new(store);
    let path = args.file.clone();
    let counted = tokio::task::spawn_blocking(move || replay::count(&path, &count, &mut sink)).await;
    counted.map_err(Failure::new)?.map_err(|error| failure(&args.file, &error))
}

/// When the recording begins, in milliseconds since 1970.
fn first_ms(path: &Path) -> Result<i64, Failure> {
    let mut first = None;
    let enough = replay::read(open(path)?, |recorded| {
        first = Some(recorded.at_ms);
        Err(ReplayError::Io(io::ErrorKind::Interrupted.into()))
    });
    match (first, enough) {
        (Some(first), _) => Ok(first),
        (None, Err(error)) => Err(failure(path, &error)),
        (None, Ok(_)) => Err(Failure::new(format_args!("{} has no datagrams of exporters", path.display()))),
    }
}

fn about(contents: &Contents) -> serde_json::Value {
    json!({
        "datagrams": contents.datagrams,
        "passed_over": contents.passed_over,
        "first": at(contents.first_ms),
        "last": at(contents.last_ms),
    })
}

fn at(ms: Option<i64>) -> Option<DateTime<Utc>> {
    ms.and_then(DateTime::from_timestamp_millis)
}

fn passed_over(contents: &Contents) -> String {
    match contents.passed_over {
        0 => String::new(),
        n => format!("; {n} packets are no export datagrams"),
    }
}
