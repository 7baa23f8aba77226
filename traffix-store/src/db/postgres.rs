//! PostgreSQL: a pool that is rebuilt if it stops giving out connections.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, PgConnection, Postgres, Transaction};

use super::{Insert, Param, Result, Row, Statement};
use crate::{OpenOptions, StoreError};

/// So many waits in vain for a connection, with none successful in between, mean that the pool is stuck and not
/// only busy: a busy one gives out a connection now and then.
const STUCK_AFTER: u32 = 3;

/// The pool with its health. A pool can lose the permits of connections that stalled; nothing but a new pool
/// brings them back.
#[derive(Debug)]
pub(crate) struct Health {
    pool: RwLock<PgPool>,
    waits_in_vain: AtomicU32,
}

/// How to connect.
fn connect_options(url: &str) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Url(super::redacted(url)))?;
    Ok(options.application_name("traffix"))
}

impl Health {
    pub(super) async fn open(url: &str, options: &OpenOptions) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections.max(2))
            .acquire_timeout(options.acquire_timeout)
            .connect_with(connect_options(url)?)
            .await?;
        Ok(Self { pool: RwLock::new(pool), waits_in_vain: AtomicU32::new(0) })
    }

    fn pool(&self) -> PgPool {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn acquire(&self) -> Result<PoolConnection<Postgres>> {
        let acquired = self.pool().acquire().await;
        self.note(acquired.as_ref().err());
        Ok(acquired?)
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        self.begin_with("BEGIN").await
    }

    pub(super) async fn begin_with(&self, sql: &'static str) -> Result<Transaction<'static, Postgres>> {
        let begun = self.pool().begin_with(sql).await;
        self.note(begun.as_ref().err());
        Ok(begun?)
    }

    /// A connection of its own, for work that changes the state of a connection.
    pub(crate) async fn connect(&self) -> Result<PgConnection> {
        let options = self.pool().connect_options();
        Ok(options.connect().await?)
    }

    pub(super) async fn close(&self) {
        self.pool().close().await;
    }

    fn note(&self, error: Option<&sqlx::Error>) {
        match error {
            None => self.waits_in_vain.store(0, Ordering::Relaxed),
            Some(sqlx::Error::PoolTimedOut) => {
                if self.waits_in_vain.fetch_add(1, Ordering::Relaxed) + 1 >= STUCK_AFTER {
                    self.rebuild();
                }
            }
            Some(_) => {}
        }
    }

    fn rebuild(&self) {
        let mut pool = self.pool.write().unwrap_or_else(PoisonError::into_inner);
        // Others may have waited for this lock with the same intention.
        if self.waits_in_vain.swap(0, Ordering::Relaxed) < STUCK_AFTER || pool.is_closed() {
            return;
        }
        tracing::warn!(
            connections = pool.size(),
            idle = pool.num_idle(),
            "the connection pool is stuck; replacing it"
        );
        let fresh = pool.options().clone().connect_lazy_with(pool.connect_options().as_ref().clone());
        let stuck = std::mem::replace(&mut *pool, fresh);
        drop(pool);
        // Closing waits for connections that may never come back.
        tokio::spawn(async move { stuck.close().await });
    }
}

fn arguments(params: Vec<Param>) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for param in params {
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
            Param::Texts(values) => arguments.add(values),
            Param::Ints(values) => arguments.add(values),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(super) async fn fetch_all<T: Row>(connection: &mut PgConnection, statement: Statement) -> Result<Vec<T>> {
    let sql = AssertSqlSafe(statement.sql);
    let query = sqlx::query_as_with::<_, T, _>(sql, arguments(statement.params)?);
    Ok(query.fetch_all(connection).await?)
}

pub(super) async fn execute(connection: &mut PgConnection, statement: Statement) -> Result<u64> {
    let sql = AssertSqlSafe(statement.sql);
    let query = sqlx::query_with(sql, arguments(statement.params)?);
    Ok(query.execute(connection).await?.rows_affected())
}

/// `INSERT … SELECT * FROM UNNEST(…)`: one array a column, so the statement is the same for any number of rows.
pub(super) async fn insert(connection: &mut PgConnection, insert: Insert) -> Result<u64> {
    let mut columns = vec![Vec::with_capacity(insert.rows.len()); insert.columns.len()];
    for row in insert.rows {
        for (column, param) in columns.iter_mut().zip(row) {
            column.push(param);
        }
    }
    let mut bound = PgArguments::default();
    for column in columns {
        add_array(&mut bound, column).map_err(sqlx::Error::Encode)?;
    }
    let arrays: Vec<String> = (1..=insert.columns.len()).map(|n| format!("${n}")).collect();
    let (table, names, arrays) = (insert.table, insert.columns.join(","), arrays.join(","));
    let sql = format!("INSERT INTO {table} ({names}) SELECT * FROM UNNEST({arrays}) {}", insert.suffix);
    Ok(sqlx::query_with(AssertSqlSafe(sql), bound).execute(connection).await?.rows_affected())
}

/// Binds a column of equal kinds as an array; `columns` is never empty.
fn add_array(
    bound: &mut PgArguments,
    column: Vec<Param>,
) -> std::result::Result<(), sqlx::error::BoxDynError> {
    macro_rules! array {
        ($kind:ident) => {{
            let values = column.into_iter().map(|param| match param {
                Param::$kind(value) => Ok(value),
                other => Err(format!("a column holds {} and {other:?}", stringify!($kind))),
            });
            bound.add(values.collect::<std::result::Result<Vec<_>, _>>()?)
        }};
    }
    match column.first() {
        Some(Param::Bool(_)) => array!(Bool),
        Some(Param::Int(_)) => array!(Int),
        Some(Param::Text(_)) => array!(Text),
        Some(Param::Json(_)) => array!(Json),
        Some(Param::Letter(_)) => array!(Letter),
        Some(Param::At(_)) => array!(At),
        Some(Param::Bytes(_)) => array!(Bytes),
        Some(Param::Uuid(_)) => array!(Uuid),
        Some(Param::Net(_)) => array!(Net),
        Some(Param::Texts(_) | Param::Ints(_)) | None => Err("such columns are not inserted in bulk".into()),
    }
}

#[cfg(test)]
#[path = "../../tests/support/cluster.rs"]
#[allow(dead_code, clippy::expect_used, reason = "shared with the tests of the crate")]
mod cluster;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_pool_that_lost_its_permits_is_replaced() {
        let cluster = cluster::Cluster::start("-c fsync=off");
        let acquire_timeout = Duration::from_millis(100);
        let options = OpenOptions { max_connections: 2, acquire_timeout, ..OpenOptions::default() };
        let health = Health::open(&cluster.database(), &options).await.unwrap();
        for _ in 0..2 {
            // As a connection that stalls for ever would.
            std::mem::forget(health.acquire().await.unwrap());
        }
        for _ in 0..STUCK_AFTER {
            assert!(health.acquire().await.is_err_and(|error| error.is_retryable()));
        }
        // A fresh connection may take longer than the short wait.
        let mut answers = false;
        for _ in 0..20 {
            answers = answers || health.acquire().await.is_ok();
        }
        assert!(answers);
    }
}
