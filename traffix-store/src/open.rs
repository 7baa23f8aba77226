//! Opening a store from a URL.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::db::Db;
use crate::sql::SqlStore;
use crate::{Store, StoreError, migrate};

/// How to open a store. The defaults suit a server.
#[derive(Clone)]
pub struct OpenOptions {
    /// Connections for reading (SQLite) or in all (PostgreSQL).
    pub max_connections: u32,
    /// How long a call waits for a connection before it fails with [`StoreError::Unavailable`]. Writes to SQLite
    /// wait a minute at least: an import may be before them.
    pub acquire_timeout: Duration,
    /// Whether to bring the database to this version's schema. If not, a database that is behind is refused.
    pub migrate: bool,
    /// Tells the time of writes. Instants of the change log never go backwards, even if this clock does.
    pub clock: Clock,
}

/// A source of the current time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(10),
            migrate: true,
            clock: Arc::new(Utc::now),
        }
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("migrate", &self.migrate)
            .finish_non_exhaustive()
    }
}

/// Opens a store: `sqlite:PATH` (created if missing), `sqlite::memory:` or `postgres://USER@HOST/DATABASE`.
///
/// # Errors
/// [`StoreError::Url`] if the URL names no engine, [`StoreError::Unavailable`] if the database cannot be
/// reached, [`StoreError::Schema`] if its schema is newer than this version, or older and
/// [`OpenOptions::migrate`] is off.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), traffix_store::StoreError> {
/// use traffix_store::{OpenOptions, open};
/// let store = open("sqlite::memory:", OpenOptions::default()).await?;
/// assert_eq!(store.sequence().await?, 0);
/// # Ok(())
/// # }
/// ```
pub async fn open(url: &str, options: OpenOptions) -> Result<Arc<dyn Store>, StoreError> {
    let db = Db::open(url, &options).await?;
    if options.migrate {
        migrate::up(&db).await?;
    } else {
        migrate::check(&db).await?;
    }
    Ok(Arc::new(SqlStore::new(db, options.clock)))
}
