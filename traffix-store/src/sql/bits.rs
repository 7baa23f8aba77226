//! Numbers of a few bits each, one after the other.

/// Writes numbers of `width` bits, the low bits first; the last byte is filled up with zeros.
pub(super) fn pack_bits(numbers: impl Iterator<Item = u64>, width: u32, packed: &mut Vec<u8>) {
    // Up to seven bits wait for the next number.
    let (mut bits, mut waiting) = (0_u128, 0);
    for number in numbers {
        bits |= u128::from(number) << waiting;
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
