//! Measurements as sums: bytes per time bin, platform, CDN and link.
//!
//! A measurement is a map from a key to a number of bytes. Two of them merge by addition, so collectors
//! scale out, and neither order nor batching matters. A batch carries an identifier; adding it twice
//! changes nothing, so a sender may repeat what it does not know to have arrived.
//!
//! [`flow`] decodes what routers export: `NetFlow` v5 and v9, IPFIX, sFlow v5. Sockets, access logs and captures are
//! not read here yet: whoever has datagrams or attributed bytes brings them.
#![forbid(unsafe_code)]

pub mod flow;
mod sums;

pub use sums::{AddError, Key, Sums};
