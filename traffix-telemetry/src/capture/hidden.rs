//! What hides who delivered.

use std::fmt;

use serde::Serialize;

use super::report::{Report, Scope};
use super::tunnel::Tunnel;

/// From which share of all bytes on one conversation of an encrypted tunnel looks like a VPN that everything goes
/// through. Assumed.
const VPN_SHARE: f64 = 0.8;

/// Something that hides who delivered, with the share of all bytes that it concerns.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Hidden {
    /// One conversation of an encrypted tunnel carries nearly everything: somebody's VPN delivers, for all one sees.
    LikelyVpn {
        /// The tunnel.
        tunnel: Tunnel,
        /// Share of the conversation.
        share: f64,
    },
    /// A tunnel whose inside was not read.
    Tunnel {
        /// The tunnel.
        tunnel: Tunnel,
        /// Share of the packets not read.
        share: f64,
    },
    /// Servers with addresses of private networks: a NAT or a cache stands in front of who delivers.
    PrivateServers {
        /// Their share.
        share: f64,
    },
    /// Servers with addresses between a carrier's NAT and its customers.
    CarrierNat {
        /// Their share.
        share: f64,
    },
    /// QUIC, whose names were not read.
    Quic {
        /// Its share.
        share: f64,
    },
    /// Hellos with an encrypted part, or a decoy of one: their names may be a front.
    EncryptedHello {
        /// Conversations.
        flows: u64,
    },
    /// Conversations of which neither end is known to be a server.
    Withheld {
        /// Their share.
        share: f64,
    },
}

impl Hidden {
    fn share(&self) -> f64 {
        match self {
            Self::LikelyVpn { share, .. }
            | Self::Tunnel { share, .. }
            | Self::PrivateServers { share }
            | Self::CarrierNat { share }
            | Self::Quic { share }
            | Self::Withheld { share } => *share,
            Self::EncryptedHello { .. } => 0.0,
        }
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.share() * 100.0;
        match self {
            Self::LikelyVpn { tunnel, .. } => {
                write!(
                    f,
                    "{percent:.1} % in one {tunnel} conversation: probably a VPN; who delivers is inside it"
                )
            }
            Self::Tunnel { tunnel, .. } => {
                write!(f, "{percent:.1} % in {tunnel}, whose inside was not read")
            }
            Self::PrivateServers { .. } => write!(
                f,
                "{percent:.1} % from servers with private addresses: a cache, a proxy or a NAT stands in front of \
                 who delivers; capture on its other side"
            ),
            Self::CarrierNat { .. } => write!(
                f,
                "{percent:.1} % from servers in 100.64.0.0/10: behind a carrier's NAT; capture on its other side"
            ),
            Self::Quic { .. } => write!(
                f,
                "{percent:.1} % in QUIC: SNI is encrypted in the Initial and not read; names are from DNS alone"
            ),
            Self::EncryptedHello { flows } => write!(
                f,
                "{flows} conversations with Encrypted Client Hello or a decoy of it: their SNI may be a front"
            ),
            Self::Withheld { .. } => write!(
                f,
                "{percent:.1} % between addresses of which none is known to be a server; they are not told, as they \
                 may be people's"
            ),
        }
    }
}

/// Everything that hides something, the largest share first.
pub(super) fn of(report: &Report) -> Vec<Hidden> {
    let mut found = Vec::new();
    for total in &report.tunnels {
        let tunnel = total.tunnel;
        let largest = report.share(total.largest_bytes);
        let share = report.share(total.unread_bytes).min(1.0);
        if tunnel.is_encrypted() && largest >= VPN_SHARE {
            found.push(Hidden::LikelyVpn { tunnel, share: largest });
        } else {
            found.push(Hidden::Tunnel { tunnel, share });
        }
    }
    let of_scope = |scope| {
        let servers = report.servers.iter().filter(|server| server.scope == scope);
        report.share(servers.map(super::Server::bytes).sum())
    };
    found.push(Hidden::PrivateServers { share: of_scope(Scope::Private) });
    found.push(Hidden::CarrierNat { share: of_scope(Scope::CarrierNat) });
    found.push(Hidden::Quic { share: report.share(report.quic_bytes) });
    found.push(Hidden::Withheld { share: report.share(report.withheld.bytes) });
    found.retain(|one| one.share() > 0.0);
    found.sort_by(|a, b| b.share().total_cmp(&a.share()));
    if report.ech_flows > 0 {
        found.push(Hidden::EncryptedHello { flows: report.ech_flows });
    }
    found
}
