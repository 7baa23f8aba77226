//! From what routers export and servers log to attributed bytes.
//!
//! [`flow`] decodes what routers export: `NetFlow` v5 and v9, IPFIX, sFlow v5. [`collector`] counts it, as
//! [`Batch`](traffix_core::measurement::Batch)es of sums that merge, and [`replay`] repeats what was recorded.
//! [`access_log`] follows the logs of proxies and caches. [`capture`] says which servers delivered the bytes of a
//! capture, as evidence for assertions.
#![forbid(unsafe_code)]

pub mod access_log;
pub mod capture;
pub mod collector;
pub mod flow;
pub mod foreign;
pub mod replay;
