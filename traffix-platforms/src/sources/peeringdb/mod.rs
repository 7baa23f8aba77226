//! PeeringDB: which networks are at which exchanges, with how much (<https://www.peeringdb.com/apidocs/>).
//!
//! Anonymous requests are throttled hard: ask for many networks at once and keep the answer, or configure the
//! credential `peeringdb`. Contacts are not read, and its acceptable-use policy forbids to collect them.

mod wire;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::Asn;

use crate::PlatformError;
use crate::upstream::{Call, Fetched, Placement, Request, Upstream};
use wire::Envelope;

const ID: PlatformId = PlatformId::from_static("peeringdb");

/// Most networks or exchanges of one request: the address stays below 2,000 bytes.
pub const MAX_PER_REQUEST: usize = 150;

/// A network, as it describes itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Its number in PeeringDB.
    pub id: u64,
    /// Its ASN.
    pub asn: Asn,
    /// Name.
    pub name: String,
    /// What it is, in PeeringDB's words: `Cable/DSL/ISP`, `Content`.
    pub kind: Option<String>,
    /// Its traffic as a range in PeeringDB's words: `100-200Gbps`.
    pub traffic: Option<String>,
    /// Its direction in PeeringDB's words: `Mostly Inbound`.
    pub ratio: Option<String>,
    /// Prefixes that it says it announces, IPv4.
    pub ipv4_prefixes: Option<u64>,
    /// Prefixes that it says it announces, IPv6.
    pub ipv6_prefixes: Option<u64>,
    /// When the entry last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// An exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Its number in PeeringDB.
    pub id: u64,
    /// Name.
    pub name: String,
    /// City.
    pub city: Option<String>,
    /// Country.
    pub country: Option<Region>,
    /// Networks at it.
    pub networks: Option<u64>,
    /// Where it shows its traffic.
    pub statistics_url: Option<String>,
}

/// A network of an exchange in which ports are; most exchanges have one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lan {
    /// Its number in PeeringDB.
    pub id: u64,
    /// The exchange's number.
    pub exchange: u64,
    /// Name, where an exchange has several.
    pub name: Option<String>,
}

/// A port of a network at an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The network.
    pub asn: Asn,
    /// The exchange's number.
    pub exchange: u64,
    /// The LAN's number.
    pub lan: Option<u64>,
    /// Name of exchange and LAN.
    pub name: Option<String>,
    /// Bit/s; absent if it is not stated.
    pub speed_bps: Option<u64>,
    /// Whether it is in use.
    pub is_operational: bool,
}

/// Reads networks by ASN; those without an entry are not in the answer.
///
/// # Errors
/// [`PlatformError::Malformed`] or [`PlatformError::Upstream`]; at most [`MAX_PER_REQUEST`] are asked for.
pub async fn networks(up: &dyn Upstream, asns: &[Asn]) -> Result<Fetched<Vec<Network>>, PlatformError> {
    let fetched =
        list::<wire::Network>(up, "net", ("asn__in", numbers(asns.iter().map(|asn| asn.0)))).await?;
    Ok(fetched.map(|list| list.into_iter().map(Network::from).collect()))
}

/// Reads exchanges by their numbers.
///
/// # Errors
/// [`PlatformError::Malformed`] or [`PlatformError::Upstream`]; at most [`MAX_PER_REQUEST`] are asked for.
pub async fn exchanges(up: &dyn Upstream, ids: &[u64]) -> Result<Fetched<Vec<Exchange>>, PlatformError> {
    let fetched = list::<wire::Exchange>(up, "ix", ("id__in", numbers(ids))).await?;
    Ok(fetched.map(|list| list.into_iter().map(Exchange::from).collect()))
}

