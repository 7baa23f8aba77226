//! What PeeringDB answers, without contacts.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use traffix_core::delivery::Asn;

use crate::wire::count;

#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) data: Vec<T>,
}

#[derive(Deserialize)]
pub(super) struct Network {
    id: u64,
    asn: u32,
    #[serde(default)]
    name: String,
    info_type: Option<String>,
    info_traffic: Option<String>,
    info_ratio: Option<String>,
    #[serde(default, deserialize_with = "count")]
    info_prefixes4: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    info_prefixes6: Option<u64>,
    updated: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(super) netixlan_set: Vec<Port>,
}

#[derive(Deserialize)]
pub(super) struct Exchange {
    id: u64,
    #[serde(default)]
    name: String,
    city: Option<String>,
    country: Option<String>,
    #[serde(default, deserialize_with = "count")]
    net_count: Option<u64>,
    url_stats: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Lan {
    pub(super) id: u64,
    pub(super) ix_id: u64,
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Port {
    asn: u32,
    ix_id: u64,
    #[serde(default, deserialize_with = "count")]
    ixlan_id: Option<u64>,
    name: Option<String>,
    /// Mbit/s; 0 if it is not stated.
    #[serde(default, deserialize_with = "count")]
    speed: Option<u64>,
    operational: Option<bool>,
}

/// A text that says something.
pub(super) fn stated(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

impl From<Network> for super::Network {
    fn from(wire: Network) -> Self {
        Self {
            id: wire.id,
            asn: Asn(wire.asn),
            name: wire.name,
            kind: stated(wire.info_type),
            traffic: stated(wire.info_traffic),
            ratio: stated(wire.info_ratio),
            ipv4_prefixes: wire.info_prefixes4,
            ipv6_prefixes: wire.info_prefixes6,
            updated_at: wire.updated,
        }
    }
}

impl From<Exchange> for super::Exchange {
    fn from(wire: Exchange) -> Self {
        Self {
            id: wire.id,
            name: wire.name,
            city: stated(wire.city),
            country: wire.country.and_then(|code| code.parse().ok()),
            networks: wire.net_count,
            statistics_url: stated(wire.url_stats),
        }
    }
}

impl From<Port> for super::Port {
    fn from(wire: Port) -> Self {
        Self {
            asn: Asn(wire.asn),
            exchange: wire.ix_id,
            lan: wire.ixlan_id,
            name: stated(wire.name),
            speed_bps: wire.speed.filter(|speed| *speed > 0).and_then(|speed| speed.checked_mul(1_000_000)),
            is_operational: wire.operational.unwrap_or(true),
        }
    }
}
