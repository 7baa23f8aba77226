//! Member lists in the format of IX-F, versions 0.4 to 1.0 (<https://github.com/euro-ix/json-schemas>).
//!
//! Contacts of exchanges and members are not read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::Region;
use traffix_core::delivery::Asn;
use url::Url;

use super::ID;
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Method, Request, Upstream};
use crate::wire::count;

/// The members of one or several exchanges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberExport {
    /// Version of the format.
    pub version: Option<String>,
    /// When the list was made.
    pub made_at: Option<DateTime<Utc>>,
    /// The exchanges.
    pub exchanges: Vec<Exchange>,
    /// The members, in the order of the list.
    pub members: Vec<Member>,
}

/// An exchange of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Its number within the export.
    pub id: u64,
    /// Short name.
    pub name: Option<String>,
    /// Where it is.
    pub country: Option<Region>,
    /// Its number in PeeringDB.
    pub peeringdb_id: Option<u64>,
}

/// A network at the exchanges of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its ASN.
    pub asn: Asn,
    /// Its name.
    pub name: Option<String>,
    /// Its connections that are not said to be out of use.
    pub ports: Vec<Port>,
}

/// A connection of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// At which exchange of the export.
    pub exchange: Option<u64>,
    /// All interfaces together, in bit/s; absent unless every one says its speed.
    pub speed_bps: Option<u64>,
}

impl MemberExport {
    /// Capacity of a network at an exchange in bit/s; absent if it is not there or a port does not say its speed.
    pub fn capacity_bps(&self, exchange: u64, asn: Asn) -> Option<u64> {
        let of_asn = self.members.iter().filter(|member| member.asn == asn);
        let ports: Vec<&Port> =
            of_asn.flat_map(|member| &member.ports).filter(|port| port.exchange == Some(exchange)).collect();
        if ports.is_empty() {
            return None;
        }
        ports.into_iter().try_fold(0_u64, |sum, port| sum.checked_add(port.speed_bps?))
    }
}

/// Reads a member list.
///
/// # Errors
/// [`PlatformError::Malformed`] with the path if the answer is no member list, [`PlatformError::NotFound`] and
/// [`PlatformError::Upstream`] if there is none.
pub async fn members(up: &dyn Upstream, list: Url) -> Result<Fetched<MemberExport>, PlatformError> {
    let call = Call::new(ID, "IX-F member export", up);
    let request = Request::to(Method::Get, list).body_limit(64 * 1024 * 1024).fresh_for(86_400);
    let fetched = call.json::<Wire>(request).await?;
    if fetched.value.ixp_list.is_empty() && fetched.value.member_list.is_empty() {
        return Err(call.malformed("ixp_list", "neither exchanges nor members"));
    }
    Ok(fetched.map(Wire::into_export))
}

#[derive(Deserialize)]
struct Wire {
    version: Option<String>,
    timestamp: Option<String>,
    #[serde(default)]
    ixp_list: Vec<WireExchange>,
    #[serde(default)]
    member_list: Vec<WireMember>,
}

#[derive(Deserialize)]
struct WireExchange {
    ixp_id: u64,
    shortname: Option<String>,
    name: Option<String>,
    country: Option<String>,
    #[serde(default, deserialize_with = "count")]
    peeringdb_id: Option<u64>,
}

#[derive(Deserialize)]
struct WireMember {
    asnum: u32,
    name: Option<String>,
    #[serde(default)]
    connection_list: Vec<WireConnection>,
}

#[derive(Deserialize)]
struct WireConnection {
    #[serde(default, deserialize_with = "count")]
    ixp_id: Option<u64>,
    state: Option<String>,
    #[serde(default)]
    if_list: Vec<WireInterface>,
}

#[derive(Deserialize)]
struct WireInterface {
    /// Mbit/s.
    #[serde(default, deserialize_with = "count")]
    if_speed: Option<u64>,
}

impl Wire {
    fn into_export(self) -> MemberExport {
        let exchange = |wire: WireExchange| Exchange {
            id: wire.ixp_id,
            name: wire.shortname.or(wire.name),
            country: wire.country.and_then(|code| code.parse().ok()),
            peeringdb_id: wire.peeringdb_id,
        };
        let member = |wire: WireMember| Member {
            asn: Asn(wire.asnum),
            name: wire.name,
            ports: wire.connection_list.into_iter().filter_map(WireConnection::into_port).collect(),
        };
        MemberExport {
            version: self.version,
            made_at: self.timestamp.and_then(|text| text.parse().ok()),
            exchanges: self.ixp_list.into_iter().map(exchange).collect(),
            members: self.member_list.into_iter().map(member).collect(),
        }
    }
}

impl WireConnection {
    fn into_port(self) -> Option<Port> {
        let in_use =
            self.state.as_deref().is_none_or(|state| matches!(state, "active" | "connected" | "operational"));
        let speeds = self.if_list.iter().map(|interface| interface.if_speed?.checked_mul(1_000_000));
        let sum = speeds.collect::<Option<Vec<u64>>>().filter(|speeds| !speeds.is_empty());
        let speed_bps = sum.and_then(|speeds| speeds.into_iter().try_fold(0_u64, u64::checked_add));
        in_use.then_some(Port { exchange: self.ixp_id, speed_bps })
    }
}
