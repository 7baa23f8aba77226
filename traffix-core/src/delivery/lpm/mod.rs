//! Longest-prefix match in flat arrays.
//!
//! Nested prefixes are flattened into ranges of addresses that share one answer, sorted by their first address; what
//! is left is to find the range of an address.
//!
//! - IPv4: the upper 18 bits choose a block, in whose bitmap the next 6 bits count the ranges that have begun: two
//!   memory accesses in all. This is the first step of a poptrie (Asai, Ohara: "Poptrie: a compressed trie with
//!   population count for fast and scalable software IP routing table lookup", ACM SIGCOMM 2015).
//! - IPv6: a static B-tree of 16 separators a node, all of which are compared at once, so that four or five steps
//!   without branches end in a full table (Khuong, Morin: "Array layouts for comparison-based searching", ACM Journal
//!   of Experimental Algorithmics 22, 2017).
//! - Prefixes longer than /24 and /64 are rare; they divide an address block in a side table.
//!
//! Batches run interleaved and with the instructions that the processor has, which is asked at run time.
//!
//! The arrays hold numbers and no pointers, so a table can be [written to a file](LpmTable::to_bytes) and
//! [used from the file's bytes](LpmView::from_bytes) without decoding, memory-mapped or not.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for the processor that was found"
)]

mod build;
mod file;
mod v4;
mod v6;

use core::net::IpAddr;

use fearless_simd::{Level, Simd, dispatch};

pub use build::LpmBuilder;
pub use file::LpmFileError;
use v4::{V4, V4View};
use v6::{V6, V6View};

/// Searches that run interleaved. Measured on the project's benches: 8 to 32 differ by a few per cent.
const BATCH: usize = 16;

/// A found prefix: its length and the number that it was inserted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LpmMatch {
    /// Length of the prefix in bits; the prefix is the address cut to it.
    pub length: u8,
    /// The number.
    pub id: u32,
}

/// Largest number that can be stored with a prefix: one byte of the answer holds the length.
pub const MAX_LPM_ID: u32 = (1 << 24) - 1;

/// An answer in the arrays: the number in the upper 24 bits, the prefix length in the lower 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer(u32);

impl Answer {
    /// No prefix holds the address.
    const NONE: Self = Self(0xff);
    /// Lower byte of an answer that is an index into the side table of long IPv6 prefixes.
    const DEEP: u32 = 0xfe;

    fn new(id: u32, length: u8) -> Self {
        Self(id << 8 | u32::from(length))
    }

    fn deep(index: u32) -> Self {
        Self(index << 8 | Self::DEEP)
    }

    #[inline(always)]
    fn found(self) -> Option<LpmMatch> {
        let [length, ..] = self.0.to_le_bytes();
        (self != Self::NONE).then_some(LpmMatch { length, id: self.0 >> 8 })
    }
}

/// A longest-prefix-match table that owns its arrays.
///
/// ```
/// use traffix_core::delivery::lpm::LpmTable;
/// let mut builder = LpmTable::builder();
/// builder.insert("192.0.2.0/24".parse().unwrap(), 7);
/// builder.insert("192.0.2.128/25".parse().unwrap(), 8);
/// let table = builder.build();
/// let found = table.view().lookup("192.0.2.200".parse().unwrap()).unwrap();
/// assert_eq!((found.id, found.length), (8, 25));
/// assert_eq!(table.view().lookup("192.0.3.1".parse().unwrap()), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LpmTable {
    v4: V4,
    v6: V6,
    deep: Deep,
}

/// Ranges within single `/24`s and `/64`s, for prefixes longer than that: run `i` of `starts` is `first[i]..first[i + 1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Deep {
    first: Vec<u32>,
    starts: Vec<u64>,
    answers: Vec<u32>,
}

impl LpmTable {
    /// An empty builder.
    pub fn builder() -> LpmBuilder {
        LpmBuilder::default()
    }

    /// The arrays to look things up in.
    pub fn view(&self) -> LpmView<'_> {
        LpmView {
            v4: self.v4.view(),
            v6: self.v6.view(),
            deep: DeepView {
                first: &self.deep.first,
                starts: &self.deep.starts,
                answers: &self.deep.answers,
            },
        }
    }

    /// Bytes of all arrays.
    pub fn memory_bytes(&self) -> usize {
        let deep = 4 * (self.deep.first.len() + self.deep.answers.len()) + 8 * self.deep.starts.len();
        self.v4.memory_bytes() + self.v6.memory_bytes() + deep
    }
}

impl Default for LpmTable {
    fn default() -> Self {
        LpmBuilder::default().build()
    }
}

/// The arrays of a table, borrowed: from an [`LpmTable`] or from the bytes of a file.
#[derive(Debug, Clone, Copy)]
pub struct LpmView<'a> {
    v4: V4View<'a>,
    v6: V6View<'a>,
    deep: DeepView<'a>,
}

#[derive(Debug, Clone, Copy)]
struct DeepView<'a> {
    first: &'a [u32],
    starts: &'a [u64],
    answers: &'a [u32],
}

