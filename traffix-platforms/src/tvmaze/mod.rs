//! TVmaze, a guide to series kept by volunteers (<https://www.tvmaze.com/api>).
//!
//! No key; at least 20 calls in 10 seconds from one address are answered. The data is licensed CC BY-SA 4.0: the
//! evidence of every observation names it, the listing's address links back.
//!
//! A show is a release (`45499`), what comes later of it an update (`45499-e9000010`, the first episode that comes).
//! Bytes are never stated: a stream has a running time, and a bit rate that no guide knows.

mod programme;
mod wire;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use traffix_core::catalogue::{Audience, PlatformId, Region};
use traffix_core::delivery::Assertion;

use crate::embedded::profile;
use crate::upstream::{Call, Request, Upstream};
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, unsupported,
};
use programme::{batches, evidence, is_event, popularity, release};
use wire::{Episode, Show};

const ID: PlatformId = PlatformId::from_static("tvmaze");

/// How many days of schedule are read at most: little is entered further ahead.
const MAX_DAYS: u64 = 92;

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// TVmaze, a guide to series.
pub(crate) struct TvMaze;

#[async_trait]
impl Platform for TvMaze {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// One page is one day of the streaming channels: those that are world-wide and those of the country.
    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let call = Call::new(ID, "schedule/web", up);
        let first = query.from.date_naive();
        let last = first.checked_add_days(Days::new(MAX_DAYS)).unwrap_or(first);
        let before = query.until.checked_sub_signed(TimeDelta::seconds(1)).unwrap_or(query.until);
        let last = last.min(before.date_naive());
        let day: NaiveDate = match &query.cursor {
            Some(cursor) => cursor.parse().map_err(|_| call.malformed("cursor", "must be a day"))?,
            None => first,
        };
        let mut items = web_schedule(&call, day, "").await?;
        if let Some(country) = country(&query.region) {
            items.extend(web_schedule(&call, day, country).await?);
        }
        let next = day.checked_add_days(Days::new(1)).filter(|next| *next <= last);
        Ok(Page { items, next: next.map(|day| day.to_string()) })
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let id = listing.external_id.as_str();
        let call = Call::new(ID, "shows", up).about(id);
        let (show, episode) = parse_id(id).ok_or_else(|| call.not_found(id))?;
        let request = show_request(show).query("embed", "episodes");
        let fetched = call.json::<Show>(request).await?;
        let (show, evidence) = (&fetched.value, evidence(&fetched));
        let Some(episode) = episode else { return Ok(release(show, &evidence)) };
        let batches = batches(show.episodes().iter().map(|each| (show, each)));
        let batch = batches.into_iter().find(|batch| batch.first.id == episode);
        batch.map(|batch| batch.observe(&evidence)).ok_or_else(|| call.not_found(id))
    }

    async fn audience(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<AudienceObservation, PlatformError> {
        let id = listing.external_id.as_str();
        let call = Call::new(ID, "shows", up).about(id);
        let (show, _) = parse_id(id).ok_or_else(|| call.not_found(id))?;
        let fetched = call.json::<Show>(show_request(show)).await?;
        let evidence = evidence(&fetched);
        let audience = Audience { popularity: popularity(&fetched.value, &evidence), ..Audience::default() };
        Ok(AudienceObservation { audience, players_now: None, evidence })
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}

/// Everything that broadcasters of a country show for the first time on a day, whether it can be streamed or not.
///
/// # Errors
/// As every request: [`PlatformError::Upstream`] or [`PlatformError::Malformed`].
pub async fn schedule(
    up: &dyn Upstream,
    country: &Region,
    day: NaiveDate,
) -> Result<Vec<ListingObservation>, PlatformError> {
    let call = Call::new(ID, "schedule", up);
    let request =
        Request::get("https://api.tvmaze.com/schedule").query("country", country).query("date", day);
    let fetched = call.json::<Vec<Episode>>(request.fresh_for(3_600)).await?;
    let evidence = evidence(&fetched);
    let episodes = fetched.value.iter().filter_map(|episode| Some((episode.show()?, episode)));
    Ok(batches(episodes).iter().map(|batch| batch.observe(&evidence)).collect())
}

/// The shows that changed in the last day, by identifier, with the instant of the change: what to refresh.
///
/// # Errors
/// As every request: [`PlatformError::Upstream`] or [`PlatformError::Malformed`].
pub async fn changed_today(up: &dyn Upstream) -> Result<BTreeMap<String, DateTime<Utc>>, PlatformError> {
    let call = Call::new(ID, "updates/shows", up);
    let request = Request::get("https://api.tvmaze.com/updates/shows").query("since", "day");
    let fetched = call.json::<BTreeMap<String, u64>>(request.fresh_for(3_600)).await?;
    let changes = fetched.value.into_iter().filter_map(|(id, at)| Some((id, crate::wire::instant(at)?)));
    Ok(changes.collect())
}

/// The show whose title is most like `title`; nothing if there is none.
///
/// # Errors
/// As every request: [`PlatformError::Upstream`] or [`PlatformError::Malformed`].
pub async fn find(up: &dyn Upstream, title: &str) -> Result<Option<ListingObservation>, PlatformError> {
    let call = Call::new(ID, "singlesearch/shows", up);
    let request = Request::get("https://api.tvmaze.com/singlesearch/shows").query("q", title);
    match call.json::<Show>(request.query("embed", "seasons").fresh_for(86_400)).await {
        Ok(fetched) => Ok(Some(release(&fetched.value, &evidence(&fetched)))),
        Err(PlatformError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What streaming channels start on a day: those of `country`, or the world-wide ones if it is empty.
async fn web_schedule(
    call: &Call<'_>,
    day: NaiveDate,
    country: &str,
) -> Result<Vec<ListingObservation>, PlatformError> {
    let request = Request::get("https://api.tvmaze.com/schedule/web").query("date", day);
    let fetched = call.json::<Vec<Episode>>(request.query("country", country).fresh_for(3_600)).await?;
    let evidence = evidence(&fetched);
    let shown = fetched.value.iter().filter_map(|episode| Some((episode.show()?, episode)));
    let batches = batches(shown.filter(|(show, episode)| is_event(show, episode)));
    Ok(batches.iter().map(|batch| batch.observe(&evidence)).collect())
}

fn show_request(show: u64) -> Request {
    Request::get("https://api.tvmaze.com/shows").segment(show).fresh_for(3_600)
}

/// The guide's own countries: neither the world nor the Union.
fn country(region: &Region) -> Option<&str> {
    Some(region.as_str()).filter(|code| !["world", "EU"].contains(code))
}

/// `45499` or `45499-e9000010`: a show, and the first episode of what comes.
fn parse_id(id: &str) -> Option<(u64, Option<u64>)> {
    match id.split_once("-e") {
        None => Some((id.parse().ok()?, None)),
        Some((show, episode)) => Some((show.parse().ok()?, Some(episode.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests;
