//! Counters of a day, packed.
//!
//! A byte with the version, 1, then blocks of up to 60 bins: a byte with a width in bits, the smallest number of the
//! block (seven bits a byte, lowest first, the eighth bit set if more follow), and what each number is above it, in
//! that many bits each, lowest bit first. Blocks at the end that are all zero are left out. So the bits that a
//! counter does not move in cost nothing, a block is read without those before it, and every number comes back
//! exactly.

use crate::sql::bits::pack_bits;

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
    pack_bits(block.iter().map(|number| number - min), width, packed);
}

/// Writes a number in seven bits a byte.
pub(super) fn pack_number(mut number: u64, packed: &mut Vec<u8>) {
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
    if !bins.is_multiple_of(sums.len().max(1)) {
        return Err("its bins do not fit those asked for");
    }
    let fold = bins / sums.len().max(1);
    let mut block = Block::new();
    let (mut start, mut sums, mut in_sum) = (0, sums.iter_mut(), 0);
    let mut sum = sums.next();
    while !rest.is_empty() {
        let count = BLOCK.min(bins - start);
        if count == 0 {
            return Err("something follows it");
        }
        rest = block.unpack(rest, count)?;
        for number in &block.numbers[..count] {
            if in_sum == fold {
                (sum, in_sum) = (sums.next(), 0);
            }
            let sum = sum.as_mut().ok_or("it has more bins than the day")?;
            **sum = sum.checked_add(*number).ok_or("its sum is too large")?;
            in_sum += 1;
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
        for number in numbers {
            *number += min;
        }
        Ok(rest)
    }
}

/// The bytes from a place on, which is within the block.
fn load<const N: usize>(padded: &[u8], from: usize) -> [u8; N] {
    padded.get(from..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}

/// A number that [`pack_number`] wrote, and what follows it.
pub(super) fn unpack_number(bytes: &[u8]) -> Result<(u64, &[u8]), &'static str> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_fixed() {
        // 300, 302 and 301: 300 is 0x12c, and 0, 2 and 1 above it take two bits each.
        let packed = [1, 2, 0xac, 0x02, 0b01_10_00];
        assert_eq!(pack(&[300, 302, 301]), packed);
        assert_eq!(unpack(&packed, 3).unwrap(), [300, 302, 301]);
        let later = [vec![0; 60], vec![7], vec![0; 70]].concat();
        assert_eq!(pack(&later)[..6], [1, 0, 0, 3, 0, 0b111], "the second block is the last");
        assert_eq!((pack(&[]), pack(&[0; 1_440])), (vec![1], vec![1]));
    }

    #[test]
    fn what_stands_still_takes_nothing() {
        assert_eq!(pack(&[1_000_000_000_000; 1_440]).len(), 1 + 24 * 7);
        // Minutes of 10 Gbit/s with noise of a percent: 30 bits and the rest shared.
        let mut noise = 1_u64;
        let minutes: Vec<u64> = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            75_000_000_000 + (noise >> 34) % 750_000_000
        })
        .take(1_440)
        .collect();
        let size = pack(&minutes).len();
        assert!(size < 1_440 * 4, "{size}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let good = pack(&[300, 302, 301]);
        let with = |at: usize, byte: u8| {
            let mut bad = good.clone();
            bad[at] = byte;
            unpack(&bad, 3).unwrap_err()
        };
        assert_eq!(with(0, 2), "its version is not known");
        assert_eq!(with(1, 65), "a width is out of range");
        assert_eq!(with(1, 9), "it is cut off");
        assert_eq!(with(1, 0), "something follows it");
        assert_eq!(unpack(&[], 3).unwrap_err(), "its version is not known");
        assert_eq!(unpack(&[1, 0], 3).unwrap_err(), "it is cut off");
        assert_eq!(unpack(&[1, 0, 0x80], 3).unwrap_err(), "it is cut off");
        let huge = [&[1, 0][..], &[0xff; 9], &[0x02]].concat();
        assert_eq!(unpack(&huge, 3).unwrap_err(), "a number is too large");
        let above = [&[1, 1][..], &[0xff; 9], &[0x01, 0b111]].concat();
        assert_eq!(unpack(&above, 3).unwrap_err(), "a number is too large");
        assert_eq!(unpack(&good, 0).unwrap_err(), "something follows it");
        let full = pack(&[u64::MAX; 4]);
        assert_eq!(add_to(&full, 4, &mut [0; 2]).unwrap_err(), "its sum is too large");
        assert_eq!(add_to(&good, 3, &mut []).unwrap_err(), "it has more bins than the day");
        for sums in [2, 5] {
            assert_eq!(
                add_to(&good, 3, &mut vec![0; sums]).unwrap_err(),
                "its bins do not fit those asked for"
            );
        }
    }

    fn bytes() -> impl Strategy<Value = u64> {
        prop_oneof![
            3 => Just(0),
            4 => 0_u64..100_000_000_000,
            1 => any::<u64>(),
            1 => (0_u32..64).prop_map(|bit| u64::MAX >> bit),
        ]
    }

    proptest! {
        #[test]
        fn every_day_comes_back(bins in prop::collection::vec(bytes(), 0..300)) {
            let packed = pack(&bins);
            prop_assert_eq!(unpack(&packed, bins.len()).unwrap(), bins.clone());
            prop_assert!(packed.len() <= 1 + bins.len() * 8 + bins.len().div_ceil(60) * 11);
        }

        #[test]
        fn sums_are_the_sums(bins in prop::collection::vec(0_u64..1 << 50, 720), fold in prop::sample::select(vec![1, 2, 5, 60, 720])) {
            let mut sums = vec![1; 720 / fold];
            add_to(&pack(&bins), 720, &mut sums).unwrap();
            let expected: Vec<u64> = bins.chunks(fold).map(|bins| 1 + bins.iter().sum::<u64>()).collect();
            prop_assert_eq!(sums, expected);
        }

        #[test]
        fn no_bytes_are_trusted(
            bins in prop::collection::vec(bytes(), 1..200),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), other in 0_usize..300,
        ) {
            let mut packed = pack(&bins);
            for (at, byte) in changes {
                let at = at.index(packed.len());
                packed[at] = byte;
            }
            for bins in [bins.len(), other] {
                if let Ok(unpacked) = unpack(&packed, bins) {
                    prop_assert_eq!(unpacked.len(), bins);
                }
            }
        }
    }
}
