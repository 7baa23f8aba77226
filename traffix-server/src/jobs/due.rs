//! When to ask again: often around a release, seldom otherwise, and not everybody at once.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::catalogue::Ru;
use traffix_platforms::PlatformError;
use traffix_store::ListingPull;

/// From a day before a phase until a day after it: dates slip and builds change up to the last hour.
const AROUND: (TimeDelta, TimeDelta) = (TimeDelta::days(1), TimeDelta::minutes(30));
/// In the week before a phase.
const SOON: (TimeDelta, TimeDelta) = (TimeDelta::days(7), TimeDelta::hours(6));
/// In the months before and the month after a phase.
const SOME_DAY: (TimeDelta, TimeDelta) = (TimeDelta::days(60), TimeDelta::days(1));
/// Else; but titles whose builds are known change any day.
const SELDOM: TimeDelta = TimeDelta::days(7);
/// After the first failure; doubled with every further one, up to a day.
const RETRY: TimeDelta = TimeDelta::minutes(15);

/// When a listing that was answered is due again, by the phases of its title and of the title's coming updates.
pub(super) fn after_answer<'a>(
    pull: &ListingPull,
    rus: impl IntoIterator<Item = &'a Ru>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let mut every = SELDOM;
    for listing in rus.into_iter().flat_map(|ru| &ru.listings) {
        if listing.build.is_some() {
            every = every.min(SOME_DAY.1);
        }
        for phase in &listing.phases {
            every = every.min(interval(phase.window.value.start - now));
        }
    }
    now + spread(every, pull)
}

/// How often to ask when the phase is so far ahead, or, negative, so long ago.
fn interval(ahead: TimeDelta) -> TimeDelta {
    if ahead.abs() <= AROUND.0 {
        AROUND.1
    } else if ahead > TimeDelta::zero() && ahead <= SOON.0 {
        SOON.1
    } else if ahead <= SOME_DAY.0 && ahead >= -SOME_DAY.0 / 2 {
        SOME_DAY.1
    } else {
        SELDOM
    }
}

/// When a listing is due again that failed, `pull.failures` times in a row by now.
pub(super) fn after_failure(pull: &ListingPull, error: &PlatformError, now: DateTime<Utc>) -> DateTime<Utc> {
    let wait = match error {
        PlatformError::NotFound { .. } => SELDOM,
        _ => backoff(RETRY, pull.failures, SOME_DAY.1),
    };
    now + spread(wait, pull).max(asked_to_wait(error))
}

/// `first`, doubled with every failure after the first, at most `most`.
pub(super) fn backoff(first: TimeDelta, failures: u32, most: TimeDelta) -> TimeDelta {
    let doublings = failures.saturating_sub(1).min(16);
    first.checked_mul(1 << doublings).unwrap_or(most).min(most)
}

/// What the platform asks to wait, at most a week.
pub(super) fn asked_to_wait(error: &PlatformError) -> TimeDelta {
    let asked = error.retry_after().unwrap_or(Duration::ZERO);
    TimeDelta::from_std(asked).unwrap_or(SELDOM).min(SELDOM)
}

/// Three to five quarters of an interval, by listing: those that became due together drift apart, without chance.
fn spread(interval: TimeDelta, pull: &ListingPull) -> TimeDelta {
    let mut hasher = DefaultHasher::new();
    (pull.platform.as_str(), &pull.external_id).hash(&mut hasher);
    let part = i32::try_from(hasher.finish() % 1_000).unwrap_or(0);
    interval * 3 / 4 + interval / 2_000 * part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use traffix_platforms::upstream::UpstreamError;

    fn pull(id: u32, failures: u32) -> ListingPull {
        ListingPull {
            platform: "steam".parse().unwrap(),
            external_id: id.to_string(),
            due_at: DateTime::UNIX_EPOCH,
            succeeded_at: None,
            failures,
        }
    }

    fn ru(start: DateTime<Utc>) -> Ru {
        let evidence = serde_json::json!({
            "source": "x", "kind": "official", "observed_at": "2026-01-01T00:00:00Z", "confidence": 1.0
        });
        let window =
            serde_json::json!({"value": {"start": start, "precision": "minute"}, "evidence": evidence});
        let listing =
            serde_json::json!({"platform": "steam", "phases": [{"kind": "unlock", "window": window}]});
        let ru = serde_json::json!({
            "id": "a", "title": "A", "kind": "release", "listings": [listing], "evidence": [evidence]
        });
        serde_json::from_value(ru).unwrap()
    }

    fn now() -> DateTime<Utc> {
        "2026-09-01T00:00:00Z".parse().unwrap()
    }

    fn wait(ahead: TimeDelta) -> TimeDelta {
        after_answer(&pull(1, 0), [&ru(now() + ahead)], now()) - now()
    }

    #[test]
    fn often_around_a_phase_and_seldom_otherwise() {
        let between =
            |wait: TimeDelta, low: TimeDelta, high: TimeDelta| assert!(low <= wait && wait <= high, "{wait}");
        for ahead in [TimeDelta::hours(23), TimeDelta::zero(), TimeDelta::hours(-23)] {
            between(wait(ahead), TimeDelta::minutes(15), TimeDelta::minutes(60));
        }
        between(wait(TimeDelta::days(5)), TimeDelta::hours(4), TimeDelta::hours(8));
        between(wait(TimeDelta::days(40)), TimeDelta::hours(18), TimeDelta::hours(30));
        between(wait(TimeDelta::days(-3)), TimeDelta::hours(18), TimeDelta::hours(30));
        between(wait(TimeDelta::days(400)), TimeDelta::days(5), TimeDelta::days(9));
        between(wait(TimeDelta::days(-400)), TimeDelta::days(5), TimeDelta::days(9));
    }

    #[test]
    fn failures_wait_longer_and_as_long_as_the_platform_asks() {
        let error = |secs: Option<u64>| PlatformError::Upstream {
            platform: "steam".parse().unwrap(),
            operation: "x",
            source: UpstreamError::Status { status: 429, retry_after: secs.map(Duration::from_secs) },
        };
        let wait = |failures, secs| after_failure(&pull(1, failures), &error(secs), now()) - now();
        assert!(wait(1, None) < wait(2, None) && wait(2, None) < wait(5, None));
        assert!(wait(40, None) <= TimeDelta::hours(30));
        assert_eq!(wait(1, Some(7_200)), TimeDelta::hours(2));
        assert_eq!(wait(1, Some(u64::MAX)), SELDOM);
    }

    proptest! {
        #[test]
        fn the_next_time_is_later_and_listings_spread(id in 0_u32..1_000, ahead in -800_i64..800, failures in 0_u32..50) {
            let due = after_answer(&pull(id, failures), [&ru(now() + TimeDelta::days(ahead))], now());
            prop_assert!(due >= now() + TimeDelta::minutes(15));
            prop_assert_eq!(due, after_answer(&pull(id, failures), [&ru(now() + TimeDelta::days(ahead))], now()));
        }
    }

    #[test]
    fn a_thousand_listings_do_not_come_at_once() {
        let due: std::collections::BTreeSet<_> =
            (0..1_000).map(|id| after_answer(&pull(id, 0), [], now()).timestamp()).collect();
        assert!(due.len() > 500, "{}", due.len());
    }
}
