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

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use super::lpm::{LpmTable, LpmView, MAX_LPM_ID};
use super::{Asn, Assertion, Attribution, Candidate, CdnId, PartialDate, Tenancy};
use crate::catalogue::PlatformId;
use crate::measurement::Key;
use crate::network::Network;

/// From which probability on traffic is counted as that of one platform, and not only as that of its CDN. Assumed: the
/// dedicated networks of platforms reach .95, the largest user of a shared one .5 at most.
pub const NEARLY_CERTAIN: f64 = 0.9;

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
pub struct OriginId(u32);

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
    prefixes: Vec<(IpNet, u32)>,
    platforms: BTreeMap<CdnId, Vec<Candidate>>,
}

impl PrefixTableBuilder {
    /// Declares an origin; its prefixes follow by [`insert`](Self::insert).
    ///
    /// # Panics
    /// With more than [`MAX_LPM_ID`] origins.
    pub fn origin(&mut self, origin: Origin) -> OriginId {
        let id = u32::try_from(self.origins.len()).unwrap_or(u32::MAX);
        assert!(id <= MAX_LPM_ID, "a table holds at most {MAX_LPM_ID} origins");
        self.origins.push(origin);
        OriginId(id)
    }

    /// Adds a prefix of an origin. Bits beyond the length are ignored. A handle of another builder is ignored.
    pub fn insert(&mut self, origin: OriginId, prefix: IpNet) {
        if (origin.0 as usize) < self.origins.len() {
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

    /// Adds the caches that CDNs have in a network, from its profile: their addresses are the network's own, so no list
    /// knows them. They answer for the first CDN of their link. The answer says how many prefixes were added; those of
    /// links that [`Network::validate`] complains about are not.
    ///
    /// ```
    /// use traffix_core::delivery::{PrefixTable, Tenancy};
    /// use traffix_core::network::Network;
    /// let network: Network = serde_json::from_str(r#"{
    ///     "id": "acme", "tz": "Europe/London", "lines": 20000,
    ///     "links": [{"id": "racks", "kind": "embedded-cache", "capacity_bps": 40e9, "cdns": ["akamai"],
    ///                "prefixes": ["192.0.2.0/28"]}]
    /// }"#)?;
    /// let mut builder = PrefixTable::builder();
    /// assert_eq!(builder.embedded_caches(&network), 1);
    /// builder.platforms("akamai".parse()?, &[("playstation".parse()?, 0.2)]);
    /// let answer = builder.build().attribute("192.0.2.3".parse()?);
    /// assert_eq!((answer.cdn.unwrap().as_str(), answer.tenancy), ("akamai", Some(Tenancy::Embedded)));
    /// assert_eq!(answer.platforms[0].probability, 0.2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn embedded_caches(&mut self, network: &Network) -> usize {
        let mut added = 0;
        for link in network.links.iter().filter(|link| !link.prefixes.is_empty()) {
            let Some(cdn) = link.cache_cdn() else { continue };
            let origin = self.origin(Origin {
                cdn,
                asn: None,
                kind: PrefixKind::Configured,
                tenancy: Tenancy::Embedded,
                source: format!("profile of network {}, link {}", network.id, link.id).into(),
                observed: None,
            });
            link.prefixes.iter().for_each(|prefix| self.insert(origin, *prefix));
            added += link.prefixes.len();
        }
        added
    }

    /// Says for which platforms a CDN works, with probabilities; what is missing to 1 is "unknown".
    pub fn platforms(&mut self, cdn: CdnId, known: &[(PlatformId, f64)]) {
        self.platforms.insert(cdn, Candidate::distribution(known));
    }

    /// Builds the table. The order of insertion does not matter, except between equal origins.
    pub fn build(self) -> PrefixTable {
        let Self { origins, mut prefixes, platforms } = self;
        // Of equal prefixes the best claim comes last, and is the one that is kept.
        prefixes.sort_unstable_by(|(a, x), (b, y)| {
            a.cmp(b).then_with(|| claim(&origins, *x).cmp(&claim(&origins, *y)))
        });
        let (mut lpm, mut len) = (LpmTable::builder(), (0, 0));
        for same in prefixes.chunk_by(|(a, _), (b, _)| a == b) {
            let (prefix, origin) = same[same.len() - 1];
            lpm.insert(prefix, origin);
            match prefix {
                IpNet::V4(_) => len.0 += 1,
                IpNet::V6(_) => len.1 += 1,
            }
        }
        PrefixTable { origins, platforms, lpm: lpm.build(), len }
    }
}

/// What decides between two claims on one prefix, the larger wins: the kind of list, then its date, then the first
/// in [`Origin`] order.
fn claim(origins: &[Origin], index: u32) -> impl Ord + '_ {
    let origin = &origins[index as usize];
    (origin.kind, origin.observed, std::cmp::Reverse(origin))
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
    lpm: LpmTable,
    /// Distinct prefixes, IPv4 and IPv6.
    len: (usize, usize),
}

impl PrefixTable {
    /// An empty builder.
    pub fn builder() -> PrefixTableBuilder {
        PrefixTableBuilder::default()
    }

    /// The most specific prefix that holds `address`.
    pub fn lookup(&self, address: IpAddr) -> Option<PrefixMatch<'_>> {
        let address = address.to_canonical();
        let found = self.lpm.view().lookup(address)?;
        let prefix = IpNet::new(address, found.length).ok()?.trunc();
        Some(PrefixMatch { prefix, origin: self.origin(found.id)? })
    }

    /// The flat table behind it, for look-ups in batches: its numbers are those of [`origin`](Self::origin).
    pub fn lpm(&self) -> LpmView<'_> {
        self.lpm.view()
    }

    /// The origin of a number in [`lpm`](Self::lpm).
    pub fn origin(&self, id: u32) -> Option<&Origin> {
        self.origins.get(id as usize)
    }

    /// What traffic from the prefixes of an origin is counted as: its CDN, and the platform if one is nearly certain.
    /// A number that no origin has is traffic of unknown origin.
    pub fn counted_as(&self, id: u32) -> Key {
        let Some(origin) = self.origin(id) else { return Key::default() };
        let platforms = self.platforms.get(&origin.cdn).into_iter().flatten();
        let certain =
            platforms.filter(|one| one.probability >= NEARLY_CERTAIN).find_map(|one| one.platform.clone());
        Key { platform: certain, cdn: Some(origin.cdn.clone()), link: None }
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
            domain: None,
            platforms: self.platforms(&origin.cdn),
        }
    }

    /// For whom a CDN works: platforms by falling probability, "unknown" last.
    pub fn platforms(&self, cdn: &CdnId) -> Vec<Candidate> {
        self.platforms.get(cdn).cloned().unwrap_or_else(|| Candidate::distribution(&[]))
    }

    /// Number of distinct prefixes, IPv4 and IPv6.
    pub fn len(&self) -> (usize, usize) {
        self.len
    }

    /// Whether there is no prefix at all.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }
}
