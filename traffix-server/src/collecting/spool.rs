//! Files for batches that the store could not take: one batch a line, as the API takes them.

use std::path::{Path, PathBuf};

use chrono::Utc;
use traffix_core::measurement::Batch;
use traffix_store::{Store, StoreError};

use crate::batches;

/// How the files are called.
const PREFIX: &str = "unsaved-";
const SUFFIX: &str = ".ndjson";

/// Writes batches into a new file of a folder, which is made if it is missing.
///
/// # Errors
/// If that cannot be written.
pub(crate) fn save(folder: &Path, unsaved: &[Batch]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let name = format!("{PREFIX}{}-{}{SUFFIX}", Utc::now().format("%Y%m%dT%H%M%S%3fZ"), std::process::id());
    let (path, part) = (folder.join(&name), folder.join(format!("{name}.part")));
    // What has its name is whole.
    std::fs::write(&part, batches::to_lines(unsaved))?;
    std::fs::rename(&part, &path)?;
    Ok(path)
}

/// Adds what lies in a folder to the store and removes the files; how many batches that were.
///
/// A file that cannot be read or that the store refuses stays, and the log says why.
///
/// # Errors
/// If the store is away; files that were not added stay.
pub(crate) async fn restore(folder: &Path, store: &dyn Store) -> Result<u64, StoreError> {
    let mut added = 0;
    for path in files(folder) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let batches = match batches::from_lines(&text, Utc::now()) {
            Ok(batches) if !batches.is_empty() => batches,
            Ok(_) => continue,
            Err(wrong) => {
                tracing::error!(file = %path.display(), "measurements cannot be read: {}", wrong.join("; "));
                continue;
            }
        };
        let mut refused = false;
        for batch in &batches {
            match store.add_batch(batch).await {
                Ok(is_new) => added += u64::from(is_new),
                Err(error @ StoreError::Invalid(_)) => {
                    tracing::error!(file = %path.display(), batch = batch.id, %error, "measurements were refused");
                    refused = true;
                }
                Err(error) => return Err(error),
            }
        }
        if !refused && let Err(error) = std::fs::remove_file(&path) {
            // Reading it again adds nothing.
            tracing::warn!(file = %path.display(), %error, "a file of written measurements cannot be removed");
        }
    }
    Ok(added)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = |path: &PathBuf| {
        let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        name.starts_with(PREFIX) && name.ends_with(SUFFIX)
    };
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(ours).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use traffix_core::measurement::Key;
    use traffix_store::OpenOptions;

    #[tokio::test]
    async fn what_could_not_be_written_comes_back_once() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        let store = traffix_store::open("sqlite::memory:", OpenOptions::default()).await.unwrap();
        assert_eq!(restore(&spool, store.as_ref()).await.unwrap(), 0, "no folder is fine");
        let mut batch = Batch::new("a/1", "acme", 60.try_into().unwrap());
        let bin = batch.bin(Utc::now());
        batch.add(bin, Key::default(), 7).unwrap();
        save(&spool, std::slice::from_ref(&batch)).unwrap();
        std::fs::write(spool.join("unsaved-broken.ndjson"), "{").unwrap();
        std::fs::write(spool.join("notes.txt"), "mine").unwrap();
        assert_eq!(restore(&spool, store.as_ref()).await.unwrap(), 1);
        let names = std::fs::read_dir(&spool).unwrap().count();
        assert_eq!(names, 2, "what cannot be read stays");
        save(&spool, &[batch]).unwrap();
        assert_eq!(restore(&spool, store.as_ref()).await.unwrap(), 0, "the same again adds nothing");
    }
}
