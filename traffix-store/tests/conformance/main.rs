//! What every store does, whichever engine is behind it. Written once, run on each.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod catalogue;
mod delivery;
mod lists;
mod measurements;
mod measurements_model;
mod migrations;
mod past;
mod proof;
mod property;
mod proposals;
mod series;
mod sources;
mod spikes;

/// Makes one test an engine of each check.
#[macro_export]
macro_rules! on_every_engine {
    ($($check:ident),* $(,)?) => {
        mod on_sqlite_in_memory {
            $(#[tokio::test] async fn $check() { super::$check($crate::support::On::Memory).await })*
        }
        mod on_sqlite_file {
            $(#[tokio::test] async fn $check() { super::$check($crate::support::On::File).await })*
        }
        mod on_postgres {
            $(#[tokio::test] async fn $check() { super::$check($crate::support::On::Postgres).await })*
        }
    };
}
