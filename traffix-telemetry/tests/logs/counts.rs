//! Counted once and in the right bin.

use std::collections::BTreeMap;

use proptest::prelude::*;
use traffix_core::measurement::{Key, Sums};
use traffix_telemetry::access_log::{Checkpoint, Client, Counts, Request};

const MINUTE_US: i64 = 60_000_000;

fn request(start_us: i64, duration_us: u64, sent_bytes: u64) -> Request<'static> {
    Request {
        start_us,
        duration_us: Some(duration_us),
        entry_point: None,
        router: None,
        service: None,
        client: Client::External,
        status: None,
        sent_bytes: Some(sent_bytes),
        host: Some("cdn.example".into()),
        cache: None,
    }
}

fn attribute(host: &str) -> Key {
    Key { cdn: host.strip_suffix(".example").map(|cdn| cdn.parse().unwrap()), ..Key::default() }
}

fn counts() -> Counts {
    Counts::new("acme", "edge", 60.try_into().unwrap())
}

fn by_minute(counts: &mut Counts) -> BTreeMap<i64, u64> {
    let batch = counts.take("a").unwrap();
    assert!(batch.findings("2100-01-01T00:00:00Z".parse().unwrap()).is_empty());
    batch.bins.iter().map(|(bin, keys)| (bin.timestamp() / 60, keys.values().sum())).collect()
}

#[test]
fn bytes_are_spread_over_the_time_that_it_took() {
    let mut counts = counts();
    counts.add(10 * MINUTE_US, &request(MINUTE_US / 2, 2 * 60_000_000, 1000), attribute);
    assert_eq!(by_minute(&mut counts), [(0, 250), (1, 500), (2, 250)].into());
    counts.add(10 * MINUTE_US, &request(MINUTE_US, 0, 7), attribute);
    assert_eq!(by_minute(&mut counts), [(1, 7)].into());
    assert_eq!(counts.take("b"), None);
}

#[test]
fn what_is_left_out_is_told() {
    let mut counts = counts();
    counts.add(0, &request(2 * MINUTE_US, 0, 5), attribute);
    let passed_on = Request { client: Client::Proxy("edge".into()), ..request(0, 0, 6) };
    counts.add(MINUTE_US, &passed_on, attribute);
    let nameless = Request { host: None, ..request(0, 0, 8) };
    counts.add(MINUTE_US, &nameless, attribute);
    let tallies = counts.tallies();
    assert_eq!((tallies.from_future_bytes, tallies.passed_on_bytes), (5, 6));
    assert_eq!((tallies.bytes, tallies.unattributed_bytes), (8, 8));
}

#[test]
fn watched_bins_are_in_the_batch_without_requests() {
    let mut counts = counts();
    counts.watch(MINUTE_US / 2, 3 * MINUTE_US);
    counts.add(10 * MINUTE_US, &request(MINUTE_US, 0, 7), attribute);
    assert_eq!(by_minute(&mut counts), [(0, 0), (1, 7), (2, 0), (3, 0)].into());
}

#[test]
fn a_key_has_the_site_as_its_link() {
    let mut counts = counts();
    counts.add(MINUTE_US, &request(0, 0, 7), attribute);
    let batch = counts.take("a").unwrap();
    let key = batch.bins.values().next().unwrap().keys().next().unwrap();
    assert_eq!(
        (key.link.as_deref(), key.cdn.as_ref().map(ToString::to_string).as_deref()),
        (Some("edge"), Some("cdn"))
    );
}

/// What is sent again after a crash at any point is added once.
#[test]
fn a_checkpoint_carries_batches_over_a_crash() {
    let mut counts = counts();
    counts.watch(0, MINUTE_US);
    counts.add(MINUTE_US, &request(0, 1_000_000, 12_345), attribute);
    let batch = counts.take("edge/1").unwrap();
    let checkpoint = Checkpoint { unsaved: vec![batch.clone()], batches: 1, ..Checkpoint::default() };
    let saved = serde_json::to_vec(&checkpoint).unwrap();
    let restored: Checkpoint = serde_json::from_slice(&saved).unwrap();
    assert_eq!(restored, checkpoint);
    let mut sums = Sums::default();
    assert!(sums.add(&batch).unwrap());
    assert!(!sums.add(&restored.unsaved[0]).unwrap());
}

proptest! {
    #[test]
    fn no_byte_is_lost(
        requests in prop::collection::vec((0..1_000 * MINUTE_US, 0..200_000 * 1_000_000_u64, 0..u64::MAX / 100), 0..20),
    ) {
        let mut counts = counts();
        let mut expected = 0;
        for (start_us, duration_us, bytes) in requests {
            counts.add(i64::MAX, &request(start_us, duration_us, bytes), attribute);
            expected += u128::from(bytes);
        }
        let total = counts.take("a").map_or(0, |batch| batch.total_bytes());
        prop_assert_eq!(total, expected);
    }
}
