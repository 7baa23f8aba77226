//! The two engines behind one small executor.
//!
//! The logic of the store is written once, over [`Statement`]s that both engines understand. What differs is
//! here: connections, binding of native types, bulk inserts, and the few fragments of SQL that are not portable
//! ([`Engine`]).

mod net;
mod param;
mod postgres;
mod sqlite;
mod statement;

pub(crate) use net::Net;
pub(crate) use param::{Letter, Micros, Param};
pub(crate) use statement::{Insert, Statement};

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

use crate::{OpenOptions, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// A row that both engines can produce.
pub(crate) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// Which SQL to speak where it is not portable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// The engine and what to connect to, from a database URL.
    pub(crate) fn of(url: &str) -> Result<Self> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            _ => Err(StoreError::Url(redacted(url))),
        }
    }

    /// Whether `column` is one of a [`Param::Texts`] or [`Param::Ints`] bound as `placeholder`.
    pub(crate) fn is_any_of(self, column: &str, placeholder: &str) -> String {
        match self {
            Self::Sqlite => format!("{column} IN (SELECT value FROM json_each({placeholder}))"),
            Self::Postgres => format!("{column} = ANY({placeholder})"),
        }
    }
}

/// An address without what might be a password: such texts end up in logs.
fn redacted(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(start), Some(end)) if start < end => format!("{}://***{}", &url[..start], &url[end..]),
        _ => url.to_owned(),
    }
}

/// An open database.
#[derive(Debug)]
pub(crate) enum Db {
    Sqlite(sqlite::Pools),
    Postgres(postgres::Health),
}

/// A connection to one of the engines, borrowed for one statement.
enum Link<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// A transaction. Rolls back unless committed.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Db {
    pub(crate) async fn open(url: &str, options: &OpenOptions) -> Result<Self> {
        match Engine::of(url)? {
            Engine::Sqlite => Ok(Self::Sqlite(sqlite::Pools::open(url, options).await?)),
            Engine::Postgres => Ok(Self::Postgres(postgres::Health::open(url, options).await?)),
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a read and returns all rows.
    pub(crate) async fn fetch_all<T: Row>(&self, statement: Statement) -> Result<Vec<T>> {
        match self {
            Self::Sqlite(pools) => {
                let mut connection = pools.readers().acquire().await?;
                Link::Sqlite(&mut connection).fetch_all(statement).await
            }
            Self::Postgres(health) => {
                let mut connection = health.acquire().await?;
                Link::Postgres(&mut connection).fetch_all(statement).await
            }
        }
    }

    /// Runs a read and returns the first row.
    pub(crate) async fn fetch_optional<T: Row>(&self, statement: Statement) -> Result<Option<T>> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// Begins a write. On SQLite it takes the write lock at once, so it never fails half-way for another writer.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        match self {
            Self::Sqlite(pools) => Ok(Tx::Sqlite(pools.writer().begin_with("BEGIN IMMEDIATE").await?)),
            Self::Postgres(health) => Ok(Tx::Postgres(health.begin().await?)),
        }
    }

    /// Begins reads that all see the same state. Nothing can be written.
    pub(crate) async fn snapshot(&self) -> Result<Tx> {
        match self {
            Self::Sqlite(pools) => Ok(Tx::Sqlite(pools.readers().begin().await?)),
            Self::Postgres(health) => {
                let isolation = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Ok(Tx::Postgres(health.begin_with(isolation).await?))
            }
        }
    }

    /// Runs one write in a transaction of its own; returns how many rows it touched.
    pub(crate) async fn execute(&self, statement: Statement) -> Result<u64> {
        let mut tx = self.begin().await?;
        let touched = tx.execute(statement).await?;
        tx.commit().await?;
        Ok(touched)
    }

    /// Runs what must not be in a transaction.
    pub(crate) async fn maintain(&self, statement: Statement) -> Result<()> {
        match self {
            Self::Sqlite(pools) => {
                let mut connection = pools.writer().acquire().await?;
                sqlite::execute(&mut connection, statement).await?;
            }
            Self::Postgres(health) => {
                let mut connection = health.acquire().await?;
                postgres::execute(&mut connection, statement).await?;
            }
        }
        Ok(())
    }

    /// Closes all connections; those in use when they are returned.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pools) => pools.close().await,
            Self::Postgres(health) => health.close().await,
        }
    }
}

impl Tx {
    fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(tx) => Link::Sqlite(tx),
            Self::Postgres(tx) => Link::Postgres(tx),
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    pub(crate) async fn fetch_all<T: Row>(&mut self, statement: Statement) -> Result<Vec<T>> {
        self.link().fetch_all(statement).await
    }

    pub(crate) async fn fetch_optional<T: Row>(&mut self, statement: Statement) -> Result<Option<T>> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64> {
        match self.link() {
            Link::Sqlite(connection) => sqlite::execute(connection, statement).await,
            Link::Postgres(connection) => postgres::execute(connection, statement).await,
        }
    }

    /// Inserts many rows with few statements; returns how many it touched.
    pub(crate) async fn insert(&mut self, insert: Insert) -> Result<u64> {
        if insert.rows.is_empty() {
            return Ok(0);
        }
        match self.link() {
            Link::Sqlite(connection) => sqlite::insert(connection, insert).await,
            Link::Postgres(connection) => postgres::insert(connection, insert).await,
        }
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => Ok(tx.commit().await?),
            Self::Postgres(tx) => Ok(tx.commit().await?),
        }
    }
}

impl Link<'_> {
    async fn fetch_all<T: Row>(self, statement: Statement) -> Result<Vec<T>> {
        match self {
            Self::Sqlite(connection) => sqlite::fetch_all(connection, statement).await,
            Self::Postgres(connection) => postgres::fetch_all(connection, statement).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_engine_is_refused_without_its_password() {
        let error = Engine::of("mysql://me:secret@host/db").unwrap_err().to_string();
        assert!(error.contains("mysql://***@host/db") && !error.contains("secret"), "{error}");
    }
}
