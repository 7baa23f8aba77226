//! What can go wrong, by what the caller can do about it.

use traffix_core::Invalid;

/// A failed store operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The entity does not exist; nothing was written.
    #[error("{entity} {id:?} does not exist")]
    NotFound {
        /// What was looked for, such as `ru`.
        entity: &'static str,
        /// Its identifier.
        id: String,
    },
    /// The entity was not in the state that the caller expected; read it again and retry.
    #[error("{entity} {id:?} is at revision {actual:?}, not as expected")]
    Conflict {
        /// What was to be written.
        entity: &'static str,
        /// Its identifier.
        id: String,
        /// The revision that it has now; `None` if it does not exist.
        actual: Option<i64>,
    },
    /// Others refer to the entity; change them first.
    #[error("{entity} {id:?} cannot be changed so: {by} refers to it")]
    InUse {
        /// What was to be written.
        entity: &'static str,
        /// Its identifier.
        id: String,
        /// One of those that refer to it.
        by: String,
    },
    /// The value cannot be stored; correct it.
    #[error("not valid: {}", list(.0))]
    Invalid(Vec<Invalid>),
    /// The cursor of a page was not made by this store.
    #[error("the page cursor is not valid; start again from the first page")]
    Cursor,
    /// The database cannot be reached or is busy; the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The database's tables are not what this version expects; `traffix migrate up` mends it.
    #[error("the database schema does not fit this version: {0}; run `traffix migrate up`")]
    Schema(String),
    /// The URL names no engine of this build.
    #[error("{0:?} is not a database URL; use sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Url(String),
    /// A stored value cannot be read back: the database was changed by something else.
    #[error("stored {entity} cannot be read: {detail}")]
    Corrupt {
        /// What was read.
        entity: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// Anything else the engine refuses.
    #[error("the database refused the operation: {0}")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Io(_)
            | E::Tls(_)
            | E::Protocol(_)
            | E::PoolTimedOut
            | E::PoolClosed
            | E::WorkerCrashed
            | E::BeginFailed => Self::Unavailable(error),
            E::ColumnDecode { index, source } => {
                Self::Corrupt { entity: "row", detail: format!("column {index}: {source}") }
            }
            E::Database(ref refusal) => {
                let code = refusal.code().unwrap_or_default().into_owned();
                if is_transient(&code) {
                    Self::Unavailable(error)
                } else if is_missing_table(&code, refusal.message()) {
                    Self::Schema(refusal.message().to_owned())
                } else {
                    Self::Database(error)
                }
            }
            other => Self::Database(other),
        }
    }
}

/// SQLSTATE classes of lost connections, lack of resources, shutdown and lost races; BUSY and LOCKED of SQLite,
/// whose code is the last byte of the number.
fn is_transient(code: &str) -> bool {
    let postgres = code.len() == 5
        && (["08", "40", "53"].iter().any(|class| code.starts_with(class))
            || ["57P01", "57P02", "57P03", "55P03"].contains(&code));
    let sqlite = code.len() < 5 && code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6));
    postgres || sqlite
}

fn is_missing_table(code: &str, message: &str) -> bool {
    ["42P01", "42703"].contains(&code)
        || code == "1" && (message.starts_with("no such table") || message.starts_with("no such column"))
}

fn list(findings: &[Invalid]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later_is_retryable() {
        for code in ["5", "6", "517", "08006", "40001", "53300", "57P01", "55P03"] {
            assert!(is_transient(code), "{code}");
        }
        for code in ["", "1", "19", "787", "2067", "23505", "42P01"] {
            assert!(!is_transient(code), "{code}");
        }
        assert!(StoreError::from(sqlx::Error::PoolTimedOut).is_retryable());
        assert!(!StoreError::Cursor.is_retryable());
    }

    #[test]
    fn a_missing_table_is_a_matter_of_the_schema() {
        assert!(is_missing_table("1", "no such table: ru"));
        assert!(is_missing_table("42P01", "relation \"ru\" does not exist"));
        assert!(!is_missing_table("1", "syntax error"));
    }
}
