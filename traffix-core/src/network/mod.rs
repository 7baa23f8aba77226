//! An operator's network: lines, rates, usual traffic, and the links that CDNs arrive on.
//!
//! A profile is data that the operator owns. Only the id, the time zone and the number of lines are needed;
//! everything else widens the forecast when absent.

mod validate;

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::delivery::CdnId;
use crate::forecast::RateClass;

pub(crate) use validate::Findings;
pub use validate::limits;

/// Profile of one network. Rates in bit/s, hours local.
///
/// # Example
///
/// ```
/// use traffix_core::network::Network;
/// let network: Network = serde_json::from_str(
///     r#"{"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 20000}"#,
/// ).unwrap();
/// assert!(network.validate().is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Stable name, for reports and for matching past events.
    pub id: String,
    /// Name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// ISO 3166-1 alpha-2 code of the country, which gives its share of the players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Time zone of the customers, a name of the IANA database such as `Europe/London`.
    pub tz: String,
    /// Access lines.
    pub lines: f64,
    /// Fixed access lines of the whole country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub national_lines: Option<f64>,
    /// Distribution of line rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_rate_bps: Option<LineRate>,
    /// Line rates by class, instead of a distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<LineClass>>,
    /// Share of downloads by platform, summing to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_mix: Option<BTreeMap<String, f64>>,
    /// Usual traffic of the network by local hour of week: 168 values, Monday 00:00 first, bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_bps: Option<Vec<f64>>,
    /// Usual traffic as a series in time, instead of hours of week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
    /// Links that CDNs arrive on.
    #[serde(default)]
    pub links: Vec<Link>,
    /// Addresses of the network and its customers. Traffic from them is not measured, save that of embedded caches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub prefixes: Vec<IpNet>,
    /// True for an invented or public example that describes no real customer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub example: bool,
    /// Remarks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where the figures come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

impl Network {
    /// A network of which only what is needed is known.
    pub fn new(id: impl Into<String>, tz: impl Into<String>, lines: f64) -> Self {
        Self {
            id: id.into(),
            name: None,
            country: None,
            tz: tz.into(),
            lines,
            national_lines: None,
            line_rate_bps: None,
            classes: None,
            platform_mix: None,
            baseline_bps: None,
            series: None,
            links: Vec::new(),
            prefixes: Vec::new(),
            example: false,
            note: None,
            sources: Vec::new(),
        }
    }
}

/// Log-normal distribution of line rates over the lines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LineRate {
    /// Median line, bit/s.
    pub median: f64,
    /// Standard deviation of the natural logarithm.
    pub sigma: f64,
}

/// A share of the lines and their rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LineClass {
    /// Share of the lines; the shares sum to 1.
    pub weight: f64,
    /// Line rate, bit/s.
    pub bps: f64,
}

impl From<&LineClass> for RateClass {
    fn from(class: &LineClass) -> Self {
        Self { weight: class.weight, bps: class.bps }
    }
}

/// Usual traffic in time. Where the forecast runs outside it, the mean of the same local hour of week is
/// taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Start of the first bin.
    pub start: DateTime<Utc>,
    /// Bin length, s.
    pub step_s: u32,
    /// Mean of every bin, bit/s.
    pub bps: Vec<f64>,
}

/// How traffic enters, in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// A CDN's cache inside the network; the capacity is that of the cache.
    EmbeddedCache,
    /// A private interconnect.
    Pni,
    /// A port at an internet exchange.
    Exchange,
    /// A transit provider.
    Transit,
}

/// A link, or a bundle of links that fill together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Stable name, unique in the network.
    pub id: String,
    /// CDNs that arrive on it, by slug; `*` stands for any CDN. May be empty on transit, which takes whatever
    /// has no other way in.
    #[serde(default)]
    pub cdns: Vec<String>,
    /// What kind of link it is.
    pub kind: LinkKind,
    /// Capacity, bit/s.
    pub capacity_bps: f64,
    /// Share of the capacity the operator keeps free.
    #[serde(default)]
    pub headroom: f64,
    /// Largest share of a CDN's traffic it can serve (caches hold popular objects only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share: Option<f64>,
    /// Usual traffic on this link by local hour of week: 168 values, Monday 00:00 first, bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_bps: Option<Vec<f64>>,
    /// Where it ends on routers, so that flows can be counted on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// Addresses of the caches behind it, which are the network's own: on embedded caches only. They answer for the
    /// first of `cdns`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))]
    pub prefixes: Vec<IpNet>,
}

impl Link {
    /// The CDN whose caches are behind the link: the first of `cdns`, if it is a slug. Nothing for other kinds of link.
    pub fn cache_cdn(&self) -> Option<CdnId> {
        let embedded = self.kind == LinkKind::EmbeddedCache;
        self.cdns.first().filter(|_| embedded).and_then(|cdn| cdn.parse().ok())
    }
}

/// An interface of a router that exports flows: by SNMP index or by name; by both if both are given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Address from which the router exports.
    pub exporter: IpAddr,
    /// SNMP index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<NonZeroU32>,
    /// Name, as the router tells it in its options data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
