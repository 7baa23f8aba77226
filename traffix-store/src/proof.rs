//! How good forecasts were: which were frozen before a release, what was measured then, and what it taught.
//!
//! All of it belongs to the owner of a network, like the network itself. What the documents say is the business of
//! whoever writes them; the store keeps them to the letter, and keeps the order of things: a frozen forecast never
//! changes, a settled event is never settled again, and an event teaches once.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use traffix_core::catalogue::RuId;
use uuid::Uuid;

use crate::{Page, PageRequest, Revision, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// How long before a release a forecast is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lead {
    /// Fourteen days before.
    #[serde(rename = "t-14d")]
    Days14,
    /// Seven days before.
    #[serde(rename = "t-7d")]
    Days7,
    /// Three days before.
    #[serde(rename = "t-3d")]
    Days3,
    /// One day before.
    #[serde(rename = "t-1d")]
    Days1,
    /// At the release.
    #[serde(rename = "release")]
    Release,
}

impl Lead {
    /// All of them, the earliest first.
    pub const ALL: [Self; 5] = [Self::Days14, Self::Days7, Self::Days3, Self::Days1, Self::Release];

    /// How long before the release.
    ///
    /// ```
    /// use traffix_store::Lead;
    /// assert_eq!(Lead::Days3.before().num_hours(), 72);
    /// ```
    pub const fn before(self) -> TimeDelta {
        TimeDelta::days(match self {
            Self::Days14 => 14,
            Self::Days7 => 7,
            Self::Days3 => 3,
            Self::Days1 => 1,
            Self::Release => 0,
        })
    }

    /// Its word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Days14 => "t-14d",
            Self::Days7 => "t-7d",
            Self::Days3 => "t-3d",
            Self::Days1 => "t-1d",
            Self::Release => "release",
        }
    }
}

impl fmt::Display for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// That a kept forecast was frozen, and for when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freeze {
    /// How long before the release.
    pub lead: Lead,
    /// The UTC day of the release, as it was known. A release that slips to another day is another event.
    pub release_day: NaiveDate,
    /// The instant of the release, as it was known; the start of the day if only that was known.
    pub release_at: DateTime<Utc>,
    /// When it was to be frozen.
    pub due_at: DateTime<Utc>,
    /// True if it was made when the release had long passed: kept for completeness, never scored.
    pub late: bool,
}

/// A release or update on one network of an owner, on one day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    /// Who owns the network.
    pub owner: String,
    /// The network.
    pub network: String,
    /// The release or update.
    pub ru: RuId,
    /// The UTC day of the release.
    pub release_day: NaiveDate,
}

/// How far an event has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeState {
    /// It could not be measured yet; the only state that can still change.
    Pending,
    /// It could not be measured, for good.
    Refused,
    /// It was measured, but there was nothing to learn from it.
    Scored,
    /// It was measured, and the network's state of learning knows it.
    Learned,
}

/// What was measured of an event, or why it could not be.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which event.
    pub event: Event,
    /// How far it has come.
    pub state: OutcomeState,
    /// When that was found.
    pub at: DateTime<Utc>,
    /// The measurement or the reason, as JSON.
    pub document: Value,
}

/// A frozen forecast beside what became of it, without question and answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Frozen {
    /// Identifier of the kept forecast.
    pub id: Uuid,
    /// Which event it is about.
    pub event: Event,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Version of model and priors.
    pub model_version: String,
    /// For when it was frozen.
    pub freeze: Freeze,
    /// Its score, as JSON, once the event was measured.
    pub score: Option<Value>,
    /// What is known of the event.
    pub outcome: Option<Outcome>,
}

/// Filter of frozen forecasts; all conditions must hold. Ordered by when they were due, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrozenQuery {
    /// Of this owner; of all if absent.
    pub owner: Option<String>,
    /// For this network.
    pub network: Option<String>,
    /// About this RU.
    pub ru: Option<RuId>,
    /// Frozen so long before.
    pub lead: Option<Lead>,
    /// Of events on this day.
    pub release_day: Option<NaiveDate>,
}

/// What measured events taught about a network.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedLearned {
    /// The state, as JSON.
    pub document: Value,
    /// Counts its writes.
    pub revision: Revision,
    /// When it was written.
    pub updated_at: DateTime<Utc>,
}

/// A state of learning to be written, and the revision that it follows; `None` if there was none.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The state, as JSON.
    pub document: Value,
    /// What it was made from.
    pub after: Option<Revision>,
}

/// How good forecasts were. They are frozen by [`Forecasts::save_forecast`](crate::Forecasts::save_forecast).
#[async_trait]
pub trait Proof: Send + Sync {
    /// Frozen forecasts that fit a filter.
    async fn frozen(&self, query: &FrozenQuery, page: &PageRequest) -> Result<Page<Frozen>>;
    /// Events with a frozen forecast, released until a day and not settled, by day and name: at most `limit` after
    /// the given one.
    async fn open_events(&self, until: NaiveDate, after: Option<&Event>, limit: u32) -> Result<Vec<Event>>;
    /// What is known of an event.
    async fn outcome(&self, event: &Event) -> Result<Option<Outcome>>;
    /// Writes the outcome of an event, the scores of its frozen forecasts, and what it taught, all or nothing.
    ///
    /// [`StoreError::Conflict`] if the event is settled already, or if the lesson does not follow the revision that is
    /// stored. [`StoreError::Invalid`] if a forecast is not one of this event or late, and unless there is a lesson
    /// exactly if the state is [`OutcomeState::Learned`].
    async fn settle(
        &self,
        outcome: &Outcome,
        scores: &[(Uuid, Value)],
        lesson: Option<&Lesson>,
    ) -> Result<()>;
    /// What measured events taught about a network.
    async fn learned(&self, owner: &str, network: &str) -> Result<Option<SavedLearned>>;
}
