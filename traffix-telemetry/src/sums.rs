//! Counters keyed by bin, platform, CDN and link.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use traffix_core::catalogue::PlatformId;

/// What a counter counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Start of the bin; must be a multiple of the measurement's step.
    pub bin: DateTime<Utc>,
    /// The platform, if it is known.
    pub platform: Option<PlatformId>,
    /// The CDN's name, if it is known.
    pub cdn: Option<String>,
    /// The link's identifier in the network's profile, if it is known.
    pub link: Option<String>,
}

/// A batch that cannot be added. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The start of a bin does not lie on the grid.
    #[error("bin {bin} does not start at a multiple of {step_secs} s")]
    OffGrid {
        /// The bin.
        bin: DateTime<Utc>,
        /// The step of the grid in seconds.
        step_secs: u32,
    },
    /// A counter would pass 18.4 × 10¹⁸ bytes: the batch is broken.
    #[error("the bytes of bin {bin} cannot be counted: the batch is broken")]
    Overflow {
        /// The bin.
        bin: DateTime<Utc>,
    },
}

/// Bytes by key, on bins of one length.
///
/// ```
/// use traffix_telemetry::{Key, Sums};
/// let bin = "2023-11-08T17:00:00Z".parse()?;
/// let key = Key { bin, platform: Some("playstation".parse()?), cdn: Some("akamai".into()), link: None };
/// let mut sums = Sums::new(60);
/// assert!(sums.add("router-1/000042", [(key.clone(), 5_000)])?);
/// assert!(!sums.add("router-1/000042", [(key.clone(), 5_000)])?); // a repeated batch changes nothing
/// assert_eq!(sums.get(&key), 5_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    step_secs: u32,
    bytes: BTreeMap<Key, u64>,
    batches: BTreeSet<String>,
}

impl Sums {
    /// Empty counters with bins of `step_secs` seconds (at least 1).
    pub fn new(step_secs: u32) -> Self {
        Self { step_secs: step_secs.max(1), bytes: BTreeMap::new(), batches: BTreeSet::new() }
    }

    /// Adds a batch, once: whether it was new.
    ///
    /// # Errors
    /// If a bin is off the grid or a counter overflows; then nothing of the batch is added.
    pub fn add(
        &mut self,
        batch: &str,
        counts: impl IntoIterator<Item = (Key, u64)>,
    ) -> Result<bool, AddError> {
        if self.batches.contains(batch) {
            return Ok(false);
        }
        let mut added: BTreeMap<Key, u64> = BTreeMap::new();
        for (key, bytes) in counts {
            if key.bin.timestamp().rem_euclid(i64::from(self.step_secs)) != 0
                || key.bin.timestamp_subsec_nanos() != 0
            {
                return Err(AddError::OffGrid { bin: key.bin, step_secs: self.step_secs });
            }
            let so_far = added.get(&key).copied().unwrap_or_else(|| self.get(&key));
            let sum = so_far.checked_add(bytes).ok_or(AddError::Overflow { bin: key.bin })?;
            added.insert(key, sum);
        }
        self.bytes.extend(added);
        self.batches.insert(batch.to_owned());
        Ok(true)
    }

    /// Bytes counted under exactly this key.
    pub fn get(&self, key: &Key) -> u64 {
        self.bytes.get(key).copied().unwrap_or(0)
    }

    /// All counters, by bin.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, u64)> {
        self.bytes.iter().map(|(key, bytes)| (key, *bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(minute: i64, platform: &str) -> Key {
        let bin = DateTime::from_timestamp(minute * 60, 0).unwrap();
        Key { bin, platform: Some(platform.parse().unwrap()), cdn: None, link: None }
    }

    type Batch = Vec<(Key, u64)>;

    fn batches() -> impl Strategy<Value = Vec<Batch>> {
        let count = (0_i64..3, prop::sample::select(vec!["steam", "epic"]), 0_u64..1_000_000_000_000);
        let count = count.prop_map(|(minute, platform, bytes)| (key(minute, platform), bytes));
        prop::collection::vec(prop::collection::vec(count, 0..6), 0..6)
    }

    fn sum<'a>(batches: impl IntoIterator<Item = (usize, &'a Batch)>) -> Vec<(Key, u64)> {
        let mut sums = Sums::new(60);
        for (i, batch) in batches {
            sums.add(&i.to_string(), batch.clone()).unwrap();
        }
        sums.iter().map(|(key, bytes)| (key.clone(), bytes)).collect()
    }

    proptest! {
        #[test]
        fn sums_do_not_depend_on_order_or_batching(batches in batches()) {
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
        let mut sums = Sums::new(60);
        sums.add("a", [(key(0, "steam"), u64::MAX)]).unwrap();
        let before = sums.clone();
        assert!(matches!(
            sums.add("b", [(key(1, "steam"), 1), (key(0, "steam"), 1)]),
            Err(AddError::Overflow { .. })
        ));
        let late = Key { bin: DateTime::from_timestamp(61, 0).unwrap(), ..key(0, "steam") };
        assert!(matches!(sums.add("b", [(late, 1)]), Err(AddError::OffGrid { .. })));
        assert_eq!(sums, before);
    }
}
