//! From datagrams to counters.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use traffix_core::measurement::Key;

use super::{Config, Stats, Watch};

/// Bytes by key of bins, by the start of the bin: what a [`Batch`](traffix_core::measurement::Batch) holds.
pub type Bins = BTreeMap<DateTime<Utc>, BTreeMap<Key, u64>>;

/// What one thread does between its socket and the batches. Time is an argument.
#[derive(Debug)]
pub struct Stage {
    stats: Stats,
}

impl Stage {
    /// A stage that has heard nothing yet. Of the configuration it uses who may export, timing and limits.
    pub fn new(config: &Config, watch: Arc<Watch>) -> Self {
        let _ = (config, watch);
        Self { stats: Stats::default() }
    }

    /// Measures against another profile or table from now on; what was counted stays counted as it was.
    pub fn watch(&mut self, watch: Arc<Watch>) {
        let _ = watch;
    }

    /// Decodes a datagram of an exporter, received at `received_ms` (milliseconds since 1970). Its flows are counted at
    /// the latest by the next [`settle`](Self::settle).
    pub fn datagram(&mut self, exporter: IpAddr, received_ms: i64, datagram: &[u8]) {
        let _ = (exporter, received_ms, datagram);
    }

    /// Counts what was decoded: look-ups are made together, so call it once per burst of datagrams.
    pub fn settle(&mut self) {}

    /// Hands out the bins that are over by their grace at `now_ms`, and what came late for older ones. Bins without
    /// traffic are there if they were watched.
    pub fn drain(&mut self, now_ms: i64) -> Bins {
        let _ = now_ms;
        Bins::new()
    }

    /// Hands out everything, open bins too.
    pub fn flush(&mut self) -> Bins {
        Bins::new()
    }

    /// What it did so far.
    pub fn stats(&self) -> Stats {
        self.stats.clone()
    }
}
