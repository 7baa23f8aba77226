//! Which files there are, and which belong together.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::Crc;

/// Bytes at the start of a file that tell it from others.
pub(super) const HEAD: usize = 1024;
/// Fewer bytes than this may begin two files: they are less than address and instant of a line.
const ENOUGH: usize = 40;
/// First bytes of a gzip file (RFC 1952 section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What the file system says of a file: device and number, which a new name does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    pub(super) fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(meta.dev(), meta.ino())
    }

    #[cfg(not(unix))]
    pub(super) fn of(meta: &Metadata) -> Self {
        let since = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let created = meta.created().map(since).unwrap_or_default();
        Self(created.as_secs(), u64::from(created.subsec_nanos()))
    }
}

/// A file that may be one of a log's.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// The name under which the log is written, before rotation gave it another.
    pub(super) log: PathBuf,
    /// Whether the pattern names the file itself, not only the log that it was rotated from.
    pub(super) named: bool,
    pub(super) id: FileId,
    pub(super) len: u64,
    pub(super) modified: SystemTime,
}

/// All files that the patterns name and those that were rotated from them, the oldest first.
pub(super) fn scan(patterns: &[PathBuf]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for pattern in patterns {
        let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let Some(wanted) = pattern.file_name().map(|name| name.to_string_lossy()) else { continue };
        // A folder that is not there yet has no files yet.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let named = matches(wanted.as_bytes(), name.as_bytes());
            let log = unrotated(&name);
            if !named && !matches(wanted.as_bytes(), log.as_bytes()) {
                continue;
            }
            let Ok(meta) = fs::metadata(entry.path()) else { continue };
            if !meta.is_file() || found.iter().any(|other| other.path == entry.path()) {
                continue;
            }
            let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let (id, len) = (FileId::of(&meta), meta.len());
            found.push(Found { path: entry.path(), log: folder.join(log), named, id, len, modified });
        }
    }
    found.sort_by(|a, b| (a.modified, &b.path).cmp(&(b.modified, &a.path)));
    found
}

/// A file's name without what rotation adds: `access.log` for `access.log.1`, `access.log-20261107.gz`.
pub(super) fn unrotated(name: &str) -> &str {
    let bare = name.strip_suffix(".gz").unwrap_or(name);
    let kept = bare.trim_end_matches(|c: char| c.is_ascii_digit() || "-_.".contains(c));
    if kept.is_empty() { name } else { kept }
}

/// Whether a name fits a pattern in which `*` is any run of characters and `?` any one.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on if a later part does not fit: the last star takes one character more.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after_star, taken)) => {
                    retry = Some((after_star, taken + 1));
                    p = after_star;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Tells a file by its first bytes, whatever its name, and whether it was copied or compressed.
///
/// A checksum of 32 bits says nothing of what the bytes were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Mark {
    len: usize,
    checksum: u32,
}

impl Mark {
    pub(super) fn of(head: &[u8]) -> Self {
        let head = &head[..head.len().min(HEAD)];
        let mut crc = Crc::new();
        crc.update(head);
        Self { len: head.len(), checksum: crc.sum() }
    }

    /// Whether a file that begins so can be the marked one; files grow, so more may be there now.
    pub(super) fn fits(self, head: &[u8]) -> bool {
        self.len > 0 && head.get(..self.len).is_some_and(|head| Self::of(head) == self)
    }

    /// Whether no other file begins so.
    pub(super) fn is_enough(self) -> bool {
        self.len >= ENOUGH
    }

    pub(super) fn is_whole(self) -> bool {
        self.len >= HEAD
    }
}

/// The first bytes of a file, decompressed, and whether they were compressed.
pub(super) fn head(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    let mut first = Vec::new();
    File::open(path)?.take(HEAD as u64).read_to_end(&mut first)?;
    if !first.starts_with(&GZIP) {
        return Ok((first, false));
    }
    let mut plain = vec![0; HEAD];
    let mut decoder = flate2::read::MultiGzDecoder::new(File::open(path)?);
    let mut len = 0;
    // One that is just being written ends early; what is there may be enough.
    while let Ok(count @ 1..) = decoder.read(&mut plain[len..]) {
        len += count;
    }
    plain.truncate(len);
    Ok((plain, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_rotation_gives() {
        for name in [
            "access.log",
            "access.log.1",
            "access.log.12.gz",
            "access.log-20261107",
            "access.log-20261107.gz",
        ] {
            assert_eq!(unrotated(name), "access.log");
        }
        assert_eq!(unrotated("2026-11-07"), "2026-11-07");
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("access.log", "access.log", true),
            ("access.log", "access.logs", false),
            ("*.log", "a.log", true),
            ("*.log", "a.log.1", false),
            ("a*b*c", "a-bb-c", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("**x", "aax", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn marks_fit_what_grew_and_nothing_else() {
        let mark = Mark::of(b"one\n");
        assert!(mark.fits(b"one\ntwo\n") && mark.fits(b"one\n"));
        assert!(!mark.fits(b"one") && !mark.fits(b"two\n"));
        assert!(!Mark::of(b"").fits(b"one\n"));
        assert!(Mark::of(&[7; 5000]).is_whole() && Mark::of(&[7; 5000]).fits(&[7; HEAD]));
    }
}
