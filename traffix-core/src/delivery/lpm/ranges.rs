//! Sorted ranges behind an index of buckets: the search, one by one and interleaved.

use core::hint::select_unpredictable;

use super::Answer;

/// Searches that run interleaved. Measured on the project's benches: 8 to 32 differ by a few per cent.
pub(super) const BATCH: usize = 16;

/// How addresses divide into buckets: those below `origin` are in the first, those above the last bucket in the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buckets {
    /// First address of the first bucket.
    pub(super) origin: u64,
    /// Addresses of one bucket, as a power of two.
    pub(super) shift: u32,
    /// The last bucket.
    pub(super) last: u64,
}

impl Buckets {
    /// IPv4: every /16 to /18, by the number of ranges. The bits below fit 16.
    pub(super) fn v4(ranges: usize) -> Self {
        let bits = (ranges / 4).max(1).ilog2().clamp(16, 18);
        Self { origin: 0, shift: 32 - bits, last: (1 << bits) - 1 }
    }

    /// IPv6: `2000::/3`, the only block that is in use (IANA "IPv6 Global Unicast Address Assignments"), in parts.
    pub(super) fn v6(ranges: usize) -> Self {
        let bits = (ranges / 2).max(1).ilog2().clamp(8, 18);
        Self { origin: 0x2000 << 48, shift: 61 - bits, last: (1 << bits) - 1 }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most `last`, which indexes an array")]
    pub(super) fn of(self, address: u64) -> usize {
        (address.saturating_sub(self.origin) >> self.shift).min(self.last) as usize
    }

    /// The bits of an address below its bucket.
    #[inline]
    pub(super) fn low_mask(self) -> u32 {
        u32::MAX >> (32 - self.shift.min(32))
    }
}

/// Ranges by their first addresses. A range's end is the next one's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges<K> {
    pub(super) buckets: Buckets,
    /// How many ranges start before bucket `i`; one more entry than buckets.
    pub(super) first: Vec<u32>,
    /// What of the first address the bucket does not tell; one entry more than ranges, for the interleaved search.
    pub(super) starts: Vec<K>,
    /// What holds in the range.
    pub(super) answers: Vec<u32>,
}

impl<K> Ranges<K> {
    pub(super) fn view(&self) -> RangesView<'_, K> {
        RangesView { buckets: self.buckets, first: &self.first, starts: &self.starts, answers: &self.answers }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        4 * (self.first.len() + self.answers.len()) + size_of::<K>() * self.starts.len()
    }
}

/// The same, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct RangesView<'a, K> {
    pub(super) buckets: Buckets,
    pub(super) first: &'a [u32],
    pub(super) starts: &'a [K],
    pub(super) answers: &'a [u32],
}

impl<K: Copy + PartialOrd> RangesView<'_, K> {
    /// The answer for an address of `bucket`. The first range starts at the lowest address, so there is always one.
    #[inline]
    pub(super) fn answer(&self, bucket: usize, key: K) -> Answer {
        let mut at = self.first[bucket] as usize;
        let mut len = self.first[bucket + 1] as usize - at;
        while len > 1 {
            let half = len / 2;
            at += select_unpredictable(self.starts[at + half - 1] <= key, half, 0);
            len -= half;
        }
        at += usize::from(len == 1 && self.starts[at] <= key);
        Answer(self.answers[at - 1])
    }

    /// The same for many addresses, a step of every search in turn.
    #[inline]
    pub(super) fn answers(&self, keys: [(usize, K); BATCH]) -> [Answer; BATCH] {
        let mut at = [0_usize; BATCH];
        let mut len = [0_usize; BATCH];
        let mut longest = 0;
        for i in 0..BATCH {
            let bucket = keys[i].0;
            at[i] = self.first[bucket] as usize;
            len[i] = self.first[bucket + 1] as usize - at[i];
            longest = longest.max(len[i]);
        }
        while longest > 1 {
            for i in 0..BATCH {
                let half = len[i] / 2;
                // With nothing left to halve, this reads an entry that exists and adds nothing.
                let before = self.starts[at[i] + half.saturating_sub(1)] <= keys[i].1;
                at[i] += select_unpredictable(before, half, 0);
                len[i] -= half;
            }
            longest -= longest / 2;
        }
        let mut answers = [Answer::NONE; BATCH];
        for i in 0..BATCH {
            let last = len[i] == 1 && self.starts[at[i]] <= keys[i].1;
            answers[i] = Answer(self.answers[at[i] + usize::from(last) - 1]);
        }
        answers
    }
}
