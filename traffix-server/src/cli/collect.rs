//! `traffix collect`.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use console::Term;
use ipnet::IpNet;
use serde::Serialize;
use tokio::sync::watch;
use traffix_core::units;
use traffix_telemetry::collector::{Stats, Tally};

use super::database::{self, DatabaseArgs, block_on};
use super::{Failure, Out, foreign};
use crate::collecting::{self, Ended, ProfileError};
use crate::config::{AccessLog, Config, Log};
use crate::server::stop_signal;
use crate::{AppState, live};

/// Count what routers export, into the database, until Ctrl-C.
///
/// The same runs inside of traffix serve with the settings under \[collect\]. Several collectors may write into one
/// database: sums merge. What the database cannot take when it ends waits in files and is written at the next start.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address or port for NetFlow v5 and v9; may be repeated. Every address understands every protocol.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    netflow: Vec<SocketAddr>,
    /// Address or port for IPFIX; may be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    ipfix: Vec<SocketAddr>,
    /// Address or port for sFlow; may be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    sflow: Vec<SocketAddr>,
    /// Access log of a proxy or cache to follow, as FILE or SITE=FILE; `*` and `?` may stand in its name; may be repeated.
    /// Its format is found out. The site, else the file's name up to its first dot, is the link.
    #[arg(long, value_name = "[SITE=]FILE", value_parser = access_log)]
    access_log: Vec<AccessLog>,
    /// Read what access logs have already too, with rotated and compressed files.
    #[arg(long, requires = "access_log")]
    history: bool,
    /// The network that is measured: a file with its profile, the id of an example, or KEY-ID/ID of a saved one.
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// Networks that routers export from; may be repeated [default: everybody].
    #[arg(long, value_name = "PREFIX")]
    accept: Vec<IpNet>,
    /// Seconds after its end at which a bin is written; what comes later is added to it [default: 60].
    #[arg(long, value_name = "SECS")]
    grace_secs: Option<u32>,
    #[command(flatten)]
    foreign: foreign::ForeignArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print what was written as JSON.
    #[arg(long)]
    json: bool,
}

/// An address with a port, or a port of all addresses.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.trim_start_matches(':').parse() {
        return Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
    }
    text.parse().map_err(|_| "write an address such as 192.0.2.1:2055, or a port such as 2055".to_owned())
}

/// A file, with the name of its site before it or made of the file's.
fn access_log(text: &str) -> Result<AccessLog, String> {
    let (site, path) = text.split_once('=').map_or((None, text), |(site, path)| (Some(site), path));
    let path = PathBuf::from(path);
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("write the path of a file")?;
    let stem = name.split('.').next().unwrap_or_default().replace(['*', '?'], "");
    let site = site.map_or(stem, str::to_owned);
    if site.is_empty() {
        return Err(format!("name the site, as in cache-1={text}"));
    }
    Ok(AccessLog { site, path, ..AccessLog::default() })
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let config = config(args)?;
    if args.foreign.is_given() {
        return foreign::run(&args.foreign, config, args.json, out);
    }
    if config.collect.listen().is_empty() && config.access_log.is_empty() {
        return Err(Failure::usage("there is no address to listen on").hint(
            "say at least one of --netflow 2055, --ipfix 4739, --sflow 6343 and --access-log access.log",
        ));
    }
    super::serve::logs(&config)?;
    let report = block_on(collect(config))?;
    report.print(args.json, out)
}

fn config(args: &Args) -> Result<Config, Failure> {
    let mut config = args.database.config([])?;
    let collect = &mut config.collect;
    let flags = [
        (&mut collect.netflow, &args.netflow),
        (&mut collect.ipfix, &args.ipfix),
        (&mut collect.sflow, &args.sflow),
    ];
    if flags.iter().any(|(_, given)| !given.is_empty()) {
        for (setting, given) in flags {
            setting.clone_from(given);
        }
    }
    if !args.accept.is_empty() {
        collect.accept.clone_from(&args.accept);
    }
    config.access_log.clone_from(&args.access_log);
    for log in &mut config.access_log {
        log.history = args.history;
    }
    let collect = &mut config.collect;
    collect.network = args.network.clone().or_else(|| collect.network.take());
    collect.grace_secs = args.grace_secs.unwrap_or(collect.grace_secs);
    // Whoever looks on sees the line of status.
    if config.log == Log::default() && std::io::stderr().is_terminal() {
        config.log.filter = "warn".into();
    }
    Ok(config)
}

