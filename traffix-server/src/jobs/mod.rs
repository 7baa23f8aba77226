//! Pulling from platforms: once from the command line, or on a schedule beside the server.
//!
//! [`pull`] does one platform once: it takes the lease, reads lists page by page, asks about listings that are due,
//! and writes what is new. Everything it knows about progress is in the store, so it may be killed at any point
//! and goes on where it was. [`schedule`] calls it whenever a source is due.

mod beside;
mod delivery;
mod due;
mod gauges;
mod hold;
mod proposals;
mod pull;
mod report;
mod scheduler;
mod stages;
#[cfg(test)]
mod tests;
mod upstream;
mod write;

pub(crate) use beside::{Beside, besides, pull_beside};
pub(crate) use gauges::SourceGauges;
pub(crate) use hold::holder;
pub(crate) use pull::{Plan, pull};
pub(crate) use report::{PlatformReport, PullStatus};
pub(crate) use scheduler::{Jobs, plan, platforms, schedule};
pub(crate) use upstream::{connect, replay};
