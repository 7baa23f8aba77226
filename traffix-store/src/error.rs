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

fn list(findings: &[Invalid]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
