//! Access logs of proxies and caches: followed, read, ordered and counted.
//!
//! [`Format`] reads lines of Traefik (JSON and its common log format), nginx (combined), lancache and `HAProxy` into
//! [`Request`]s that borrow from the line. [`Follower`] gives lines across rotation and truncation and knows where it
//! was after a restart; [`Reorder`] puts requests, which are logged when they end, into the order in which they began;
//! [`Topology`] knows who may talk to whom, also when nobody does; [`Counts`] makes batches of bytes.
//!
//! No address of a client is kept: [`Clients`] classifies it while a line is read. Hosts that are addresses are left
//! out too, as are paths, queries, user names and agents.
//!
//! Nothing here has a clock or threads; the time is an argument. Files are asked for news rather than watched: asking
//! four times a second ([`POLL`]) costs a few system calls per file, works on every file system, network ones
//! included, and what is drawn from logs waits longer than that for requests to end.
//!
//! Sources: the access log pages of doc.traefik.io and the names in Traefik's own log; `log_format combined` of
//! `ngx_http_log_module`; `log_format cachelog` of lancache's monolithic; section 8.2.3 of `HAProxy`'s configuration
//! manual.

mod client;
mod counts;
mod fields;
mod follow;
mod format;
mod haproxy;
mod json;
mod nginx;
mod reader;
mod reorder;
mod time;
mod topology;
mod traefik;

use std::borrow::Cow;
use std::time::Duration;

pub use client::{Client, Clients};
pub use counts::{Checkpoint, CountTallies, Counts};
pub use fields::LineError;
pub use follow::{Follower, Limits, Line, Polled, Progress, Tallies};
pub use format::{Format, Reading};
pub use reader::{Malformed, Reader, ReaderStats};
pub use reorder::{Ordered, Reorder};
pub use topology::{
    Activity, Configuration, Load, Node, Origin, Site, SiteKind, Topology, TopologyError, Ways,
};

/// How long to wait before asking files for news again.
pub const POLL: Duration = Duration::from_millis(250);

/// One request that a proxy answered, as far as it is kept.
///
/// What the format or the line does not say is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// When it began, in microseconds since 1970. nginx's own formats only say when it ended, and to the second; then
    /// it is that instant, and there is no duration.
    pub start_us: i64,
    /// How long it took, in microseconds.
    pub duration_us: Option<u64>,
    /// Where it came in: Traefik's entry point, `HAProxy`'s frontend.
    pub entry_point: Option<Cow<'a, str>>,
    /// Which rule chose the service: Traefik's router.
    pub router: Option<Cow<'a, str>>,
    /// Who answered: Traefik's service (its server's URL in the common log format), `HAProxy`'s backend, lancache's
    /// identifier of the cached platform.
    pub service: Option<Cow<'a, str>>,
    /// Who asked.
    pub client: Client,
    /// Class of the status that the client got.
    pub status: Option<StatusClass>,
    /// Bytes that were sent to the client: of the body, with `HAProxy` the header too.
    pub sent_bytes: Option<u64>,
    /// The host that was asked for, without port. Never an address.
    pub host: Option<Cow<'a, str>>,
    /// Whether a cache had the answer.
    pub cache: Option<CacheStatus>,
}

impl Request<'_> {
    /// When it ended, in microseconds since 1970.
    pub fn end_us(&self) -> i64 {
        self.start_us.saturating_add(self.duration_us.map_or(0, |us| i64::try_from(us).unwrap_or(i64::MAX)))
    }

    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Request<'static> {
        let own = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Request {
            start_us: self.start_us,
            duration_us: self.duration_us,
            entry_point: own(self.entry_point),
            router: own(self.router),
            service: own(self.service),
            client: self.client,
            status: self.status,
            sent_bytes: self.sent_bytes,
            host: own(self.host),
            cache: self.cache,
        }
    }
}

/// Class of a status code (RFC 9110 section 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusClass {
    /// 100 to 199.
    Informational,
    /// 200 to 299.
    Successful,
    /// 300 to 399.
    Redirection,
    /// 400 to 499.
    ClientError,
    /// 500 to 599.
    ServerError,
}

impl StatusClass {
    /// The class of a code; `None` for what is no code, such as the 0 of a request that was given up.
    pub fn of(code: u64) -> Option<Self> {
        match code {
            100..=199 => Some(Self::Informational),
            200..=299 => Some(Self::Successful),
            300..=399 => Some(Self::Redirection),
            400..=499 => Some(Self::ClientError),
            500..=599 => Some(Self::ServerError),
            _ => None,
        }
    }
}

/// What nginx says of its cache (`$upstream_cache_status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CacheStatus {
    /// Taken from the cache.
    Hit,
    /// Not in the cache.
    Miss,
    /// The cache was not asked.
    Bypass,
    /// In the cache, but too old.
    Expired,
    /// Taken from the cache though too old, for the origin did not answer.
    Stale,
    /// Taken from the cache though too old, for it is just being renewed.
    Updating,
    /// Taken from the cache after the origin said that it had not changed.
    Revalidated,
}

impl CacheStatus {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"HIT" => Self::Hit,
            b"MISS" => Self::Miss,
            b"BYPASS" => Self::Bypass,
            b"EXPIRED" => Self::Expired,
            b"STALE" => Self::Stale,
            b"UPDATING" => Self::Updating,
            b"REVALIDATED" => Self::Revalidated,
            _ => return None,
        })
    }
}
