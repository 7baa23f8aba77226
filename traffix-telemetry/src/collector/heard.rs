//! Which bins were watched.

use std::collections::BTreeSet;

/// In which bins an exporter was heard.
///
/// A bin is watched if an exporter was heard in it, or after it until it was handed over: exporters with little to say
/// are silent for a while.
#[derive(Debug, Default)]
pub(super) struct Heard {
    bins: BTreeSet<i64>,
    last: Option<i64>,
    /// The first bin that was not handed over yet.
    next: Option<i64>,
}

impl Heard {
    #[inline]
    pub(super) fn note(&mut self, bin: i64) {
        if self.last != Some(bin) {
            self.last = Some(bin);
            self.bins.insert(bin);
            self.next.get_or_insert(bin);
        }
    }

    /// The bins below `until` that were watched and not handed over; whatever was heard up to `reach` bins later counts.
    pub(super) fn take(&mut self, until: i64, reach: i64) -> BTreeSet<i64> {
        let Some(next) = self.next else { return BTreeSet::new() };
        let watched =
            self.bins.iter().flat_map(|bin| (bin - reach).max(next)..=(*bin).min(until - 1)).collect();
        self.bins = self.bins.split_off(&until);
        self.next = Some(next.max(until));
        watched
    }

    /// The last bin in which anything was heard.
    pub(super) fn last(&self) -> Option<i64> {
        self.bins.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(heard: &mut Heard, until: i64) -> Vec<i64> {
        heard.take(until, 1).into_iter().collect()
    }

    #[test]
    fn silence_before_the_next_word_is_watched_and_a_long_one_is_not() {
        let mut heard = Heard::default();
        assert!(take(&mut heard, 100).is_empty());
        heard.note(10);
        heard.note(12);
        // Bin 12 was heard in and is not over yet.
        assert_eq!(take(&mut heard, 12), [10, 11]);
        heard.note(17);
        assert_eq!(take(&mut heard, 17), [12, 16]);
        // Handed over once.
        assert!(take(&mut heard, 17).is_empty());
        assert_eq!(take(&mut heard, 18), [17]);
        assert!(take(&mut heard, 1_000_000).is_empty());
        // What is heard for a bin that was handed over changes nothing.
        heard.note(3);
        assert!(take(&mut heard, 1_000_001).is_empty());
    }
}
