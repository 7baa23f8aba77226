//! Lines of logs as they are written, across rotation and restarts.

mod piece;
mod scan;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use piece::{Piece, Position};
use scan::{FileId, Found, Mark};

/// Files that are remembered at most after they are gone, so that a copy of one is not read again.
const MAX_PIECES: usize = 4096;

/// Bounds of what a [`Follower`] keeps and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest line that is read; longer ones are passed over and counted.
    pub line_bytes: usize,
    /// Bytes that one call reads of one file, so that many files get their turn.
    pub bytes_per_poll: u64,
    /// How long a file that was rotated away is kept open after nothing new was found in it, in milliseconds. Servers
    /// write to the old file until they are told to open the new one.
    pub linger_ms: i64,
}

impl Default for Limits {
    /// Lines of 256 kB, 8 MB per call, a minute.
    fn default() -> Self {
        Self { line_bytes: 256_000, bytes_per_poll: 8_000_000, linger_ms: 60_000 }
    }
}

impl Limits {
    /// Bytes of one read. A line may be larger than that.
    fn chunk_bytes(self) -> u64 {
        self.bytes_per_poll.clamp(1, 256 * 1024)
    }
}

/// A whole line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The log that it belongs to, by the name under which it is written.
    pub log: &'a Path,
    /// Its number in its file, from 1.
    pub number: u64,
    /// What is in it, without its end.
    pub bytes: &'a [u8],
    /// Whether it was put together from halves, after the second half was offered and refused.
    pub joined: bool,
}

/// What a [`Follower`] has seen since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tallies {
    /// Lines handed out.
    pub lines: u64,
    /// Bytes read, decompressed.
    pub bytes: u64,
    /// Lines that were passed over because they were too long.
    pub too_long: u64,
    /// Lines that rotation had cut, put together again.
    pub joined: u64,
    /// Times that a file was found truncated or written anew.
    pub truncated: u64,
    /// Times that a file could not be read.
    pub failures: u64,
}

/// What one call of [`Follower::poll`] did.
#[derive(Debug, Default)]
pub struct Polled {
    /// Bytes read, decompressed.
    pub bytes: u64,
    /// Whether there is more to read at once.
    pub more: bool,
    /// Files that could not be read. They are tried again.
    pub failures: Vec<(PathBuf, io::Error)>,
}

/// How far every file was read, to go on from after a restart. What is in it is the follower's own business.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    started: bool,
    files: Vec<Position>,
}

/// Follows files: those that are named, those that match `*` and `?` in a name, and those rotated from them.
///
/// Files are told by how they begin, so a file that was renamed, copied or compressed in between is known again: its
/// lines are handed out once. A file that is truncated after it was copied is finished from the copy. Memory is bounded
/// by [`Limits::line_bytes`] per open file.
///
/// ```
/// use traffix_telemetry::access_log::{Follower, Limits};
/// let folder = tempfile::tempdir()?;
/// let log = folder.path().join("access.log");
/// std::fs::write(&log, "one\ntwo\nthr")?;
/// let mut follower = Follower::new(vec![log.clone()], true, Limits::default());
/// let mut lines = Vec::new();
/// follower.poll(0, |line| {
///     lines.push(String::from_utf8_lossy(line.bytes).into_owned());
///     true
/// });
/// assert_eq!(lines, ["one", "two"]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Follower {
    patterns: Vec<PathBuf>,
    history: bool,
    limits: Limits,
    started: bool,
    /// In the order in which they were written.
    pieces: Vec<Piece>,
    /// Files that were looked at and are not to be read, with their length then.
    passed_over: HashMap<PathBuf, (FileId, u64)>,
    buffer: Vec<u8>,
    tallies: Tallies,
}

impl Follower {
    /// Follows files that `patterns` name. What is there already is handed out too with `history`, rotated and
    /// compressed files included, else only what is written from the first call on.
    pub fn new(patterns: Vec<PathBuf>, history: bool, limits: Limits) -> Self {
        Self {
            patterns,
            history,
            limits,
            started: false,
            pieces: Vec::new(),
            passed_over: HashMap::new(),
            buffer: Vec::new(),
            tallies: Tallies::default(),
        }
    }

