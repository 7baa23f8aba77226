//! Opening the database that a command works on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use traffix_store::{OpenOptions, Store, StoreError};

use super::Failure;
use crate::config::{self, Config};

/// Which database. Without a flag: `TRAFFIX__DATABASE__URL`, then `traffix.toml`, then `sqlite:traffix.db` in the
/// working directory.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct DatabaseArgs {
    /// sqlite:PATH or `postgres://USER@HOST/DATABASE` [default: sqlite:traffix.db].
    #[arg(long, value_name = "URL")]
    pub(super) database: Option<String>,
    /// Configuration file; `traffix.toml` is read if it exists.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl DatabaseArgs {
    /// The configuration with the flags and others on top.
    pub(super) fn config<'a>(
        &self,
        flags: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Result<Config, Failure> {
        let database = self.database.clone().map(|url| ("database.url", url));
        config::load(self.config.as_deref(), flags.into_iter().chain(database)).map_err(|error| {
            Failure::usage(error)
                .hint("docs/config.md lists all settings; traffix serve --print-config shows them")
        })
    }

    /// The URL after all layers.
    pub(super) fn url(&self) -> Result<String, Failure> {
        Ok(self.config([])?.database.url)
    }

    /// Opens the store and brings it to this version's schema.
    pub(super) async fn open(&self) -> Result<Arc<dyn Store>, Failure> {
        open(&self.url()?).await
    }
}

/// Opens the store at a URL and brings it to this version's schema.
pub(super) async fn open(url: &str) -> Result<Arc<dyn Store>, Failure> {
    prepare(url)?;
    traffix_store::open(url, OpenOptions::default()).await.map_err(|error| failure(&error))
}

/// Makes the directories above an SQLite file: nothing has to be set up by hand.
pub(super) fn prepare(url: &str) -> Result<(), Failure> {
    let Some(path) = sqlite_path(url) else { return Ok(()) };
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(parent).map_err(|error| {
        Failure::new(format_args!("cannot make the directory {}: {error}", parent.display()))
            .hint("choose another place with --database sqlite:PATH")
    })
}

/// The file of an SQLite URL, if it is one.
pub(super) fn sqlite_path(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or_default();
    (!path.is_empty() && !path.starts_with(':')).then(|| Path::new(path))
}

/// A failure of the store with what helps.
pub(super) fn failure(error: &StoreError) -> Failure {
    let hint = match &error {
        StoreError::Unavailable(_) => "is the database running and reachable, and the file writable?",
        StoreError::Url(_) => "write for example --database sqlite:traffix.db",
        StoreError::Schema(_) => "traffix migrate status shows the state",
        StoreError::Corrupt { .. } => "restore a backup: something else wrote into this database",
        _ => return Failure::new(error),
    };
    Failure::new(error).hint(hint)
}

/// Runs a command that waits for the database.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(format_args!("cannot start threads: {error}")))?.block_on(work)
}
