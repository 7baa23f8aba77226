//! Which prefix an address is in.
//!
//! The table is immutable: it is built once and read by everybody. The most specific prefix wins; on an equal
//! prefix what the operator configured beats what the CDN publishes, which beats what routing tables imply.
//! An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) is the IPv4 address, in prefixes
//! as in look-ups.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use serde::{Deserialize, Serialize};

use super::{Asn, Assertion, Attribution, Candidate, CdnId, PartialDate, Tenancy};
use crate::catalogue::PlatformId;

/// What kind of list a prefix is from; later variants beat earlier ones on an equal prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PrefixKind {
    /// Address space whose longest match in a full routing table has the CDN's ASN as origin.
    BgpOrigin,
    /// Published by the CDN for this use.
    OfficialList,
    /// Given by the operator who runs this program, for example for embedded caches.
    Configured,
}

impl PrefixKind {
    /// The word used in files: `bgp-origin`, `official-list`, `configured`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BgpOrigin => "bgp-origin",
            Self::OfficialList => "official-list",
            Self::Configured => "configured",
        }
    }
}

impl fmt::Display for PrefixKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What many prefixes have in common: whose they are and who says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// The delivery network.
    pub cdn: CdnId,
    /// The network that announces the prefixes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<Asn>,
    /// What kind of list they are from.
    pub kind: PrefixKind,
    /// Who shares the servers.
    pub tenancy: Tenancy,
    /// Where the list is.
    pub source: Arc<str>,
    /// When the list was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<PartialDate>,
}

/// Handle of an [`Origin`] in a [`PrefixTableBuilder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginId(usize);

/// The most specific prefix of an address, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrefixMatch<'table> {
    /// The prefix.
    pub prefix: IpNet,
    /// Whose it is.
    pub origin: &'table Origin,
}

/// Collects prefixes for a [`PrefixTable`].
#[derive(Debug, Default)]
pub struct PrefixTableBuilder {
    origins: Vec<Origin>,
    prefixes: Vec<(IpNet, usize)>,
    platforms: BTreeMap<CdnId, Vec<Candidate>>,
}

impl PrefixTableBuilder {
    /// Declares an origin; its prefixes follow by [`insert`](Self::insert).
    pub fn origin(&mut self, origin: Origin) -> OriginId {
        self.origins.push(origin);
        OriginId(self.origins.len() - 1)
    }

    /// Adds a prefix of an origin. Bits beyond the length are ignored. A handle of another builder is ignored.
    pub fn insert(&mut self, origin: OriginId, prefix: IpNet) {
        if origin.0 < self.origins.len() {
            self.prefixes.push((unmapped(prefix), origin.0));
        }
    }

    /// Adds an assertion that names both a CDN and a prefix, as configured by the operator. Others are skipped;
    /// the answer says whether it was added.
    pub fn assertion(&mut self, assertion: &Assertion) -> bool {
        let (Some(cdn), Some(prefix)) = (&assertion.cdn, assertion.prefix) else { return false };
        let id = self.origin(Origin {
            cdn: cdn.clone(),
            asn: assertion.asn,
            kind: PrefixKind::Configured,
            tenancy: assertion.tenancy,
            source: Arc::clone(&assertion.source),
            observed: assertion.observed,
        });
        self.insert(id, prefix);
        true
    }

    /// Says for which platforms a CDN works, with probabilities; what is missing to 1 is "unknown".
    pub fn platforms(&mut self, cdn: CdnId, known: &[(PlatformId, f64)]) {
        self.platforms.insert(cdn, Candidate::distribution(known));
    }

    /// Builds the table. The order of insertion does not matter, except between equal origins.
    pub fn build(self) -> PrefixTable {
        let Self { origins, prefixes, platforms } = self;
        let mut table =
            PrefixTable { origins, platforms, ipv4: PrefixMap::default(), ipv6: PrefixMap::default() };
        for (prefix, origin) in prefixes {
            match prefix {
                IpNet::V4(net) => {
                    let best = best(&table.origins, table.ipv4.get(&net).copied(), origin);
                    table.ipv4.insert(net, best);
                }
                IpNet::V6(net) => {
                    let best = best(&table.origins, table.ipv6.get(&net).copied(), origin);
                    table.ipv6.insert(net, best);
                }
            }
        }
        table
    }
}

