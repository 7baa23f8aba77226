//! One file of a log: how far it was read, and reading on.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use super::scan::{FileId, Found, HEAD, Mark};
use super::{Limits, Tallies};

/// How far a file was read; what is saved of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The log that it belongs to, by the name under which it is written.
    pub(super) log: PathBuf,
    pub(super) mark: Mark,
    pub(super) id: FileId,
    /// Bytes up to the end of the last whole line, decompressed.
    pub(super) offset_bytes: u64,
    /// Lines before that, those passed over included.
    pub(super) lines: u64,
    /// Whether the offset is within a line that is passed over.
    pub(super) skipping: bool,
    /// Whether all of it was read and nothing more is expected.
    pub(super) done: bool,
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Attached {
    source: Source,
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    /// When something new was last found in it, in milliseconds since 1970.
    pub(super) grown_ms: i64,
    /// Whether all that is there was read.
    pub(super) caught_up: bool,
    /// Whether the file still has a name.
    pub(super) named: bool,
}

#[derive(Debug)]
enum Source {
    Plain(File),
    Gzip(Box<MultiGzDecoder<File>>),
}

/// A file of a log, there or gone.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) position: Position,
    pub(super) attached: Option<Attached>,
    /// The start of a line whose end was not there yet.
    pub(super) partial: Vec<u8>,
}

impl Piece {
    pub(super) fn new(position: Position) -> Self {
        Self { position, attached: None, partial: Vec::new() }
    }

    /// Whether a file that begins so is this one, or a copy of it.
    pub(super) fn is(&self, found: &Found, head: &[u8]) -> bool {
        let Position { log, mark, id, .. } = &self.position;
        *log == found.log && mark.fits(head) && (mark.is_enough() || *id == found.id)
    }

    /// Opens the file to read on where reading stopped.
    pub(super) fn attach(&mut self, path: PathBuf, id: FileId, gzip: bool, now_ms: i64) -> io::Result<()> {
        let file = File::open(&path)?;
        let source = if gzip {
            let mut decoder = MultiGzDecoder::new(file);
            let passed = io::copy(&mut (&mut decoder).take(self.position.offset_bytes), &mut io::sink())?;
            if passed < self.position.offset_bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Source::Gzip(Box::new(decoder))
        } else {
            Source::Plain(file)
        };
        self.partial.clear();
        self.position.done = false;
        self.position.id = id;
        self.attached = Some(Attached { source, path, id, grown_ms: now_ms, caught_up: false, named: true });
        Ok(())
    }

    /// Whether the file lost what had been read of it: it was truncated, or written anew.
    pub(super) fn was_truncated(&mut self) -> io::Result<bool> {
        let offset = self.position.offset_bytes + self.partial.len() as u64;
        let Some(Attached { source: Source::Plain(file), .. }) = &mut self.attached else { return Ok(false) };
        let len = file.metadata()?.len();
        if len == offset {
            return Ok(false);
        }
        let head = first_bytes(file)?;
        Ok(len < offset || !self.position.mark.fits(&head))
    }

    /// Reads on until `budget` bytes were read or there is nothing more, and gives every whole line to `sink`.
    pub(super) fn read(
        &mut self,
        limits: &Limits,
        buffer: &mut Vec<u8>,
        tallies: &mut Tallies,
        sink: &mut impl FnMut(u64, &[u8]),
    ) -> io::Result<u64> {
        let mut budget = limits.bytes_per_poll;
        let mut total = 0;
        while budget > 0 {
            let Some(attached) = &mut self.attached else { break };
            buffer.clear();
            buffer.append(&mut self.partial);
            let at = self.position.offset_bytes + buffer.len() as u64;
            let count = attached.source.read(at, limits.chunk_bytes(), buffer)?;
            attached.caught_up = count == 0;
            self.lines(buffer, limits, tallies, sink);
            if count == 0 {
                break;
            }
            total += count;
            budget = budget.saturating_sub(count);
        }
        self.sharpen()?;
        Ok(total)
    }

    /// Marks the file by more of its first bytes, if there are more now.
    fn sharpen(&mut self) -> io::Result<()> {
        if let Some(Attached { source: Source::Plain(file), .. }) = &mut self.attached
            && !self.position.mark.is_whole()
        {
            let head = first_bytes(file)?;
            if self.position.mark.fits(&head) {
                self.position.mark = Mark::of(&head);
            }
        }
        Ok(())
    }

    /// Hands out the whole lines of a buffer and keeps what is left.
    fn lines(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
        tallies: &mut Tallies,
        sink: &mut impl FnMut(u64, &[u8]),
    ) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', buffer) {
            let line = &buffer[start..end];
            start = end + 1;
            self.position.lines += 1;
            self.position.offset_bytes += line.len() as u64 + 1;
            if self.position.skipping {
                self.position.skipping = false;
            } else if line.len() > limits.line_bytes {
                tallies.too_long += 1;
            } else {
                sink(self.position.lines, line.strip_suffix(b"\r").unwrap_or(line));
            }
        }
        let rest = &buffer[start..];
        if self.position.skipping || rest.len() > limits.line_bytes {
            tallies.too_long += u64::from(!self.position.skipping);
            self.position.skipping = true;
            self.position.offset_bytes += rest.len() as u64;
        } else {
            self.partial.extend_from_slice(rest);
        }
    }
}

impl Attached {
    pub(super) fn is_gzip(&self) -> bool {
        matches!(self.source, Source::Gzip(_))
    }
}

impl Source {
    /// Appends up to `most` bytes from a place on; a decoder is always where it was left.
    fn read(&mut self, at: u64, most: u64, buffer: &mut Vec<u8>) -> io::Result<u64> {
        let count = match self {
            Self::Plain(file) => {
                file.seek(SeekFrom::Start(at))?;
                file.take(most).read_to_end(buffer)
            }
            Self::Gzip(decoder) => decoder.take(most).read_to_end(buffer),
        };
        count.map(|count| count as u64)
    }
}

fn first_bytes(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    file.seek(SeekFrom::Start(0))?;
    file.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}
