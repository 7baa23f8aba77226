//! Bytes by host, as batches.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use traffix_core::measurement::{Batch, Key, Overflow};

use super::{Client, Request};

/// Hosts whose attribution is remembered at most.
const MAX_HOSTS: usize = 65_536;
/// How far ahead of the clock a request may have ended, in microseconds: clocks of servers differ.
const MAX_AHEAD_US: i64 = 60 * 1_000_000;
/// Requests that took longer count in the last so many microseconds, a day.
const MAX_SPAN_US: i64 = 86_400 * 1_000_000;

/// Counts the bytes of one site's requests per bin and [`Key`].
///
/// A request's bytes are spread evenly over the time that it took, exactly: parts add up to the whole. A request of
/// another proxy is left out, for that proxy's log has it too. What a request counts as is told by its host; the link
/// is the site.
///
/// ```
/// use traffix_telemetry::access_log::{Counts, Format, Reading};
/// use traffix_core::measurement::Key;
/// let line = br#"[steam] 192.0.2.7 / - - - [07/Nov/2026:12:34:56 +0000] "GET /depot/1 HTTP/1.1" 200 1048576 "-" "-" "HIT" "cache1.steamcontent.com" "-""#;
/// let request = Format::Cachelog.parse(line, &Reading::default())?;
/// let steam = |host: &str| Key { platform: host.ends_with(".steamcontent.com").then(|| "steam".parse().ok()).flatten(), ..Key::default() };
/// let mut counts = Counts::new("acme", "lancache-1", 60.try_into()?);
/// counts.add(1_794_054_896_000_000, &request, steam);
/// let batch = counts.take("lancache-1/000001").ok_or("nothing counted")?;
/// assert_eq!(batch.total_bytes(), 1_048_576);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Counts {
    network: String,
    link: String,
    step_secs: NonZeroU32,
    /// By the bin's start in seconds since 1970.
    bins: BTreeMap<i64, HashMap<Key, u64>>,
    known: HashMap<String, Key>,
    tallies: CountTallies,
}

/// What was counted and what was left out, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountTallies {
    /// Counted.
    pub bytes: u64,
    /// Of these, without a platform and a CDN.
    pub unattributed_bytes: u64,
    /// Left out because another proxy asked, whose log has them too.
    pub passed_on_bytes: u64,
    /// Left out because they were sent in the future.
    pub from_future_bytes: u64,
}

impl Counts {
    /// Counts for a network and a link of its profile, in bins of `step_secs`, which must divide a day.
    pub fn new(network: &str, link: &str, step_secs: NonZeroU32) -> Self {
        Self {
            network: network.to_owned(),
            link: link.to_owned(),
            step_secs,
            bins: BTreeMap::new(),
            known: HashMap::new(),
            tallies: CountTallies::default(),
        }
    }

    /// What was counted so far, batches that were taken included.
    pub fn tallies(&self) -> CountTallies {
        self.tallies
    }

    /// Forgets what hosts count as, when that has changed. What was counted stays as it was.
    pub fn forget_hosts(&mut self) {
        self.known.clear();
    }

    /// Counts a request at `now_us` (microseconds since 1970); `attribute` says what a host counts as.
    pub fn add(&mut self, now_us: i64, request: &Request<'_>, attribute: impl Fn(&str) -> Key) {
        let Some(bytes) = request.sent_bytes.filter(|bytes| *bytes > 0) else { return };
        let end_us = request.end_us();
        if end_us > now_us.saturating_add(MAX_AHEAD_US) {
            self.tallies.from_future_bytes = self.tallies.from_future_bytes.saturating_add(bytes);
            return;
        }
        if matches!(request.client, Client::Proxy(_)) {
            self.tallies.passed_on_bytes = self.tallies.passed_on_bytes.saturating_add(bytes);
            return;
        }
        let key = self.key(request.host.as_deref(), attribute);
        self.tallies.bytes = self.tallies.bytes.saturating_add(bytes);
        if key.platform.is_none() && key.cdn.is_none() {
            self.tallies.unattributed_bytes = self.tallies.unattributed_bytes.saturating_add(bytes);
        }
        let start_us = request.start_us.max(end_us.saturating_sub(MAX_SPAN_US));
        self.spread(&key, bytes, start_us, end_us);
    }

    /// Says that what was logged from `from_us` until `until_us` was or will be counted: bins without requests had
    /// none.
    pub fn watch(&mut self, from_us: i64, until_us: i64) {
        let (mut bin, last) = (self.bin(from_us), self.bin(until_us));
        while bin <= last {
            self.bins.entry(bin).or_default();
            bin += i64::from(self.step_secs.get());
        }
    }

