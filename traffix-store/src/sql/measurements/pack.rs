//! Counters of a day, packed.
//!
//! A byte with the version, 1, then blocks of up to 60 bins: a byte with a width in bits, the smallest number of the
//! block (seven bits a byte, lowest first, the eighth bit set if more follow), and what each number is above it, in
//! that many bits each, lowest bit first. Blocks at the end that are all zero are left out. So the bits that a
//! counter does not move in cost nothing, a block is read without those before it, and every number comes back
//! exactly.

const VERSION: u8 = 1;
/// Bins that share a width: an hour of minutes.
const BLOCK: usize = 60;
/// Widest numbers that eight bytes hold wherever in the first byte they begin.
const MAX_LOADED_BITS: usize = 57;

/// Packs the bins of a day.
pub(super) fn pack(bins: &[u64]) -> Vec<u8> {
    let used = bins.iter().rposition(|bytes| *bytes != 0).map_or(0, |last| last + 1);
    let mut packed = vec![VERSION];
    for block in bins.chunks(BLOCK).take(used.div_ceil(BLOCK)) {
        pack_block(block, &mut packed);
    }
    packed
}

fn pack_block(block: &[u64], packed: &mut Vec<u8>) {
    let min = block.iter().copied().min().unwrap_or(0);
    let width = 64 - block.iter().fold(0, |all, number| all | (number - min)).leading_zeros();
    packed.push(width.to_le_bytes()[0]);
    pack_number(min, packed);
    // Up to seven bits wait for the next number.
    let (mut bits, mut waiting) = (0_u128, 0);
    for number in block {
        bits |= u128::from(number - min) << waiting;
        waiting += width;
        while waiting >= 8 {
            packed.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            waiting -= 8;
        }
    }
    if waiting > 0 {
        packed.push(bits.to_le_bytes()[0]);
    }
}

fn pack_number(mut number: u64, packed: &mut Vec<u8>) {
    while number >= 0x80 {
        packed.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    packed.push(number.to_le_bytes()[0]);
}

/// Unpacks a day of so many bins.
///
/// # Errors
/// What is wrong with the bytes, in words.
pub(super) fn unpack(packed: &[u8], bins: usize) -> Result<Vec<u64>, &'static str> {
    let mut unpacked = vec![0; bins];
    add_to(packed, bins, &mut unpacked)?;
    Ok(unpacked)
}

/// Adds the bins of a day to sums; every sum gets as many bins in a row as there are more bins than sums.
///
/// # Errors
/// What is wrong with the bytes, in words; then some have been added.
pub(super) fn add_to(packed: &[u8], bins: usize, sums: &mut [u64]) -> Result<(), &'static str> {
    let Some((&VERSION, mut rest)) = packed.split_first() else {
        return Err("its version is not known");
    };
    let fold = bins / sums.len().max(1);
    let mut block = Block::new();
    let mut start = 0;
    while !rest.is_empty() {
        let count = BLOCK.min(bins - start);
        if count == 0 {
            return Err("something follows it");
        }
        rest = block.unpack(rest, count)?;
        for (bin, number) in (start..).zip(&block.numbers[..count]) {
            let sum = sums.get_mut(bin / fold).ok_or("it has more bins than the day")?;
            *sum = sum.checked_add(*number).ok_or("its sum is too large")?;
        }
        start += count;
    }
    Ok(())
}

/// A block being unpacked.
struct Block {
    numbers: [u64; BLOCK],
    /// The packed bits, with room after them so that every load is within.
    padded: [u8; BLOCK * 8 + 16],
}

impl Block {
    fn new() -> Self {
        Self { numbers: [0; BLOCK], padded: [0; BLOCK * 8 + 16] }
    }

    /// Unpacks the first `count` numbers; returns the bytes after the block.
    fn unpack<'a>(&mut self, packed: &'a [u8], count: usize) -> Result<&'a [u8], &'static str> {
        let (&width, rest) = packed.split_first().ok_or("it is cut off")?;
        if width > 64 {
            return Err("a width is out of range");
        }
        let (min, rest) = unpack_number(rest)?;
        let width = usize::from(width);
        let bytes = (count * width).div_ceil(8);
        let (bits, rest) = rest.split_at_checked(bytes).ok_or("it is cut off")?;
        self.padded[..bytes].copy_from_slice(bits);
        let numbers = &mut self.numbers[..count];
        if width <= MAX_LOADED_BITS {
            let mask = (1 << width) - 1;
            for (i, number) in numbers.iter_mut().enumerate() {
                let bit = i * width;
                *number = (u64::from_le_bytes(load(&self.padded, bit / 8)) >> (bit % 8)) & mask;
            }
        } else {
            let mask = (1_u128 << width) - 1;
            for (i, number) in numbers.iter_mut().enumerate() {
                let bit = i * width;
                let loaded = (u128::from_le_bytes(load(&self.padded, bit / 8)) >> (bit % 8)) & mask;
                // The mask leaves 64 bits at most.
                *number = u64::try_from(loaded).unwrap_or(u64::MAX);
            }
        }
        let largest = numbers.iter().copied().max().unwrap_or(0);
        min.checked_add(largest).ok_or("a number is too large")?;
        numbers.iter_mut().for_each(|number| *number += min);
        Ok(rest)
    }
}

/// The bytes from a place on, which is within the block.
fn load<const N: usize>(padded: &[u8], from: usize) -> [u8; N] {
    padded.get(from..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}

fn unpack_number(bytes: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let mut number = 0_u64;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if i == 9 && bits > 1 {
            break;
        }
        number |= bits << (7 * i);
        if byte & 0x80 == 0 {
            return Ok((number, &bytes[i + 1..]));
        }
    }
    Err(if bytes.len() < 10 { "it is cut off" } else { "a number is too large" })
}
