//! From datagrams of routers to answers of the API, with real sockets and processes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../../traffix-store/tests/support/cluster.rs"]
#[expect(dead_code, reason = "its other half is for other tests")]
mod cluster;
mod evening;
mod flows;
mod outage;
mod pcap;
mod process;
mod series;
