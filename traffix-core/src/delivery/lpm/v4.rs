//! The arrays of IPv4 and the search in them.

use super::Answer;

/// Bits that choose a block; each of its 64 bits stands for a `/24`.
const BLOCK_BITS: u32 = 18;
/// Blocks of the address space.
pub(super) const BLOCKS: usize = 1 << BLOCK_BITS;

/// A block: the bitmap of the `/24`s at which a range begins, in two halves, and how many ranges begin before it.
pub(super) type Block = [u32; 3];

/// Ranges of `/24`s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct V4 {
    pub(super) blocks: Vec<Block>,
    pub(super) answers: Vec<u32>,
}

impl V4 {
    /// From ranges by `/24` (the upper 24 bits), in order, the first at 0.
    pub(super) fn new(ranges: &[(u64, Answer)]) -> Self {
        let mut blocks: Vec<Block> = vec![[0, 0, 0]; BLOCKS];
        let mut answers = Vec::with_capacity(ranges.len());
        for &(net, answer) in ranges {
            // What follows the last /24 is no address.
            if let Some(block) = usize::try_from(net >> 6).ok().and_then(|i| blocks.get_mut(i)) {
                block[usize::from(net & 32 != 0)] |= 1 << (net & 31);
                answers.push(answer.0);
            }
        }
        let mut before = 0;
        for block in &mut blocks {
            block[2] = before;
            before += block[0].count_ones() + block[1].count_ones();
        }
        Self { blocks, answers }
    }

    pub(super) fn view(&self) -> V4View<'_> {
        V4View { blocks: &self.blocks, answers: &self.answers }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(self.blocks.as_slice()) + size_of_val(self.answers.as_slice())
    }
}

/// The same, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct V4View<'a> {
    pub(super) blocks: &'a [Block],
    pub(super) answers: &'a [u32],
}

impl V4View<'_> {
    /// The answer for the /24 of an address. The first range begins at 0, so there is always one.
    #[inline(always)]
    pub(super) fn answer(self, address: u32) -> Answer {
        let [low, high, before] = self.blocks[(address >> (32 - BLOCK_BITS)) as usize];
        let bitmap = u64::from(high) << 32 | u64::from(low);
        let begun = bitmap << (63 - (address >> 8 & 63));
        Answer(self.answers[(before + begun.count_ones()) as usize - 1])
    }

    /// Whether a search can rely on it: blocks count what precedes them, and the first range begins at 0.
    pub(super) fn is_sound(self) -> bool {
        let mut before = 0_u64;
        for [low, high, counted] in self.blocks {
            if u64::from(*counted) != before {
                return false;
            }
            before += u64::from(low.count_ones() + high.count_ones());
        }
        self.blocks.len() == BLOCKS && self.blocks[0][0] & 1 == 1 && before == self.answers.len() as u64
    }
}
