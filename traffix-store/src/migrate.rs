//! Bringing a database to a version of the schema, and back.
//!
//! Every migration is a pair; its second half undoes the first completely.

use sqlx::migrate::{MigrateError, Migrator};

use crate::db::{Db, Engine, Statement};
use crate::{OpenOptions, StoreError};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// One migration, and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number; they are applied in this order.
    pub version: i64,
    /// What it is about.
    pub description: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Brings the database to this version's schema; returns what was applied.
///
/// # Errors
/// [`StoreError::Schema`] if the database was made by a newer version or its history differs from this one's.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), traffix_store::StoreError> {
/// # let dir = tempfile::tempdir().unwrap();
/// let url = format!("sqlite:{}/traffix.db", dir.path().display());
/// let applied = traffix_store::migrate_up(&url).await?;
/// assert_eq!(applied[0].description, "catalogue");
/// assert_eq!(traffix_store::migrate_down(&url, 0).await?.len(), applied.len());
/// # Ok(())
/// # }
/// ```
pub async fn migrate_up(url: &str) -> Result<Vec<Migration>, StoreError> {
    let db = Db::open(url, &OpenOptions::default()).await?;
    let applied = up(&db).await;
    db.close().await;
    applied
}

/// Undoes the migrations after version `target`, newest first; 0 undoes all, **and drops all data**.
/// Returns what was undone.
///
/// # Errors
/// As [`migrate_up`].
pub async fn migrate_down(url: &str, target: i64) -> Result<Vec<Migration>, StoreError> {
    let db = Db::open(url, &OpenOptions::default()).await?;
    let undone = down(&db, target).await;
    db.close().await;
    undone
}

/// All migrations of this version, oldest first. Writes nothing.
///
/// # Errors
/// As [`migrate_up`].
pub async fn migrate_status(url: &str) -> Result<Vec<Migration>, StoreError> {
    let db = Db::open(url, &OpenOptions::default()).await?;
    let status = status(&db).await;
    db.close().await;
    status
}

pub(crate) async fn up(db: &Db) -> Result<Vec<Migration>, StoreError> {
    let before = status(db).await?;
    let missing: Vec<_> = before.into_iter().filter(|m| !m.applied).collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    match db {
        Db::Sqlite(pools) => {
            // One transaction around all, so that two processes that start together do not both migrate.
            let mut tx = pools.writer().begin_with("BEGIN IMMEDIATE").await?;
            SQLITE.run(&mut *tx).await.map_err(schema)?;
            tx.commit().await?;
        }
        Db::Postgres(health) => {
            let mut connection = health.connect().await?;
            POSTGRES.run(&mut connection).await.map_err(schema)?;
        }
    }
    Ok(missing.into_iter().map(|m| Migration { applied: true, ..m }).collect())
}

async fn down(db: &Db, target: i64) -> Result<Vec<Migration>, StoreError> {
    let mut undone: Vec<_> =
        status(db).await?.into_iter().filter(|m| m.applied && m.version > target).collect();
    match db {
        Db::Sqlite(pools) => {
            let mut tx = pools.writer().begin_with("BEGIN IMMEDIATE").await?;
            SQLITE.undo(&mut *tx, target).await.map_err(schema)?;
            tx.commit().await?;
        }
        Db::Postgres(health) => {
            let mut connection = health.connect().await?;
            POSTGRES.undo(&mut connection, target).await.map_err(schema)?;
        }
    }
    undone.reverse();
    Ok(undone.into_iter().map(|m| Migration { applied: false, ..m }).collect())
}

/// Fails unless the database has exactly this version's schema.
pub(crate) async fn check(db: &Db) -> Result<(), StoreError> {
    let status = status(db).await?;
    match status.iter().find(|m| !m.applied) {
        Some(missing) => Err(StoreError::Schema(format!("migration {} is missing", missing.version))),
        None => Ok(()),
    }
}

async fn status(db: &Db) -> Result<Vec<Migration>, StoreError> {
    let (migrator, has_table) = match db.engine() {
        Engine::Sqlite => (&SQLITE, "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'"),
        Engine::Postgres => (
            &POSTGRES,
            "SELECT count(*) FROM (SELECT to_regclass('_sqlx_migrations') AS t) x WHERE t IS NOT NULL",
        ),
    };
    let tables: Vec<(i64,)> = db.fetch_all(Statement::new(has_table)).await?;
    let applied: Vec<(i64,)> = match tables.as_slice() {
        [(0,)] => Vec::new(),
        _ => db.fetch_all(Statement::new("SELECT version FROM _sqlx_migrations WHERE success")).await?,
    };
    let ours = || migrator.iter().filter(|m| m.migration_type.is_up_migration());
    if let Some((newer,)) = applied.iter().find(|(version,)| ours().all(|m| m.version != *version)) {
        return Err(StoreError::Schema(format!(
            "it has migration {newer}, which this version does not know"
        )));
    }
    let state = |m: &sqlx::migrate::Migration| Migration {
        version: m.version,
        description: m.description.to_string(),
        applied: applied.contains(&(m.version,)),
    };
    Ok(ours().map(state).collect())
}

fn schema(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => error.into(),
        other => StoreError::Schema(other.to_string()),
    }
}
