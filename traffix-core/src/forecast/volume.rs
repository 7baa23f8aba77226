//! How much an RU brings in all, without a curve: enough to compare RUs.

use chrono::{DateTime, Utc};

use super::clock::Grid;
use super::curve::{Cohort, RateClass};
use super::engine::rates;
use super::estimate;
use super::input::ForecastInput;
use super::plan::Plan;
use super::population::{mean_size, platforms};
use super::world::World;

/// Median bytes that an RU brings to a network over all its time, by platform in the order of its items.
///
/// The same estimates of audience and size that the forecast draws from, without draws: microseconds instead of
/// milliseconds.
///
/// ```
/// use traffix_core::forecast::{ForecastInput, bytes_by_platform};
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "items": [
///         {"platform": "steam", "bytes": 20e9, "weight": 0.25}, {"platform": "xbox", "bytes": 40e9, "weight": 0.75}]},
///     "network": {"id": "acme", "tz": "Europe/London", "lines": 1e6}
/// }"#).unwrap();
/// let bytes = bytes_by_platform(&input);
/// assert_eq!((bytes[0].0.as_str(), bytes[1].0.as_str()), ("steam", "xbox"));
/// assert!((bytes[1].1 / bytes[0].1 - 6.0).abs() < 1e-9); // three times the downloads, twice the size
/// ```
pub fn bytes_by_platform(input: &ForecastInput) -> Vec<(String, f64)> {
    let mut missing = Vec::new();
    // When downloads begin decides their curve, not their sum.
    let platforms = platforms(input, DateTime::<Utc>::UNIX_EPOCH, &mut missing);
    let downloads = estimate::audience(input, &mean_size(&platforms), &mut missing).median;
    platforms.into_iter().map(|one| (one.id, downloads * one.weight * one.size.median)).collect()
}

/// One download of the median world, over all platforms: mean bytes, and rates by class. It has no starts.
pub(crate) fn median_download(input: &ForecastInput) -> Cohort {
    let plan = Plan::without_routes(input, Grid::new(input.span().0, input.options.step_s.max(1), 1));
    let world = World::median(&plan);
    let shares = || world.shares.iter().enumerate();
    let classes = shares().flat_map(|(p, share)| {
        rates(&plan, &world, p).map(move |(weight, bps)| RateClass { weight: share * weight, bps })
    });
    Cohort {
        id: input.ru.id.clone(),
        downloads: 1.0,
        bytes: shares().map(|(p, share)| share * world.bytes[p]).sum(),
        classes: classes.collect(),
        starts: Vec::new(),
    }
}
