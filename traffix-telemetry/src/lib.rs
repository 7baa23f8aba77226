//! From what routers export and servers log to attributed bytes.
//!
//! [`flow`] decodes what routers export: `NetFlow` v5 and v9, IPFIX, sFlow v5. [`access_log`] follows the logs of proxies
//! and caches. What is counted becomes a [`Batch`](traffix_core::measurement::Batch) of sums that merge.
#![forbid(unsafe_code)]

pub mod access_log;
pub mod flow;
