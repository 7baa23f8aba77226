//! Answers on disk: two files each, a description and the body, found again after a restart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cassette::{Key, broken};
use super::credentials::hex;
use super::{Response, UpstreamError};

/// Part of the limit that remains after making room, so that not every answer makes room anew.
const REMAINING: f64 = 0.9;

/// What is written beside a body.
#[derive(Serialize, Deserialize)]
struct Description {
    status: u16,
    headers: BTreeMap<String, String>,
    observed_at: DateTime<Utc>,
    /// Of the body: whatever does not fit is damaged and counts as absent.
    sha256: String,
}

/// Size and age of a kept answer.
struct Entry {
    bytes: u64,
    written_at: SystemTime,
}

/// A folder of answers by request.
pub(super) struct Kept {
    folder: PathBuf,
    max_bytes: u64,
    entries: Mutex<BTreeMap<String, Entry>>,
}

impl Kept {
    /// Makes the folder if need be, and counts what is in it.
    pub(super) fn open(folder: PathBuf, max_bytes: u64) -> Result<Self, UpstreamError> {
        fs::create_dir_all(&folder).map_err(|error| broken(&folder, error))?;
        let mut entries = BTreeMap::<String, Entry>::new();
        for file in fs::read_dir(&folder).map_err(|error| broken(&folder, error))?.flatten() {
            let Ok(meta) = file.metadata() else { continue };
            let path = file.path();
            if path.extension().is_some_and(|extension| extension == "part") {
                // Left over from a process that ended while it wrote.
                let _ = fs::remove_file(path);
            } else if let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) {
                let written_at = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let entry = entries.entry(name.to_owned()).or_insert(Entry { bytes: 0, written_at });
                entry.bytes += meta.len();
                entry.written_at = entry.written_at.max(written_at);
            }
        }
        let kept = Self { folder, max_bytes, entries: Mutex::new(entries) };
        kept.make_room();
        Ok(kept)
    }

    /// The name under which the answer to such a request is kept.
    pub(super) fn name(key: &Key) -> String {
        hex(&Sha256::digest(format!("{key:?}")))
    }

    /// The kept answer, unless there is none or it is damaged.
    pub(super) fn read(&self, name: &str) -> Option<Response> {
        let description: Description =
            serde_json::from_slice(&fs::read(self.file(name, "json")).ok()?).ok()?;
        let body = fs::read(self.file(name, "body")).ok()?;
        if hex(&Sha256::digest(&body)) != description.sha256 {
            return None;
        }
        let Description { status, headers, observed_at, .. } = description;
        Some(Response { status, headers, body: Bytes::from(body), observed_at })
    }

    /// Keeps an answer; with `body` unless only the description has changed.
    pub(super) fn write(&self, name: &str, response: &Response, body: bool) -> Result<(), UpstreamError> {
        let bytes = response.body.len() as u64;
        if bytes > self.max_bytes {
            return Ok(());
        }
        let description = Description {
            status: response.status,
            headers: response.headers.clone(),
            observed_at: response.observed_at,
            sha256: hex(&Sha256::digest(&response.body)),
        };
        let text = serde_json::to_vec(&description).map_err(|error| broken(&self.folder, error))?;
        if body {
            replace(&self.file(name, "body"), &response.body)?;
        }
        replace(&self.file(name, "json"), &text)?;
        let entry = Entry { bytes: bytes + text.len() as u64, written_at: SystemTime::now() };
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), entry);
        self.make_room();
        Ok(())
    }

    /// Forgets the oldest answers while there are too many bytes.
    fn make_room(&self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total: u64 = entries.values().map(|entry| entry.bytes).sum();
        if total <= self.max_bytes {
            return;
        }
        let mut by_age: Vec<_> =
            entries.iter().map(|(name, entry)| (entry.written_at, name.clone())).collect();
        by_age.sort_unstable();
        // The newest stays: it was let in because it fits.
        by_age.pop();
        for (_, name) in by_age {
            #[expect(clippy::cast_precision_loss, reason = "a rough share of a size")]
            let enough = total as f64 <= self.max_bytes as f64 * REMAINING;
            if enough {
                break;
            }
            for extension in ["json", "body"] {
                let _ = fs::remove_file(self.file(&name, extension));
            }
            total -= entries.remove(&name).map_or(0, |entry| entry.bytes);
        }
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{name}.{extension}"))
    }
}

/// Writes a file so that readers see the old or the new one, never a part.
pub(super) fn replace(file: &Path, bytes: &[u8]) -> Result<(), UpstreamError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let part = file.with_added_extension(format!("{}-{count}.part", std::process::id()));
    let done = fs::write(&part, bytes).and_then(|()| fs::rename(&part, file));
    done.map_err(|error| {
        let _ = fs::remove_file(&part);
        broken(file, error)
    })
}
