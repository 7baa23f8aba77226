//! What the store's tests and benches share: databases to test on and RUs to store.
#![allow(dead_code, reason = "every test and bench uses a part of it")]

pub(crate) mod cluster;
pub(crate) mod rus;

use std::sync::{Arc, OnceLock};

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
}
