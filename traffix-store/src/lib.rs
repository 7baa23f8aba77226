//! Catalogue, networks, forecasts and keys on SQLite (embedded) or PostgreSQL 15+.
//!
//! A URL opens a [`Store`]. The traits say what a store does; the two engines
//! answer alike, which one conformance suite checks on both. Every write to the catalogue appends exactly one
//! [`Change`] in the same transaction; history and `as_of` read it.
#![forbid(unsafe_code)]

mod error;
mod model;
mod traits;

pub use error::StoreError;
pub use model::{
    Actor, Change, ChangeOp, EntityKind, Expect, ImportReport, KeyInfo, NewKey, Page, PageRequest, Revision,
    Role, RuQuery, SavedForecast, SavedNetwork, Sequence, Versioned, Written,
};
pub use traits::{Catalogue, Forecasts, Keys, Maintenance, Networks, Store};