/// The origin that keeps a prefix claimed by two: by kind, then the later list, then the first in [`Origin`] order.
fn best(origins: &[Origin], old: Option<usize>, new: usize) -> usize {
    let Some(old) = old else { return new };
    let rank = |index: usize| {
        let origin = &origins[index];
        (origin.kind, origin.observed, std::cmp::Reverse(origin))
    };
    if rank(new) > rank(old) { new } else { old }
}

/// An IPv4-mapped IPv6 prefix as the IPv4 prefix it stands for; host bits cleared.
fn unmapped(prefix: IpNet) -> IpNet {
    if let IpNet::V6(net) = prefix
        && let Some(length) = net.prefix_len().checked_sub(96)
        && let Some(address) = net.network().to_ipv4_mapped()
        && let Ok(net) = Ipv4Net::new(address, length)
    {
        return IpNet::V4(net.trunc());
    }
    prefix.trunc()
}

/// An immutable longest-prefix-match table from addresses to origins.
///
/// ```
/// use traffix_core::delivery::{Origin, PrefixKind, PrefixTable, Tenancy};
/// let mut builder = PrefixTable::builder();
/// let valve = builder.origin(Origin {
///     cdn: "valve".parse()?,
///     asn: Some("AS32590".parse()?),
///     kind: PrefixKind::BgpOrigin,
///     tenancy: Tenancy::Dedicated,
///     source: "a routing table".into(),
///     observed: Some("2026-10-04".parse()?),
/// });
/// builder.insert(valve, "155.133.224.0/19".parse()?);
/// builder.platforms("valve".parse()?, &[("steam".parse()?, 0.95)]);
/// let table = builder.build();
///
/// let answer = table.attribute("::ffff:155.133.226.70".parse()?);
/// assert_eq!(answer.cdn.as_ref().map(|cdn| cdn.as_str()), Some("valve"));
/// assert_eq!(answer.platforms[0].probability, 0.95);
/// assert_eq!(table.attribute("192.0.2.1".parse()?).probability_unknown(), 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct PrefixTable {
    origins: Vec<Origin>,
    platforms: BTreeMap<CdnId, Vec<Candidate>>,
    ipv4: PrefixMap<Ipv4Net, usize>,
    ipv6: PrefixMap<Ipv6Net, usize>,
}

impl PrefixTable {
    /// An empty builder.
    pub fn builder() -> PrefixTableBuilder {
        PrefixTableBuilder::default()
    }

    /// The most specific prefix that holds `address`.
    pub fn lookup(&self, address: IpAddr) -> Option<PrefixMatch<'_>> {
        let (prefix, &index) = match address.to_canonical() {
            IpAddr::V4(address) => {
                let (net, index) = self.ipv4.get_lpm(&Ipv4Net::from(address))?;
                (IpNet::V4(net), index)
            }
            IpAddr::V6(address) => {
                let (net, index) = self.ipv6.get_lpm(&Ipv6Net::from(address))?;
                (IpNet::V6(net), index)
            }
        };
        Some(PrefixMatch { prefix, origin: self.origins.get(index)? })
    }

    /// Everything known about `address`; never fails, "unknown" is an answer.
    pub fn attribute(&self, address: IpAddr) -> Attribution {
        let Some(found) = self.lookup(address) else { return Attribution::unknown() };
        let origin = found.origin;
        Attribution {
            cdn: Some(origin.cdn.clone()),
            asn: origin.asn,
            tenancy: Some(origin.tenancy),
            prefix: Some(found.prefix),
            kind: Some(origin.kind),
            source: Some(origin.source.to_string()),
            observed: origin.observed,
            platforms: self
                .platforms
                .get(&origin.cdn)
                .cloned()
                .unwrap_or_else(|| Candidate::distribution(&[])),
        }
    }

    /// Number of distinct prefixes, IPv4 and IPv6.
    pub fn len(&self) -> (usize, usize) {
        (self.ipv4.len(), self.ipv6.len())
    }

    /// Whether there is no prefix at all.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }
}
