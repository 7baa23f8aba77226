//! How many people play and buy.

use traffix_core::Fact;
use traffix_core::catalogue::{Audience, Region};

use super::api::{country, web_api, web_api_json};
use super::wire::{Enveloped, Featured, Place, Players, Ranks, Section};
use super::{ID, app_id};
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::{AudienceObservation, ListingRef, PlatformError};

/// Counts move within minutes; asking every five is what the service is used to.
const COUNT_FRESH_SECS: u32 = 300;
/// Charts of a week or a day.
const CHART_FRESH_SECS: u32 = 6 * 3600;
/// How sure the peak of one day is as the mean daily peak. Assumed.
const DAY_CONFIDENCE: f64 = 0.7;
/// `result` of an app that there is not, or that cannot be played.
const NO_SUCH_APP: u32 = 42;

/// A chart of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    /// The hundred apps that most people play now, with their counts.
    Concurrent,
    /// What was played most yesterday, compared with the week before.
    MostPlayed,
}

/// A place in a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChartRank {
    /// The place; 1 is the first.
    pub rank: u64,
    /// The app.
    pub app: u32,
    /// Its place a week earlier, if it had one.
    pub last_week_rank: Option<u64>,
    /// For how many weeks it has had one.
    pub consecutive_weeks: Option<u64>,
    /// Players now.
    pub players_now: Option<u64>,
    /// Most players at one time of the last day.
    pub peak_players: Option<u64>,
}

impl From<Place> for ChartRank {
    fn from(place: Place) -> Self {
        Self {
            rank: place.rank,
            app: place.appid,
            last_week_rank: place.last_week_rank,
            consecutive_weeks: place.consecutive_weeks,
            players_now: place.concurrent_in_game,
            peak_players: place.peak_in_game,
        }
    }
}

/// Players of `app` at this moment, world-wide; of all of Steam for app 0.
///
/// # Errors
/// [`PlatformError::NotFound`] if it is no app that can be played.
pub async fn current_players(up: &dyn Upstream, app: u32) -> Result<Fetched<u64>, PlatformError> {
    let call = Call::new(ID, "GetNumberOfCurrentPlayers", up).about(app.to_string());
    let request = web_api("ISteamUserStats/GetNumberOfCurrentPlayers/v1")
        .query("appid", app)
        .fresh_for(COUNT_FRESH_SECS);
    let answer = call.json::<Enveloped<Players>>(request).await?;
    let players = &answer.value.response;
    match (players.result, players.player_count) {
        (Some(1), Some(count)) => Ok(answer.map(|_| count)),
        (Some(NO_SUCH_APP), _) => Err(call.not_found(app.to_string())),
        (result, _) => Err(call.malformed("response.result", format!("{result:?} without a count"))),
    }
}

/// A chart of what is played. World-wide: the store gives the same figures whatever country is asked for.
///
/// # Errors
/// Those of the request.
pub async fn chart(up: &dyn Upstream, chart: Chart) -> Result<Fetched<Vec<ChartRank>>, PlatformError> {
    let (operation, path, fresh_secs) = match chart {
        Chart::Concurrent => (
            "GetGamesByConcurrentPlayers",
            "ISteamChartsService/GetGamesByConcurrentPlayers/v1",
            COUNT_FRESH_SECS,
        ),
        Chart::MostPlayed => {
            ("GetMostPlayedGames", "ISteamChartsService/GetMostPlayedGames/v1", CHART_FRESH_SECS)
        }
    };
    ranks(up, operation, web_api(path).fresh_for(fresh_secs)).await
}

/// What sold best in a country in the last full week, by revenue: the only figure without a key that tells one country
/// from another.
///
/// # Errors
/// Those of the request.
pub async fn top_sellers(
    up: &dyn Upstream,
    region: &Region,
) -> Result<Fetched<Vec<ChartRank>>, PlatformError> {
    let country = country(region);
    let input = serde_json::json!({
        "context": { "country_code": country, "language": "english" },
        "country_code": country,
        "data_request": { "include_basic_info": true },
        "page_count": 100,
        "page_start": 0,
    });
    let request =
        web_api_json("IStoreTopSellersService/GetWeeklyTopSellers/v1", &input).fresh_for(CHART_FRESH_SECS);
    ranks(up, "GetWeeklyTopSellers", request).await
}

async fn ranks(
    up: &dyn Upstream,
    operation: &'static str,
    request: Request,
) -> Result<Fetched<Vec<ChartRank>>, PlatformError> {
    let answer = Call::new(ID, operation, up).json::<Enveloped<Ranks>>(request).await?;
    Ok(answer.map(|answer| answer.response.ranks.into_iter().map(ChartRank::from).collect()))
}

/// An app on the front page of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeaturedApp {
    /// The part of the page: `coming_soon`, `new_releases`, `top_sellers`, `specials`.
    pub section: String,
    /// The app.
    pub app: u32,
    /// Its title.
    pub title: Option<String>,
}

/// What the front page of the store shows in a country. It has no dates, and mixes demos and extensions with games.
///
/// # Errors
/// Those of the request.
pub async fn featured(
    up: &dyn Upstream,
    region: &Region,
) -> Result<Fetched<Vec<FeaturedApp>>, PlatformError> {
    let request = Request::get("https://store.steampowered.com/api/featuredcategories/")
        .query("cc", country(region))
        .query("l", "english")
        .fresh_for(CHART_FRESH_SECS);
    let answer = Call::new(ID, "featuredcategories", up).json::<Featured>(request).await?;
    Ok(answer.map(|sections| sections.into_iter().flat_map(|(name, section)| section.apps(&name)).collect()))
}

impl Section {
    fn apps(self, name: &str) -> Vec<FeaturedApp> {
        let items = match self {
            Self::Items { items } => items,
            Self::Other(_) => Vec::new(),
        };
        // Types other than 0 are packages and bundles, whose numbers are not those of apps.
        let apps = items.into_iter().filter(|item| item.kind == Some(0));
        apps.map(|item| FeaturedApp { section: name.to_owned(), app: item.id, title: item.name }).collect()
    }
}

/// Players now; and for the hundred largest, place and daily peak.
pub(super) async fn audience(
    up: &dyn Upstream,
    listing: &ListingRef,
) -> Result<AudienceObservation, PlatformError> {
    let app = app_id(&listing.external_id)?;
    let players = current_players(up, app).await?;
    let mut audience = Audience::default();
    // Most titles are in no chart, and a chart that fails says nothing about the count.
    match chart(up, Chart::Concurrent).await {
        Ok(chart) => {
            let evidence = chart.evidence();
            if let Some(place) = chart.value.iter().find(|place| place.app == app) {
                audience.rank = Some(Fact::new(place.rank, evidence.clone()));
                let mut evidence = evidence;
                evidence.confidence = DAY_CONFIDENCE;
                evidence.note = Some("peak of the last 24 hours".to_owned());
                audience.concurrent_peak = place.peak_players.map(|peak| Fact::new(peak, evidence));
            }
        }
        Err(error) => tracing::debug!(%error, "no chart beside the count of players"),
    }
    let evidence = players.evidence();
    Ok(AudienceObservation { audience, players_now: Some(players.value), evidence })
}
