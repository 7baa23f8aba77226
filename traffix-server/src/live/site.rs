//! One site: reading its logs, counting, and what must survive a restart.

use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;
use traffix_core::delivery::DomainTable;
use traffix_store::{Store, StoreError};
use traffix_telemetry::access_log::{Checkpoint, Counts, Polled, Reader, Request};

use super::settings;
use crate::ServeError;
use crate::config::{AccessLog, Config};

/// Batches that wait for a store that is away; older bins are counted on in memory meanwhile.
const MAX_UNSAVED: usize = 100;

/// After a longer pause of the server, bins without requests count as not watched.
const LONGEST_PAUSE_US: i64 = 7 * 86_400 * 1_000_000;

/// The logs of one site.
pub(super) struct SiteLogs {
    pub(super) name: Arc<str>,
    reader: Reader,
    /// Where its bytes are counted, if they are.
    counts: Option<Counts>,
    checkpoint: Checkpoint,
    file: PathBuf,
    /// Begins the identifiers of this run's batches.
    run: String,
}

impl SiteLogs {
    /// Goes on where the checkpoint says. Bytes are counted for `network`, if there is one.
    pub(super) fn new(config: &Config, log: &AccessLog, network: Option<&str>) -> Result<Self, ServeError> {
        let file = config.live.state.join(format!("{}.json", log.site));
        let checkpoint = load(&file)?;
        let known = checkpoint.clone();
        let reader = settings::reader(config, log, |follower| match known {
            Some(checkpoint) => follower.resume(checkpoint.progress),
            None => follower,
        })?;
        let step = NonZeroU32::new(config.collect.step_secs).filter(|step| 86_400 % step.get() == 0);
        let step = step.ok_or_else(|| ServeError::Config("collect.step_secs must divide a day".into()))?;
        Ok(Self {
            name: log.site.as_str().into(),
            reader,
            counts: network.map(|network| Counts::new(network, &log.site, step)),
            checkpoint: checkpoint.unwrap_or_default(),
            file,
            run: format!("access-log/{}/{}", log.site, uuid::Uuid::now_v7()),
        })
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What hosts count as has changed.
    pub(super) fn forget_hosts(&mut self) {
        if let Some(counts) = &mut self.counts {
            counts.forget_hosts();
        }
    }

    /// Bytes that were counted since the start; none if nothing is measured.
    pub(super) fn counted_bytes(&self) -> Option<u64> {
        self.counts.as_ref().map(|counts| counts.tallies().bytes)
    }

    /// Reads what is new, counts it by the names of `domains`, and gives it to `sink`.
    pub(super) fn poll(
        &mut self,
        now_us: i64,
        domains: &DomainTable,
        mut sink: impl FnMut(Request<'_>),
    ) -> Polled {
        let counts = &mut self.counts;
        self.reader.poll(now_us / 1000, |request| {
            if let Some(counts) = counts {
                counts.add(now_us, &request, |host| domains.counted_as(host));
            }
            sink(request);
        })
    }

    /// Makes a batch of what was counted, writes down how far that is, and gives batches to the store.
    pub(super) fn save(&mut self, now_us: i64, store: &dyn Store, runtime: &Handle) -> io::Result<()> {
        self.cut(now_us)?;
        self.send(store, runtime)
    }

    /// Makes a batch of what was counted and writes it down with how far that is.
    ///
    /// That comes before the store is asked: whenever the process ends, the next one goes on without a gap, and sends
    /// again what may not have arrived.
    pub(super) fn cut(&mut self, now_us: i64) -> io::Result<()> {
        if self.checkpoint.unsaved.len() >= MAX_UNSAVED {
            return Ok(());
        }
        if let Some(counts) = &mut self.counts {
            // In the first step nothing is known about what was before.
            let from_us = self.checkpoint.watched_until_us.unwrap_or(now_us);
            counts.watch(from_us.max(now_us - LONGEST_PAUSE_US), now_us);
            self.checkpoint.watched_until_us = Some(now_us);
            self.checkpoint.batches += 1;
            let batch = counts.take(format!("{}/{}", self.run, self.checkpoint.batches));
            self.checkpoint.unsaved.extend(batch);
        }
        self.checkpoint.progress = self.reader.progress();
        write(&self.file, &self.checkpoint)
    }

    /// Gives the store what it may not have yet. If it is away, that waits.
    pub(super) fn send(&mut self, store: &dyn Store, runtime: &Handle) -> io::Result<()> {
        let before = self.checkpoint.unsaved.len();
        while let Some(batch) = self.checkpoint.unsaved.first() {
            match runtime.block_on(store.add_batch(batch)) {
                Ok(_) => {}
                Err(error @ StoreError::Invalid(_)) => {
                    tracing::error!(batch = batch.id, %error, "the store refused measurements");
                }
                Err(error) => {
                    tracing::warn!(batch = batch.id, %error, "measurements cannot be written now; trying again");
                    break;
                }
            }
            self.checkpoint.unsaved.remove(0);
        }
        if self.checkpoint.unsaved.len() < before {
            write(&self.file, &self.checkpoint)?;
        }
        Ok(())
    }
}

fn load(file: &Path) -> Result<Option<Checkpoint>, ServeError> {
    let wrong = |error: String| {
        let file = file.display();
        ServeError::Config(format!(
            "{file} does not tell how far logs were read: {error}; remove it to begin anew"
        ))
    };
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Writes a checkpoint so that whoever reads it finds the old or the new one, whole.
fn write(file: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = file.with_extension("json.part");
    let mut out = File::create(&part)?;
    out.write_all(&serde_json::to_vec(checkpoint)?)?;
    out.sync_all()?;
    std::fs::rename(part, file)
}
