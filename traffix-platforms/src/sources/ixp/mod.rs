//! Internet exchanges: what they show of their traffic, and who is connected with how much.
//!
//! Exchanges that run IXP Manager, some two hundred, give the traffic of the whole exchange as numbers
//! ([`traffic`]), as a rule to anybody. Most large ones show pictures only; what an operator has of them as a table
//! comes in by [`traffic_from_csv`]. Members come as IX-F exports ([`members`]), which most exchanges publish.

mod grapher;
mod members;
mod table;

use traffix_core::catalogue::PlatformId;
use traffix_core::series::Series;

pub use grapher::{Period, Site, Summary, summary, traffic};
pub use members::{Exchange, Member, MemberExport, Port, members};
pub use table::traffic_from_csv;

const ID: PlatformId = PlatformId::from_static("ixp");

/// The traffic of a place in both directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    /// Into the exchange, from its members.
    pub inbound: Series,
    /// Out of it, to its members.
    pub outbound: Series,
}

/// A rate in bit/s as sources write it: with decimals or not, never negative; nothing if it is no such number.
fn bps(number: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (0.0..1e18).contains(&number).then_some(number as u64)
}

#[cfg(test)]
mod tests;
