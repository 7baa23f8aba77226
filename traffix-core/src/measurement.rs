//! Measurements: bytes per time bin, platform, CDN and link, as sums that merge.
//!
//! Whoever measures collects a [`Batch`]: which bins it watched, and how many bytes it counted in each under which
//! [`Key`]. Batches merge by addition, so collectors scale out, and neither order nor batching matters. A batch has an
//! identifier; whoever keeps sums ([`Sums`] in memory, a store on disk) adds an identifier once, so a sender may repeat
//! what it does not know to have arrived.
//!
//! A bin that was watched and has no counter had no such traffic; a bin that nobody watched is unknown.

mod summary;

pub use summary::Summary;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::catalogue::PlatformId;
use crate::delivery::CdnId;

/// Seconds of a day; steps divide it.
const DAY_SECS: i64 = 86_400;
/// Longest text that names a network, a link or a batch, in bytes.
const MAX_NAME: usize = 200;
/// How far ahead of the clock a bin may begin: clocks of collectors differ.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);
/// Findings that a broken batch gets at most.
const MAX_FINDINGS: usize = 100;

/// What a counter counts, beside its bin.
///
/// Nothing known at all, the default, is traffic of unknown origin. A CDN without a platform is what a shared CDN
/// delivered: whose it was, an address does not tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Key {
    /// The platform, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformId>,
    /// The CDN, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdn: Option<CdnId>,
    /// The link's identifier in the network's profile, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// A counter that cannot hold more: 18.4 × 10¹⁸ bytes in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes of the bin at {bin} cannot be counted: the measurement is broken")]
pub struct Overflow {
    /// Start of the bin.
    pub bin: DateTime<Utc>,
}

/// What one collector measured on one network, to be added once.
///
/// ```
/// use traffix_core::measurement::{Batch, Key, Sums};
/// let bin = "2023-11-08T17:00:00Z".parse()?;
/// let key = Key { platform: Some("playstation".parse()?), cdn: Some("akamai".parse()?), link: None };
/// let mut batch = Batch::new("router-1/000042", "acme", 60.try_into()?);
/// batch.add(bin, key.clone(), 5_000)?;
/// assert!(batch.findings(bin).is_empty());
///
/// let mut sums = Sums::default();
/// assert!(sums.add(&batch)?);
/// assert!(!sums.add(&batch)?); // a repeated batch changes nothing
/// assert_eq!(sums.bytes("acme", bin, &key), Some(5_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Identifies the batch for ever: a repeated one is not counted again.
    pub id: String,
    /// The network it was measured on, by the id of its profile.
    pub network: String,
    /// Length of the bins in seconds; divides a day.
    pub step_secs: NonZeroU32,
    /// Bytes by key of every bin that was watched, by the bin's start; a bin without traffic is there and empty.
    pub bins: BTreeMap<DateTime<Utc>, BTreeMap<Key, u64>>,
}

impl Batch {
    /// An empty batch.
    pub fn new(id: impl Into<String>, network: impl Into<String>, step_secs: NonZeroU32) -> Self {
        Self { id: id.into(), network: network.into(), step_secs, bins: BTreeMap::new() }
    }

    /// The start of the bin that an instant lies in.
    pub fn bin(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let secs = at.timestamp() - at.timestamp().rem_euclid(i64::from(self.step_secs.get()));
        DateTime::from_timestamp(secs, 0).unwrap_or(at)
    }

    /// Says that a bin was watched, whatever is counted in it.
    pub fn watch(&mut self, bin: DateTime<Utc>) {
        self.bins.entry(bin).or_default();
    }

    /// Adds bytes to a counter.
    ///
    /// # Errors
    /// [`Overflow`]; then nothing is added.
    pub fn add(&mut self, bin: DateTime<Utc>, key: Key, bytes: u64) -> Result<(), Overflow> {
        let counter = self.bins.entry(bin).or_default().entry(key).or_default();
        *counter = counter.checked_add(bytes).ok_or(Overflow { bin })?;
        Ok(())
    }

    /// All bytes of the batch.
    pub fn total_bytes(&self) -> u128 {
        self.bins.values().flat_map(BTreeMap::values).map(|bytes| u128::from(*bytes)).sum()
    }

    /// Everything that is wrong with it at `now`, up to a hundred findings: names that are empty or too long, a step
    /// that does not divide a day, bins off the grid or in the future.
    pub fn findings(&self, now: DateTime<Utc>) -> Vec<Invalid> {
        let mut found = Vec::new();
        let mut name = |pointer: &str, name: &str| {
            if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
                found.push(Invalid::new(pointer, format!("must be 1 to {MAX_NAME} printable bytes")));
            }
        };
        name("/id", &self.id);
        name("/network", &self.network);
        for link in self.bins.values().flat_map(BTreeMap::keys).filter_map(|key| key.link.as_deref()) {
            name("/bins/link", link);
        }
        let step = i64::from(self.step_secs.get());
        if DAY_SECS % step != 0 {
            found.push(Invalid::new("/step_secs", format!("must divide a day, which {step} does not")));
        }
        for bin in self.bins.keys() {
            let pointer = format!("/bins/{}", bin.format("%Y-%m-%dT%H:%M:%SZ"));
            if bin.timestamp().rem_euclid(step) != 0 || bin.timestamp_subsec_nanos() != 0 {
                found.push(Invalid::new(&pointer, format!("must start at a multiple of {step} seconds")));
            }
            if bin.signed_duration_since(now) > MAX_AHEAD {
                found.push(Invalid::new(&pointer, "lies in the future; check the collector's clock"));
            }
        }
        found.truncate(MAX_FINDINGS);
        found
    }
}