async fn collect(config: Config) -> Result<Report, Failure> {
    let store = database::open(&config.database.url).await?;
    let state = AppState::new(config, store).map_err(Failure::usage)?;
    state.reload_attributor().await;
    let network = collecting::start(&state).await.map_err(Failure::new)?;
    let id = match &network {
        Some(network) => network.id.clone(),
        None => measured(&state).await?,
    };
    let logs = live::start(&state).await.map_err(Failure::usage)?;
    let interrupted = stop_signal();
    let shown: Vec<String> = state.collecting.addresses().iter().map(ToString::to_string).collect();
    let sites = state.config.access_log.iter().map(|log| log.path.display().to_string());
    let from = shown.into_iter().chain(sites).collect::<Vec<_>>().join(", ");
    super::tell(&format!("collecting for {id} from {from}; stop with Ctrl-C"));
    for warning in state.collecting.warnings() {
        super::tell(&format!("warning: {warning}"));
    }
    let (stop, stopped) = watch::channel(false);
    let mut following = live::schedule(&state, logs, &stopped);
    let flows = network.is_some();
    let looking = tokio::spawn(collecting::look_after(Arc::clone(&state), network, stopped));
    tokio::select! {
        () = interrupted => {}
        () = show(&state), if flows => {}
    }
    // Nobody listens if that has ended already.
    let _ = stop.send(true);
    let ended = collecting::flush(&state).await;
    let _ = looking.await;
    while following.join_next().await.is_some() {}
    let ended = match ended {
        Some(ended) => ended,
        None if flows => return Err(Failure::new("the collector ended by itself; the log says why")),
        None => Ended { stats: Stats::default(), unsaved: 0, file: None },
    };
    Report::new(id, &state, &ended)
}

/// The network that is measured by access logs alone.
async fn measured(state: &AppState) -> Result<String, Failure> {
    let name = state.config.collect.network.as_deref().ok_or(ProfileError::Unset).map_err(Failure::usage)?;
    let network = collecting::profile(state.store.as_ref(), name).await.map_err(Failure::usage)?;
    Ok(network.id)
}

/// Shows every second what happens, if somebody looks on; never ends.
async fn show(state: &AppState) {
    let term = Term::stderr();
    if !std::io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let mut before = Stats::default();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        let Some(stats) = state.collecting.stats() else { return };
        // A terminal that is gone is no reason to end.
        let _ = term.clear_line();
        let _ = term.write_str(&status(&before, &stats));
        before = stats;
    }
}

/// What happened in one second.
fn status(before: &Stats, now: &Stats) -> String {
    let flows = now.decoded.flows.saturating_sub(before.decoded.flows);
    let bytes = now.counted.bytes.saturating_sub(before.counted.bytes);
    let lost: u64 = now.exporters.values().map(|exporter| exporter.lost).sum();
    let dropped = now.kernel_drops.unwrap_or(0) + lost;
    let bps = units::format_bps(float(bytes) * 8.0);
    let waits = if now.sink_error.is_some() { "  the database is away" } else { "" };
    format!(
        "{flows} flows/s  {bps}  {}  {} exporters  {dropped} lost  {} waiting{waits}",
        share(now),
        now.exporters.len(),
        now.pending_counters
    )
}

fn share(stats: &Stats) -> String {
    if stats.counted.bytes == 0 {
        return "nothing counted yet".into();
    }
    let percent = float(stats.unattributed.bytes) / float(stats.counted.bytes) * 100.0;
    format!("{percent:.1} % of no known CDN")
}

fn float(n: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let n = n as f64;
    n
}

/// What a run did.
#[derive(Serialize)]
struct Report {
    network: String,
    /// Batches written.
    batches: u64,
    /// Bytes written, by CDN.
    bytes: u64,
    bytes_by_cdn: BTreeMap<String, u64>,
    datagrams: u64,
    decode_errors: u64,
    flows: u64,
    counted_flows: u64,
    unattributed_bytes: u64,
    /// Flows and bytes that were left out, by cause.
    left_out: BTreeMap<&'static str, LeftOut>,
    /// Access logs by site.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    access_logs: BTreeMap<String, LogReport>,
    /// Batches that wait in a file.
    unsaved: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsaved_file: Option<String>,
}

/// What was read of the logs of a site.
#[derive(Serialize)]
struct LogReport {
    lines: u64,
    malformed: u64,
    /// Bytes counted.
    bytes: u64,
}

