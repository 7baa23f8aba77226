//! Recordings straight into the counters.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use traffix_core::measurement::Batch;

use super::send::Pace;
use super::{Contents, ReplayError, Speed, read};
use crate::collector::{Bins, Config, Sink, Stage, Stats, Watch};

/// How a recording is counted.
#[derive(Debug, Clone)]
pub struct Count {
    /// Bins, and who may export; addresses to listen on are not used.
    pub config: Config,
    /// What is measured.
    pub watch: Arc<Watch>,
    /// How fast.
    pub speed: Speed,
    /// By how many milliseconds everything is moved into the future.
    pub shift_ms: i64,
}

/// What became of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What was in it.
    pub contents: Contents,
    /// What was counted of it.
    pub stats: Stats,
    /// Batches that were given to the sink.
    pub batches: u64,
}

/// Counts a recording as if a collector had received it at the time at which it was recorded, and gives the sink a batch
/// per bin.
///
/// A batch is identified by the contents of the file, the network, the length of a bin, the shift and its number: the
/// sink keeps it once, however often the recording is counted.
///
/// # Errors
/// [`ReplayError`]. Batches that were kept are kept; counting again adds what is missing.
pub fn count(path: &Path, count: &Count, sink: &mut dyn Sink) -> Result<Counted, ReplayError> {
    let mut stage = Stage::new(&count.config, Arc::clone(&count.watch));
    let mut out = Out { name: name(path, count)?, count, sink, batches: 0 };
    let (mut pace, mut close_ms) = (Pace::new(count.speed), None);
    let file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let contents = read(file, |recorded| {
        pace.wait(recorded.at_ms);
        let at_ms = recorded.at_ms.saturating_add(count.shift_ms);
        let close = *close_ms.get_or_insert_with(|| count.config.timing.next_close(at_ms));
        if at_ms >= close {
            close_ms = Some(count.config.timing.next_close(at_ms));
            out.keep(stage.drain(at_ms))?;
        }
        stage.datagram(recorded.exporter, at_ms, recorded.datagram);
        Ok(())
    })?;
    out.keep(stage.flush())?;
    Ok(Counted { contents, stats: stage.stats(), batches: out.batches })
}

/// Where batches go.
struct Out<'a> {
    name: String,
    count: &'a Count,
    sink: &'a mut dyn Sink,
    batches: u64,
}

impl Out<'_> {
    fn keep(&mut self, bins: Bins) -> Result<(), ReplayError> {
        if bins.is_empty() {
            return Ok(());
        }
        let id = format!("{}/{:06}", self.name, self.batches);
        let step_secs = self.count.config.timing.step_secs;
        let batch = Batch { bins, ..Batch::new(id, self.count.watch.network(), step_secs) };
        self.sink.keep(&batch)?;
        self.batches += 1;
        Ok(())
    }
}

/// What is common to the identifiers of all batches.
fn name(path: &Path, count: &Count) -> io::Result<String> {
    let (mut hash, mut file) = (Sha256::new(), BufReader::with_capacity(1 << 20, File::open(path)?));
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        hash.update(bytes);
        let len = bytes.len();
        file.consume(len);
    }
    hash.update(count.watch.network());
    hash.update(count.shift_ms.to_be_bytes());
    hash.update(count.config.timing.step_secs.get().to_be_bytes());
    let mut name = String::from("replay/");
    for byte in &hash.finalize()[..16] {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}
