//! The arrays of IPv6, by the upper 64 bits, and the search in them.

use core::hint::select_unpredictable;

use super::{Answer, BATCH};

/// `2000::/3` is the only block in use (IANA, "IPv6 Global Unicast Address Assignments"): it is divided into `/16`s.
/// Addresses below count as the first, addresses above as the last address of it when a bucket is chosen.
const ORIGIN: u64 = 0x2000 << 48;
const LAST: u64 = (1 << 61) - 1;
const NET_BITS: u32 = 48;
/// The `/16`s of `2000::/3`.
pub(super) const NETS: usize = 1 << 13;

/// Ranges by their first /64. A range's end is the next one's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct V6 {
    /// Of each /16: the place of its first bucket in `first`, and in the lower 8 bits the size of its buckets as a
    /// power of two. A /16 has about as many buckets as ranges.
    pub(super) nets: Vec<u64>,
    /// How many ranges start before each bucket; one more entry than buckets.
    pub(super) first: Vec<u32>,
    /// First /64 of each range; one entry more than ranges, for the interleaved search.
    pub(super) starts: Vec<u64>,
    /// What holds in the range.
    pub(super) answers: Vec<u32>,
}

impl V6 {
    /// From ranges by /64 (the upper 64 bits), in order, the first at 0.
    pub(super) fn new(ranges: &[(u64, Answer)]) -> Self {
        let mut per_net = vec![0_u64; NETS];
        for (at, _) in ranges {
            per_net[net(place(*at))] += 1;
        }
        let mut buckets = 0_u64;
        let nets: Vec<u64> = per_net
            .into_iter()
            .map(|ranges| {
                let bits = ranges.max(1).next_power_of_two().ilog2().min(24);
                let entry = buckets << 8 | u64::from(NET_BITS - bits);
                buckets += 1 << bits;
                entry
            })
            .collect();
        let mut first = Vec::new();
        for (i, (at, _)) in ranges.iter().enumerate() {
            let i = u32::try_from(i).unwrap_or(u32::MAX);
            first.resize(first.len().max(bucket(&nets, *at) + 1), i);
        }
        let all = u32::try_from(ranges.len()).unwrap_or(u32::MAX);
        first.resize(usize::try_from(buckets).unwrap_or(usize::MAX).saturating_add(1), all);
        let starts = ranges.iter().map(|(at, _)| *at).chain([u64::MAX]).collect();
        Self { nets, first, starts, answers: ranges.iter().map(|(_, answer)| answer.0).collect() }
    }

    pub(super) fn view(&self) -> V6View<'_> {
        V6View { nets: &self.nets, first: &self.first, starts: &self.starts, answers: &self.answers }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        4 * (self.first.len() + self.answers.len()) + 8 * (self.nets.len() + self.starts.len())
    }
}

/// Where an address lies in `2000::/3`.
#[inline]
fn place(address: u64) -> u64 {
    address.saturating_sub(ORIGIN).min(LAST)
}

/// The /16 of a place.
#[inline]
fn net(place: u64) -> usize {
    (place >> NET_BITS) as usize
}

/// The bucket of an address.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "an index of an array")]
fn bucket(nets: &[u64], address: u64) -> usize {
    let place = place(address);
    let entry = nets[net(place)];
    let within = (place & ((1 << NET_BITS) - 1)) >> (entry & 0x3f);
    ((entry >> 8) + within) as usize
}

/// The same, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct V6View<'a> {
    pub(super) nets: &'a [u64],
    pub(super) first: &'a [u32],
    pub(super) starts: &'a [u64],
    pub(super) answers: &'a [u32],
}

impl V6View<'_> {
    /// The answer for a /64. The first range starts at the lowest address, so there is always one.
    #[inline]
    pub(super) fn answer(self, key: u64) -> Answer {
        let (mut at, mut len) = self.run(key);
        while len > 1 {
            let half = len / 2;
            at += select_unpredictable(self.starts[at + half - 1] <= key, half, 0);
            len -= half;
        }
        at += usize::from(len == 1 && self.starts[at] <= key);
        Answer(self.answers[at - 1])
    }

    /// The same for many, a step of every search in turn.
    #[inline]
    pub(super) fn answers(self, keys: [u64; BATCH]) -> [Answer; BATCH] {
        let mut at = [0_usize; BATCH];
        let mut len = [0_usize; BATCH];
        let mut longest = 0;
        for i in 0..BATCH {
            (at[i], len[i]) = self.run(keys[i]);
            longest = longest.max(len[i]);
        }
        while longest > 1 {
            for i in 0..BATCH {
                let half = len[i] / 2;
                // With nothing left to halve, this reads an entry that exists and adds nothing.
                let before = self.starts[at[i] + half.saturating_sub(1)] <= keys[i];
                at[i] += select_unpredictable(before, half, 0);
                len[i] -= half;
            }
            longest -= longest / 2;
        }
        let mut answers = [Answer::NONE; BATCH];
        for i in 0..BATCH {
            let last = len[i] == 1 && self.starts[at[i]] <= keys[i];
            answers[i] = Answer(self.answers[at[i] + usize::from(last) - 1]);
        }
        answers
    }

    /// The ranges that start in the bucket of an address: the first and how many.
    #[inline]
    fn run(self, key: u64) -> (usize, usize) {
        let bucket = bucket(self.nets, key);
        let (first, end) = (self.first[bucket] as usize, self.first[bucket + 1] as usize);
        (first, end - first)
    }

    /// Whether a search can rely on it: buckets follow each other, ranges are in order, the first starts at 0.
    pub(super) fn is_sound(self) -> bool {
        let mut buckets = 0_u64;
        for entry in self.nets {
            let bits = u64::from(NET_BITS).wrapping_sub(entry & 0xff);
            if bits > 24 || entry >> 8 != buckets {
                return false;
            }
            buckets += 1 << bits;
        }
        let Self { nets, first, starts, answers } = self;
        let lengths = nets.len() == NETS
            && first.len() as u64 == buckets + 1
            && starts.len() == answers.len() + 1
            && first.last().is_some_and(|&n| n as usize == answers.len());
        lengths
            && first[0] == 0
            && first[1] > 0
            && first.is_sorted()
            && starts[0] == 0
            && starts[..answers.len()].is_sorted_by(|a, b| a < b)
    }
}
