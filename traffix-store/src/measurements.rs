//! Measurements: what is kept of batches, and how it is asked for.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::CdnId;
use traffix_core::measurement::{Batch, Key};

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// By what sums are told apart. By nothing, the default: one sum of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dimensions {
    /// By platform; what is of no known platform is a sum of its own.
    pub platform: bool,
    /// By CDN; what is of no known CDN is a sum of its own.
    pub cdn: bool,
    /// By link; what is on no known link is a sum of its own.
    pub link: bool,
}

impl Dimensions {
    /// The part of a key that sums are told apart by.
    #[must_use]
    pub fn of(self, key: &Key) -> Key {
        Key {
            platform: key.platform.clone().filter(|_| self.platform),
            cdn: key.cdn.clone().filter(|_| self.cdn),
            link: key.link.clone().filter(|_| self.link),
        }
    }
}

/// What is asked about the measurements of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasurementQuery {
    /// The network, by the id of its profile.
    pub network: String,
    /// From the bin that this instant lies in.
    pub from: DateTime<Utc>,
    /// Until the bin that ends at or after this instant.
    pub until: DateTime<Utc>,
    /// Length of the bins wanted, in seconds: a multiple of a minute that divides a day.
    pub step_secs: u32,
    /// By what to tell the sums apart.
    pub by: Dimensions,
    /// Only what is of this platform.
    pub platform: Option<PlatformId>,
    /// Only what is of this CDN.
    pub cdn: Option<CdnId>,
    /// Only what is on this link.
    pub link: Option<String>,
}

/// Measurements of a network: one axis of time, and the sums on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Length of the bins in seconds: what was asked for, or the smallest multiple of it that what is kept can be
    /// summed to.
    pub step_secs: u32,
    /// The bins that were watched, by time. A bin that is missing is unknown.
    pub bins: Vec<WatchedBin>,
    /// The sums by key, each with a number for every one of `bins`. Keys without any traffic are left out, but for
    /// the one sum of everything.
    pub series: Vec<MeasuredSeries>,
}

/// A bin that was watched, wholly or in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchedBin {
    /// Its start.
    pub start: DateTime<Utc>,
    /// For how many of its seconds anybody watched, by whole minutes. If these are fewer than the bin has, its sums
    /// are those of a part of it.
    pub watched_secs: u32,
}

/// Bytes of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasuredSeries {
    /// What was counted; only the dimensions asked for are filled.
    pub key: Key,
    /// Bytes of each watched bin.
    pub bytes: Vec<u64>,
}

impl Measured {
    /// Starts of the bins with the bytes of a series.
    pub fn points<'a>(
        &'a self,
        series: &'a MeasuredSeries,
    ) -> impl Iterator<Item = (DateTime<Utc>, u64)> + 'a {
        self.bins.iter().zip(&series.bytes).map(|(bin, bytes)| (bin.start, *bytes))
    }
}

/// How long measurements are kept, and how finely. Days are UTC days and count back from today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Days of minutes; what is older becomes bins of 5 minutes.
    pub minute_days: u32,
    /// Days of 5 minutes, those of minutes included; what is older becomes hours.
    pub five_minute_days: u32,
    /// Days in all; what is older is forgotten.
    pub hour_days: u32,
}

impl Default for Retention {
    /// Two weeks of minutes, four months of 5 minutes, five years of hours.
    fn default() -> Self {
        Self { minute_days: 14, five_minute_days: 120, hour_days: 1_826 }
    }
}

/// What a roll-up did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RolledUp {
    /// Days of a network that became coarser.
    pub days_rolled_up: u64,
    /// Days of a network that were forgotten.
    pub days_forgotten: u64,
    /// Identifiers of batches that were forgotten.
    pub batches_forgotten: u64,
}

/// A network that anything was measured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasuredNetwork {
    /// The network, by the id of its profile.
    pub network: String,
    /// The first minute that was watched, of those that are kept.
    pub first: DateTime<Utc>,
    /// The last minute that was watched.
    pub last: DateTime<Utc>,
}

/// How long the identifier of a batch is remembered at least, from when it was added and from its newest bin.
pub const BATCHES_REMEMBERED: TimeDelta = TimeDelta::days(7);

/// Bytes per network, bin, platform, CDN and link, as sums that batches are added to.
#[async_trait]
pub trait Measurements: Send + Sync {
    /// Adds a batch, once; whether it was new. All of it is added, or nothing. A repeated batch changes nothing.
    ///
    /// Bins are kept by the minute: shorter ones are summed to minutes, longer ones stay as they are.
    ///
    /// [`StoreError::Invalid`] if the batch has [`findings`](Batch::findings), if its identifier was that of another
    /// batch, if a counter cannot hold the sum, or if it has no bin newer than those of batches whose identifiers are
    /// forgotten: it may have been added before. Such history goes into a [`SeriesStore`](crate::SeriesStore), which
    /// replaces values instead of adding to them.
    async fn add_batch(&self, batch: &Batch) -> Result<bool>;
    /// Sums of a network, by time and by the dimensions asked for. Of a network that nobody measured there are none.
    ///
    /// [`StoreError::Invalid`] if the step is no multiple of a minute or does not divide a day, or if the answer
    /// would be too large.
    async fn measurements(&self, query: &MeasurementQuery) -> Result<Measured>;
    /// Sums old days to coarser bins and forgets the oldest, and identifiers of batches past
    /// [`BATCHES_REMEMBERED`]. A day at a time, each atomically: when it is interrupted, what is missing is done the
    /// next time; the second time it does nothing.
    async fn roll_up(&self, now: DateTime<Utc>, retention: &Retention) -> Result<RolledUp>;
    /// The networks that anything was measured on, by id.
    async fn measured_networks(&self) -> Result<Vec<MeasuredNetwork>>;
}