    /// Goes on where another follower of the same files was.
    #[must_use]
    pub fn resume(mut self, progress: Progress) -> Self {
        self.started = progress.started;
        self.pieces = progress.files.into_iter().map(Piece::new).collect();
        self
    }

    /// How far it is: after every line that was handed out, before every other.
    pub fn progress(&self) -> Progress {
        Progress {
            started: self.started,
            files: self.pieces.iter().map(|piece| piece.position.clone()).collect(),
        }
    }

    /// What it has seen.
    pub fn tallies(&self) -> Tallies {
        self.tallies
    }

    /// Reads what is new at `now_ms` (milliseconds since 1970) and gives every whole line to `sink`, which says
    /// whether it could read it. Where rotation cut a line, the second half is offered first on its own, then
    /// together with the first half.
    pub fn poll(&mut self, now_ms: i64, mut sink: impl FnMut(Line<'_>) -> bool) -> Polled {
        let mut polled = Polled::default();
        self.detach_truncated(&mut polled);
        self.look(now_ms, &mut polled);
        self.started = true;
        for at in 0..self.pieces.len() {
            if self.waits(at) {
                polled.more = true;
                continue;
            }
            let read = self.read(at, &mut sink);
            self.after_reading(at, read, now_ms, &mut polled);
        }
        self.forget();
        polled
    }

    /// Lets go of files that lost what was read of them; they are looked at like new ones, and their copies too.
    fn detach_truncated(&mut self, polled: &mut Polled) {
        for piece in &mut self.pieces {
            let truncated = piece.was_truncated();
            if !matches!(truncated, Ok(false)) {
                self.passed_over.clear();
                let path = piece.attached.take().map(|attached| attached.path);
                match truncated {
                    Ok(_) => self.tallies.truncated += 1,
                    Err(error) => {
                        self.tallies.failures += 1;
                        polled.failures.extend(path.map(|path| (path, error)));
                    }
                }
            }
        }
    }

    /// Opens what there is to read.
    fn look(&mut self, now_ms: i64, polled: &mut Polled) {
        for attached in self.pieces.iter_mut().filter_map(|piece| piece.attached.as_mut()) {
            attached.named = false;
        }
        for found in scan::scan(&self.patterns) {
            let known = self.pieces.iter_mut().filter_map(|piece| piece.attached.as_mut());
            if let Some(attached) = known.into_iter().find(|attached| attached.id == found.id) {
                attached.path = found.path;
                attached.named = true;
            } else if found.len > 0 && self.passed_over.get(&found.path) != Some(&(found.id, found.len)) {
                let path = found.path.clone();
                if let Err(error) = self.open(found, now_ms) {
                    self.tallies.failures += 1;
                    polled.failures.push((path, error));
                }
            }
        }
    }

    /// Finds out what a file is: one that is known, a copy of one, or a new one.
    fn open(&mut self, found: Found, now_ms: i64) -> io::Result<()> {
        let (head, gzip) = scan::head(&found.path)?;
        // A file of which nothing can be read yet is looked at again when it has grown.
        let pass_over = (found.path.clone(), (found.id, found.len));
        if let Some(piece) = self.pieces.iter_mut().find(|piece| piece.is(&found, &head)) {
            let read = piece.position.done && (gzip || found.len <= piece.position.offset_bytes);
            if !read && piece.attached.is_none() {
                return piece.attach(found.path, found.id, gzip, now_ms);
            }
        } else if !head.is_empty() && (found.named || (self.history && !self.started)) {
            let skipped = !self.started && !self.history;
            let mut position = Position {
                log: found.log,
                mark: Mark::of(&head),
                id: found.id,
                offset_bytes: 0,
                lines: 0,
                skipping: false,
                done: skipped && gzip,
            };
            if skipped && !gzip {
                position.offset_bytes = found.len;
                position.skipping = !ends_with_line(&found.path, found.len)?;
            }
            let mut piece = Piece::new(position);
            if !piece.position.done {
                piece.attach(found.path, found.id, gzip, now_ms)?;
            }
            self.pieces.push(piece);
            return Ok(());
        }
        self.passed_over.insert(pass_over.0, pass_over.1);
        Ok(())
    }

    /// Whether an older file of the same log has more to read first.
    fn waits(&self, at: usize) -> bool {
        let piece = &self.pieces[at];
        let older = self.pieces[..at].iter().filter(|older| older.position.log == piece.position.log);
        piece.attached.is_some()
            && older.filter_map(|older| older.attached.as_ref()).any(|attached| !attached.caught_up)
    }

    fn read(&mut self, at: usize, sink: &mut impl FnMut(Line<'_>) -> bool) -> io::Result<u64> {
        let (older, from) = self.pieces.split_at_mut(at);
        let Some(piece) = from.first_mut() else { return Ok(0) };
        let log = piece.position.log.clone();
        let first = piece.position.offset_bytes == 0;
        let cut =
            older.iter_mut().rev().find(|older| older.position.log == log).map(|older| &mut older.partial);
        let mut cut = cut.filter(|partial| first && !partial.is_empty());
        let mut tallies = self.tallies;
        let mut joined = 0;
        let mut lines = 0;
        let read = piece.read(&self.limits, &mut self.buffer, &mut tallies, &mut |number, bytes| {
            lines += 1;
            let understood = sink(Line { log: &log, number, bytes, joined: false });
            let Some(head) = cut.take().filter(|_| !understood) else { return };
            head.extend_from_slice(bytes);
            joined += u64::from(sink(Line { log: &log, number, bytes: head, joined: true }));
            head.clear();
        });
        self.tallies = tallies;
        self.tallies.joined += joined;
        self.tallies.lines += lines;
        self.tallies.bytes += read.as_ref().copied().unwrap_or(0);
        read
    }

    /// Says whether there is more, and closes what is read to its end.
    fn after_reading(&mut self, at: usize, read: io::Result<u64>, now_ms: i64, polled: &mut Polled) {
        let (piece, newer) =
            self.pieces[at..].split_first_mut().map_or((None, &[][..]), |(p, n)| (Some(p), &*n));
        let Some(piece) = piece else { return };
        let Some(attached) = &mut piece.attached else { return };
        match read {
            Ok(bytes) => {
                polled.bytes += bytes;
                if bytes > 0 {
                    attached.grown_ms = now_ms;
                }
                polled.more |= !attached.caught_up;
                let newer = newer.iter().any(|newer| newer.position.log == piece.position.log);
                let replaced = newer || !attached.named;
                let quiet = now_ms.saturating_sub(attached.grown_ms) >= self.limits.linger_ms;
                // The first half of a line is kept for a while, for the second may be in a newer file.
                let finished = attached.is_gzip() && (piece.partial.is_empty() || quiet);
                if attached.caught_up && (finished || (replaced && quiet)) {
                    piece.position.done = true;
                    piece.attached = None;
                }
            }
            Err(error) => {
                self.tallies.failures += 1;
                polled.failures.push((attached.path.clone(), error));
                let broken = attached.is_gzip().then(|| attached.path.clone());
                let id = attached.id;
                piece.attached = None;
                piece.partial.clear();
                // One that is just being written is tried again when it has grown.
                if let Some(path) = broken {
                    let len = std::fs::metadata(&path).map_or(0, |meta| meta.len());
                    self.passed_over.insert(path, (id, len));
                }
            }
        }
    }

    /// Forgets the oldest files that are gone.
    fn forget(&mut self) {
        while self.pieces.len() > MAX_PIECES {
            let Some(oldest) = self.pieces.iter().position(|piece| piece.attached.is_none()) else { return };
            self.pieces.remove(oldest);
        }
        if self.passed_over.len() > MAX_PIECES {
            self.passed_over.retain(|path, _| path.exists());
        }
    }
}

/// Whether the byte before `len` ends a line.
fn ends_with_line(path: &Path, len: u64) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(len.saturating_sub(1)))?;
    let mut last = [0];
    Ok(file.read(&mut last)? == 0 || last == *b"\n")
}
