//! `traffix collect` from what another collector decoded.

mod akvorado;
mod goflow2;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use traffix_core::Bytes;
use traffix_core::measurement::Batch;
use traffix_core::network::Network;
use traffix_store::Store;
use traffix_telemetry::collector::{self, Stats, Watch};

use super::database::{self, block_on};
use super::{Failure, Input, Out};
use crate::AppState;
use crate::collecting;
use crate::config::Config;

/// Sources instead of routers.
#[derive(Debug, clap::Args)]
pub(super) struct ForeignArgs {
    /// Count what goflow2 wrote, as JSON lines or as protobuf with lengths; - reads standard input. A file is counted
    /// once, however often it is read.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["akvorado", "netflow", "ipfix", "sflow", "access_log"])]
    goflow2: Option<Input>,
    /// Count what Akvorado keeps: the address of its ClickHouse, such as `http://USER:PASSWORD@HOST:8123/`. Goes on until
    /// Ctrl-C or --until; every range of time is counted once.
    #[arg(long, value_name = "URL", env = "TRAFFIX_AKVORADO_URL", hide_env_values = true,
        conflicts_with_all = ["netflow", "ipfix", "sflow", "access_log"])]
    akvorado: Option<url::Url>,
    /// Akvorado's table, with its database if it is not the default one.
    #[arg(long, value_name = "TABLE", default_value = "flows", requires = "akvorado")]
    table: String,
    /// From when on Akvorado is asked [default: the last quarter of an hour].
    #[arg(long, value_name = "INSTANT", value_parser = super::instant, requires = "akvorado")]
    since: Option<DateTime<Utc>>,
    /// Until when Akvorado is asked; the command ends then.
    #[arg(long, value_name = "INSTANT", value_parser = super::instant, requires = "akvorado")]
    until: Option<DateTime<Utc>>,
}

impl ForeignArgs {
    /// Whether a source is given.
    pub(super) fn is_given(&self) -> bool {
        self.goflow2.is_some() || self.akvorado.is_some()
    }
}

/// What is counted against, and where to.
struct Target {
    store: Arc<dyn Store>,
    network: Network,
    watch: Arc<Watch>,
    config: collector::Config,
}

/// What was written.
#[derive(Debug, Default, Serialize)]
struct Report {
    network: String,
    /// Batches that are new.
    batches: u64,
    /// Batches that were there before.
    known_batches: u64,
    /// Bytes of the new ones.
    bytes: u64,
    /// Flows, or rows of sums, that were read.
    flows: u64,
    counted_flows: u64,
    unattributed_bytes: u64,
    /// Lines and messages that could not be read.
    refused: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_refused: Option<String>,
    /// Messages without addresses.
    without_addresses: u64,
}

pub(super) fn run(args: &ForeignArgs, config: Config, json: bool, out: &mut Out) -> Result<(), Failure> {
    let report = block_on(async {
        let target = target(config).await?;
        match (&args.goflow2, &args.akvorado) {
            (Some(path), _) => goflow2::count(path.clone(), target).await,
            (None, Some(url)) => akvorado::count(url, args, target).await,
            (None, None) => Err(Failure::usage("no source is given")),
        }
    })?;
    report.print(json, out)
}

async fn target(config: Config) -> Result<Target, Failure> {
    let store = database::open(&config.database.url).await?;
    let state = AppState::new(config, Arc::clone(&store)).map_err(Failure::usage)?;
    state.reload_attributor().await;
    let settings = &state.config.collect;
    let name = settings.network.as_deref().ok_or_else(|| {
        Failure::usage("there is no network to measure")
            .hint("say --network with a file, the id of an example or KEY-ID/ID")
    })?;
    let network = collecting::profile(store.as_ref(), name).await.map_err(Failure::new)?;
    if network.prefixes.is_empty() {
        super::tell("warning: the profile names no prefixes of the network: both directions are counted");
    }
    let config = collecting::collector_config(settings).map_err(Failure::usage)?;
    let watch = Arc::new(Watch::new(&network, Arc::clone(&state.attributor.load().prefixes)));
    Ok(Target { store, network, watch, config })
}

impl Report {
    fn new(target: &Target) -> Self {
        Self { network: target.network.id.clone(), ..Self::default() }
    }

    /// Notes a batch that was written, or had been before.
    fn kept(&mut self, batch: &Batch, is_new: bool) {
        if is_new {
            self.batches += 1;
            let bytes = u64::try_from(batch.total_bytes()).unwrap_or(u64::MAX);
            self.bytes = self.bytes.saturating_add(bytes);
        } else {
            self.known_batches += 1;
        }
    }

    fn add(&mut self, stats: &Stats) {
        self.flows += stats.decoded.flows;
        self.counted_flows += stats.counted.flows;
        self.unattributed_bytes = self.unattributed_bytes.saturating_add(stats.unattributed.bytes);
    }

    fn print(&self, json: bool, out: &mut Out) -> Result<(), Failure> {
        if json {
            return out.json(self);
        }
        let Self { network, batches, known_batches, bytes, flows, counted_flows, .. } = self;
        let bytes = Bytes(*bytes);
        out.line(format!(
            "{flows} flows: {counted_flows} counted, {bytes} written in {batches} batches for {network}, \
             {known_batches} batches were known"
        ))?;
        if self.refused > 0 {
            let first = self.first_refused.as_deref().unwrap_or_default();
            out.line(format!("{} could not be read, first {first}", self.refused))?;
        }
        if self.without_addresses > 0 {
            out.line(format!("{} have no addresses or no time", self.without_addresses))?;
        }
        Ok(())
    }
}
