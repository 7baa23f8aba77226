//! From platforms to CDNs to links.
//!
//! A platform's traffic is split over its CDNs by shares; a CDN pours into its paths in order of preference,
//! each up to its free capacity and its largest share; what no path can take stays unserved.

use std::collections::BTreeMap;

/// Capacity left for extra traffic: `max(0, capacity (1 - headroom) - baseline)`, bit/s.
///
/// ```
/// use traffix_core::forecast::free_capacity;
/// assert_eq!(free_capacity(100e9, 0.2, 62e9), 18e9);
/// assert_eq!(free_capacity(100e9, 0.1, 95e9), 0.0);
/// ```
pub fn free_capacity(capacity_bps: f64, headroom: f64, baseline_bps: f64) -> f64 {
    (capacity_bps * (1.0 - headroom) - baseline_bps).max(0.0)
}

/// Splits the traffic of platforms over CDNs: platform to bit/s, platform to CDN to share, gives CDN to bit/s.
///
/// A platform without shares keeps its traffic under the CDN `unknown`, so that nothing disappears.
///
/// ```
/// use std::collections::BTreeMap;
/// use traffix_core::forecast::cdn_split;
/// let bps = BTreeMap::from([("steam".to_owned(), 80.0)]);
/// let shares = BTreeMap::from([("steam".to_owned(), BTreeMap::from([("valve".to_owned(), 1.0)]))]);
/// assert_eq!(cdn_split(&bps, &shares)["valve"], 80.0);
/// ```
pub fn cdn_split(
    platform_bps: &BTreeMap<String, f64>,
    cdn_share: &BTreeMap<String, BTreeMap<String, f64>>,
) -> BTreeMap<String, f64> {
    let mut split = BTreeMap::new();
    for (platform, bps) in platform_bps {
        match cdn_share.get(platform).filter(|shares| !shares.is_empty()) {
            Some(shares) => {
                for (cdn, share) in shares {
                    *split.entry(cdn.clone()).or_insert(0.0) += bps * share;
                }
            }
            None => *split.entry(super::UNKNOWN_CDN.to_owned()).or_insert(0.0) += bps,
        }
    }
    split
}

/// One way from a CDN into the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathLimit {
    /// Free capacity, bit/s.
    pub free_bps: f64,
    /// Largest share of the CDN's traffic this path can serve (a cache holds popular objects only); 1 = all.
    pub max_share: f64,
}

/// What each path of a CDN carries, in the order given, and what none can take.
#[derive(Debug, Clone, PartialEq)]
pub struct Poured {
    /// Traffic by path, bit/s.
    pub path_bps: Vec<f64>,
    /// Traffic no path can take, bit/s: it slows the downloads.
    pub unserved_bps: f64,
}

/// Pours a CDN's traffic into its paths in order.
///
/// ```
/// use traffix_core::forecast::{PathLimit, pour};
/// let cache = PathLimit { free_bps: 40e9, max_share: 0.95 };
/// let pni = PathLimit { free_bps: 100e9, max_share: 1.0 };
/// let poured = pour(10e9, &[cache, pni]);
/// assert_eq!(poured.path_bps, [9.5e9, 0.5e9]);
/// assert_eq!(poured.unserved_bps, 0.0);
/// ```
pub fn pour(cdn_bps: f64, paths: &[PathLimit]) -> Poured {
    let mut left = cdn_bps;
    let path_bps = paths
        .iter()
        .map(|path| {
            let taken = left.min(path.max_share * cdn_bps).min(path.free_bps).max(0.0);
            left -= taken;
            taken
        })
        .collect();
    Poured { path_bps, unserved_bps: left.max(0.0) }
}
