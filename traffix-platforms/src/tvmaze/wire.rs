//! What TVmaze answers (<https://www.tvmaze.com/api>).

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use crate::wire::{count, unix};

/// An episode in a schedule or of a show.
#[derive(Debug, Deserialize)]
pub(super) struct Episode {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    #[serde(default, deserialize_with = "count")]
    pub(super) season: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(super) number: Option<u64>,
    /// `regular`, `significant_special` or `insignificant_special`; absent in answers before 2020.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// The local day.
    pub(super) airdate: Option<String>,
    /// The local time, `20:00`; empty if the channel gives none.
    pub(super) airtime: Option<String>,
    /// The instant; a placeholder at noon if `airtime` is empty.
    pub(super) airstamp: Option<DateTime<Utc>>,
    /// Minutes.
    #[serde(default, deserialize_with = "count")]
    pub(super) runtime: Option<u64>,
    /// In the schedule of broadcasters.
    pub(super) show: Option<Show>,
    /// In the schedule of streaming channels.
    #[serde(rename = "_embedded")]
    pub(super) embedded: Option<EmbeddedShow>,
}

#[derive(Debug, Deserialize)]
pub(super) struct EmbeddedShow {
    pub(super) show: Option<Show>,
}

impl Episode {
    pub(super) fn show(&self) -> Option<&Show> {
        self.show.as_ref().or_else(|| self.embedded.as_ref()?.show.as_ref())
    }
}

/// A show.
#[derive(Debug, Deserialize)]
pub(super) struct Show {
    pub(super) id: u64,
    pub(super) url: Option<String>,
    pub(super) name: Option<String>,
    /// `Scripted`, `Animation`, `Reality`, `News`, `Talk Show`, `Sports` …
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// Minutes.
    #[serde(default, deserialize_with = "count")]
    pub(super) runtime: Option<u64>,
    /// Minutes.
    #[serde(default, rename = "averageRuntime", deserialize_with = "count")]
    pub(super) average_runtime: Option<u64>,
    /// Day of the first episode.
    pub(super) premiered: Option<String>,
    /// How much the show is asked for on the site, 0 to 100.
    #[serde(default, deserialize_with = "count")]
    pub(super) weight: Option<u64>,
    /// The broadcaster.
    pub(super) network: Option<Channel>,
    /// The streaming channel.
    #[serde(rename = "webChannel")]
    pub(super) web_channel: Option<Channel>,
    #[serde(default, deserialize_with = "unix")]
    pub(super) updated: Option<DateTime<Utc>>,
    #[serde(rename = "_embedded")]
    pub(super) embedded: Option<EmbeddedEpisodes>,
}

#[derive(Debug, Deserialize)]
pub(super) struct EmbeddedEpisodes {
    #[serde(default)]
    pub(super) episodes: Vec<Episode>,
}

impl Show {
    pub(super) fn episodes(&self) -> &[Episode] {
        self.embedded.as_ref().map_or(&[], |embedded| &embedded.episodes)
    }
}

/// A broadcaster or a streaming channel.
#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    pub(super) name: Option<String>,
    /// Absent: the channel is world-wide.
    pub(super) country: Option<Country>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Country {
    /// ISO 3166.
    pub(super) code: Option<String>,
}

/// `2026-09-04`, unless it is empty or no day.
pub(super) fn day(text: Option<&str>) -> Option<NaiveDate> {
    text?.parse().ok()
}
