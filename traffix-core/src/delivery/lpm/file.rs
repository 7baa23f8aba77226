//! A table as bytes: the arrays one after the other, so that reading is checking and not decoding.
//!
//! Header of 96 bytes: magic, byte-order mark, then for each family the shift and the last of its buckets, then the
//! lengths of the arrays. Arrays follow by falling width of their elements, so all are aligned if the file is.

use super::ranges::{Buckets, RangesView};
use super::{DeepView, LpmTable, LpmView};

const MAGIC: u64 = u64::from_le_bytes(*b"traffix1");
/// Reads differently on a machine of the other byte order.
const ORDER: u64 = 0x0102_0304_0506_0708;
/// 64-bit numbers before the arrays.
const HEADER: usize = 12;

/// Bytes that are not a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LpmFileError {
    /// The bytes do not start on a multiple of 8: map the file, or read it into a buffer of 64-bit numbers.
    #[error("the bytes must be aligned to 8")]
    Misaligned,
    /// Written by another version or another kind of machine: build the table anew.
    #[error("not a prefix table of this version and byte order")]
    Foreign,
    /// Cut short or overwritten: build the table anew.
    #[error("the prefix table is damaged: {0}")]
    Damaged(&'static str),
}

impl LpmTable {
    /// The table as bytes, for [`LpmView::from_bytes`] on a machine of the same byte order.
    pub fn to_bytes(&self) -> Vec<u8> {
        let len = |n: usize| n as u64;
        let header: [u64; HEADER] = [
            MAGIC,
            ORDER,
            u64::from(self.v4.buckets.shift),
            self.v4.buckets.last,
            u64::from(self.v6.buckets.shift),
            self.v6.buckets.last,
            len(self.v4.answers.len()),
            len(self.v6.answers.len()),
            len(self.deep.first.len()),
            len(self.deep.answers.len()),
            0,
            0,
        ];
        let mut bytes = Vec::with_capacity(8 * HEADER + self.memory_bytes());
        bytes.extend_from_slice(bytemuck::cast_slice(&header));
        bytes.extend_from_slice(bytemuck::cast_slice(&self.v6.starts));
        bytes.extend_from_slice(bytemuck::cast_slice(&self.deep.starts));
        for array in [
            &self.v4.first,
            &self.v4.answers,
            &self.v6.first,
            &self.v6.answers,
            &self.deep.first,
            &self.deep.answers,
        ] {
            bytes.extend_from_slice(bytemuck::cast_slice(array));
        }
        bytes.extend_from_slice(bytemuck::cast_slice(&self.v4.starts));
        bytes
    }
}

impl<'a> LpmView<'a> {
    /// A table in `bytes`, such as those of a memory-mapped file, which it borrows. All of it is checked, so that no
    /// look-up in it can panic; what the numbers mean is the caller's affair.
    ///
    /// # Errors
    /// [`LpmFileError`].
    ///
    /// # Example
    /// ```
    /// use traffix_core::delivery::lpm::{LpmTable, LpmView};
    /// let mut builder = LpmTable::builder();
    /// builder.insert("2001:db8::/32".parse().unwrap(), 1);
    /// let bytes = builder.build().to_bytes();
    /// # let words: Vec<u64> = bytes.chunks(8).map(|c| { let mut w = [0; 8]; w[..c.len()].copy_from_slice(c); u64::from_ne_bytes(w) }).collect();
    /// # let bytes = &bytemuck::cast_slice::<u64, u8>(&words)[..bytes.len()];
    /// let table = LpmView::from_bytes(bytes)?;
    /// assert_eq!(table.lookup("2001:db8::1".parse().unwrap()).map(|found| found.id), Some(1));
    /// # Ok::<(), traffix_core::delivery::lpm::LpmFileError>(())
    /// ```
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, LpmFileError> {
        let mut rest = bytes;
        let header: &[u64] = take(&mut rest, HEADER as u64)?;
        let &[MAGIC, ORDER, v4_shift, v4_last, v6_shift, v6_last, v4, v6, runs, deep, 0, 0] = header else {
            return Err(LpmFileError::Foreign);
        };
        let v4_buckets = buckets(v4_shift, v4_last, 32, 16, 0)?;
        let v6_buckets = buckets(v6_shift, v6_last, 61, 53, 0x2000 << 48)?;
        let more = |n: u64| n.checked_add(1).ok_or(LpmFileError::Damaged("length"));
        let v6_starts = take(&mut rest, more(v6)?)?;
        let deep_starts = take(&mut rest, deep)?;
        let v4_first = take(&mut rest, v4_last + 2)?;
        let v4_answers = take(&mut rest, v4)?;
        let v6_first = take(&mut rest, v6_last + 2)?;
        let v6_answers = take(&mut rest, v6)?;
        let deep_first = take(&mut rest, runs)?;
        let deep_answers = take(&mut rest, deep)?;
        let v4_starts = take(&mut rest, more(v4)?)?;
        if !rest.is_empty() {
            return Err(LpmFileError::Damaged("trailing bytes"));
        }
        let view = Self {
            v4: RangesView { buckets: v4_buckets, first: v4_first, starts: v4_starts, answers: v4_answers },
            v6: RangesView { buckets: v6_buckets, first: v6_first, starts: v6_starts, answers: v6_answers },
            deep: DeepView { first: deep_first, starts: deep_starts, answers: deep_answers },
        };
        check(view.v4)?;
        check(view.v6)?;
        Ok(view)
    }
}

/// The next `len` elements.
fn take<'a, T: bytemuck::AnyBitPattern>(rest: &mut &'a [u8], len: u64) -> Result<&'a [T], LpmFileError> {
    let cut = LpmFileError::Damaged("cut short");
    let bytes = usize::try_from(len).ok().and_then(|len| len.checked_mul(size_of::<T>())).ok_or(cut)?;
    let (taken, left) = rest.split_at_checked(bytes).ok_or(cut)?;
    *rest = left;
    bytemuck::try_cast_slice(taken).map_err(|_| LpmFileError::Misaligned)
}

fn buckets(shift: u64, last: u64, bits: u32, max_shift: u32, origin: u64) -> Result<Buckets, LpmFileError> {
    let wrong = LpmFileError::Damaged("buckets");
    let shift = u32::try_from(shift).ok().filter(|s| (max_shift.saturating_sub(10)..=max_shift).contains(s));
    let shift = shift.ok_or(wrong)?;
    // At most 2^18 buckets, as built.
    let fits = bits.checked_sub(shift).is_some_and(|n| n <= 18 && last == (1 << n) - 1);
    if fits { Ok(Buckets { origin, shift, last }) } else { Err(wrong) }
}

/// What a search relies on: buckets in order, a first range that starts at the lowest address, starts in order.
fn check<K: Copy + PartialOrd + Default>(ranges: RangesView<'_, K>) -> Result<(), LpmFileError> {
    let RangesView { first, starts, answers, .. } = ranges;
    let ordered = first.is_sorted() && first.first() == Some(&0);
    if !ordered || first.last().map(|&n| n as usize) != Some(answers.len()) {
        return Err(LpmFileError::Damaged("index"));
    }
    if first.get(1).is_none_or(|&n| n == 0) || starts.first() != Some(&K::default()) {
        return Err(LpmFileError::Damaged("first range"));
    }
    let in_order = |pair: &[u32]| starts[pair[0] as usize..pair[1] as usize].is_sorted_by(|a, b| a < b);
    if first.windows(2).all(in_order) { Ok(()) } else { Err(LpmFileError::Damaged("order of ranges")) }
}