impl DeepView<'_> {
    /// The answer in run `index` for the lower 64 bits of an address.
    fn answer(&self, index: u32, low: u64) -> Answer {
        let run = |i: usize| self.first.get(i).map_or(0, |&at| at as usize);
        let (begin, end) = (run(index as usize), run(index as usize + 1));
        let starts = self.starts.get(begin..end).unwrap_or_default();
        let after = starts.partition_point(|&start| start <= low);
        let answer = after.checked_sub(1).and_then(|i| self.answers.get(begin + i));
        answer.map_or(Answer::NONE, |&answer| Answer(answer))
    }
}

impl LpmView<'_> {
    /// The most specific prefix that holds `address`; an IPv4-mapped IPv6 address is the IPv4 address.
    pub fn lookup(&self, address: IpAddr) -> Option<LpmMatch> {
        match address.to_canonical() {
            IpAddr::V4(address) => self.lookup_v4(address.to_bits()),
            IpAddr::V6(address) => self.lookup_v6(address.to_bits()),
        }
    }

    /// The most specific IPv4 prefix that holds `address`, given as its bits.
    #[inline]
    pub fn lookup_v4(&self, address: u32) -> Option<LpmMatch> {
        self.resolve(self.v4.answer(address), u64::from(address & 0xff)).found()
    }

    /// The most specific IPv6 prefix that holds `address`, given as its bits. Mapped addresses are not translated.
    #[inline]
    pub fn lookup_v6(&self, address: u128) -> Option<LpmMatch> {
        self.resolve(self.v6.answer(high(address)), low(address)).found()
    }

    /// [`lookup_v4`](Self::lookup_v4) of many addresses; the answers come in their order. Several searches run
    /// interleaved, so that one waits for memory while others compute.
    ///
    /// # Panics
    /// If `found` is shorter than `addresses`.
    pub fn lookup_v4_batch(&self, addresses: &[u32], found: &mut [Option<LpmMatch>]) {
        let found = &mut found[..addresses.len()];
        dispatch!(Level::new(), _ => self.v4_batch(addresses, found));
    }

    #[inline(always)]
    fn v4_batch(&self, addresses: &[u32], found: &mut [Option<LpmMatch>]) {
        let (chunks, rest) = addresses.as_chunks::<BATCH>();
        let (out, rest_out) = found.as_chunks_mut::<BATCH>();
        for (chunk, out) in chunks.iter().zip(out) {
            let mut answers = [Answer::NONE; BATCH];
            for i in 0..BATCH {
                answers[i] = self.v4.answer(chunk[i]);
            }
            for i in 0..BATCH {
                out[i] = self.resolve(answers[i], u64::from(chunk[i] & 0xff)).found();
            }
        }
        for (address, out) in rest.iter().zip(rest_out) {
            *out = self.lookup_v4(*address);
        }
    }

    /// [`lookup_v6`](Self::lookup_v6) of many addresses; the answers come in their order.
    ///
    /// # Panics
    /// If `found` is shorter than `addresses`.
    pub fn lookup_v6_batch(&self, addresses: &[u128], found: &mut [Option<LpmMatch>]) {
        let found = &mut found[..addresses.len()];
        dispatch!(Level::new(), simd => self.v6_batch(simd, addresses, found));
    }

    #[inline(always)]
    fn v6_batch<S: Simd>(&self, simd: S, addresses: &[u128], found: &mut [Option<LpmMatch>]) {
        let (chunks, rest) = addresses.as_chunks::<BATCH>();
        let (out, rest_out) = found.as_chunks_mut::<BATCH>();
        for (chunk, out) in chunks.iter().zip(out) {
            let mut upper = [0; BATCH];
            for i in 0..BATCH {
                upper[i] = high(chunk[i]);
            }
            let answers = self.v6.answers(simd, upper);
            for i in 0..BATCH {
                out[i] = self.resolve(answers[i], low(chunk[i])).found();
            }
        }
        for (address, out) in rest.iter().zip(rest_out) {
            *out = self.lookup_v6(*address);
        }
    }

    /// Follows an answer into the side table; `below` is what the address says below the divided block.
    #[inline(always)]
    fn resolve(&self, answer: Answer, below: u64) -> Answer {
        if answer.0 & 0xff == Answer::DEEP { self.deep.answer(answer.0 >> 8, below) } else { answer }
    }
}

/// The upper half of an IPv6 address.
fn high(address: u128) -> u64 {
    (address >> 64) as u64
}

/// The lower half of an IPv6 address.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn low(address: u128) -> u64 {
    address as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_processor_finds_the_same() {
        let mut builder = LpmTable::builder();
        for n in 0..2_000_u32 {
            let net = u128::from(0x2a00_0000 | n) << 96;
            builder.insert(ipnet::Ipv6Net::new_assert(net.into(), 40).into(), n);
        }
        let table = builder.build();
        let addresses: Vec<u128> = (0..2_000).map(|n| 0x2a00_u128 << 112 | n << 92).collect();
        let one_by_one: Vec<_> = addresses.iter().map(|&address| table.view().lookup_v6(address)).collect();
        assert_eq!(one_by_one.iter().flatten().count(), 125);
        for level in [Level::new(), Level::baseline()] {
            let mut found = vec![None; addresses.len()];
            dispatch!(level, simd => table.view().v6_batch(simd, &addresses, &mut found));
            assert_eq!(found, one_by_one, "{level:?}");
        }
    }
}
