//! What the store's tests and benches share: databases to test on and RUs to store.
#![allow(dead_code, reason = "every test and bench uses a part of it")]

pub(crate) mod cluster;
pub(crate) mod rus;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use cluster::Cluster;
use traffix_store::{OpenOptions, Store, open};

/// A database for one test.
pub(crate) struct TestDb {
    pub(crate) url: String,
    _dir: Option<tempfile::TempDir>,
}

/// The engines that every test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Memory,
    File,
    Postgres,
}

/// The cluster of this process. It needs no sync: it dies with the process.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start("-c fsync=off -c synchronous_commit=off -c full_page_writes=off"))
}

/// A clock that the test moves.
#[derive(Clone, Default)]
pub(crate) struct StoppedClock(Arc<AtomicI64>);

impl StoppedClock {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        rus::day(0) + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, secs: i64) {
        self.0.fetch_add(secs, Ordering::SeqCst);
    }
}

impl TestDb {
    pub(crate) fn new(on: On) -> Self {
        match on {
            On::Memory => Self { url: "sqlite::memory:".to_owned(), _dir: None },
            On::File => {
                let dir = tempfile::tempdir().expect("a directory");
                Self { url: format!("sqlite:{}", dir.path().join("traffix.db").display()), _dir: Some(dir) }
            }
            On::Postgres => Self { url: cluster().database(), _dir: None },
        }
    }

    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        open(&self.url, OpenOptions::default()).await.expect("the store opens")
    }

    /// Opens it with a clock that stands still until it is told to go on.
    pub(crate) async fn open_at(&self, clock: &StoppedClock) -> Arc<dyn Store> {
        let clock = clock.clone();
        let options = OpenOptions { clock: Arc::new(move || clock.now()), ..OpenOptions::default() };
        open(&self.url, options).await.expect("the store opens")
    }
}
