//! The hours of all series of a day, in one blob: for each series, by number, how much larger its number is than the
//! one before, how many bytes follow, and its 24 hours, packed.

use std::collections::BTreeMap;

use super::pack::{add_to, pack, pack_number, unpack_number};

/// Hours of a day.
pub(super) const HOURS: usize = 24;

/// Bytes by series and hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Hours(BTreeMap<i64, [u64; HOURS]>);

impl Hours {
    /// The hours of a series, to be changed.
    pub(super) fn of(&mut self, series: i64) -> &mut [u64; HOURS] {
        self.0.entry(series).or_insert([0; HOURS])
    }

    pub(super) fn pack(&self) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut last = 0_i64;
        for (series, hours) in &self.0 {
            pack_number(series.wrapping_sub(last).cast_unsigned(), &mut packed);
            last = *series;
            let hours = pack(hours);
            pack_number(hours.len() as u64, &mut packed);
            packed.extend(hours);
        }
        packed
    }

    /// # Errors
    /// What is wrong with the bytes, in words.
    pub(super) fn parse(packed: &[u8]) -> Result<Self, &'static str> {
        let mut hours = Self::default();
        for_each(packed, |series, packed| add_to(packed, HOURS, hours.of(series)))?;
        Ok(hours)
    }
}

/// Goes through the series and their packed hours.
///
/// # Errors
/// What is wrong with the bytes, in words, or what `visit` says.
pub(super) fn for_each(
    mut packed: &[u8],
    mut visit: impl FnMut(i64, &[u8]) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let mut series = 0_i64;
    while !packed.is_empty() {
        let (above, rest) = unpack_number(packed)?;
        let (length, rest) = unpack_number(rest)?;
        let length = usize::try_from(length).map_err(|_| "it is cut off")?;
        let (hours, rest) = rest.split_at_checked(length).ok_or("it is cut off")?;
        series = series.wrapping_add(above.cast_signed());
        visit(series, hours)?;
        packed = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_fixed() {
        let mut hours = Hours::default();
        hours.of(300)[0] = 1;
        hours.of(301);
        // One bit for each of 24 hours.
        assert_eq!(hours.pack(), [0xac, 0x02, 6, 1, 1, 0, 1, 0, 0, 1, 1, 1]);
        assert_eq!(Hours::parse(&hours.pack()), Ok(hours));
        assert_eq!(Hours::parse(&[]), Ok(Hours::default()));
        for (bytes, wrong) in [
            (&[0x80][..], "it is cut off"),
            (&[1], "it is cut off"),
            (&[1, 2, 1], "it is cut off"),
            (&[1, 1, 2], "its version is not known"),
            (&[1, 0], "its version is not known"),
        ] {
            assert_eq!(Hours::parse(bytes), Err(wrong), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn all_hours_come_back(
            series in prop::collection::btree_map(any::<i64>(), prop::array::uniform24(0_u64..1 << 40), 0..20),
        ) {
            let hours = Hours(series);
            prop_assert_eq!(Hours::parse(&hours.pack()), Ok(hours));
        }

        #[test]
        fn no_bytes_are_trusted(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Hours::parse(&bytes);
        }
    }
}
