//! The store's logic, written once for both engines.

mod accounts;
mod bits;
mod catalogue;
mod delivery;
mod document;
mod forecasts;
mod log;
mod measurements;
mod names;
mod proof;
mod proposals;
mod series;
mod sources;
mod spikes;

use crate::db::{Db, Micros};
use crate::open::Clock;

/// A store in a SQL database.
pub(crate) struct SqlStore {
    db: Db,
    clock: Clock,
}

impl SqlStore {
    pub(crate) fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    fn now(&self) -> Micros {
        Micros::from((self.clock)())
    }
}
