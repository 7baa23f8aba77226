//! The layers of the transport, over real sockets and files.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

mod keeping;
mod pace;
mod recording;
mod refusals;
mod secrets;
mod server;
mod sockets;
