//! What was counted and is not kept yet.

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use traffix_core::measurement::{Batch, Key};
use uuid::Uuid;

use super::{Bins, Cause, SinkError, Stats, Tally};

/// Counters of a batch at most, save that a bin is not divided: so that no transaction becomes too large.
const MAX_BATCH: usize = 50_000;
/// How long the threads are waited for that have not handed over a bin yet.
const GATHER: Duration = Duration::from_secs(1);
/// The first wait after a batch was not kept; it doubles up to the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Counters on their way to the sink. One batch is on offer at a time and stays as it is until it is kept, as it may
/// have been written; everything else is summed up beside it.
#[derive(Debug)]
pub(super) struct Outbox {
    network: Arc<str>,
    step_secs: NonZeroU32,
    max_counters: usize,
    instance: Uuid,
    sequence: u64,
    offered: Option<Arc<Batch>>,
    pending: Bins,
    pending_counters: usize,
    /// Threads that count.
    workers: usize,
    /// Shares that came since the last batch was made, and when the first of them did.
    shares: usize,
    since: Option<Instant>,
    retry: Option<(Instant, Duration)>,
    stats: Stats,
}

impl Outbox {
    pub(super) fn new(network: Arc<str>, step_secs: NonZeroU32, max_counters: usize, workers: usize) -> Self {
        Self {
            network,
            step_secs,
            max_counters,
            workers,
            instance: Uuid::now_v7(),
            sequence: 0,
            offered: None,
            pending: Bins::new(),
            pending_counters: 0,
            shares: 0,
            since: None,
            retry: None,
            stats: Stats::default(),
        }
    }

    /// Adds what a thread hands over.
    pub(super) fn add(&mut self, share: Bins, now: Instant) {
        self.shares += 1;
        self.since.get_or_insert(now);
        for (bin, counters) in share {
            let sums = self.pending.entry(bin).or_insert_with(|| {
                self.pending_counters += 1;
                BTreeMap::new()
            });
            for (key, bytes) in counters {
                let sum = sums.entry(key).or_insert_with(|| {
                    self.pending_counters += 1;
                    0
                });
                match sum.checked_add(bytes) {
                    Some(total) => *sum = total,
                    None => lose(&mut self.stats, Cause::Implausible, bytes),
                }
            }
        }
        self.make_room();
    }

    /// Gives up the oldest bins while there are too many counters. A bin is given up whole: unknown is better than
    /// too small.
    fn make_room(&mut self) {
        while self.pending_counters > self.max_counters {
            let Some((_, counters)) = self.pending.pop_first() else { break };
            self.pending_counters -= size(&counters);
            lose(&mut self.stats, Cause::NoRoom, total(&counters));
        }
    }

    /// The batch to offer now, if it is time. `is_last` is when nothing more comes.
    pub(super) fn ready(&mut self, now: Instant, is_last: bool) -> Option<Arc<Batch>> {
        if !is_last && self.retry.is_some_and(|(at, _)| now < at) {
            return None;
        }
        if self.offered.is_none() {
            let all_came = self.shares >= self.workers;
            let waited = self.since.is_some_and(|since| now.duration_since(since) >= GATHER);
            if !(is_last || all_came || waited) {
                return None;
            }
            self.offered = self.next_batch().map(Arc::new);
            if self.pending.is_empty() {
                (self.shares, self.since) = (0, None);
            }
        }
        self.offered.clone()
    }

    fn next_batch(&mut self) -> Option<Batch> {
        if self.pending.is_empty() {
            return None;
        }
        let id = format!("{}/{:06}", self.instance, self.sequence);
        self.sequence += 1;
        let mut batch = Batch::new(id, &*self.network, self.step_secs);
        let mut counters = 0;
        while counters < MAX_BATCH
            && let Some((bin, sums)) = self.pending.pop_first()
        {
            counters += size(&sums);
            batch.bins.insert(bin, sums);
        }
        self.pending_counters -= counters;
        Some(batch)
    }

