//! What routers exported once, again: for demonstrations, for tests, and to measure what was only recorded.
//!
//! A recording is a capture of export datagrams on their way to a collector (pcap or pcapng, plain or gzip), or a file of
//! nfcapd (nfdump 1.7), whose flows are put into IPFIX datagrams. [`send`] sends it to a collector at the speed that it
//! had, or another; the collector counts it as of now, since it corrects clocks that are off. [`count`] counts it without a
//! network, at the time at which it was recorded or shifted, and under batch identifiers that are the same when it is
//! repeated: a recording is counted once, however often it is replayed.
//!
//! Files of any size are read in constant memory.

mod count;
mod file;
mod ipfix;
mod nfcapd;
mod send;

pub use count::{Count, Counted, count};
pub use file::{Contents, Recorded, ReplayError, read};
pub use send::{ParseSpeedError, Speed, send};