impl LogReport {
    fn all(state: &AppState) -> BTreeMap<String, Self> {
        let report = |status: live::SiteStatus| Self {
            lines: status.lines,
            malformed: status.malformed,
            bytes: status.counted_bytes.unwrap_or(0),
        };
        state.live.sites().into_iter().map(|(site, status)| (site, report(status))).collect()
    }
}

#[derive(Serialize)]
struct LeftOut {
    flows: u64,
    bytes: u64,
}

impl Report {
    fn new(network: String, state: &AppState, ended: &Ended) -> Result<Self, Failure> {
        let (stats, kept) = (&ended.stats, state.collecting.kept());
        let left_out = stats.left_out.iter().filter(|(_, tally)| **tally != Tally::default());
        let left_out = left_out.map(|(cause, tally)| {
            let Tally { flows, bytes } = *tally;
            (cause.as_str(), LeftOut { flows, bytes })
        });
        let unsaved_file = match &ended.file {
            None => None,
            Some(Ok(path)) => Some(path.display().to_string()),
            Some(Err(error)) => {
                return Err(Failure::new(format_args!(
                    "the database is away and {} batches cannot be put into a file: {error}",
                    ended.unsaved
                )));
            }
        };
        Ok(Self {
            network,
            batches: kept.batches,
            bytes: kept.bytes(),
            bytes_by_cdn: kept.bytes_by_cdn,
            datagrams: stats.datagrams,
            decode_errors: stats.decode_errors,
            flows: stats.decoded.flows,
            counted_flows: stats.counted.flows,
            unattributed_bytes: stats.unattributed.bytes,
            left_out: left_out.collect(),
            access_logs: LogReport::all(state),
            unsaved: ended.unsaved,
            unsaved_file,
        })
    }

    fn print(&self, json: bool, out: &mut Out) -> Result<(), Failure> {
        if json {
            return out.json(self);
        }
        let bytes = units::format_bytes(float(self.bytes));
        out.line(format!(
            "{} flows in {} datagrams: {} counted, {bytes} written in {} batches for {}",
            self.flows, self.datagrams, self.counted_flows, self.batches, self.network
        ))?;
        for (cdn, bytes) in &self.bytes_by_cdn {
            out.line(format!("  {cdn:<20} {}", units::format_bytes(float(*bytes))))?;
        }
        for (cause, LeftOut { flows, bytes }) in &self.left_out {
            let bytes = units::format_bytes(float(*bytes));
            out.line(format!("  left out: {cause:<10} {flows} flows, {bytes}"))?;
        }
        for (site, LogReport { lines, malformed, bytes }) in &self.access_logs {
            let bytes = units::format_bytes(float(*bytes));
            out.line(format!("  {site}: {lines} lines, {malformed} not read, {bytes}"))?;
        }
        if let Some(file) = &self.unsaved_file {
            out.line(format!("{} batches wait in {file}: the database is away", self.unsaved))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_be_ports() {
        assert_eq!(address("2055").unwrap(), "[::]:2055".parse().unwrap());
        assert_eq!(address(":2055").unwrap(), "[::]:2055".parse().unwrap());
        assert_eq!(address("192.0.2.1:2055").unwrap(), "192.0.2.1:2055".parse().unwrap());
        assert!(address("router").is_err());
    }

    #[test]
    fn access_logs_have_a_site() {
        let read = |text: &str| access_log(text).map(|log| (log.site, log.path.display().to_string()));
        assert_eq!(read("/var/log/nginx/cache-1.access.log").unwrap().0, "cache-1");
        assert_eq!(read("edge=/logs/*.log").unwrap(), ("edge".into(), "/logs/*.log".into()));
        assert!(read("/logs/*.log").is_err());
        assert!(read("/").is_err());
    }

    #[test]
    fn the_status_line_says_what_happened_since() {
        let before = Stats { decoded: Tally { flows: 10, bytes: 0 }, ..Stats::default() };
        let now = Stats {
            decoded: Tally { flows: 30, bytes: 0 },
            counted: Tally { flows: 20, bytes: 1_250_000_000 },
            unattributed: Tally { flows: 1, bytes: 125_000_000 },
            ..Stats::default()
        };
        let line = status(&before, &now);
        assert!(line.starts_with("20 flows/s  10 Gbit/s  10.0 % of no known CDN"), "{line}");
        assert!(status(&before, &before).contains("nothing counted yet"));
    }
}
