//! Measurements as sums: bytes per time bin, platform, CDN and link.
//!
//! A measurement is a map from a key to a number of bytes. Two of them merge by addition, so collectors
//! scale out, and neither order nor batching matters. A batch carries an identifier; adding it twice
//! changes nothing, so a sender may repeat what it does not know to have arrived.
//!
//! This crate does not decode flows, logs or captures yet: whoever has attributed bytes brings them here.
#![forbid(unsafe_code)]

pub mod flow;
mod sums;

pub use sums::{AddError, Key, Sums};
