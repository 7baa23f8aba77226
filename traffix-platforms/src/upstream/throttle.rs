//! Asks no faster than services like it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use serde::Deserialize;

use super::{Request, Response, Upstream, UpstreamError};

/// Most hosts of which the pace is kept; beyond, those are forgotten that have not been asked lately.
const MAX_HOSTS: usize = 1_000;

/// At most so many requests in any window of so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many.
    pub requests: NonZeroU32,
    /// In how many seconds.
    pub per_secs: NonZeroU32,
}

impl Rate {
    /// `requests` in `per_secs` seconds; zero counts as one.
    pub const fn new(requests: u32, per_secs: u32) -> Self {
        Self {
            requests: match NonZeroU32::new(requests) {
                Some(number) => number,
                None => NonZeroU32::MIN,
            },
            per_secs: match NonZeroU32::new(per_secs) {
                Some(number) => number,
                None => NonZeroU32::MIN,
            },
        }
    }

    /// A tenth at once, the rest evenly: a bucket that is full at the start then still keeps every window.
    fn quota(self) -> Quota {
        let burst = NonZeroU32::new(self.requests.get() / 10).unwrap_or(NonZeroU32::MIN);
        let evenly = (self.requests.get() - burst.get()).max(1);
        let period = Duration::from_secs(self.per_secs.get().into()) / evenly;
        // A period of zero would need thousands of millions of requests a second.
        Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst)
    }
}

/// How fast each host may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// By host name. Entries add to the known ones and replace them.
    pub hosts: BTreeMap<String, Rate>,
    /// Every other host.
    pub other: Rate,
}

/// What services publish or were seen to allow, with some room left. Those not named publish nothing.
const KNOWN: [(&str, Rate); 9] = [
    // Published: 100,000 a day and key (Steam Web API terms of use).
    ("api.steampowered.com", Rate::new(300, 300)),
    // Measured: 200 in five minutes, then 429 (steamdb.info/blog/store-prices-api).
    ("store.steampowered.com", Rate::new(200, 300)),
    // Assumed: volunteers run these.
    ("api.steamcmd.net", Rate::new(1, 2)),
    ("api.uupdump.net", Rate::new(1, 5)),
    ("api.ipsw.me", Rate::new(1, 2)),
    // Published: 20 in ten seconds (tvmaze.com/api).
    ("api.tvmaze.com", Rate::new(20, 10)),
    // Published: about 40 a second (developer.themoviedb.org); a quarter of it.
    ("api.themoviedb.org", Rate::new(100, 10)),
    // Published: 5,000 an hour with a token (docs.github.com); without one, its 429 and headers say when to go on.
    ("api.github.com", Rate::new(80, 60)),
    // Measured: anonymous use is throttled hard.
    ("www.peeringdb.com", Rate::new(1, 3)),
];

impl Default for Rates {
    fn default() -> Self {
        // Assumed: as fast as a person who clicks through a site.
        Self { hosts: BTreeMap::new(), other: Rate::new(60, 60) }
    }
}

impl Rates {
    /// How fast `host` may be asked.
    pub fn of(&self, host: &str) -> Rate {
        let known = || KNOWN.iter().find(|(name, _)| *name == host).map(|(_, rate)| *rate);
        self.hosts.get(host).copied().or_else(known).unwrap_or(self.other)
    }
}

/// Tokio's clock, so that paused time is paused for the pace too.
#[derive(Debug, Clone, Default)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Instant>>;

/// The layer that waits before a request until its host may be asked again.
pub struct Throttle<U> {
    inner: U,
    rates: Rates,
    limiters: Mutex<BTreeMap<String, Arc<Limiter>>>,
}

impl<U> Throttle<U> {
    /// Asks `inner` no faster than `rates`.
    pub fn new(inner: U, rates: Rates) -> Self {
        Self { inner, rates, limiters: Mutex::default() }
    }

    fn limiter(&self, host: &str) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limiter) = limiters.get(host) {
            return Arc::clone(limiter);
        }
        if limiters.len() >= MAX_HOSTS {
            // Whoever waits holds its limiter; the pace of the others starts anew.
            limiters.retain(|_, limiter| Arc::strong_count(limiter) > 1);
        }
        let limiter = Arc::new(RateLimiter::direct_with_clock(self.rates.of(host).quota(), TokioClock));
        limiters.insert(host.to_owned(), Arc::clone(&limiter));
        limiter
    }
}

#[async_trait]
impl<U: Upstream> Upstream for Throttle<U> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        let limiter = self.limiter(request.url.host_str().unwrap_or_default());
        while let Err(early) = limiter.check() {
            tokio::time::sleep(early.wait_time_from(TokioClock.now())).await;
        }
        self.inner.send(request).await
    }
}