    /// Takes note of what became of the batch on offer. Whether it is done with.
    pub(super) fn answered(&mut self, answer: Result<(), SinkError>, now: Instant, now_ms: i64) -> bool {
        match answer {
            Ok(()) => {
                self.stats.batches_kept += 1;
                (self.stats.kept_ms, self.stats.sink_error) = (Some(now_ms), None);
            }
            Err(SinkError::Refused(why)) => {
                self.stats.batches_failed += 1;
                self.stats.sink_error = Some(why);
                let bytes = self.offered.iter().flat_map(|batch| batch.bins.values().map(total));
                lose(&mut self.stats, Cause::Refused, bytes.fold(0, u64::saturating_add));
            }
            Err(SinkError::Away(why)) => {
                self.stats.batches_failed += 1;
                self.stats.sink_error = Some(why);
                let wait = self.retry.map_or(FIRST_RETRY, |(_, last)| (last * 2).min(LAST_RETRY));
                self.retry = Some((now + wait, wait));
                return false;
            }
        }
        (self.offered, self.retry) = (None, None);
        true
    }

    /// How long nothing needs to be done if nothing comes.
    pub(super) fn idle(&self, now: Instant) -> Duration {
        let gathered = self.since.map(|since| since + GATHER);
        let next = self.retry.map(|(at, _)| at).or(gathered);
        next.map_or(LAST_RETRY, |at| at.saturating_duration_since(now))
    }

    /// Everything that was not kept, as batches; the one that was on offer under the identifier that it had.
    pub(super) fn unsaved(&mut self) -> Vec<Batch> {
        let offered = self.offered.take().map(|batch| Batch::clone(&batch));
        offered.into_iter().chain(std::iter::from_fn(|| self.next_batch())).collect()
    }

    /// What became of batches.
    pub(super) fn stats(&self) -> Stats {
        let offered = self.offered.as_ref().map_or(0, |batch| batch.bins.values().map(size).sum());
        Stats { pending_counters: self.pending_counters + offered, ..self.stats.clone() }
    }
}

/// Room that a bin takes, in counters.
fn size(counters: &BTreeMap<Key, u64>) -> usize {
    counters.len() + 1
}

fn total(counters: &BTreeMap<Key, u64>) -> u64 {
    counters.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
}

