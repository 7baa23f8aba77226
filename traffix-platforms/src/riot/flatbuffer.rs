//! Reading a `FlatBuffer` by hand: tables, vectors and texts by offsets, every one of which is checked.
//!
//! A table starts with the distance back to its list of fields: two lengths, then for every field its place in the
//! table, 0 if it is absent. Vectors and texts start with their length. All numbers are little-endian. Source:
//! <https://flatbuffers.dev/internals/>.

use super::manifest::ManifestError;

/// Bytes that are a `FlatBuffer`, and how many items may still be read from them.
///
/// Offsets may point at the same place many times over, so that a small buffer can describe a huge tree. An honest
/// one has room for everything it describes: whoever reads an item pays for it, and the buffer's length is all there is.
pub(super) struct Buffer<'a> {
    bytes: &'a [u8],
    credit_bytes: usize,
}

/// A table, by its place.
#[derive(Clone, Copy)]
pub(super) struct Table {
    at: usize,
    fields_at: usize,
    fields_bytes: usize,
}

impl<'a> Buffer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, credit_bytes: bytes.len() }
    }

    /// The table at which everything starts.
    pub(super) fn root(&self) -> Result<Table, ManifestError> {
        let at = self.follow(0)?;
        self.table(at)
    }

    /// A number of 64 bits; an absent one is 0.
    pub(super) fn u64(&self, table: Table, field: usize) -> Result<u64, ManifestError> {
        self.field(table, field)?.map_or(Ok(0), |at| self.array(at).map(u64::from_le_bytes))
    }

    /// A number of 32 bits; an absent one is 0.
    pub(super) fn u32(&self, table: Table, field: usize) -> Result<u32, ManifestError> {
        self.field(table, field)?.map_or(Ok(0), |at| self.array(at).map(u32::from_le_bytes))
    }

    /// A number of 8 bits; an absent one is 0.
    pub(super) fn u8(&self, table: Table, field: usize) -> Result<u8, ManifestError> {
        self.field(table, field)?.map_or(Ok(0), |at| self.array(at).map(u8::from_le_bytes))
    }

    /// A text; an absent one is empty.
    pub(super) fn text(&mut self, table: Table, field: usize) -> Result<&'a str, ManifestError> {
        let Some((at, length)) = self.vector(table, field, 1)? else { return Ok("") };
        let text = self.bytes.get(at..at + length).unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| malformed(at, "text is not UTF-8"))
    }

    /// Numbers of 64 bits.
    pub(super) fn numbers(
        &mut self,
        table: Table,
        field: usize,
    ) -> Result<impl Iterator<Item = u64> + use<'a>, ManifestError> {
        let (at, length) = self.vector(table, field, 8)?.unwrap_or_default();
        let numbers = self.bytes.get(at..at + 8 * length).unwrap_or_default().chunks_exact(8);
        Ok(numbers.filter_map(|number| number.first_chunk()).map(|number| u64::from_le_bytes(*number)))
    }

    /// Tables, by their places.
    pub(super) fn tables(&mut self, table: Table, field: usize) -> Result<Vec<Table>, ManifestError> {
        let (at, length) = self.vector(table, field, 4)?.unwrap_or_default();
        (0..length).map(|index| self.table(self.follow(at + 4 * index)?)).collect()
    }

    /// Where the items of a vector start, and how many there are; all of them lie in the buffer.
    fn vector(
        &mut self,
        table: Table,
        field: usize,
        item_bytes: usize,
    ) -> Result<Option<(usize, usize)>, ManifestError> {
        let Some(at) = self.field(table, field)? else { return Ok(None) };
        let at = self.follow(at)?;
        let length = self.length(at)?;
        let cost_bytes = length.checked_mul(item_bytes);
        let fits =
            cost_bytes.and_then(|bytes| bytes.checked_add(at + 4)).is_some_and(|end| end <= self.bytes.len());
        match cost_bytes.and_then(|cost_bytes| self.credit_bytes.checked_sub(cost_bytes)) {
            Some(rest) if fits => self.credit_bytes = rest,
            _ => return Err(malformed(at, format!("{length} items do not fit"))),
        }
        Ok(Some((at + 4, length)))
    }

    fn table(&self, at: usize) -> Result<Table, ManifestError> {
        let back = i64::from(i32::from_le_bytes(self.array(at)?));
        let fields_at = i64::try_from(at).ok().and_then(|at| usize::try_from(at - back).ok());
        let fields_at = fields_at.ok_or_else(|| malformed(at, "fields lie outside"))?;
        let fields_bytes = usize::from(u16::from_le_bytes(self.array(fields_at)?));
        Ok(Table { at, fields_at, fields_bytes })
    }

    /// Where a field is, if it is there.
    fn field(&self, table: Table, field: usize) -> Result<Option<usize>, ManifestError> {
        let place = 4 + 2 * field;
        if place + 2 > table.fields_bytes {
            return Ok(None);
        }
        let offset = u16::from_le_bytes(self.array(table.fields_at + place)?);
        Ok((offset != 0).then(|| table.at + usize::from(offset)))
    }

    /// Where the offset at this place points.
    fn follow(&self, at: usize) -> Result<usize, ManifestError> {
        let offset = self.length(at)?;
        at.checked_add(offset).ok_or_else(|| malformed(at, "points outside"))
    }

    fn length(&self, at: usize) -> Result<usize, ManifestError> {
        let length = u32::from_le_bytes(self.array(at)?);
        usize::try_from(length).map_err(|_| malformed(at, format!("{length} items")))
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], ManifestError> {
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk());
        bytes.copied().ok_or_else(|| malformed(at, "points outside"))
    }
}

fn malformed(at: usize, detail: impl Into<String>) -> ManifestError {
    ManifestError::Malformed { at: format!("byte {at} of the body"), detail: detail.into() }
}
