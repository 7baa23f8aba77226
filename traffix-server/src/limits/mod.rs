//! How many requests a client may make: GCRA per client, in bounded memory.

mod bounded;

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};
use poem::http::HeaderValue;

use crate::config;
use crate::http::ClientId;
use bounded::BoundedStore;

type Limiter<C> = RateLimiter<ClientId, BoundedStore<ClientId>, C, StateInformationMiddleware>;

/// The limits of a server: one quota for clients without a key, one for keys.
pub(crate) struct Limits<C: Clock = DefaultClock> {
    anonymous: Tier<C>,
    key: Tier<C>,
    clock: C,
    enabled: bool,
}

struct Tier<C: Clock> {
    limiter: Limiter<C>,
    per_minute: u32,
    policy: HeaderValue,
}

/// What a client has left; printed as headers.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// `RateLimit-Policy`.
    pub(crate) policy: HeaderValue,
    per_minute: u32,
    remaining: u32,
}

/// A client asked for too much.
#[derive(Debug, Clone)]
pub(crate) struct Exceeded {
    /// The client's standing.
    pub(crate) standing: Standing,
    /// Seconds until the same request would pass.
    pub(crate) retry_after_secs: u64,
}

impl Standing {
    /// `RateLimit`: what is left, and in how many seconds all of it is back.
    pub(crate) fn header(&self) -> HeaderValue {
        let used = u64::from(self.per_minute - self.remaining.min(self.per_minute));
        let reset = (used * 60).div_ceil(u64::from(self.per_minute.max(1)));
        let text = format!("\"requests\";r={};t={reset}", self.remaining);
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text))
            .unwrap_or_else(|_| HeaderValue::from_static("\"requests\";r=0"))
    }
}

impl Limits<DefaultClock> {
    pub(crate) fn new(config: &config::Limits) -> Self {
        Self::with_clock(config, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limits<C> {
    pub(crate) fn with_clock(config: &config::Limits, clock: &C) -> Self {
        let tier = |per_minute: u32| {
            let burst = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
            let store = BoundedStore::new(config.max_clients);
            let limiter = RateLimiter::new(Quota::per_minute(burst), store, clock.clone());
            let policy = HeaderValue::from_str(&format!("\"requests\";q={burst};w=60"))
                .unwrap_or_else(|_| HeaderValue::from_static("\"requests\""));
            Tier { limiter, per_minute: burst.get(), policy }
        };
        Self {
            anonymous: tier(config.anonymous_per_minute),
            key: tier(config.key_per_minute),
            clock: clock.clone(),
            enabled: config.enabled,
        }
    }

    /// Charges a client; `None` if nothing is limited. A charge above the whole quota counts as the quota.
    pub(crate) fn charge(&self, client: ClientId, cost: u32) -> Result<Option<Standing>, Exceeded> {
        if !self.enabled {
            return Ok(None);
        }
        let tier = if matches!(client, ClientId::Key(_)) { &self.key } else { &self.anonymous };
        let cost = NonZeroU32::new(cost.min(tier.per_minute)).unwrap_or(NonZeroU32::MIN);
        let standing =
            |remaining| Standing { policy: tier.policy.clone(), per_minute: tier.per_minute, remaining };
        // The cost is capped at the burst, so the outer error (never enough capacity) cannot happen.
        match tier.limiter.check_key_n(&client, cost) {
            Ok(Ok(snapshot)) => Ok(Some(standing(snapshot.remaining_burst_capacity()))),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(self.clock.now());
                Err(Exceeded { standing: standing(0), retry_after_secs: whole_seconds(wait) })
            }
            Err(_) => Err(Exceeded { standing: standing(0), retry_after_secs: 60 }),
        }
    }

    /// How many clients are remembered.
    pub(crate) fn clients(&self) -> usize {
        [&self.anonymous, &self.key].map(|tier| tier.limiter.len()).iter().sum()
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests;
