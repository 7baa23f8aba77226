//! The tables of the patch service: a header of typed columns, rows of fields between bars, a sequence number.
//!
//! The first line names the columns as `Name!TYPE:length`; types are `STRING`, `HEX` and `DEC` in any case. A line
//! `## seqn = 4026319` may stand anywhere below. Empty fields are ordinary. Every row has as many fields as the
//! header, so that a table which ends in the middle of a row is recognised. Source: the documentation of
//! <https://github.com/wowemulation-dev/cascette-rs>, checked against recordings.

use super::error::TactError;

const WHAT: &str = "BPSV";

/// What the fields of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// So many bytes in hexadecimal, or nothing.
    Hex {
        /// Bytes, half as many as digits.
        bytes: usize,
    },
    /// A decimal number, or nothing.
    Decimal,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column<'a> {
    /// As in the header.
    pub name: &'a str,
    /// What its fields are.
    pub kind: ColumnKind,
}

/// A table, borrowed from its text.
///
/// ```
/// use traffix_platforms::battlenet::bpsv::Table;
/// let table = Table::parse("Product!STRING:0|Seqn!dec:4|Flags!String:0\n## seqn = 7\nwow|5|\nwow|3|cdn\n")?;
/// assert_eq!(table.seqn, Some(7));
/// let row = table.rows().next().unwrap();
/// assert_eq!((row.text("Product"), row.number("Seqn"), row.text("Flags")), (Some("wow"), Some(5), None));
/// # Ok::<(), traffix_platforms::battlenet::TactError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<'a> {
    /// The header.
    pub columns: Vec<Column<'a>>,
    /// Grows with every change of the table.
    pub seqn: Option<u64>,
    /// Field by field, row by row.
    fields: Vec<&'a str>,
}

/// A row of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [Column<'a>],
    fields: &'a [&'a str],
}

impl<'a> Table<'a> {
    /// Reads a table.
    ///
    /// # Errors
    /// [`TactError::Malformed`] with the line.
    pub fn parse(text: &'a str) -> Result<Self, TactError> {
        let mut lines = text.trim_start_matches('\u{feff}').lines().zip(1_usize..);
        let (header, _) = lines.next().ok_or_else(|| wrong(1, "empty, a header was expected"))?;
        let columns = header.split('|').map(column).collect::<Result<Vec<_>, _>>()?;
        let mut table = Self { columns, seqn: None, fields: Vec::new() };
        for (line, number) in lines {
            table.line(line, number)?;
        }
        Ok(table)
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let columns = self.columns.as_slice();
        self.fields.chunks(columns.len().max(1)).map(move |fields| Row { columns, fields })
    }

    fn line(&mut self, line: &'a str, number: usize) -> Result<(), TactError> {
        if let Some(comment) = line.strip_prefix('#') {
            let comment = comment.trim_start_matches('#').trim_start();
            if let Some(seqn) =
                comment.strip_prefix("seqn").and_then(|rest| rest.trim_start().strip_prefix('='))
            {
                let seqn = seqn.trim().parse().map_err(|_| wrong(number, format!("seqn is {seqn:?}")))?;
                self.seqn = Some(seqn);
            }
            return Ok(());
        }
        if line.trim().is_empty() {
            return Ok(());
        }
        let start = self.fields.len();
        self.fields.extend(line.split('|').map(str::trim));
        let row = &self.fields[start..];
        if row.len() != self.columns.len() {
            let detail = format!("{} fields below {} columns", row.len(), self.columns.len());
            return Err(wrong(number, detail));
        }
        match self.columns.iter().zip(row).find(|(column, field)| !column.kind.allows(field)) {
            Some((column, field)) => Err(wrong(number, format!("{} is {:?}", column.name, shown(field)))),
            None => Ok(()),
        }
    }
}

impl ColumnKind {
    fn allows(self, field: &str) -> bool {
        match self {
            Self::Text => true,
            _ if field.is_empty() => true,
            Self::Hex { bytes } => {
                field.bytes().all(|b| b.is_ascii_hexdigit())
                    && (bytes == 0 || field.len() == bytes.saturating_mul(2))
            }
            Self::Decimal => field.parse::<u64>().is_ok(),
        }
    }
}

impl<'a> Row<'a> {
    /// The field of this column, unless it is empty; the case of the name does not matter.
    pub fn text(&self, column: &str) -> Option<&'a str> {
        let index = self.columns.iter().position(|c| c.name.eq_ignore_ascii_case(column))?;
        self.fields.get(index).copied().filter(|field| !field.is_empty())
    }

    /// The number in this column, unless it is empty.
    pub fn number(&self, column: &str) -> Option<u64> {
        self.text(column)?.parse().ok()
    }

    /// What is read from the text in this column, unless it is empty or not of that form.
    pub fn parsed<T: std::str::FromStr>(&self, column: &str) -> Option<T> {
        self.text(column)?.parse().ok()
    }
}

fn column(text: &str) -> Result<Column<'_>, TactError> {
    let odd = || wrong(1, format!("{:?} is no column; Name!TYPE:length was expected", shown(text)));
    let (name, kind) = text.trim().split_once('!').ok_or_else(odd)?;
    let (kind, length) = kind.split_once(':').ok_or_else(odd)?;
    let bytes: usize = length.trim().parse().map_err(|_| odd())?;
    let kind = match kind.to_ascii_uppercase().as_str() {
        "STRING" => ColumnKind::Text,
        "HEX" => ColumnKind::Hex { bytes },
        "DEC" => ColumnKind::Decimal,
        _ => return Err(odd()),
    };
    Ok(Column { name, kind })
}

fn wrong(line: usize, detail: impl Into<String>) -> TactError {
    TactError::malformed(WHAT, format_args!("line {line}"), detail)
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_number_may_stand_anywhere_below_the_header() {
        for text in [
            "A!STRING:0\n## seqn = 9\nx\n",
            "A!STRING:0\r\nx\r\n## seqn=9\r\n",
            "A!STRING:0\nx\n\n## seqn = 9",
        ] {
            let table = Table::parse(text).unwrap();
            assert_eq!((table.seqn, table.rows().count()), (Some(9), 1), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_table_says_where() {
        let line = |text| match Table::parse(text).unwrap_err() {
            TactError::Malformed { at, .. } => at,
            other => panic!("{other}"),
        };
        assert_eq!(line(""), "line 1");
        assert_eq!(line("<html>"), "line 1");
        assert_eq!(line("A!FLOAT:4"), "line 1");
        assert_eq!(line("A!DEC:4|B!STRING:0\n1|x\n1"), "line 3");
        assert_eq!(line("A!DEC:4\nseven"), "line 2");
        assert_eq!(line("A!HEX:16\nabcd"), "line 2");
        assert_eq!(line("A!DEC:4\n## seqn = x"), "line 2");
    }
}
