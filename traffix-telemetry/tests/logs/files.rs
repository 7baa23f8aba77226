//! Files as servers and logrotate treat them.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use traffix_telemetry::access_log::{Follower, Limits, Polled, Progress};

/// How lines end here: as long as lines of access logs are at least.
pub(crate) const END: &str = "........................................";

/// A folder with one log that is written and rotated.
pub(crate) struct Log {
    folder: tempfile::TempDir,
    server: File,
}

impl Log {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = append(&folder.path().join("access.log"));
        Self { folder, server }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    /// The file that rotation number `n` made.
    pub(crate) fn rotated(&self, n: usize) -> PathBuf {
        self.folder.path().join(format!("access.log.{n}"))
    }

    /// What the server writes to the file that it has open. A full stop stands for [`END`].
    pub(crate) fn write(&mut self, text: &str) {
        self.write_plainly(&text.replace('.', END));
    }

    pub(crate) fn write_plainly(&mut self, text: &str) {
        self.server.write_all(text.as_bytes()).unwrap();
    }

    /// Renames older files up by one, as logrotate does before it rotates.
    fn make_room(&self) {
        for n in (1..20).rev() {
            for suffix in ["", ".gz"] {
                let name = |n: usize| self.folder.path().join(format!("access.log.{n}{suffix}"));
                if name(n).exists() {
                    fs::rename(name(n), name(n + 1)).unwrap();
                }
            }
        }
    }

    /// Renames the log. The server goes on writing to it until told.
    pub(crate) fn rename(&self) {
        self.make_room();
        fs::rename(self.path(), self.rotated(1)).unwrap();
    }

    /// What `nginx -s reopen` and Traefik's USR1 do.
    pub(crate) fn reopen(&mut self) {
        self.server = append(&self.path());
    }

    /// Copies the log, then truncates it.
    pub(crate) fn copy_truncate(&mut self) {
        self.make_room();
        fs::copy(self.path(), self.rotated(1)).unwrap();
        self.server.set_len(0).unwrap();
    }

    /// Compresses what rotation number `n` made.
    pub(crate) fn compress(&self, n: usize) {
        let plain = self.rotated(n);
        gzip(&plain, &plain.with_extension(format!("{n}.gz")));
        fs::remove_file(plain).unwrap();
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

pub(crate) fn gzip(plain: &Path, to: &Path) {
    let mut encoder = GzEncoder::new(File::create(to).unwrap(), Compression::fast());
    encoder.write_all(&fs::read(plain).unwrap()).unwrap();
    encoder.finish().unwrap();
}

/// A follower and what it gave.
pub(crate) struct Followed {
    pub(crate) follower: Follower,
    pub(crate) lines: Vec<String>,
}

impl Followed {
    pub(crate) fn new(pattern: PathBuf, history: bool) -> Self {
        Self { follower: Follower::new(vec![pattern], history, Limits::default()), lines: Vec::new() }
    }

    /// Goes on in a new process: all that is left is the progress, as JSON.
    pub(crate) fn restart(&mut self, pattern: PathBuf) {
        let saved = serde_json::to_vec(&self.follower.progress()).unwrap();
        let progress: Progress = serde_json::from_slice(&saved).unwrap();
        self.follower = Follower::new(vec![pattern], true, Limits::default()).resume(progress);
    }

    /// Reads all that there is. Lines are whole if they end in [`END`], which a full stop stands for.
    pub(crate) fn poll(&mut self, now_ms: i64) -> Polled {
        loop {
            let polled = self.follower.poll(now_ms, |line| {
                let text = String::from_utf8_lossy(line.bytes).into_owned();
                let whole = text.strip_suffix(END).filter(|text| text.starts_with("line"));
                self.lines.extend(whole.map(|text| format!("{text}.")));
                whole.is_some()
            });
            if !polled.more {
                return polled;
            }
        }
    }
}
