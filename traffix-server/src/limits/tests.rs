//! The limiter against a slow, obvious one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use proptest::prelude::*;

use super::*;

/// A leaky bucket per client in exact arithmetic: levels are in units of 1/60,000,000,000 request
/// (nanoseconds times requests per minute).
#[derive(Default)]
struct Slow {
    buckets: BTreeMap<ClientId, (u128, u128)>,
}

impl Slow {
    const REQUEST: u128 = 60_000_000_000;

    fn charge(&mut self, client: ClientId, cost: u32, now_nanos: u128, per_minute: u32) -> Option<u32> {
        let per_minute = u128::from(per_minute);
        let capacity = per_minute * Self::REQUEST;
        let (level, since) = self.buckets.get(&client).copied().unwrap_or((0, now_nanos));
        let level = level.saturating_sub((now_nanos - since) * per_minute);
        let wanted = level + u128::from(cost) * Self::REQUEST;
        let passes = wanted <= capacity;
        let level = if passes { wanted } else { level };
        self.buckets.insert(client, (level, now_nanos));
        passes.then(|| u32::try_from((capacity - level) / Self::REQUEST).unwrap())
    }
}

fn config(per_minute: u32) -> config::Limits {
    config::Limits { anonymous_per_minute: per_minute, key_per_minute: per_minute, ..Default::default() }
}

fn client(n: u8) -> ClientId {
    ClientId::V4([192, 0, 2, n])
}

proptest! {
    // Rates that divide a minute evenly, so that both sides compute in whole nanoseconds.
    #[test]
    fn agrees_with_a_slow_reference(
        per_minute in prop::sample::select(vec![1_u32, 6, 60, 600, 1_200]),
        steps in prop::collection::vec((0_u64..40_000, 0_u8..3, 1_u32..12), 1..200),
    ) {
        let clock = FakeRelativeClock::default();
        let limits = Limits::with_clock(&config(per_minute), &clock);
        let mut slow = Slow::default();
        let mut now = 0_u128;
        for (millis, n, cost) in steps {
            clock.advance(Duration::from_millis(millis));
            now += u128::from(millis) * 1_000_000;
            let cost = cost.min(per_minute);
            let fast = limits.charge(client(n), cost).ok().flatten().map(|standing| standing.remaining);
            prop_assert_eq!(fast, slow.charge(client(n), cost, now, per_minute));
        }
    }

    #[test]
    fn retry_after_is_enough_and_not_a_second_too_long(cost in 1_u32..60) {
        let clock = FakeRelativeClock::default();
        let limits = Limits::with_clock(&config(60), &clock);
        limits.charge(client(1), 60).unwrap();
        let exceeded = limits.charge(client(1), cost).unwrap_err();
        clock.advance(Duration::from_secs(exceeded.retry_after_secs - 1));
        prop_assert!(limits.charge(client(1), cost).is_err());
        clock.advance(Duration::from_secs(1));
        prop_assert!(limits.charge(client(1), cost).is_ok());
    }
}

#[test]
fn parallel_clients_get_exactly_their_quota() {
    let limits = Limits::with_clock(&config(1_000), &FakeRelativeClock::default());
    let passed = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    if limits.charge(client(1), 1).is_ok() {
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 1_000);
}

#[test]
fn memory_is_bounded_and_busy_clients_are_remembered() {
    let clock = FakeRelativeClock::default();
    let config = config::Limits { max_clients: 1_000, ..config(60) };
    let limits = Limits::with_clock(&config, &clock);
    limits.charge(client(1), 60).unwrap();
    for n in 0..50_000_u64 {
        let _ = limits.charge(ClientId::V6Net(n.to_be_bytes()), 1);
        assert!(limits.clients() <= 1_100, "{}", limits.clients());
    }
    assert!(limits.charge(client(1), 1).is_err(), "an attack must not give a quota back");
}

#[test]
fn headers_are_structured_fields() {
    let limits = Limits::with_clock(&config(1_200), &FakeRelativeClock::default());
    let standing = limits.charge(client(1), 200).unwrap().unwrap();
    assert_eq!(standing.policy, "\"requests\";q=1200;w=60");
    assert_eq!(standing.header(), "\"requests\";r=1000;t=10");
}

#[test]
fn can_be_switched_off() {
    let limits = Limits::new(&config::Limits { enabled: false, ..config(1) });
    assert!((0..100).all(|_| matches!(limits.charge(client(1), 1), Ok(None))));
}