/// Reads the LANs of exchanges.
///
/// # Errors
/// [`PlatformError::Malformed`] or [`PlatformError::Upstream`]; at most [`MAX_PER_REQUEST`] are asked for.
pub async fn lans(up: &dyn Upstream, exchanges: &[u64]) -> Result<Fetched<Vec<Lan>>, PlatformError> {
    let fetched = list::<wire::Lan>(up, "ixlan", ("ix_id__in", numbers(exchanges))).await?;
    let lan = |wire: wire::Lan| Lan { id: wire.id, exchange: wire.ix_id, name: wire::stated(wire.name) };
    Ok(fetched.map(|list| list.into_iter().map(lan).collect()))
}

/// Reads all ports of networks.
///
/// # Errors
/// [`PlatformError::Malformed`] or [`PlatformError::Upstream`]; at most [`MAX_PER_REQUEST`] are asked for.
pub async fn ports(up: &dyn Upstream, asns: &[Asn]) -> Result<Fetched<Vec<Port>>, PlatformError> {
    let fetched =
        list::<wire::Port>(up, "netixlan", ("asn__in", numbers(asns.iter().map(|asn| asn.0)))).await?;
    Ok(fetched.map(|list| list.into_iter().map(Port::from).collect()))
}

/// Reads one network together with its ports, in one request.
///
/// # Errors
/// [`PlatformError::NotFound`] if it has no entry, [`PlatformError::Malformed`] or [`PlatformError::Upstream`].
pub async fn network_with_ports(
    up: &dyn Upstream,
    asn: Asn,
) -> Result<Fetched<(Network, Vec<Port>)>, PlatformError> {
    let call = Call::new(ID, "net", up);
    let fetched = call.json::<Envelope<wire::Network>>(get("net").query("asn", asn.0)).await?;
    let (source, observed_at) = (fetched.source, fetched.observed_at);
    let mut network = fetched.value.data.into_iter().next().ok_or_else(|| call.not_found(asn.to_string()))?;
    let ports = std::mem::take(&mut network.netixlan_set).into_iter().map(Port::from).collect();
    Ok(Fetched { value: (network.into(), ports), source, observed_at })
}

/// Capacity of the ports in use, in bit/s, by exchange; `None` for an exchange where a port does not say its speed.
///
/// ```
/// use traffix_platforms::sources::peeringdb::{Port, capacity_bps};
/// let port = |exchange, speed_bps| Port {
///     asn: "AS1213".parse().unwrap(),
///     exchange,
///     lan: None,
///     name: None,
///     speed_bps,
///     is_operational: true,
/// };
/// let ports = [port(1, Some(10)), port(1, Some(5)), port(2, Some(7)), port(2, None)];
/// let capacity = capacity_bps(&ports);
/// assert_eq!((capacity[&1], capacity[&2]), (Some(15), None));
/// ```
pub fn capacity_bps(ports: &[Port]) -> BTreeMap<u64, Option<u64>> {
    let mut sums = BTreeMap::new();
    for port in ports.iter().filter(|port| port.is_operational) {
        let sum = sums.entry(port.exchange).or_insert(Some(0_u64));
        *sum = sum.and_then(|sum| sum.checked_add(port.speed_bps?));
    }
    sums
}

async fn list<T: DeserializeOwned>(
    up: &dyn Upstream,
    kind: &'static str,
    (filter, values): (&str, String),
) -> Result<Fetched<Vec<T>>, PlatformError> {
    let call = Call::new(ID, kind, up);
    let request = get(kind).query(filter, values).query("depth", 0);
    Ok(call.json::<Envelope<T>>(request).await?.map(|envelope| envelope.data))
}

fn get(kind: &str) -> Request {
    Request::get("https://www.peeringdb.com/api")
        .segment(kind)
        .optional_credential("peeringdb", Placement::Header("authorization"))
        .body_limit(64 * 1024 * 1024)
        .fresh_for(86_400)
}

fn numbers(numbers: impl IntoIterator<Item = impl ToString>) -> String {
    let numbers: Vec<String> = numbers.into_iter().take(MAX_PER_REQUEST).map(|n| n.to_string()).collect();
    numbers.join(",")
}

#[cfg(test)]
mod tests;
