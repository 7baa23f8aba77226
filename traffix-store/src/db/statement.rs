//! SQL with its parameters.

use std::borrow::Cow;

use super::Param;

/// A statement in the SQL that both engines share, with `$n` for its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(super) sql: Cow<'static, str>,
    pub(super) params: Vec<Param>,
}

impl Statement {
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), params: Vec::new() }
    }

    /// Binds the next parameter.
    pub(crate) fn bind(mut self, param: impl Into<Param>) -> Self {
        self.params.push(param.into());
        self
    }

    /// Adds a parameter and returns its placeholder, for SQL that is put together piece by piece.
    pub(crate) fn placeholder(&mut self, param: impl Into<Param>) -> String {
        self.params.push(param.into());
        format!("${}", self.params.len())
    }

    /// The same parameters under the finished SQL.
    pub(crate) fn with_sql(mut self, sql: String) -> Self {
        self.sql = Cow::Owned(sql);
        self
    }
}

/// Many rows for one table.
#[derive(Debug)]
pub(crate) struct Insert {
    pub(super) table: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) suffix: &'static str,
    pub(super) rows: Vec<Vec<Param>>,
}

impl Insert {
    /// Rows of `columns` for `table`; in one column every row has the same kind of parameter.
    pub(crate) fn new(table: &'static str, columns: &'static [&'static str]) -> Self {
        Self { table, columns, suffix: "", rows: Vec::new() }
    }

    /// What follows the rows, such as `ON CONFLICT …`.
    pub(crate) fn suffix(mut self, sql: &'static str) -> Self {
        self.suffix = sql;
        self
    }

    pub(crate) fn push(&mut self, row: Vec<Param>) {
        debug_assert_eq!(row.len(), self.columns.len(), "{}", self.table);
        self.rows.push(row);
    }
}
