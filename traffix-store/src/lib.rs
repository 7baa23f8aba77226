#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cursor;
mod db;
mod error;
mod measurements;
mod migrate;
mod model;
mod open;
mod proof;
mod sources;
mod spikes;
mod sql;
mod traits;
mod words;

pub use error::StoreError;
pub use measurements::{
    BATCHES_REMEMBERED, Dimensions, Measured, MeasuredNetwork, MeasuredSeries, MeasurementQuery,
    Measurements, Retention, RolledUp, WatchedBin,
};
pub use migrate::{Migration, migrate_down, migrate_status, migrate_up};
pub use model::{
    Actor, AssertionQuery, CdnPrefix, Change, ChangeOp, EntityKind, Expect, ImportReport, KeyInfo, NewKey,
    Page, PageRequest, PrefixQuery, Revision, Role, RuQuery, SavedForecast, SavedNetwork, Sequence,
    Versioned, Written,
};
pub use open::{Clock, OpenOptions, open};
pub use proof::{
    Event, Freeze, Frozen, FrozenQuery, Lead, Lesson, Outcome, OutcomeState, Proof, SavedLearned,
};
pub use sources::{
    Lease, ListingPull, Proposal, ProposalStatus, ProposalSubject, Proposals, SeriesKey, SeriesStore, Source,
    SourceState, Sources,
};
pub use spikes::{
    FoundSpike, Ruled, Ruling, SavedSpike, SpikeQuery, SpikeScope, SpikeScopeError, SpikeVerdict, Spikes,
};
pub use traits::{Catalogue, Delivery, Forecasts, Keys, Maintenance, Networks, Store};
