//! Recordings of any kind, datagram by datagram.

use core::net::IpAddr;
use std::io::{Cursor, Read};

use super::nfcapd;
use crate::capture::{self, CaptureError, Datagram};

/// One datagram that an exporter sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// When it was captured, or its flows were received, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who sent it.
    pub exporter: IpAddr,
    /// What it says.
    pub datagram: &'a [u8],
}

/// What was in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// Datagrams of exporters.
    pub datagrams: u64,
    /// Packets that are no whole datagrams of exporters, or records that are no flows.
    pub passed_over: u64,
    /// When the first datagram was recorded, in milliseconds since 1970.
    pub first_ms: Option<i64>,
    /// When the last one was.
    pub last_ms: Option<i64>,
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Reading or sending failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The capture cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The file of nfcapd is damaged, or is none.
    #[error("the nfcapd file is damaged at byte {at}: {what}")]
    Nfcapd {
        /// Bytes that were read before.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The file of nfcapd is compressed, encrypted, or of another version.
    #[error("{0} is not read here; convert it with `nfdump -r FILE -w PLAIN`")]
    Unread(&'static str),
    /// A batch was not kept. What was kept before is not counted again by another attempt.
    #[error("the measurements could not be kept: {0}; it may be replayed again")]
    Sink(#[from] crate::collector::SinkError),
}

/// Reads a recording and gives each datagram to `each`, until that fails.
///
/// # Errors
/// [`ReplayError`]: whatever came before stands.
pub fn read(
    mut source: impl Read + Send,
    mut each: impl FnMut(Recorded<'_>) -> Result<(), ReplayError>,
) -> Result<Contents, ReplayError> {
    let mut magic = [0; 2];
    source.read_exact(&mut magic).map_err(|_| CaptureError::NotACapture)?;
    let whole = Cursor::new(magic).chain(source);
    let mut contents = Contents::default();
    let mut note = |recorded: Recorded<'_>| {
        contents.datagrams += 1;
        contents.first_ms.get_or_insert(recorded.at_ms);
        contents.last_ms = Some(recorded.at_ms);
        each(recorded)
    };
    let passed_over =
        if nfcapd::MAGIC == magic { nfcapd::read(whole, &mut note)? } else { captured(whole, &mut note)? };
    Ok(Contents { passed_over, ..contents })
}

/// The datagrams of a capture that look like exports. The answer is how many packets do not.
fn captured(
    source: impl Read + Send,
    each: &mut impl FnMut(Recorded<'_>) -> Result<(), ReplayError>,
) -> Result<u64, ReplayError> {
    let (mut others, mut done) = (0, Ok(()));
    let passed_over = capture::datagrams(source, |Datagram { at_ms, source, payload }| {
        if !is_export(payload) {
            others += 1;
        } else if done.is_ok() {
            done = each(Recorded { at_ms, exporter: source, datagram: payload });
        }
    })?;
    done.map(|()| passed_over + others)
}

/// Whether a datagram begins like one of an exporter.
fn is_export(datagram: &[u8]) -> bool {
    let word = |at: usize| datagram.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    match (word(0), word(2)) {
        (Some(5), Some(count)) => datagram.len() >= 24 + 48 * usize::from(count),
        (Some(9), Some(_)) => datagram.len() >= 20,
        (Some(10), Some(len)) => datagram.len() == usize::from(len),
        (Some(0), Some(5)) => datagram.len() >= 28,
        _ => false,
    }
}
