//! SQLite: one connection writes, several read.

use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection};

use super::{Insert, Param, Result, Row, Statement};
use crate::{OpenOptions, StoreError};

/// SQLite refuses statements with more parameters.
const MAX_PARAMS: usize = 32_766;
/// Beyond this many rows a statement, nothing is gained.
const MAX_ROWS: usize = 500;

/// How long a writer waits for another, in this process or in one beside it, such as an import.
const BUSY_TIMEOUT: Duration = Duration::from_mins(1);

/// One writer, so that writes of this process queue instead of finding the database locked; readers see the
/// last commit and wait for nobody (WAL).
#[derive(Debug)]
pub(crate) struct Pools {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// Whether the database lives in memory only.
fn is_memory(url: &str) -> bool {
    matches!(url, "sqlite::memory:" | "sqlite://:memory:")
}

/// How to connect for writing.
fn connect_options(url: &str) -> Result<SqliteConnectOptions> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| StoreError::Url(url.to_owned()))?;
    let options = options.foreign_keys(true).busy_timeout(BUSY_TIMEOUT);
    if is_memory(url) {
        return Ok(options);
    }
    // FULL: a commit is on the disk before it is acknowledged, whatever happens to the machine.
    Ok(options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full))
}

impl Pools {
    pub(super) async fn open(url: &str, options: &OpenOptions) -> Result<Self> {
        let connect = connect_options(url)?;
        let pool = |wait| {
            // An idle SQLite connection costs nothing, and for a database in memory it is the database.
            SqlitePoolOptions::new()
                .acquire_timeout(wait)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let wait = options.acquire_timeout.max(BUSY_TIMEOUT);
        let writer = pool(wait).max_connections(1).min_connections(1).connect_with(connect.clone()).await?;
        // Connections do not share a database in memory, and SQLite's shared cache locks readers out.
        let readers = if is_memory(url) {
            writer.clone()
        } else {
            pool(options.acquire_timeout)
                .max_connections(options.max_connections.max(1))
                .connect_lazy_with(connect.read_only(true))
        };
        Ok(Self { writer, readers })
    }

    /// Connections that read.
    pub(super) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// The one connection that writes.
    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn arguments(params: Vec<Param>) -> Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    for param in params {
        add(&mut arguments, param)?;
    }
    Ok(arguments)
}

fn add(arguments: &mut SqliteArguments, param: Param) -> Result<()> {
    let added = match param {
        Param::Bool(value) => arguments.add(value),
        Param::Int(value) => arguments.add(value),
        Param::Text(value) => arguments.add(value),
        Param::Json(value) => arguments.add(value),
        Param::Letter(value) => arguments.add(value),
        Param::At(value) => arguments.add(value),
        Param::Bytes(value) => arguments.add(value),
        Param::Uuid(value) => arguments.add(value),
        Param::Net(value) => arguments.add(value),
        Param::Texts(values) => arguments.add(serde_json::json!(values).to_string()),
        Param::Ints(values) => arguments.add(serde_json::json!(values).to_string()),
    };
    added.map_err(|error| sqlx::Error::Encode(error).into())
}

pub(super) async fn fetch_all<T: Row>(
    connection: &mut SqliteConnection,
    statement: Statement,
) -> Result<Vec<T>> {
    let sql = AssertSqlSafe(statement.sql);
    let query = sqlx::query_as_with::<_, T, _>(sql, arguments(statement.params)?);
    Ok(query.fetch_all(connection).await?)
}

pub(super) async fn execute(connection: &mut SqliteConnection, statement: Statement) -> Result<u64> {
    let sql = AssertSqlSafe(statement.sql);
    let query = sqlx::query_with(sql, arguments(statement.params)?);
    Ok(query.execute(connection).await?.rows_affected())
}

/// `INSERT … VALUES (…), (…), …`, as many rows a statement as pays.
pub(super) async fn insert(connection: &mut SqliteConnection, insert: Insert) -> Result<u64> {
    let width = insert.columns.len();
    let chunk = MAX_ROWS.min(MAX_PARAMS / width);
    let mut rows = insert.rows.into_iter().peekable();
    let mut touched = 0;
    while rows.peek().is_some() {
        let mut bound = SqliteArguments::default();
        let mut count = 0;
        for param in rows.by_ref().take(chunk).inspect(|_| count += 1).flatten() {
            add(&mut bound, param)?;
        }
        let row = format!("({})", vec!["?"; width].join(","));
        let values = vec![row; count].join(",");
        let (table, columns) = (insert.table, insert.columns.join(","));
        let sql = format!("INSERT INTO {table} ({columns}) VALUES {values} {}", insert.suffix);
        let done = sqlx::query_with(AssertSqlSafe(sql), bound).execute(&mut *connection).await?;
        touched += done.rows_affected();
    }
    Ok(touched)
}
