//! The HTTP server as its clients see it: a real server on a real socket.

mod computing;
mod document;
mod editing;
mod framing;
mod hardening;
mod harness;
mod keys;
mod limiting;
mod networks;
mod reading;
