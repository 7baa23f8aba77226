//! Flows that another collector decoded: a second way in where goflow2 or Akvorado run already.
//!
//! [`goflow2`] reads what goflow2 writes, JSON lines or protobuf with lengths before the messages, and
//! [`count`](goflow2::count) counts it. [`akvorado`] asks the `ClickHouse` of Akvorado for sums per minute and server, and reads
//! the answer; who asks over HTTP is the caller's business.
//!
//! Both end in a [`Stage`](crate::collector::Stage), so what counts and what is left out is the same as for datagrams. What
//! only a datagram tells is missing: clocks of exporters that are off are not corrected, and lost datagrams not noticed.
//!
//! Sources: goflow2's `pb/flow.proto` and its renderers, version 2; Akvorado's table `flows` as its migrations of 2026 make
//! it.

pub mod akvorado;
pub mod goflow2;
mod lines;

use core::net::IpAddr;

use crate::collector::SinkError;
use crate::flow::Flow;

/// A flow as another collector had it from an exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// The router; unspecified if it is not told.
    pub exporter: IpAddr,
    /// When the other collector got it, in milliseconds since 1970.
    pub received_ms: i64,
    /// The flow.
    pub flow: Flow,
}

/// Why foreign flows cannot be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignError {
    /// Reading failed.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Something that is no message, and behind which there is no telling where the next one begins.
    #[error("message {number} is none: {what}")]
    Message {
        /// Its number, from 1.
        number: u64,
        /// What is wrong.
        what: String,
    },
    /// An answer with something else than rows in it.
    #[error("row {number} of the answer is none: {what}")]
    Row {
        /// Its number, from 1.
        number: u64,
        /// What is wrong, or what the server says instead.
        what: String,
    },
    /// What was counted could not be kept.
    #[error(transparent)]
    Sink(#[from] SinkError),
}
