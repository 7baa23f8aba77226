//! Requests in the order in which they began.

use std::collections::BTreeMap;
use std::time::Duration;

/// Puts what arrives late into order, waiting a bounded time and keeping a bounded number.
///
/// A proxy logs a request when it has ended, so one that another proxy passed on, or that took longer, is logged after
/// what began later. Every request is held until `delay` has passed since it began; requests shorter than that come
/// out in the order in which they began. Longer ones come out at once, marked as late if a later one is out already.
///
/// ```
/// use std::time::Duration;
/// use traffix_telemetry::access_log::Reorder;
/// let mut reorder = Reorder::new(Duration::from_secs(2), 1000);
/// let mut out = Vec::new();
/// reorder.push(10_500_000, 10_400_000, "child", |ordered| out.push(ordered));
/// reorder.push(10_600_000, 10_300_000, "parent", |ordered| out.push(ordered));
/// reorder.release(12_400_000, |ordered| out.push(ordered));
/// let order: Vec<_> = out.iter().map(|ordered| (ordered.item, ordered.late)).collect();
/// assert_eq!(order, [("parent", false), ("child", false)]);
/// ```
#[derive(Debug)]
pub struct Reorder<T> {
    held: BTreeMap<(i64, u64), T>,
    arrived: u64,
    delay_us: i64,
    capacity: usize,
    newest_out_us: i64,
}

/// What comes out of a [`Reorder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered<T> {
    /// What was put in.
    pub item: T,
    /// Whether one that began later came out before it.
    pub late: bool,
}

impl<T> Reorder<T> {
    /// Holds at most `capacity` requests, each until `delay` after it began.
    pub fn new(delay: Duration, capacity: usize) -> Self {
        let delay_us = i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
        Self { held: BTreeMap::new(), arrived: 0, delay_us, capacity, newest_out_us: i64::MIN }
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Puts one in that began at `start_us` (microseconds since 1970). If there is no room, the one that began first
    /// goes to `sink` early. One that claims to begin in the future begins now.
    pub fn push(&mut self, now_us: i64, start_us: i64, item: T, sink: impl FnMut(Ordered<T>)) {
        self.arrived += 1;
        self.held.insert((start_us.min(now_us), self.arrived), item);
        let capacity = self.capacity;
        self.pass(sink, |_, held| held > capacity);
    }

    /// Gives all that need not wait any more to `sink`.
    pub fn release(&mut self, now_us: i64, sink: impl FnMut(Ordered<T>)) {
        let until = now_us.saturating_sub(self.delay_us);
        self.pass(sink, |start_us, _| start_us <= until);
    }

    fn pass(&mut self, mut sink: impl FnMut(Ordered<T>), mut over: impl FnMut(i64, usize) -> bool) {
        while let Some(first) = self.held.first_entry() {
            let start_us = first.key().0;
            if !over(start_us, self.held.len()) {
                return;
            }
            let Some((_, item)) = self.held.pop_first() else { return };
            let late = start_us < self.newest_out_us;
            self.newest_out_us = self.newest_out_us.max(start_us);
            sink(Ordered { item, late });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;

    proptest! {
        /// Requests of up to five seconds, logged when they end and held for two: all come out once; those shorter
        /// than the delay are in order; what is not in order is marked.
        #[test]
        fn nothing_is_lost_and_what_is_not_marked_is_in_order(
            requests in prop::collection::vec((0..60 * SECOND, 0..5 * SECOND), 0..200), capacity in 1_usize..300,
        ) {
            let mut logged: Vec<_> = requests.iter().map(|(start, length)| (start + length, *start)).collect();
            logged.sort_unstable();
            let mut reorder = Reorder::new(Duration::from_secs(2), capacity);
            let mut out = Vec::new();
            for (end, start) in logged {
                reorder.release(end, |ordered| out.push(ordered));
                reorder.push(end, start, (start, end - start), |ordered| out.push(ordered));
                prop_assert!(reorder.len() <= capacity);
            }
            reorder.release(i64::MAX, |ordered| out.push(ordered));
            prop_assert_eq!(out.len(), requests.len());
            let punctual: Vec<i64> = out.iter().filter(|o| !o.late).map(|o| o.item.0).collect();
            prop_assert!(punctual.is_sorted());
            if capacity >= requests.len() {
                prop_assert!(out.iter().all(|o| !o.late || o.item.1 >= 2 * SECOND));
            }
            let mut all: Vec<_> = out.iter().map(|o| o.item).collect();
            let mut expected = requests;
            all.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
        }
    }

    #[test]
    fn the_future_does_not_block() {
        let mut reorder = Reorder::new(Duration::from_secs(2), 10);
        reorder.push(0, 1_000 * SECOND, "wrong clock", |_| ());
        let mut out = 0;
        reorder.release(2 * SECOND, |_| out += 1);
        assert_eq!(out, 1);
    }
}