    /// What was counted since the last call, as a batch; `None` if nothing was watched. The identifier must never be
    /// used again.
    pub fn take(&mut self, id: impl Into<String>) -> Option<Batch> {
        if self.bins.is_empty() {
            return None;
        }
        let mut batch = Batch::new(id, &self.network, self.step_secs);
        for (secs, counters) in core::mem::take(&mut self.bins) {
            let Some(bin) = DateTime::from_timestamp(secs, 0) else { continue };
            batch.watch(bin);
            batch.bins.insert(bin, counters.into_iter().collect());
        }
        Some(batch)
    }

    fn bin(&self, at_us: i64) -> i64 {
        let step = i64::from(self.step_secs.get());
        at_us.div_euclid(1_000_000).div_euclid(step) * step
    }

    fn key(&mut self, host: Option<&str>, attribute: impl Fn(&str) -> Key) -> Key {
        let Some(host) = host else { return Key { link: Some(self.link.clone()), ..Key::default() } };
        if let Some(key) = self.known.get(host) {
            return key.clone();
        }
        let key = Key { link: Some(self.link.clone()), ..attribute(host) };
        if self.known.len() >= MAX_HOSTS {
            self.known.clear();
        }
        self.known.insert(host.to_owned(), key.clone());
        key
    }

    /// Puts into each bin what was sent by its end, less what was sent before it.
    fn spread(&mut self, key: &Key, bytes: u64, start_us: i64, end_us: i64) {
        let step = i64::from(self.step_secs.get());
        let (mut bin, last) = (self.bin(start_us), self.bin(end_us.max(start_us)));
        let whole = u128::from(end_us.saturating_sub(start_us).max(1).unsigned_abs());
        let mut sent = 0;
        while bin <= last {
            let by_end = bin.saturating_add(step).saturating_mul(1_000_000).saturating_sub(start_us);
            let passed = u128::from(by_end.max(0).unsigned_abs()).min(whole);
            let until = if bin == last { bytes } else { part(bytes, passed, whole) };
            let counter = self.bins.entry(bin).or_default().entry(key.clone()).or_default();
            *counter = counter.saturating_add(until.saturating_sub(sent));
            sent = until;
            bin += step;
        }
    }
}

fn part(bytes: u64, passed: u128, whole: u128) -> u64 {
    u64::try_from(u128::from(bytes) * passed / whole).unwrap_or(bytes)
}

/// How far a site's logs were read and counted, to be kept in one file: what was counted up to there has been kept by
/// whoever adds it, or is in `unsaved`.
///
/// Write the checkpoint that holds a batch before the batch is sent, and one without it once it was kept. A batch that
/// is sent again after a restart is added once, by its identifier. So nothing is lost or counted twice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    /// How far the files were read.
    pub progress: super::Progress,
    /// Until when bins were watched, in microseconds since 1970.
    pub watched_until_us: Option<i64>,
    /// Batches that were made.
    pub batches: u64,
    /// Batches that may not have been kept yet, the oldest first.
    #[serde(with = "saved")]
    pub unsaved: Vec<Batch>,
}

/// Batches as JSON, which has no objects with structured keys.
mod saved {
    use super::{Batch, DateTime, Deserialize, Key, NonZeroU32, Overflow, Serialize};
    use chrono::Utc;
    use serde::{Deserializer, Serializer, de::Error};

    /// Counters of one bin.
    type Bin = (DateTime<Utc>, Vec<(Key, u64)>);

    #[derive(Serialize, Deserialize)]
    struct Saved {
        id: String,
        network: String,
        step_secs: NonZeroU32,
        bins: Vec<Bin>,
    }

    impl From<&Batch> for Saved {
        fn from(batch: &Batch) -> Self {
            let counters = |counters: &super::BTreeMap<Key, u64>| {
                counters.iter().map(|(key, bytes)| (key.clone(), *bytes)).collect()
            };
            let bins = batch.bins.iter().map(|(bin, of_bin)| (*bin, counters(of_bin))).collect();
            Self { id: batch.id.clone(), network: batch.network.clone(), step_secs: batch.step_secs, bins }
        }
    }

    impl TryFrom<Saved> for Batch {
        type Error = Overflow;

        fn try_from(saved: Saved) -> Result<Self, Overflow> {
            let mut batch = Self::new(saved.id, saved.network, saved.step_secs);
            for (bin, counters) in saved.bins {
                batch.watch(bin);
                for (key, bytes) in counters {
                    batch.add(bin, key, bytes)?;
                }
            }
            Ok(batch)
        }
    }

    pub(super) fn serialize<S: Serializer>(batches: &[Batch], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(batches.iter().map(Saved::from))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Batch>, D::Error> {
        let saved = Vec::<Saved>::deserialize(from)?;
        saved.into_iter().map(|saved| Batch::try_from(saved).map_err(D::Error::custom)).collect()
    }
}
