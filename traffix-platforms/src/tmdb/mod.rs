//! TMDB, a guide to films kept by volunteers (<https://developer.themoviedb.org>).
//!
//! This product uses the TMDB API but is not endorsed or certified by TMDB. Requests carry the operator's credential
//! `tmdb`; about 40 a second are tolerated.
//!
//! What moves traffic is the digital release, type 4: the day from which a film can be streamed or bought. The day of
//! the cinemas is never stated as one. Bytes are never stated either: a film has a running time, and a bit rate that
//! no guide knows.

mod wire;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{NaiveDate, NaiveTime};
use traffix_core::catalogue::{
    Audience, Content, Phase, PhaseKind, PhaseStatus, PlatformId, Precision, Region,
};
use traffix_core::delivery::Assertion;
use traffix_core::{Evidence, Fact, SourceKind};

use crate::embedded::profile;
use crate::upstream::{Call, Fetched, Placement, Request, Upstream};
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, phase, unsupported,
};
use wire::{List, Movie};

const ID: PlatformId = PlatformId::from_static("tmdb");

/// The digital release among TMDB's types of release.
const DIGITAL: u8 = 4;
/// Pages that TMDB serves of one list.
const MAX_PAGES: u32 = 500;
/// How sure volunteers' dates are. Assumed, November 2026: they copy what distributors announce.
const CONFIDENCE: f64 = 0.7;

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// TMDB, a guide to films.
pub(crate) struct Tmdb;

