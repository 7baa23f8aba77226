//! Requests of the logs of one site.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Follower, Format, Line, LineError, Polled, Progress, Reading, Request, Tallies};

/// Logs whose format is remembered at most; more are found out anew.
const MAX_FORMATS: usize = 4096;

/// Follows the logs of one site and reads their lines.
///
/// ```
/// use traffix_telemetry::access_log::{Follower, Limits, Reader, Reading};
/// let folder = tempfile::tempdir()?;
/// let log = folder.path().join("access.log");
/// std::fs::write(&log, "192.0.2.7 - - [07/Nov/2026:12:34:56 +0000] \"GET / HTTP/1.1\" 200 5120 \"-\" \"-\"\n")?;
/// let follower = Follower::new(vec![log], true, Limits::default());
/// let mut reader = Reader::new(follower, None, Reading::default());
/// let mut bytes = 0;
/// reader.poll(0, |request| bytes += request.sent_bytes.unwrap_or(0));
/// assert_eq!((bytes, reader.stats().malformed), (5120, 0));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    follower: Follower,
    lines: Lines,
}

#[derive(Debug)]
struct Lines {
    format: Option<Format>,
    reading: Reading,
    /// Of logs whose format was found out.
    formats: HashMap<PathBuf, Format>,
    malformed: u64,
    last: Option<Malformed>,
}

/// A line that could not be read. It says where, and nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{log}, line {line}: {error}", log = log.display())]
pub struct Malformed {
    /// The log, by the name under which it is written.
    pub log: PathBuf,
    /// The line's number in its file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub error: LineError,
}

/// What a [`Reader`] has seen since it was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReaderStats {
    /// What was followed.
    pub followed: Tallies,
    /// Lines that could not be read.
    pub malformed: u64,
    /// The last of them.
    pub last_malformed: Option<Malformed>,
}

impl Reader {
    /// Reads what `follower` gives, in `format` or in the one that each log turns out to be in.
    pub fn new(follower: Follower, format: Option<Format>, reading: Reading) -> Self {
        let lines = Lines { format, reading, formats: HashMap::new(), malformed: 0, last: None };
        Self { follower, lines }
    }

    /// Reads what is new at `now_ms` (milliseconds since 1970) and gives every request to `sink`.
    pub fn poll(&mut self, now_ms: i64, mut sink: impl FnMut(Request<'_>)) -> Polled {
        let lines = &mut self.lines;
        self.follower.poll(now_ms, |line| lines.read(line, &mut sink))
    }

    /// How far it is, for [`Follower::resume`].
    pub fn progress(&self) -> Progress {
        self.follower.progress()
    }

    /// What it has seen.
    pub fn stats(&self) -> ReaderStats {
        ReaderStats {
            followed: self.follower.tallies(),
            malformed: self.lines.malformed,
            last_malformed: self.lines.last.clone(),
        }
    }
}

impl Lines {
    /// Whether the line could be read.
    fn read(&mut self, line: Line<'_>, sink: &mut impl FnMut(Request<'_>)) -> bool {
        if line.bytes.is_empty() {
            return true;
        }
        match self.parse(line.log, line.bytes) {
            Ok(request) => {
                // The second half was counted as malformed before both were offered together.
                self.malformed -= u64::from(line.joined);
                sink(request);
                true
            }
            Err(error) => {
                self.malformed += u64::from(!line.joined);
                self.last = Some(Malformed { log: line.log.to_owned(), line: line.number, error });
                false
            }
        }
    }

    /// Reads a line in the format that is given or known; a log whose format is not known, or has changed, shows it.
    fn parse<'a>(&mut self, log: &Path, line: &'a [u8]) -> Result<Request<'a>, LineError> {
        let known = self.format.or_else(|| self.formats.get(log).copied());
        let read = known.map(|format| format.parse(line, &self.reading));
        match read {
            Some(Ok(request)) => Ok(request),
            Some(Err(error)) if self.format.is_some() => Err(error),
            failed => {
                let unknown = failed.and_then(Result::err).unwrap_or(LineError::Format);
                let format = Format::detect(line).ok_or(unknown)?;
                if self.formats.len() < MAX_FORMATS {
                    self.formats.insert(log.to_owned(), format);
                }
                format.parse(line, &self.reading)
            }
        }
    }
}
