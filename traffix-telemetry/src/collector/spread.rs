//! A flow's bytes over the bins that it spans.

/// Spreads `bytes` evenly over the time from `start_ms` to `end_ms` and gives each bin of `step_ms` its part, by the
/// number of the bin since 1970. The parts are whole and add up to `bytes`; a part may be 0.
///
/// What has no length belongs to the bin it lies in, as does all of a flow that ends before it starts.
#[inline]
pub(super) fn spread(start_ms: i64, end_ms: i64, bytes: u64, step_ms: i64, mut put: impl FnMut(i64, u64)) {
    let (first, last) = (start_ms.div_euclid(step_ms), end_ms.div_euclid(step_ms));
    if first >= last {
        put(last, bytes);
    } else {
        in_parts(start_ms, end_ms, bytes, step_ms, &mut put);
    }
}

/// The part until an instant is the whole times the time until then, rounded down; a bin gets the difference of two.
fn in_parts(start_ms: i64, end_ms: i64, bytes: u64, step_ms: i64, put: &mut impl FnMut(i64, u64)) {
    let (first, last) = (start_ms.div_euclid(step_ms), end_ms.div_euclid(step_ms));
    let whole_ms = u128::from(end_ms.abs_diff(start_ms));
    let mut given = 0;
    for bin in first..last {
        let until_ms = u128::from(((bin + 1) * step_ms).abs_diff(start_ms));
        // Not more than `bytes`, as the bin ends before the flow.
        let until = u64::try_from(u128::from(bytes) * until_ms / whole_ms).unwrap_or(bytes);
        put(bin, until - given);
        given = until;
    }
    put(last, bytes - given);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn parts(start_ms: i64, end_ms: i64, bytes: u64) -> BTreeMap<i64, u64> {
        let mut parts = BTreeMap::new();
        spread(start_ms, end_ms, bytes, 60_000, |bin, bytes| *parts.entry(bin).or_default() += bytes);
        parts
    }

    #[test]
    fn parts_follow_the_time_in_each_bin() {
        assert_eq!(parts(0, 59_999, 7), [(0, 7)].into());
        assert_eq!(parts(30_000, 90_000, 1000), [(0, 500), (1, 500)].into());
        assert_eq!(parts(50_000, 140_000, 90), [(0, 10), (1, 60), (2, 20)].into());
        assert_eq!(parts(59_999, 60_001, 3), [(0, 1), (1, 2)].into());
        // An end on the border leaves nothing for the bin that begins there.
        assert_eq!(parts(0, 60_000, 10), [(0, 10), (1, 0)].into());
        // A clock that went backwards.
        assert_eq!(parts(90_000, 30_000, 10), [(0, 10)].into());
        assert_eq!(parts(-30_000, 30_000, 10), [(-1, 5), (0, 5)].into());
    }

    proptest! {
        #[test]
        fn the_parts_add_up_and_are_within_a_byte_of_even(
            start_ms in -10_000_000_i64..10_000_000,
            length_ms in 1_i64..8_000_000,
            bytes in prop_oneof![0_u64..10_000, Just(u64::MAX)],
        ) {
            let end_ms = start_ms + length_ms;
            let parts = parts(start_ms, end_ms, bytes);
            prop_assert_eq!(parts.values().map(|part| u128::from(*part)).sum::<u128>(), u128::from(bytes));
            for (bin, part) in parts {
                let inside_ms = ((bin + 1) * 60_000).min(end_ms) - (bin * 60_000).max(start_ms);
                let even = u128::from(bytes) * u128::from(inside_ms.unsigned_abs());
                let got = u128::from(part) * u128::from(length_ms.unsigned_abs());
                prop_assert!(got.abs_diff(even) <= u128::from(length_ms.unsigned_abs()), "{bin}: {part}");
            }
        }
    }
}
