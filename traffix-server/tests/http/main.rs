//! The HTTP server as its clients see it: a real server on a real socket.

mod document;
mod harness;
mod reading;