fn lose(stats: &mut Stats, cause: Cause, bytes: u64) {
    *stats.left_out.entry(cause).or_default() += Tally { flows: 0, bytes };
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;
    use traffix_core::measurement::Sums;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(minute * 60, 0).unwrap()
    }

    fn key(link: u8) -> Key {
        Key { link: Some(link.to_string()), ..Key::default() }
    }

    fn share(counts: &[(i64, u8, u64)]) -> Bins {
        let mut bins = Bins::new();
        for (minute, link, bytes) in counts {
            *bins.entry(at(*minute)).or_default().entry(key(*link)).or_default() += bytes;
        }
        bins
    }

    fn outbox(max_counters: usize, workers: usize) -> Outbox {
        Outbox::new("acme".into(), 60.try_into().unwrap(), max_counters, workers)
    }

    /// What a store does with an offer.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Kept,
        Lost,
        /// Written, but the acknowledgement did not arrive.
        Unanswered,
    }

    proptest! {
        #[test]
        fn whatever_the_store_does_nothing_is_lost_or_counted_twice(
            shares in prop::collection::vec(prop::collection::vec((0_i64..4, 0_u8..3, 1_u64..100), 0..5), 0..12),
            fates in prop::collection::vec(prop::sample::select(vec![Fate::Kept, Fate::Lost, Fate::Unanswered]), 0..12),
        ) {
            let (mut outbox, mut store, now) = (outbox(1000, 1), Sums::default(), Instant::now());
            let mut fates = fates.into_iter();
            let mut expected = Sums::default();
            for (n, counts) in shares.iter().enumerate() {
                let all = Batch { id: n.to_string(), network: "acme".into(), step_secs: 60.try_into().unwrap(), bins: share(counts) };
                expected.add(&all).unwrap();
                outbox.add(share(counts), now);
                // However long the wait after a failure, it is over.
                let now = now + LAST_RETRY * 20 * u32::try_from(n + 1).unwrap();
                if let Some(batch) = outbox.ready(now, false) {
                    let fate = fates.next().unwrap_or(Fate::Kept);
                    if matches!(fate, Fate::Kept | Fate::Unanswered) {
                        store.add(&batch).unwrap();
                    }
                    let answer = if matches!(fate, Fate::Kept) { Ok(()) } else { Err(SinkError::Away(String::new())) };
                    outbox.answered(answer, now, 0);
                }
            }
            for batch in outbox.unsaved() {
                store.add(&batch).unwrap();
            }
            let bins = |sums: &Sums| sums.bins("acme").map(|(bin, counters)| (bin, counters.clone())).collect::<Vec<_>>();
            prop_assert_eq!(bins(&store), bins(&expected));
        }
    }

    #[test]
    fn one_batch_is_made_of_what_all_threads_hand_over() {
        let (mut outbox, now) = (outbox(1000, 2), Instant::now());
        outbox.add(share(&[(0, 1, 5)]), now);
        assert!(outbox.ready(now, false).is_none());
        outbox.add(share(&[(0, 1, 7), (1, 1, 1)]), now);
        let batch = outbox.ready(now, false).unwrap();
        assert_eq!(batch.bins, share(&[(0, 1, 12), (1, 1, 1)]));
        // It stays as it is, whatever comes, until it is kept.
        outbox.add(share(&[(0, 1, 100)]), now);
        assert!(!outbox.answered(Err(SinkError::Away("busy".into())), now, 0));
        assert!(outbox.ready(now, false).is_none());
        assert_eq!(outbox.ready(now + FIRST_RETRY, false).unwrap(), batch);
        assert_eq!(outbox.stats().sink_error.as_deref(), Some("busy"));
        assert!(outbox.answered(Ok(()), now, 9));
        assert_eq!((outbox.stats().kept_ms, outbox.stats().sink_error), (Some(9), None));
        // A thread that is late is not waited for longer than a second.
        assert!(outbox.ready(now, false).is_none());
        let next = outbox.ready(now + GATHER, false).unwrap();
        assert_ne!(next.id, batch.id);
        assert_eq!(next.bins, share(&[(0, 1, 100)]));
    }

    #[test]
    fn the_oldest_bins_go_first_when_there_is_no_room_and_go_whole() {
        let (mut outbox, now) = (outbox(6, 1), Instant::now());
        outbox.add(share(&[(0, 1, 10), (0, 2, 10), (1, 1, 3), (2, 1, 4), (2, 2, 4)]), now);
        assert_eq!(outbox.stats().left_out(Cause::NoRoom).bytes, 20);
        let batch = outbox.ready(now, true).unwrap();
        assert_eq!(batch.bins, share(&[(1, 1, 3), (2, 1, 4), (2, 2, 4)]));
        outbox.answered(Err(SinkError::Refused("no such network".into())), now, 0);
        assert_eq!(outbox.stats().left_out(Cause::Refused).bytes, 11);
        assert!(outbox.ready(now, true).is_none());
    }

    #[test]
    fn large_batches_are_divided_between_bins() {
        let (mut outbox, now) = (outbox(1_000_000, 1), Instant::now());
        let wide = |minute| -> Bins {
            let counters = (0..30_000).map(|n| (Key { link: Some(n.to_string()), ..Key::default() }, 1));
            [(at(minute), counters.collect())].into()
        };
        (0..3).for_each(|minute| outbox.add(wide(minute), now));
        let first = outbox.ready(now, false).unwrap();
        assert_eq!(first.bins.len(), 2);
        outbox.answered(Ok(()), now, 0);
        assert_eq!(outbox.ready(now, false).unwrap().bins.len(), 1);
    }
}
