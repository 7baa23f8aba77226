//! The UDP datagrams of a capture, for those who want them whole.

use std::io::Read;
use std::net::IpAddr;

use super::CaptureError;
use super::file::Frames;
use super::packet::{self, Seen, UDP};
use super::tunnel::Tally;

/// Nanoseconds of a millisecond.
const MILLI: i64 = 1_000_000;

/// One datagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Datagram<'a> {
    /// When it passed, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    pub(crate) source: IpAddr,
    pub(crate) payload: &'a [u8],
}

/// Hands every UDP datagram to `each` that was captured whole, with a time stamp. The answer is how many packets were passed
/// over: others than UDP, cut ones, fragments.
pub(crate) fn datagrams(
    source: impl Read + Send,
    mut each: impl FnMut(Datagram<'_>),
) -> Result<u64, CaptureError> {
    let (mut tunnels, mut passed_over) = (Tally::default(), 0);
    Frames::open(source)?.each(|frame| {
        let is_whole = frame.data.len() as u64 >= frame.original_bytes;
        match (frame.at_ns, packet::read(frame, &mut tunnels)) {
            (Some(at_ns), Seen::Ip(packet)) if is_whole && packet.protocol == UDP && packet.ports.1 != 0 => {
                let at_ms = at_ns.div_euclid(MILLI);
                each(Datagram { at_ms, source: packet.source, payload: packet.payload });
            }
            _ => passed_over += 1,
        }
    })?;
    Ok(passed_over)
}
