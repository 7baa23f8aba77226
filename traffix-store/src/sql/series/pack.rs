//! A day of values on a fixed step, packed.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 1 |
//! | 1 | scale: values are integers times 10 to the power of this (-6 to 12), or 127 for the bits of floats |
//! | 1 | 0 if every step has a value, 1 if a bitmap follows |
//! | steps / 8 | the bitmap, lowest bit first: which steps have a value |
//! | 8 | the first integer, little-endian |
//! | rest | differences from one integer to the next, in blocks of 64 |
//!
//! A block is a byte with the width of its largest difference in bits, then the differences (0, -1, 1, -2, … as
//! 0, 1, 2, 3, …) in that many bits each, lowest bit first. So what moves little takes little: players of a title
//! by the minute take between one and two bytes each, a value that stands still takes nothing. It is lossless for
//! every finite number.

/// Steps of one day; `None` where there is no value. Values are finite.
pub(super) type Steps = Vec<Option<f64>>;

use crate::sql::bits::pack_bits;

const VERSION: u8 = 1;
/// The values are no decimal numbers: the integers are the bits of the floats.
const BITS: i8 = 127;
/// Most decimal places that are tried.
const MIN_SCALE: i8 = -6;
/// Most zeros at the end that are cut off.
const MAX_SCALE: i8 = 12;
/// Above this, floats do not hold every integer.
const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;
/// Differences that share one width.
const BLOCK: usize = 64;

/// Packs a day; `None` if it has no value at all.
pub(super) fn pack(steps: &[Option<f64>]) -> Option<Vec<u8>> {
    let values: Vec<f64> = steps.iter().flatten().copied().collect();
    let (scale, integers) = to_integers(&values);
    let first = *integers.first()?;
    let mut packed = vec![VERSION, scale.to_le_bytes()[0], u8::from(values.len() < steps.len())];
    if values.len() < steps.len() {
        packed.extend(steps.chunks(8).map(|eight| {
            eight.iter().enumerate().fold(0, |byte, (i, step)| byte | (u8::from(step.is_some()) << i))
        }));
    }
    packed.extend(first.to_le_bytes());
    let differences: Vec<u64> =
        integers.windows(2).map(|pair| zigzag(pair[1].wrapping_sub(pair[0]))).collect();
    for block in differences.chunks(BLOCK) {
        pack_block(block, &mut packed);
    }
    Some(packed)
}

/// Unpacks a day of so many steps.
///
/// # Errors
/// What is wrong with the bytes, in words.
pub(super) fn unpack(packed: &[u8], steps: usize) -> Result<Steps, &'static str> {
    let Some((&[version, scale, gaps], rest)) = packed.split_first_chunk() else {
        return Err("it is cut off");
    };
    if version != VERSION {
        return Err("its version is not known");
    }
    let scale = i8::from_le_bytes([scale]);
    if scale != BITS && !(MIN_SCALE..=MAX_SCALE).contains(&scale) {
        return Err("its scale is out of range");
    }
    let (present, rest) = match gaps {
        0 => (vec![true; steps], rest),
        1 => bitmap(rest, steps)?,
        _ => return Err("it neither has nor lacks a bitmap"),
    };
    let (first, rest) = rest.split_first_chunk().ok_or("it is cut off")?;
    let count = present.iter().filter(|present| **present).count();
    let integers = unpack_integers(i64::from_le_bytes(*first), count, rest)?;
    let mut values = integers.into_iter().map(|integer| from_integer(integer, scale));
    let values = present.into_iter().map(|present| if present { values.next().flatten() } else { None });
    let unpacked: Steps = values.collect();
    if unpacked.iter().flatten().count() == count { Ok(unpacked) } else { Err("a value is no number") }
}

fn bitmap(bytes: &[u8], steps: usize) -> Result<(Vec<bool>, &[u8]), &'static str> {
    let (bitmap, rest) = bytes.split_at_checked(steps.div_ceil(8)).ok_or("it is cut off")?;
    let mut present: Vec<bool> =
        bitmap.iter().flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1 == 1)).collect();
    if present.iter().skip(steps).any(|beyond| *beyond) || !present.contains(&true) {
        return Err("its bitmap does not fit the day");
    }
    present.truncate(steps);
    Ok((present, rest))
}

