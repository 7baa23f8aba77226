//! The tree of IPv6, by the upper 64 bits, and the search in it.

use core::array;

use fearless_simd::{Simd, SimdBase, SimdMask, i64x8};

use super::{Answer, BATCH};

/// Separators of a node: two cache lines, compared by a handful of vector instructions.
const WIDTH: usize = 16;
/// A node has one child more than separators.
const CHILDREN: usize = WIDTH + 1;
/// Levels that as many ranges as 32 bits can count need.
const MAX_LEVELS: usize = 8;

/// Separators in ascending order. See [`separator`].
pub(super) type Node = [i64; WIDTH];

/// Fills up the last node of a level: no address is greater.
const PADDING: i64 = i64::MAX;

/// Ranges by their first /64. A range's end is the next one's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct V6 {
    /// The leaves, which have a separator between any two ranges, then level by level up to the root.
    pub(super) nodes: Vec<Node>,
    /// What holds in each range.
    pub(super) answers: Vec<u32>,
}

impl V6 {
    /// From ranges by /64 (the upper 64 bits), in order, the first at 0.
    pub(super) fn new(ranges: &[(u64, Answer)]) -> Self {
        let separators: Vec<i64> = ranges.iter().skip(1).map(|(start, _)| separator(*start)).collect();
        let leaf = |chunk: &[i64]| array::from_fn(|i| chunk.get(i).copied().unwrap_or(PADDING));
        let mut nodes: Vec<Node> = separators.chunks(WIDTH).map(leaf).collect();
        let leaves = nodes.len();
        let mut below = 1;
        while below < leaves {
            let level: Vec<Node> = level(&nodes[..leaves], below).collect();
            nodes.extend(level);
            below *= CHILDREN;
        }
        Self { nodes, answers: ranges.iter().map(|(_, answer)| answer.0).collect() }
    }

    pub(super) fn view(&self) -> V6View<'_> {
        V6View::new(&self.nodes, &self.answers)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice()) + size_of_val(self.answers.as_slice())
    }
}

/// An address as a signed number of the same order, because those are what processors compare fastest.
#[inline(always)]
fn key(address: u64) -> i64 {
    (address ^ 1 << 63).cast_signed()
}

/// What stands between a range and the one before it: the last address before `start`, so that greater addresses lie
/// to the right. The first range, which starts at 0, needs none.
fn separator(start: u64) -> i64 {
    key(start.wrapping_sub(1))
}

/// The nodes of a level whose children have `below` leaves each: between two children stands the first separator of
/// the right one's first leaf.
fn level(leaves: &[Node], below: usize) -> impl Iterator<Item = Node> {
    let first = move |child: usize| leaves.get(child * below).map_or(PADDING, |leaf| leaf[0]);
    let nodes = leaves.len().div_ceil(below * CHILDREN);
    (0..nodes).map(move |node| array::from_fn(|i| first(node * CHILDREN + 1 + i)))
}

/// How many separators of a node an address is greater than: its child, and in a leaf its range. All are compared, so
/// that there is no branch to mispredict.
#[inline(always)]
fn rank<S: Simd>(simd: S, node: &Node, key: i64) -> usize {
    let key = i64x8::splat(simd, key);
    let less = |half: &[i64]| i64x8::from_slice(simd, half).simd_lt(key).to_bitmask();
    (less(&node[..8]) | less(&node[8..]) << 8).count_ones() as usize
}

/// The same, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct V6View<'a> {
    /// The leaves first; as many as there are, the rest empty.
    levels: [&'a [Node]; MAX_LEVELS],
    depth: usize,
    pub(super) answers: &'a [u32],
}

impl<'a> V6View<'a> {
    /// Divides the nodes into the levels of so many answers. What does not add up is found by
    /// [`is_sound`](Self::is_sound).
    pub(super) fn new(nodes: &'a [Node], answers: &'a [u32]) -> Self {
        let mut levels: [&[Node]; MAX_LEVELS] = [&[]; MAX_LEVELS];
        let mut rest = nodes;
        let mut len = answers.len().saturating_sub(1).div_ceil(WIDTH);
        let mut depth = 0;
        for level in &mut levels {
            if len == 0 {
                break;
            }
            (*level, rest) = rest.split_at(len.min(rest.len()));
            depth += 1;
            len = if len == 1 { 0 } else { len.div_ceil(CHILDREN) };
        }
        Self { levels, depth, answers }
    }

    /// The answer for a /64.
    #[inline]
    pub(super) fn answer(&self, address: u64) -> Answer {
        let key = key(address);
        let Some((leaves, inner)) = self.levels[..self.depth].split_first() else {
            return Answer(self.answers[0]);
        };
        let mut at = 0;
        for level in inner.iter().rev() {
            at = at * CHILDREN + level[at].partition_point(|&separator| separator < key);
        }
        Answer(self.answers[at * WIDTH + leaves[at].partition_point(|&separator| separator < key)])
    }

    /// The same for many, a level of every search in turn.
    #[inline(always)]
    pub(super) fn answers<S: Simd>(&self, simd: S, addresses: [u64; BATCH]) -> [Answer; BATCH] {
        let mut keys = [0; BATCH];
        for i in 0..BATCH {
            keys[i] = key(addresses[i]);
        }
        let mut at = [0; BATCH];
        if let Some((leaves, inner)) = self.levels[..self.depth].split_first() {
            for level in inner.iter().rev() {
                for i in 0..BATCH {
                    at[i] = at[i] * CHILDREN + rank(simd, &level[at[i]], keys[i]);
                }
            }
            for i in 0..BATCH {
                at[i] = at[i] * WIDTH + rank(simd, &leaves[at[i]], keys[i]);
            }
        }
        let mut answers = [Answer::NONE; BATCH];
        for i in 0..BATCH {
            answers[i] = Answer(self.answers[at[i]]);
        }
        answers
    }

    /// Whether a search can rely on it: there are as many `nodes` as the answers need, the leaves are in order, and the
    /// levels above follow from them.
    pub(super) fn is_sound(&self, nodes: usize) -> bool {
        let levels = &self.levels[..self.depth];
        let Some((leaves, inner)) = levels.split_first() else {
            return nodes == 0 && self.answers.len() == 1;
        };
        let Some((used, padding)) = leaves.as_flattened().split_at_checked(self.answers.len() - 1) else {
            return false;
        };
        let mut below = 1;
        let do_follow = inner.iter().all(|nodes| {
            let follows = nodes.iter().copied().eq(level(leaves, below));
            below *= CHILDREN;
            follows
        });
        let are_all = nodes == levels.iter().map(|level| level.len()).sum::<usize>();
        are_all && do_follow && used.is_sorted_by(|a, b| a < b) && padding.iter().all(|&pad| pad == PADDING)
    }
}
