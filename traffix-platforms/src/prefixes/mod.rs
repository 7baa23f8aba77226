//! Which prefixes belong to which delivery network: embedded data and its file format.
//!
//! Two kinds of list are merged here. Derived ones (`bgp-origin`) are the address space whose most specific route
//! in a full routing table has the CDN's ASN as origin, with more specific routes of others cut out, so that they
//! never overlap. Official ones are what a CDN publishes; they may lie inside a derived prefix of a larger owner
//! (`CloudFront` inside Amazon) and win by being more specific, or by rank on an equal prefix.
//!
//! A prefix says whose network it is, not which platform. Embedded caches are not in here: they use the addresses
//! of the operator that hosts them.

mod codec;
mod cursor;
mod family;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use ipnet::IpNet;
use traffix_core::delivery::{Asn, CdnId, PartialDate, PrefixKind};

pub use codec::{DecodeError, decode, encode};

use crate::embedded::must;

/// Prefixes that share owner and source, sorted by family, address and length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixGroup {
    /// The delivery network.
    pub cdn: CdnId,
    /// The network that announces them.
    pub asn: Option<Asn>,
    /// What kind of list they are from.
    pub kind: PrefixKind,
    /// The list.
    pub source: Arc<str>,
    /// When the list was seen.
    pub observed: PartialDate,
    /// The prefixes.
    pub prefixes: Vec<IpNet>,
}

impl PrefixGroup {
    /// What orders groups in files and listings.
    pub(crate) fn key(&self) -> (&CdnId, Option<Asn>, PrefixKind, &str, PartialDate) {
        (&self.cdn, self.asn, self.kind, &self.source, self.observed)
    }

    fn texts(&self) -> [String; 3] {
        [self.cdn.to_string(), self.source.to_string(), self.observed.to_string()]
    }
}

static EMBEDDED: LazyLock<Vec<PrefixGroup>> =
    LazyLock::new(|| must("prefixes.bin", decode(include_bytes!("../../data/prefixes.bin"))));

/// All embedded prefixes, by CDN, ASN and kind. Unpacked once, on first use.
///
/// ```
/// use traffix_platforms::prefixes;
/// let valve = prefixes::embedded().iter().find(|group| group.cdn.as_str() == "valve").unwrap();
/// assert_eq!(valve.asn.unwrap().to_string(), "AS32590");
/// assert!(valve.prefixes.iter().any(|prefix| prefix.contains(&"155.133.226.70".parse::<std::net::IpAddr>().unwrap())));
/// ```
pub fn embedded() -> &'static [PrefixGroup] {
    &EMBEDDED
}

/// Prefixes of one CDN.
pub fn of_cdn(cdn: &CdnId) -> impl Iterator<Item = &'static PrefixGroup> {
    embedded().iter().filter(move |group| group.cdn == *cdn)
}

/// Number of IPv4 and IPv6 prefixes per CDN and kind.
pub fn counts() -> BTreeMap<(CdnId, PrefixKind), (usize, usize)> {
    let mut counts = BTreeMap::<_, (usize, usize)>::new();
    for group in embedded() {
        let ipv4 = group.prefixes.iter().filter(|prefix| matches!(prefix, IpNet::V4(_))).count();
        let sum = counts.entry((group.cdn.clone(), group.kind)).or_default();
        sum.0 += ipv4;
        sum.1 += group.prefixes.len() - ipv4;
    }
    counts
}

/// The newest date of any embedded list.
pub fn data_date() -> Option<PartialDate> {
    embedded().iter().map(|group| group.observed).max_by_key(|date| date.first_day())
}
