//! What TMDB answers (<https://developer.themoviedb.org/reference>).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::wire::count;

/// A page of a list of films.
#[derive(Debug, Deserialize)]
pub(super) struct List {
    #[serde(default)]
    pub(super) page: u32,
    #[serde(default)]
    pub(super) results: Vec<Movie>,
    #[serde(default)]
    pub(super) total_pages: u32,
}

/// A film, in a list or alone.
#[derive(Debug, Deserialize)]
pub(super) struct Movie {
    pub(super) id: u64,
    pub(super) title: Option<String>,
    pub(super) adult: Option<bool>,
    pub(super) popularity: Option<f64>,
    /// Day; empty if there is none. Which one it is depends on the request.
    pub(super) release_date: Option<String>,
    /// Minutes; 0 if nobody has entered it.
    #[serde(default, deserialize_with = "count")]
    pub(super) runtime: Option<u64>,
    /// `Released`, `Post Production`, `Canceled` …
    pub(super) status: Option<String>,
    pub(super) release_dates: Option<ReleaseDates>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReleaseDates {
    #[serde(default)]
    pub(super) results: Vec<CountryDates>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CountryDates {
    pub(super) iso_3166_1: Option<String>,
    #[serde(default)]
    pub(super) release_dates: Vec<ReleaseDate>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReleaseDate {
    /// Midnight of the day.
    pub(super) release_date: Option<DateTime<Utc>>,
    /// 1 premiere, 2 limited, 3 cinemas, 4 digital, 5 disc, 6 television.
    #[serde(rename = "type")]
    pub(super) kind: Option<u8>,
}