/// The values as integers of the smallest form that loses nothing.
fn to_integers(values: &[f64]) -> (i8, Vec<i64>) {
    let at_scale =
        |scale: i8| values.iter().map(|value| to_integer(*value, scale)).collect::<Option<Vec<i64>>>();
    let Some((scale, mut integers)) = (MIN_SCALE..=0).rev().find_map(|scale| Some((scale, at_scale(scale)?)))
    else {
        return (BITS, values.iter().map(|value| value.to_bits().cast_signed()).collect());
    };
    let mut zeros = scale;
    while scale == 0 && zeros < MAX_SCALE && integers.iter().all(|integer| integer % 10 == 0) {
        for integer in &mut integers {
            *integer /= 10;
        }
        zeros += 1;
    }
    (zeros, integers)
}

/// The integer that stands for a value, if it stands for it exactly.
fn to_integer(value: f64, scale: i8) -> Option<i64> {
    let scaled = (value * 10_f64.powi(i32::from(-scale))).round();
    if scaled.abs() > MAX_INTEGER {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is a whole number that an i64 holds")]
    let integer = scaled as i64;
    let back = from_integer(integer, scale)?;
    (back.to_bits() == value.to_bits()).then_some(integer)
}

/// The value that an integer stands for, if it is a number.
fn from_integer(integer: i64, scale: i8) -> Option<f64> {
    let power = 10_i64.pow(u32::from(scale.unsigned_abs()).min(18));
    #[expect(clippy::cast_precision_loss, reason = "packing made sure that nothing is lost")]
    let value = match scale {
        BITS => f64::from_bits(integer.cast_unsigned()),
        0.. => integer.checked_mul(power)? as f64,
        _ => integer as f64 / power as f64,
    };
    value.is_finite().then_some(value)
}

/// 0, -1, 1, -2, … as 0, 1, 2, 3, …
fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn pack_block(block: &[u64], packed: &mut Vec<u8>) {
    let width = 64 - block.iter().fold(0, |all, number| all | number).leading_zeros();
    packed.push(width.to_le_bytes()[0]);
    pack_bits(block.iter().copied(), width, packed);
}

fn unpack_integers(first: i64, count: usize, mut bytes: &[u8]) -> Result<Vec<i64>, &'static str> {
    let mut integers = vec![first];
    let mut last = first;
    while integers.len() < count {
        let block = BLOCK.min(count - integers.len());
        let (&width, rest) = bytes.split_first().ok_or("it is cut off")?;
        if width > 64 {
            return Err("a width is out of range");
        }
        let (packed, rest) =
            rest.split_at_checked((block * usize::from(width)).div_ceil(8)).ok_or("it is cut off")?;
        bytes = rest;
        for number in unpack_block(packed, block, u32::from(width)) {
            last = last.wrapping_add(unzigzag(number));
            integers.push(last);
        }
    }
    if bytes.is_empty() { Ok(integers) } else { Err("something follows it") }
}

