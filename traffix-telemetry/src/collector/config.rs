//! What a collector is told.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::num::{NonZeroU32, NonZeroUsize};

use ipnet::IpNet;

use crate::flow::Limits;

/// What a collector is told at its start. [`Default`] listens to everybody on the usual ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Addresses to listen on; each takes any protocol. An IPv6 wildcard takes IPv4 too.
    pub listen: Vec<SocketAddr>,
    /// Threads for each address; as many as there are cores if not given.
    pub workers: Option<NonZeroUsize>,
    /// Whether every thread stays on a core of its own (Linux).
    pub pin: bool,
    /// Room that the kernel is asked for, for datagrams of one thread that wait to be read.
    pub receive_buffer_bytes: usize,
    /// Who may export; everybody if empty.
    pub accept: Vec<IpNet>,
    /// Bins, and how long to wait for what belongs into them.
    pub timing: Timing,
    /// What is remembered of exporters, by every thread.
    pub limits: Limits,
    /// Counters that are kept in memory at most while the sink is away; about 200 bytes each. What exceeds it is lost,
    /// and counted.
    pub max_pending: usize,
}

impl Default for Config {
    fn default() -> Self {
        // NetFlow has no port of its own, 2055 is usual; 4739 and 6343 are those of IPFIX and sFlow at IANA.
        let everywhere = |port| SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        Self {
            listen: [2055, 4739, 6343].map(everywhere).into(),
            workers: None,
            pin: true,
            receive_buffer_bytes: 16 << 20,
            accept: Vec::new(),
            timing: Timing::default(),
            limits: Limits::default(),
            max_pending: 1_000_000,
        }
    }
}

/// Length of bins, and how long to wait for what belongs into them, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Length of a bin; divides a day.
    pub step_secs: NonZeroU32,
    /// How long after its end a bin is handed over. Exporters tell of running flows once in an active timeout, a
    /// minute where measuring is meant; with as much grace most of a bin comes in its first batch.
    pub grace_secs: u32,
    /// Flows that ended longer ago are left out: the clock behind them cannot be right.
    pub max_late_secs: u32,
    /// Flows that last longer are taken to have passed in the last so many seconds. Active timeouts are half an hour
    /// at most by default, so a longer one is a mistake of the exporter.
    pub max_span_secs: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            step_secs: NonZeroU32::MIN.saturating_add(59),
            grace_secs: 60,
            max_late_secs: 3600,
            max_span_secs: 3600,
        }
    }
}

impl Timing {
    /// When the next bin is over by its grace, in milliseconds since 1970.
    pub(crate) fn next_close(&self, now_ms: i64) -> i64 {
        let (step_ms, grace_ms) = (i64::from(self.step_secs.get()) * 1000, i64::from(self.grace_secs) * 1000);
        let over = now_ms.saturating_sub(grace_ms).div_euclid(step_ms);
        over.saturating_add(1).saturating_mul(step_ms).saturating_add(grace_ms)
    }

    /// Whether to hand over at `now_ms`: a bin is over, or the clock was set back and would not come to `close_ms` for long.
    /// `close_ms` is then when to do it next.
    pub(crate) fn is_time(&self, close_ms: &mut i64, now_ms: i64) -> bool {
        let next_ms = self.next_close(now_ms);
        std::mem::replace(close_ms, next_ms) != next_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_handing_over() {
        let timing = Timing::default();
        let mut close_ms = timing.next_close(0);
        let mut is_time = |now_ms: i64| timing.is_time(&mut close_ms, now_ms);
        assert!(!is_time(59_999) && is_time(60_000) && !is_time(119_999) && is_time(120_000));
        // A day forth and back again: once each, then as before.
        assert!(is_time(86_400_000) && is_time(130_000) && !is_time(179_999) && is_time(180_000));
    }
}
