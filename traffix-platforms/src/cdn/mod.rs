//! The registry of delivery networks, and the ASNs they use.
//!
//! A CDN is a registry entry of its own because one CDN serves many platforms. The registry
//! (`src/cdn/registry.toml`) is edited by hand; the table of ASNs (`src/cdn/asns.tsv`) is rebuilt together with the
//! prefixes. Names are not evidence: `level3.blizzard.com` answers from Akamai.

mod asns;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use traffix_core::delivery::{CdnId, PartialDate, Status, Tenancy};

pub use asns::{AsnRecord, AsnStatus, parse_asns, print_asns};

use crate::embedded::must;
use crate::error::DataError;

/// One delivery network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cdn {
    /// Stable slug.
    pub id: CdnId,
    /// Name for people.
    pub name: String,
    /// What sort of network it is.
    pub kind: CdnKind,
    /// Who shares its servers.
    pub tenancy: Tenancy,
    /// Whether it delivers today.
    pub status: Status,
    /// Last day of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<PartialDate>,
    /// The network that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<CdnId>,
    /// Where the CDN publishes its addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub official_list: Option<String>,
    /// What a reader should know besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where this is written.
    pub source: String,
    /// When it was looked up there.
    pub observed: PartialDate,
}

/// What sort of network delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CdnKind {
    /// Sells delivery to anybody.
    CommercialCdn,
    /// Belongs to a platform or publisher.
    PlatformOwn,
    /// Sells computing; delivery is one use of its addresses.
    Cloud,
    /// An access network that delivers for others from the inside.
    Operator,
    /// Caches inside access networks, on their addresses: no ASN and no prefixes of its own.
    EmbeddedCache,
}

impl Cdn {
    /// The ASNs of this network, by number.
    ///
    /// ```
    /// use traffix_platforms::cdn;
    /// let valve = cdn::find(&"valve".parse()?).unwrap();
    /// assert_eq!(valve.asns().map(|record| record.asn.0).collect::<Vec<_>>(), [32590]);
    /// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
    /// ```
    pub fn asns(&self) -> impl Iterator<Item = &'static AsnRecord> {
        asns().iter().filter(|record| record.cdn == self.id)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registry {
    cdn: Vec<Cdn>,
}

static CDNS: LazyLock<Vec<Cdn>> =
    LazyLock::new(|| must("cdn/registry.toml", parse_registry(include_str!("registry.toml"))));

static ASNS: LazyLock<Vec<AsnRecord>> =
    LazyLock::new(|| must("cdn/asns.tsv", parse_asns(include_str!("asns.tsv"))));

fn parse_registry(text: &str) -> Result<Vec<Cdn>, toml::de::Error> {
    toml::from_str::<Registry>(text).map(|registry| registry.cdn)
}

/// All delivery networks, sorted by slug.
pub fn cdns() -> &'static [Cdn] {
    &CDNS
}

/// All ASNs of delivery networks, sorted by CDN and number.
pub fn asns() -> &'static [AsnRecord] {
    &ASNS
}

/// The network of this slug.
///
/// ```
/// use traffix_platforms::cdn::{self, CdnKind};
/// let akamai = cdn::find(&"akamai".parse()?).unwrap();
/// assert_eq!(akamai.kind, CdnKind::CommercialCdn);
/// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
/// ```
pub fn find(id: &CdnId) -> Option<&'static Cdn> {
    let cdns = cdns();
    cdns.binary_search_by(|cdn| cdn.id.cmp(id)).ok().map(|index| &cdns[index])
}

/// A field of a text table that is not empty; `-` stands for "not known".
fn known(field: &str) -> Option<&str> {
    (field != "-").then_some(field)
}

fn mistake(line: usize, detail: String) -> DataError {
    DataError { line, detail }
}