/// Numbers of `width` bits each; `packed` has all of them.
fn unpack_block(packed: &[u8], count: usize, width: u32) -> impl Iterator<Item = u64> {
    let mask = (1_u128 << width) - 1;
    let mut bytes = packed.iter();
    let (mut bits, mut waiting) = (0_u128, 0);
    (0..count).map(move |_| {
        while waiting < width {
            bits |= u128::from(*bytes.next().unwrap_or(&0)) << waiting;
            waiting += 8;
        }
        let number = bits & mask;
        bits >>= width;
        waiting -= width;
        // The mask leaves 64 bits at most.
        u64::try_from(number).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_comes_back(steps: &[Option<f64>]) -> usize {
        let packed = pack(steps).unwrap();
        let bits = |steps: &[Option<f64>]| steps.iter().map(|v| v.map(f64::to_bits)).collect::<Vec<_>>();
        assert_eq!(bits(&unpack(&packed, steps.len()).unwrap()), bits(steps), "{steps:?}");
        packed.len()
    }

    #[test]
    fn the_layout_is_fixed() {
        // 7 * 100, then 9 * 100 and 6 * 100: differences 2 and -3 are 4 and 5, in three bits each.
        let steps = [Some(700.0), None, Some(900.0), Some(600.0)];
        let expected = [1, 2, 1, 0b1101, 7, 0, 0, 0, 0, 0, 0, 0, 3, 0b10_1100];
        assert_eq!(pack(&steps).unwrap(), expected);
        assert_eq!(unpack(&expected, 4).unwrap(), steps);
    }

    #[test]
    fn extreme_numbers_come_back() {
        let numbers = [
            0.0,
            -0.0,
            0.1 + 0.2,
            0.1,
            -12.345_678,
            1e300,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            5e-324,
            9_007_199_254_740_992.0,
            9_007_199_254_740_993.0,
            1e12,
            1e15,
            3e13,
            18_446_744_073_709_551_616.0,
            -9_223_372_036_854_775_808.0,
        ];
        for number in numbers {
            assert_comes_back(&[Some(number)]);
            for other in numbers {
                assert_comes_back(&[Some(number), Some(other), None]);
            }
        }
        assert_eq!(pack(&[None; 24]), None);
        assert_eq!(pack(&[]), None);
    }

    #[test]
    fn what_moves_little_takes_little() {
        // Players of a title by the minute: a day's wave of 100,000 with noise of 0.2%.
        let mut noise = 1_u64;
        let players: Steps = (0..1_440)
            .map(|minute| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let wave = (f64::from(minute) / 1_440.0 * std::f64::consts::TAU).sin();
                let noise = f64::from(u32::try_from(noise >> 40).unwrap()) / f64::from(1 << 24) - 0.5;
                Some((100_000.0 + 30_000.0 * wave + 400.0 * noise).round())
            })
            .collect();
        let per_value = |size: usize| f64::from(u32::try_from(size).unwrap()) / 1_440.0;
        let size = per_value(assert_comes_back(&players));
        assert!((1.0..1.5).contains(&size), "{size} bytes a value");
        let bps: Steps = players.iter().map(|value| value.map(|v| v * 10_000_000.0)).collect();
        assert!((per_value(assert_comes_back(&bps)) - size).abs() < 0.01, "zeros at the end cost nothing");
        let still = assert_comes_back(&vec![Some(3.0); 1_440]);
        assert_eq!(still, 11 + 1_439_usize.div_ceil(64));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let good = pack(&[Some(700.0), None, Some(900.0), Some(600.0)]).unwrap();
        let with = |at: usize, byte: u8| {
            let mut bad = good.clone();
            bad[at] = byte;
            unpack(&bad, 4).unwrap_err()
        };
        assert_eq!(with(0, 2), "its version is not known");
        assert_eq!(with(1, 13), "its scale is out of range");
        assert_eq!(with(2, 2), "it neither has nor lacks a bitmap");
        assert_eq!(with(3, 0b1_0001), "its bitmap does not fit the day");
        assert_eq!(with(3, 0), "its bitmap does not fit the day");
        assert_eq!(with(11, 0x7f), "a value is no number");
        assert_eq!(with(12, 65), "a width is out of range");
        assert_eq!(with(12, 9), "it is cut off");
        assert_eq!(with(12, 0), "something follows it");
        for end in 0..good.len() {
            assert!(unpack(&good[..end], 4).is_err(), "{end}");
        }
        assert_eq!(unpack(&[good.clone(), vec![0]].concat(), 4).unwrap_err(), "something follows it");
        assert!(unpack(&good, 0).is_err() && unpack(&good, 24).is_err());
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (-2_000_i32..2_000).prop_map(f64::from),
            1 => (-2_000_i32..2_000).prop_map(|n| f64::from(n) / 100.0),
            1 => any::<u32>().prop_map(|n| f64::from(n) * 1_000.0),
            1 => any::<f64>().prop_filter("finite", |n| n.is_finite()),
        ]
    }

    proptest! {
        #[test]
        fn every_day_comes_back(steps in prop::collection::vec(prop::option::weighted(0.8, number()), 1..300)) {
            if steps.iter().any(Option::is_some) {
                assert_comes_back(&steps);
            }
        }

        #[test]
        fn every_day_of_one_kind_comes_back(
            steps in prop::collection::vec(-5_000_i32..5_000, 1..300), unit in prop::sample::select(vec![0.01, 1.0, 1e6]),
        ) {
            assert_comes_back(&steps.iter().map(|n| Some(f64::from(*n) * unit)).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_are_trusted(
            steps in prop::collection::vec(prop::option::weighted(0.8, number()), 1..200),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), other in 0_usize..300,
        ) {
            if let Some(mut packed) = pack(&steps) {
                for (at, byte) in changes {
                    let at = at.index(packed.len());
                    packed[at] = byte;
                }
                for steps in [steps.len(), other] {
                    if let Ok(unpacked) = unpack(&packed, steps) {
                        prop_assert_eq!(unpacked.len(), steps);
                        prop_assert!(unpacked.iter().flatten().all(|value| value.is_finite()));
                    }
                }
            }
        }
    }
}
