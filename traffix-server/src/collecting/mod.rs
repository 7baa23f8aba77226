//! Joins the collector, which knows no database, with the store, which knows no sockets.
//!
//! The collector's thread that writes calls [`StoreSink`], which waits for the store. What the store could not take when
//! the collector stopped goes into files ([`spool`]) and comes back from them at the next start.

mod beside;
mod metrics;
mod profile;
pub(crate) mod spool;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::runtime::Handle;
use traffix_core::measurement::Batch;
use traffix_store::{Store, StoreError};
use traffix_telemetry::collector::{
    Collector, Config, OtherNetwork, Sink, SinkError, StartError, Stats, Stopped, Warning, Watch,
};

pub(crate) use beside::{Ended, collector_config, flush, look_after, schedule, start};
pub(crate) use metrics::CollectorMetrics;
pub(crate) use profile::{ProfileError, profile};

/// Most CDNs that metrics tell apart; the rest together are `other`.
const MAX_CDNS: usize = 50;

/// What was written so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    /// Batches.
    pub(crate) batches: u64,
    /// Bytes by CDN; those of no known one under `unknown`.
    pub(crate) bytes_by_cdn: BTreeMap<String, u64>,
    /// End of the newest bin.
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Kept {
    /// All bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes_by_cdn.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    fn note(&mut self, batch: &Batch) {
        self.batches += 1;
        let end = |start: &DateTime<Utc>| {
            start.checked_add_signed(TimeDelta::seconds(batch.step_secs.get().into())).unwrap_or(*start)
        };
        self.until = self.until.max(batch.bins.keys().next_back().map(end));
        for (key, bytes) in batch.bins.values().flatten() {
            let cdn = key.cdn.as_ref().map_or("unknown", |cdn| cdn.as_str());
            let room = self.bytes_by_cdn.len() < MAX_CDNS || self.bytes_by_cdn.contains_key(cdn);
            let label = if room { cdn } else { "other" };
            let sum = self.bytes_by_cdn.entry(label.to_owned()).or_default();
            *sum = sum.saturating_add(*bytes);
        }
    }
}

/// The collector of this process, if one runs, and what it wrote.
#[derive(Debug, Default)]
pub(crate) struct Collecting {
    running: Mutex<Option<Collector>>,
    kept: Arc<Mutex<Kept>>,
}

impl Collecting {
    /// Listens and counts, and writes to the store. Must be called within the runtime that the store lives in.
    pub(crate) fn start(
        &self,
        config: Config,
        watch: Watch,
        store: Arc<dyn Store>,
    ) -> Result<Vec<SocketAddr>, StartError> {
        let sink = StoreSink { kept: Arc::clone(&self.kept), ..StoreSink::new(store) };
        let collector = Collector::start(config, watch, sink)?;
        for warning in collector.warnings() {
            tracing::warn!("{warning}");
        }
        let addresses = collector.addresses().to_vec();
        *self.running() = Some(collector);
        Ok(addresses)
    }

    /// Where it listens; nothing if it does not run.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.running().as_ref().map(|collector| collector.addresses().to_vec()).unwrap_or_default()
    }

    /// What does not work as it should, for the operator.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.running().as_ref().map(|collector| collector.warnings().to_vec()).unwrap_or_default()
    }

    /// What it did so far; nothing if it does not run.
    pub(crate) fn stats(&self) -> Option<Stats> {
        self.running().as_ref().map(Collector::stats)
    }

    /// What was written so far.
    pub(crate) fn kept(&self) -> Kept {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Measures against another state of the profile or of the prefix table.
    pub(crate) fn watch(&self, watch: Watch) -> Result<(), OtherNetwork> {
        self.running().as_ref().map_or(Ok(()), |collector| collector.watch(watch))
    }

    /// Counts what has arrived, writes it, and ends. Blocks until that is done; what the store did not take is in the
    /// answer.
    pub(crate) fn stop(&self) -> Option<Stopped> {
        let collector = self.running().take();
        collector.map(Collector::stop)
    }

    fn running(&self) -> MutexGuard<'_, Option<Collector>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes batches into a store, from a thread that may wait.
pub(crate) struct StoreSink {
    store: Arc<dyn Store>,
    runtime: Handle,
    kept: Arc<Mutex<Kept>>,
}

impl StoreSink {
    /// Must be called within the runtime that the store lives in.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, runtime: Handle::current(), kept: Arc::default() }
    }
}

impl Sink for StoreSink {
    fn keep(&mut self, batch: &Batch) -> Result<(), SinkError> {
        match self.runtime.block_on(self.store.add_batch(batch)) {
            // One that was there already is one whose acknowledgement was lost: it was not noted before.
            Ok(_) => {
                tracing::debug!(batch = batch.id, bins = batch.bins.len(), "measurements written");
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).note(batch);
                Ok(())
            }
            Err(error @ StoreError::Invalid(_)) => {
                tracing::error!(batch = batch.id, %error, "the store refused measurements");
                Err(SinkError::Refused(error.to_string()))
            }
            Err(error) => {
                tracing::warn!(batch = batch.id, %error, "measurements cannot be written now; trying again");
                Err(SinkError::Away(error.to_string()))
            }
        }
    }
}
