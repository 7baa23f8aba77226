//! Counts what routers export: from UDP datagrams to [`Batch`](traffix_core::measurement::Batch)es of bytes per bin, platform, CDN and link.
//!
//! A [`Collector`] listens with a thread per core and address, each with a socket, a [`Decoder`](crate::flow::Decoder)
//! and counters of its own; the kernel keeps an exporter's datagrams on one of them. A [`Stage`] is what such a thread
//! does between socket and counters: it has no socket and no clock, so replays and tests run the same code. Once a
//! bin the threads hand over what they counted, it is merged and offered to a [`Sink`] until that has kept it.
//!
//! **What is counted.** A flow that came *in*, from outside, to the network's own addresses, once: flows that were seen
//! on their way out, came in by other interfaces than those of the profile's links (on routers for which it names any),
//! come from the network itself or go elsewhere are left out, and counted by [`Cause`]. Embedded caches have
//! addresses of the network and count as the CDN that they work for. Bytes are scaled by sampling.
//!
//! **When.** A flow's bytes are spread evenly over the time from its first packet to its last, exactly: parts add up to
//! the whole. Exporters whose clock differs from the collector's by more than two seconds are corrected, datagram by
//! datagram, by the time that each carries in its header. What is older than [`Timing::max_late_secs`] or lies in the
//! future is left out and counted.
//!
//! **Once.** A bin is handed over [`Timing::grace_secs`] after its end; what comes later makes another batch, which
//! adds. A batch has an identifier that is unique for ever and is offered until it is kept; while the store is away,
//! what is counted meanwhile is merged in memory. Several collectors may write to one store: sums merge.
//!
//! **Watched.** A bin is watched if an exporter was heard between its start and its handing over: while no router
//! exports, traffic is unknown and not zero. The bins at the edges of such a gap are partial.
//!
//! No address of a subscriber leaves a [`Stage`], nor is one kept in it longer than it takes to look it up.

mod cells;
mod config;
mod heard;
mod outbox;
mod queue;
mod routers;
mod run;
mod sink;
mod socket;
mod spread;
mod stage;
mod stats;
mod watch;
mod worker;

pub use config::{Config, Timing};
pub use run::{Collector, StartError, Stopped, Warning};
pub use sink::{Sink, SinkError};
pub use stage::{Bins, Stage};
pub use stats::{Cause, ExporterStats, Stats, Tally};
pub use watch::{OtherNetwork, Watch};
