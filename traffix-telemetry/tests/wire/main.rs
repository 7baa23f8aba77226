//! What real exporters send over real sockets.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

mod capture;
mod collector;
mod exporters;
mod measured;
mod replay;
mod run;
mod sflow;
