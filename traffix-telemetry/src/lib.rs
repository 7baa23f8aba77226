//! From what routers export and servers log to attributed bytes.
//!
//! [`flow`] decodes what routers export: `NetFlow` v5 and v9, IPFIX, sFlow v5. What is counted becomes a
//! [`Batch`](traffix_core::measurement::Batch) of sums that merge. [`capture`] says which servers delivered the bytes
//! of a capture, as evidence for assertions.
#![forbid(unsafe_code)]

pub mod capture;
pub mod flow;
