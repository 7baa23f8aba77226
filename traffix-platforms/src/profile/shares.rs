//! How a platform's bytes divide over CDNs, and how big its part of an RU is.

use serde::{Deserialize, Serialize};
use traffix_core::catalogue::Region;
use traffix_core::delivery::CdnId;

use super::stated::Provenance;

/// The part of a release's downloads that a platform carries unless the listing says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefaultWeight {
    /// Where it holds.
    pub region: Region,
    /// Share in 0..=1 of the downloads of a title that is on every group of platforms.
    pub share: f64,
    /// Platforms that carry `share` together: those of one group on which the title is listed divide it equally.
    /// Absent: the platform has it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Who says so.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// The part of a platform's users who live in a country.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountryShare {
    /// The country.
    pub region: Region,
    /// Share in 0..=1 of the platform's users or traffic.
    pub share: f64,
    /// Who says so.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// How the platform's bytes divide over delivery networks in a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CdnShares {
    /// Where it holds.
    pub region: Region,
    /// The networks. Sums to 1.
    pub parts: Vec<CdnShare>,
    /// Who says so. No source publishes a split of traffic, so the basis is an assumption until it is measured.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// One network's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CdnShare {
    /// The network; absent for the part whose network is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdn: Option<CdnId>,
    /// Share in 0..=1.
    pub share: f64,
}

impl CdnShares {
    /// The shares of the named networks only, scaled so that they sum to 1: what a forecast distributes bytes by.
    ///
    /// The part whose network is unknown is spread over the others in proportion. Empty if no network is named.
    ///
    /// ```
    /// use traffix_platforms::{PlatformExt, platform};
    /// let nintendo = platform("nintendo")?;
    /// let shares = nintendo.cdn_shares(&"GB".parse().unwrap()).unwrap();
    /// let sum: f64 = shares.named().iter().map(|(_, share)| share).sum();
    /// assert!((sum - 1.0).abs() < 1e-12);
    /// # Ok::<(), traffix_platforms::PlatformError>(())
    /// ```
    pub fn named(&self) -> Vec<(CdnId, f64)> {
        let named = || self.parts.iter().filter_map(|part| Some((part.cdn.clone()?, part.share)));
        let sum: f64 = named().map(|(_, share)| share).sum();
        named().filter(|_| sum > 0.0).map(|(cdn, share)| (cdn, share / sum)).collect()
    }
}

/// The entry for `region`: its own, else that of the whole world.
pub(crate) fn in_region<'a, T>(
    entries: &'a [T],
    region: &Region,
    of: impl Fn(&T) -> &Region,
) -> Option<&'a T> {
    let find = |wanted: &Region| entries.iter().find(|entry| of(entry) == wanted);
    find(region).or_else(|| find(&Region::WORLD))
}
