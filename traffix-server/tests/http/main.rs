//! The HTTP server as its clients see it: a real server on a real socket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod computing;
mod document;
mod editing;
mod framing;
mod hardening;
mod harness;
mod history;
mod keys;
mod lessons;
mod limiting;
mod live;
mod measurements;
mod networks;
mod proving;
mod reading;
mod scenarios;
mod sources;
mod spikes;
mod usual;