/// Sums of batches in memory: what a store does on disk, in its simplest form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    seen: BTreeSet<String>,
    networks: BTreeMap<String, BTreeMap<DateTime<Utc>, BTreeMap<Key, u64>>>,
}

impl Sums {
    /// Adds a batch, once: whether it was new.
    ///
    /// # Errors
    /// [`Overflow`]; then nothing of the batch is added.
    pub fn add(&mut self, batch: &Batch) -> Result<bool, Overflow> {
        if self.seen.contains(&batch.id) {
            return Ok(false);
        }
        for (bin, counters) in &batch.bins {
            for (key, bytes) in counters {
                let so_far = self.bytes(&batch.network, *bin, key).unwrap_or(0);
                so_far.checked_add(*bytes).ok_or(Overflow { bin: *bin })?;
            }
        }
        let bins = self.networks.entry(batch.network.clone()).or_default();
        for (bin, counters) in &batch.bins {
            let sums = bins.entry(*bin).or_default();
            for (key, bytes) in counters {
                *sums.entry(key.clone()).or_default() += bytes;
            }
        }
        self.seen.insert(batch.id.clone());
        Ok(true)
    }

    /// Bytes under exactly this key; `None` if nobody watched the bin.
    pub fn bytes(&self, network: &str, bin: DateTime<Utc>, key: &Key) -> Option<u64> {
        let counters = self.networks.get(network)?.get(&bin)?;
        Some(counters.get(key).copied().unwrap_or(0))
    }

    /// The watched bins of a network with their counters, by time.
    pub fn bins(&self, network: &str) -> impl Iterator<Item = (DateTime<Utc>, &BTreeMap<Key, u64>)> {
        self.networks.get(network).into_iter().flatten().map(|(bin, counters)| (*bin, counters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(minute * 60, 0).unwrap()
    }

    fn key(platform: &str) -> Key {
        Key { platform: Some(platform.parse().unwrap()), ..Key::default() }
    }

    fn batch(id: &str, counts: &[(i64, &str, u64)]) -> Batch {
        let mut batch = Batch::new(id, "acme", 60.try_into().unwrap());
        for (minute, platform, bytes) in counts {
            batch.add(at(*minute), key(platform), *bytes).unwrap();
        }
        batch
    }

    type Counts = Vec<(i64, &'static str, u64)>;

    fn counts() -> impl Strategy<Value = Vec<Counts>> {
        let count = (0_i64..3, prop::sample::select(vec!["steam", "epic"]), 0_u64..1_000_000_000_000);
        prop::collection::vec(prop::collection::vec(count, 0..6), 0..6)
    }

    fn sum<'a>(
        batches: impl IntoIterator<Item = (usize, &'a Counts)>,
    ) -> Vec<(DateTime<Utc>, BTreeMap<Key, u64>)> {
        let mut sums = Sums::default();
        for (i, counts) in batches {
            sums.add(&batch(&i.to_string(), counts)).unwrap();
        }
        sums.bins("acme").map(|(bin, counters)| (bin, counters.clone())).collect()
    }

    proptest! {
        #[test]
        fn sums_do_not_depend_on_order_or_batching(batches in counts()) {
            let in_order = sum(batches.iter().enumerate());
            prop_assert_eq!(&sum(batches.iter().enumerate().rev()), &in_order);
            let twice = batches.iter().enumerate().chain(batches.iter().enumerate());
            prop_assert_eq!(&sum(twice), &in_order);
            let one = batches.concat();
            prop_assert_eq!(&sum([(0, &one)]), &in_order);
        }
    }

    #[test]
    fn a_broken_batch_leaves_nothing_behind() {
        let mut sums = Sums::default();
        sums.add(&batch("a", &[(0, "steam", u64::MAX)])).unwrap();
        let before = sums.clone();
        assert_eq!(sums.add(&batch("b", &[(1, "steam", 1), (0, "steam", 1)])), Err(Overflow { bin: at(0) }));
        assert_eq!(sums, before);
    }

    #[test]
    fn watched_and_empty_is_zero_and_unwatched_is_unknown() {
        let mut watched = batch("a", &[]);
        watched.watch(at(7));
        let mut sums = Sums::default();
        sums.add(&watched).unwrap();
        assert_eq!(sums.bytes("acme", at(7), &key("steam")), Some(0));
        assert_eq!(sums.bytes("acme", at(8), &key("steam")), None);
        assert_eq!(sums.bytes("other", at(7), &key("steam")), None);
    }

    #[test]
    fn a_batch_says_what_is_wrong_with_it() {
        let mut wrong = Batch::new("", "acme\n", 7.try_into().unwrap());
        wrong.watch(DateTime::from_timestamp(70, 5).unwrap());
        wrong.watch(at(1_000));
        let found: Vec<_> = wrong.findings(at(2)).into_iter().map(|finding| finding.pointer).collect();
        assert_eq!(
            found,
            [
                "/id",
                "/network",
                "/step_secs",
                "/bins/1970-01-01T00:01:10Z",
                "/bins/1970-01-01T16:40:00Z",
                "/bins/1970-01-01T16:40:00Z"
            ]
        );
    }
}
