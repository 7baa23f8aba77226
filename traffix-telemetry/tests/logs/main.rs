//! Access logs: formats, files that are rotated under the reader, and real servers.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

mod counts;
mod files;
mod follow;
mod formats;
mod hostile;
mod model;
mod servers;
