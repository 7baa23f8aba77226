//! Recordings over the network.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::str::FromStr;
use core::time::Duration;
use std::collections::HashMap;
use std::io::{self, Read};
use std::net::UdpSocket;
use std::thread;
use std::time::Instant;

use super::{Contents, Recorded, ReplayError, read};

/// How fast a recording is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was recorded.
    Times(f64),
    /// As fast as it goes.
    Max,
}

/// A text that is no speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} must be a number above 0 and an x, such as \"10x\", or \"max\"")]
pub struct ParseSpeedError(String);

impl FromStr for Speed {
    type Err = ParseSpeedError;

    /// ```
    /// use traffix_telemetry::replay::Speed;
    /// assert_eq!("10x".parse(), Ok(Speed::Times(10.0)));
    /// assert_eq!("max".parse(), Ok(Speed::Max));
    /// assert!("0x".parse::<Speed>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, ParseSpeedError> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.strip_suffix('x').and_then(|times| times.parse().ok());
        match times.filter(|times: &f64| times.is_finite() && *times > 0.0) {
            Some(times) => Ok(Self::Times(times)),
            None => Err(ParseSpeedError(text.chars().take(20).collect())),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}x"),
            Self::Max => f.write_str("max"),
        }
    }
}

/// Waits so that a recording has its speed.
#[derive(Debug)]
pub(super) struct Pace {
    speed: Speed,
    begun: Option<(Instant, i64)>,
}

impl Pace {
    pub(super) fn new(speed: Speed) -> Self {
        Self { speed, begun: None }
    }

    /// Waits until it is the turn of what was recorded at `at_ms`.
    pub(super) fn wait(&mut self, at_ms: i64) {
        let Speed::Times(times) = self.speed else { return };
        let (begun, first_ms) = *self.begun.get_or_insert_with(|| (Instant::now(), at_ms));
        let into = Duration::from_millis(u64::try_from(at_ms.saturating_sub(first_ms)).unwrap_or(0));
        // What is too far off to be told is never waited for: a capture whose clock jumped by ages.
        let due = Duration::try_from_secs_f64(into.as_secs_f64() / times).unwrap_or_default();
        thread::sleep(due.saturating_sub(begun.elapsed()));
    }
}

/// Sends a recording to a collector. The collector sees the addresses of this machine and not those of the exporters;
/// to a target on IPv4 loopback every exporter gets an address of its own, 127.0.1.1, 127.0.1.2 and so on (Linux).
///
/// # Errors
/// [`ReplayError`]; what was sent before is sent.
pub fn send(source: impl Read + Send, target: SocketAddr, speed: Speed) -> Result<Contents, ReplayError> {
    let (mut pace, mut sockets) = (Pace::new(speed), HashMap::new());
    read(source, |Recorded { at_ms, exporter, datagram }| {
        pace.wait(at_ms);
        if !sockets.contains_key(&exporter) {
            let socket = socket(target, sockets.len())?;
            sockets.insert(exporter, socket);
        }
        match sockets[&exporter].send(datagram) {
            // Nobody listens on loopback, which an earlier datagram found out: not the business of this one.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
            sent => sent.map(drop).map_err(ReplayError::Io),
        }
    })
}

/// A socket to `target`, as the exporter of a number.
fn socket(target: SocketAddr, number: usize) -> io::Result<UdpSocket> {
    let own = match (target.ip(), u16::try_from(number + 1)) {
        (IpAddr::V4(address), Ok(number)) if address.is_loopback() => {
            let [high, low] = number.to_be_bytes();
            Some(Ipv4Addr::new(127, 0, high + 1, low))
        }
        _ => None,
    };
    let any: IpAddr = if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { [0_u16; 8].into() };
    let socket = match own {
        Some(own) => UdpSocket::bind((own, 0)).or_else(|_| UdpSocket::bind((any, 0))),
        None => UdpSocket::bind((any, 0)),
    }?;
    socket.connect(target)?;
    Ok(socket)
}
