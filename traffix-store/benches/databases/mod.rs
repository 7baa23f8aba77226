//! Fresh databases of both engines, with their default durability.

use std::sync::OnceLock;

use crate::support::cluster::Cluster;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

pub(crate) const ENGINES: [(&str, On); 2] = [("sqlite", On::Sqlite), ("postgres", On::Postgres)];

pub(crate) struct Database {
    pub(crate) url: String,
    _dir: Option<tempfile::TempDir>,
}

pub(crate) fn database(on: On) -> Database {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    match on {
        On::Sqlite => {
            let dir = tempfile::tempdir().unwrap();
            Database { url: format!("sqlite:{}/traffix.db", dir.path().display()), _dir: Some(dir) }
        }
        On::Postgres => {
            let cluster =
                CLUSTER.get_or_init(|| Cluster::start("-c shared_buffers=256MB -c max_wal_size=4GB"));
            Database { url: cluster.database(), _dir: None }
        }
    }
}
