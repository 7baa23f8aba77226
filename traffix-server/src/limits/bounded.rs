//! A bounded memory of clients for the limiter.
//!
//! Sixty-four shards, each a map behind a lock held for some tens of nanoseconds. A full shard forgets the half
//! of its clients that have been quiet longest: those have the most of their quota back already, so an attacker
//! with many addresses gains little and takes no memory.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

const SHARDS: usize = 64;

pub(super) struct BoundedStore<K> {
    shards: Vec<Mutex<HashMap<K, Nanos>>>,
    per_shard: usize,
    hasher: RandomState,
}

impl<K: Hash + Eq + Clone> BoundedStore<K> {
    /// Remembers at most about `max` clients.
    pub(super) fn new(max: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, per_shard: max.div_ceil(SHARDS).max(2), hasher: RandomState::new() }
    }

    fn shard(&self, key: &K) -> &Mutex<HashMap<K, Nanos>> {
        let hash = self.hasher.hash_one(key).to_be_bytes();
        &self.shards[usize::from(hash[0]) % SHARDS]
    }
}

impl<K: Hash + Eq + Clone> StateStore for BoundedStore<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = shard.get_mut(key) {
            let (outcome, next) = decide(Some(*state))?;
            *state = next;
            return Ok(outcome);
        }
        let (outcome, next) = decide(None)?;
        if shard.len() >= self.per_shard {
            forget_older_half(&mut shard);
        }
        shard.insert(key.clone(), next);
        Ok(outcome)
    }
}

/// Keeps the half with the latest theoretical arrival times.
fn forget_older_half<K: Hash + Eq + Clone>(shard: &mut HashMap<K, Nanos>) {
    let mut ages: Vec<(Nanos, K)> = shard.iter().map(|(key, at)| (*at, key.clone())).collect();
    let middle = ages.len() / 2;
    ages.select_nth_unstable_by_key(middle, |(at, _)| *at);
    for (_, key) in &ages[..middle.max(1)] {
        shard.remove(key);
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for BoundedStore<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, at| *at > drop_below);
        }
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
