//! From nested prefixes to sorted ranges, in one sweep.

use ipnet::IpNet;

use super::{Answer, Deep, LpmTable, MAX_LPM_ID, V4, V6, high, low};

/// Collects prefixes for an [`LpmTable`].
#[derive(Debug, Clone, Default)]
pub struct LpmBuilder {
    v4: Vec<Route<u32>>,
    v6: Vec<Route<u128>>,
}

/// A prefix. The order is that of the sweep: by first address, the wider before what it contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Route<A> {
    address: A,
    length: u8,
    id: u32,
}

/// Addresses as numbers.
trait Bits: Copy + Ord {
    const ZERO: Self;
    /// The last address of the prefix.
    fn last(self, length: u8) -> Self;
    fn next(self) -> Option<Self>;
}

impl Bits for u32 {
    const ZERO: Self = 0;
    fn last(self, length: u8) -> Self {
        self | Self::MAX.checked_shr(u32::from(length)).unwrap_or(0)
    }
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Bits for u128 {
    const ZERO: Self = 0;
    fn last(self, length: u8) -> Self {
        self | Self::MAX.checked_shr(u32::from(length)).unwrap_or(0)
    }
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl LpmBuilder {
    /// Adds a prefix; bits beyond its length are ignored. Of equal prefixes the largest `id` stays. Numbers above
    /// [`MAX_LPM_ID`] do not fit: the answer says whether the prefix was added.
    pub fn insert(&mut self, prefix: IpNet, id: u32) -> bool {
        if id > MAX_LPM_ID {
            return false;
        }
        match prefix.trunc() {
            IpNet::V4(net) => {
                self.v4.push(Route { address: net.network().to_bits(), length: net.prefix_len(), id });
            }
            IpNet::V6(net) => {
                self.v6.push(Route { address: net.network().to_bits(), length: net.prefix_len(), id });
            }
        }
        true
    }

    /// Builds the table. The order of insertion does not matter.
    ///
    /// # Panics
    /// With more than 4,294,967,295 ranges, which needs as many prefixes.
    pub fn build(self) -> LpmTable {
        let mut deep = Deep { first: vec![0], starts: Vec::new(), answers: Vec::new() };
        let v4 = split(&sweep(self.v4), |at| (u64::from(at >> 8), u64::from(at & 0xff)), &mut deep);
        let v6 = split(&sweep(self.v6), |at| (high(at), low(at)), &mut deep);
        LpmTable { v4: V4::new(&v4), v6: V6::new(&v6), deep }
    }
}

/// Ranges by first address, neighbours with one answer joined; the first starts at 0.
fn sweep<A: Bits>(mut routes: Vec<Route<A>>) -> Vec<(A, Answer)> {
    routes.sort_unstable();
    let mut ranges = Vec::with_capacity(routes.len() + routes.len() / 2 + 1);
    ranges.push((A::ZERO, Answer::NONE));
    // The prefixes that hold the current address, the widest first: last address and answer.
    let mut open: Vec<(A, Answer)> = Vec::with_capacity(128);
    for route in routes {
        close(&mut open, &mut ranges, |last| last < route.address);
        let answer = Answer::new(route.id, route.length);
        emit(&mut ranges, route.address, answer);
        open.push((route.address.last(route.length), answer));
    }
    close(&mut open, &mut ranges, |_| true);
    ranges
}

/// Ends the prefixes whose last address is `over`: from there on, what is around them holds again.
fn close<A: Bits>(open: &mut Vec<(A, Answer)>, ranges: &mut Vec<(A, Answer)>, over: impl Fn(A) -> bool) {
    while let Some((last, _)) = open.pop_if(|(last, _)| over(*last)) {
        let around = open.last().map_or(Answer::NONE, |(_, answer)| *answer);
        // An outer prefix that ends here too is ended by the next turn, at the same address.
        if let Some(next) = last.next() {
            emit(ranges, next, around);
        }
    }
}

/// Starts a range; a later answer at the same address replaces the earlier one.
fn emit<A: PartialEq>(ranges: &mut Vec<(A, Answer)>, at: A, answer: Answer) {
    ranges.pop_if(|(start, _)| *start == at);
    if ranges.last().is_none_or(|(_, before)| *before != answer) {
        ranges.push((at, answer));
    }
}

/// Ranges by the upper part of their first address; blocks that are divided below it go to the side table.
fn split<A: Copy>(
    ranges: &[(A, Answer)],
    parts: impl Fn(A) -> (u64, u64),
    deep: &mut Deep,
) -> Vec<(u64, Answer)> {
    let mut upper: Vec<(u64, Answer)> = Vec::with_capacity(ranges.len());
    let mut before = Answer::NONE;
    for block in ranges.chunk_by(|(a, _), (b, _)| parts(*a).0 == parts(*b).0) {
        let (at, below) = parts(block[0].0);
        let after = block[block.len() - 1].1;
        if block.len() == 1 && below == 0 {
            emit(&mut upper, at, after);
        } else {
            if below != 0 {
                deep.push(0, before);
            }
            for &(start, answer) in block {
                deep.push(parts(start).1, answer);
            }
            emit(&mut upper, at, deep.close());
            // The block after the last one does not exist: there, this range finds nobody.
            if let Some(next) = at.checked_add(1) {
                emit(&mut upper, next, after);
            }
        }
        before = after;
    }
    upper
}

impl Deep {
    fn push(&mut self, start: u64, answer: Answer) {
        self.starts.push(start);
        self.answers.push(answer.0);
    }

    /// Ends a run and gives the answer that leads to it.
    fn close(&mut self) -> Answer {
        let index = count(self.first.len() - 1);
        self.first.push(count(self.starts.len()));
        assert!(index <= MAX_LPM_ID, "at most {MAX_LPM_ID} divided /24s and /64s fit a table");
        Answer::deep(index)
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or_else(|_| panic!("{len} ranges do not fit a table"))
}
