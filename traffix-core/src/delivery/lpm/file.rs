//! A table as bytes: the arrays one after the other, so that reading is checking and not decoding.
//!
//! Header of 64 bytes: magic, byte-order mark, the lengths of the arrays. Arrays follow by falling width of their
//! elements, so all are aligned if the file is.

use super::v4::{BLOCKS, V4View};
use super::v6::{Node, V6View};
use super::{DeepView, LpmTable, LpmView};

const MAGIC: u64 = u64::from_le_bytes(*b"traffix2");
/// Reads differently on a machine of the other byte order.
const ORDER: u64 = 0x0102_0304_0506_0708;
/// 64-bit numbers before the arrays.
const HEADER: usize = 8;

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
            len(self.v4.answers.len()),
            len(self.v6.nodes.len()),
            len(self.v6.answers.len()),
            len(self.deep.first.len()),
            len(self.deep.answers.len()),
            0,
        ];
        let mut bytes = Vec::with_capacity(8 * HEADER + self.memory_bytes());
        bytes.extend_from_slice(bytemuck::cast_slice(&header));
        bytes.extend_from_slice(bytemuck::cast_slice(&self.v6.nodes));
        bytes.extend_from_slice(bytemuck::cast_slice(&self.deep.starts));
        bytes.extend_from_slice(bytemuck::cast_slice(&self.v4.blocks));
        let (v4, v6, deep) = (&self.v4, &self.v6, &self.deep);
        for array in [&v4.answers, &v6.answers, &deep.first, &deep.answers] {
            bytes.extend_from_slice(bytemuck::cast_slice(array));
        }
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
        let &[MAGIC, ORDER, v4, v6_nodes, v6, runs, deep, 0] = header else {
            return Err(LpmFileError::Foreign);
        };
        let v6_nodes: &[Node] = take(&mut rest, v6_nodes)?;
        let deep_starts = take(&mut rest, deep)?;
        let blocks = take(&mut rest, BLOCKS as u64)?;
        let v4_answers = take(&mut rest, v4)?;
        let v6_answers = take(&mut rest, v6)?;
        let deep_first = take(&mut rest, runs)?;
        let deep_answers = take(&mut rest, deep)?;
        if !rest.is_empty() {
            return Err(LpmFileError::Damaged("trailing bytes"));
        }
        let view = Self {
            v4: V4View { blocks, answers: v4_answers },
            v6: V6View::new(v6_nodes, v6_answers),
            deep: DeepView { first: deep_first, starts: deep_starts, answers: deep_answers },
        };
        if !view.v4.is_sound() {
            return Err(LpmFileError::Damaged("IPv4 ranges"));
        }
        if !view.v6.is_sound(v6_nodes.len()) {
            return Err(LpmFileError::Damaged("IPv6 ranges"));
        }
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
