//! What real exporters send over real sockets.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

mod capture;
mod exporters;
mod run;
mod sflow;
