//! Platform shares from measured bytes.

use std::collections::BTreeMap;

/// Platform shares after a measured event.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Downloads per platform: measured bytes over bytes of one download.
    pub downloads: BTreeMap<String, f64>,
    /// Mean shares after the event; they sum to 1.
    pub posterior: BTreeMap<String, f64>,
    /// Strength of the belief afterwards, in pseudo-observations.
    pub strength: f64,
}

/// One Dirichlet step: prior shares worth `prior_strength` observations, the event worth `event_strength`.
///
/// Platforms without measured bytes or without a size count as zero downloads. When nothing was measured the
/// prior comes back unchanged.
///
/// ```
/// use std::collections::BTreeMap;
/// use traffix_core::learning::updated_weights;
/// let map = |a: f64, b: f64| BTreeMap::from([("ps".to_owned(), a), ("pc".to_owned(), b)]);
/// let after = updated_weights(&map(0.5, 0.5), (8.0, 6.0), &map(30e12, 10e12), &map(10e9, 10e9));
/// assert!(after.posterior["ps"] > 0.5);
/// ```
pub fn updated_weights(
    prior: &BTreeMap<String, f64>,
    (prior_strength, event_strength): (f64, f64),
    measured_bytes: &BTreeMap<String, f64>,
    bytes_each: &BTreeMap<String, f64>,
) -> Weights {
    let downloads: BTreeMap<String, f64> = prior
        .keys()
        .map(|platform| {
            let each = bytes_each.get(platform).copied().unwrap_or(0.0);
            let measured = measured_bytes.get(platform).copied().unwrap_or(0.0);
            (platform.clone(), if each > 0.0 { measured / each } else { 0.0 })
        })
        .collect();
    let total: f64 = downloads.values().sum();
    let event_strength = if total > 0.0 { event_strength } else { 0.0 };
    let strength = prior_strength + event_strength;
    let posterior = prior
        .iter()
        .map(|(platform, share)| {
            let seen = if total > 0.0 { downloads[platform] / total } else { 0.0 };
            (platform.clone(), (share * prior_strength + seen * event_strength) / strength)
        })
        .collect();
    Weights { downloads, posterior, strength }
}
