//! From what routers export and servers log to attributed bytes.
//!
//! [`flow`] decodes what routers export: `NetFlow` v5 and v9, IPFIX, sFlow v5. [`collector`] counts it, as
//! [`Batch`](traffix_core::measurement::Batch)es of sums that merge.
#![forbid(unsafe_code)]

pub mod collector;
pub mod flow;