#[async_trait]
impl Platform for Tmdb {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// Films with a digital release in the period. Dates are those of a country: seen from the world, titles come
    /// without one and [`refresh`](Platform::refresh) tells.
    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let call = Call::new(ID, "discover/movie", up);
        let country = country(&query.region);
        let mut request = get("discover/movie")
            .query("with_release_type", DIGITAL)
            .query("sort_by", "popularity.desc")
            .query("release_date.gte", query.from.date_naive())
            .query("release_date.lte", query.until.date_naive());
        if let Some(country) = country {
            request = request.query("region", country);
        }
        list(&call, request, query.cursor.as_deref(), country.map(|_| &query.region)).await
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let fetched = movie(up, &listing.external_id).await?;
        Ok(observe_with_dates(&fetched.value, &evidence(&fetched)))
    }

    async fn audience(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<AudienceObservation, PlatformError> {
        let fetched = movie(up, &listing.external_id).await?;
        let evidence = evidence(&fetched);
        let audience = Audience { popularity: popularity(&fetched.value, &evidence), ..Audience::default() };
        Ok(AudienceObservation { audience, players_now: None, evidence })
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}

/// Films that come to the cinemas of a country next: candidates for a digital release weeks later, without a date.
///
/// # Errors
/// As every request: [`PlatformError::Upstream`] or [`PlatformError::Malformed`].
pub async fn upcoming(
    up: &dyn Upstream,
    region: &Region,
    cursor: Option<&str>,
) -> Result<Page<ListingObservation>, PlatformError> {
    let call = Call::new(ID, "movie/upcoming", up);
    list(&call, get("movie/upcoming").query("region", region), cursor, None).await
}

/// Films in the cinemas of a country: candidates for a digital release weeks later, without a date.
///
/// # Errors
/// As every request: [`PlatformError::Upstream`] or [`PlatformError::Malformed`].
pub async fn now_playing(
    up: &dyn Upstream,
    region: &Region,
    cursor: Option<&str>,
) -> Result<Page<ListingObservation>, PlatformError> {
    let call = Call::new(ID, "movie/now_playing", up);
    list(&call, get("movie/now_playing").query("region", region), cursor, None).await
}

/// Films with a title like `title`, the most alike first, without dates.
///
/// # Errors
/// As every request: [`PlatformError::Upstream`] or [`PlatformError::Malformed`].
pub async fn search(
    up: &dyn Upstream,
    title: &str,
    cursor: Option<&str>,
) -> Result<Page<ListingObservation>, PlatformError> {
    let call = Call::new(ID, "search/movie", up);
    list(&call, get("search/movie").query("query", title), cursor, None).await
}

fn get(path: &str) -> Request {
    let base = Request::get("https://api.themoviedb.org/3");
    let request = path.split('/').fold(base, Request::segment);
    request.credential("tmdb", Placement::Bearer).fresh_for(3_600)
}

/// The countries that have release dates: neither the world nor the Union.
fn country(region: &Region) -> Option<&str> {
    Some(region.as_str()).filter(|code| !["world", "EU"].contains(code))
}

/// A page of a list. With `dated`, the dates in it are digital releases there.
async fn list(
    call: &Call<'_>,
    request: Request,
    cursor: Option<&str>,
    dated: Option<&Region>,
) -> Result<Page<ListingObservation>, PlatformError> {
    let page: u32 = match cursor {
        Some(cursor) => cursor.parse().map_err(|_| call.malformed("cursor", "must be a page"))?,
        None => 1,
    };
    let fetched = call.json::<List>(request.query("page", page)).await?;
    let evidence = evidence(&fetched);
    let items = fetched.value.results.iter().map(|movie| {
        let mut seen = observe(movie, &evidence);
        let day = movie.release_date.as_deref().and_then(|day| day.parse().ok());
        if let (Some(region), Some(day)) = (dated, day) {
            seen.listing.phases.push(unlock(region.clone(), day, &evidence, movie));
        }
        seen
    });
    let more = fetched.value.page == page && page < fetched.value.total_pages.min(MAX_PAGES);
    Ok(Page { items: items.collect(), next: more.then(|| (page + 1).to_string()) })
}

async fn movie(up: &dyn Upstream, id: &str) -> Result<Fetched<Movie>, PlatformError> {
    let call = Call::new(ID, "movie", up).about(id);
    let number: u64 = id.parse().map_err(|_| call.not_found(id))?;
    let request = get("movie").segment(number).query("append_to_response", "release_dates");
    call.json::<Movie>(request).await
}

fn evidence<T>(fetched: &Fetched<T>) -> Evidence {
    Evidence {
        kind: SourceKind::Community,
        confidence: CONFIDENCE,
        note: Some("TMDB, which neither endorses nor certifies this".into()),
        ..fetched.evidence()
    }
}

fn observe(movie: &Movie, evidence: &Evidence) -> ListingObservation {
    let mut seen = ListingObservation::new(ID, movie.id.to_string(), evidence.clone());
    seen.content = Content::Media;
    seen.title = movie.title.clone().filter(|title| !title.trim().is_empty());
    seen.nsfw = movie.adult;
    seen.listing.url = Some(format!("https://www.themoviedb.org/movie/{}", movie.id));
    let minutes = movie.runtime.filter(|minutes| (1..=16_000).contains(minutes));
    seen.listing.stream.runtime_secs = minutes.map(|minutes| Fact::new(minutes * 60, evidence.clone()));
    seen.listing.audience.popularity = popularity(movie, evidence);
    seen
}

/// The film with the first day of its digital release in every country that has one.
fn observe_with_dates(movie: &Movie, evidence: &Evidence) -> ListingObservation {
    let mut seen = observe(movie, evidence);
    let mut first = BTreeMap::<Region, NaiveDate>::new();
    for country in movie.release_dates.iter().flat_map(|dates| &dates.results) {
        let region = country.iso_3166_1.as_deref().and_then(|code| code.parse::<Region>().ok());
        let digital = country.release_dates.iter().filter(|date| date.kind == Some(DIGITAL));
        let day = digital.filter_map(|date| date.release_date).min();
        if let (Some(region), Some(day)) = (region, day) {
            first.insert(region, day.date_naive());
        }
    }
    seen.listing.phases =
        first.into_iter().map(|(region, day)| unlock(region, day, evidence, movie)).collect();
    seen
}

fn unlock(region: Region, day: NaiveDate, evidence: &Evidence, movie: &Movie) -> Phase {
    let start = day.and_time(NaiveTime::MIN).and_utc();
    let mut unlock = phase(PhaseKind::Unlock, region, (start, Precision::Day), evidence.clone());
    if movie.status.as_deref() == Some("Canceled") {
        unlock.status = PhaseStatus::Cancelled;
    }
    unlock
}

fn popularity(movie: &Movie, evidence: &Evidence) -> Option<Fact<f64>> {
    let popularity = movie.popularity.filter(|popularity| popularity.is_finite() && *popularity >= 0.0)?;
    let attribution = evidence.note.as_deref().unwrap_or_default();
    let note = format!("{attribution}; popularity there, open scale from 0, changes daily");
    Some(Fact::new(popularity, Evidence { note: Some(note), ..evidence.clone() }))
}

#[cfg(test)]
mod tests;
