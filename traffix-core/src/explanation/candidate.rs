//! What could have caused a spike.

use chrono::{DateTime, TimeDelta, Utc};

use crate::forecast::engine_parts::Plan;
use crate::forecast::{Forecast, ForecastInput, Moment, log_spread, priors};

/// Chance that an announced RU comes on this network when it is said to. Assumed (2026-12).
pub const DEFAULT_PLAUSIBILITY: f64 = 0.8;

/// Draws that are enough to compare a forecast with a spike.
const DRAWS: u32 = 128;
/// Horizon that is enough, s.
const HORIZON_S: u32 = 172_800;

/// An RU that may have caused a spike, with its forecast for this network.
///
/// [`Candidate::new`] fills everything from what is known and the forecast.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The RU.
    pub ru: String,
    /// Title to show.
    pub title: String,
    /// Its forecast, for the instants below.
    pub forecast: &'a Forecast,
    /// When something of it was due to begin, oldest first: a preload, the release, waves.
    pub instants: Vec<DateTime<Utc>>,
    /// How much earlier or later than forecast it may begin, if only its day is known.
    pub slack: Option<TimeDelta>,
    /// Log-scale spread of its traffic.
    pub sigma: f64,
    /// Chance that it comes at all at the time forecast, before anything is looked at.
    pub plausibility: f64,
}

/// The question to ask the forecast for a [`Candidate`]: the same RU and network, fewer draws, two days, and if only
/// the day of the release is known, the middle of the hours it may happen in.
///
/// ```
/// use traffix_core::explanation::question;
/// use traffix_core::forecast::{ForecastInput, Moment};
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05", "items": [{"platform": "steam"}]},
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6}
/// }"#).unwrap();
/// let asked = question(&input);
/// assert_eq!(asked.ru.release_at, Some("2026-03-05T14:30:00Z".parse::<Moment>().unwrap()));
/// ```
pub fn question(input: &ForecastInput) -> ForecastInput {
    let mut asked = input.clone();
    asked.options.draws = DRAWS;
    asked.options.horizon_s = HORIZON_S;
    if let Some(Moment::Day(day)) = asked.ru.release_at {
        let (from, to) = priors::UNKNOWN_RELEASE_HOURS;
        let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc();
        asked.ru.release_at = Some(Moment::At(midnight + TimeDelta::minutes(30 * i64::from(from + to))));
    }
    asked
}

impl<'a> Candidate<'a> {
    /// A candidate from what is known of it and the forecast of its [`question`], with [`DEFAULT_PLAUSIBILITY`].
    pub fn new(input: &ForecastInput, forecast: &'a Forecast) -> Self {
        let asked = question(input);
        let (first, last) = Plan::span(&asked);
        let mut instants: Vec<_> = asked.ru.waves.iter().map(|wave| wave.at).chain([first, last]).collect();
        instants.sort_unstable();
        instants.dedup();
        let (from, to) = priors::UNKNOWN_RELEASE_HOURS;
        let half = TimeDelta::minutes(30 * i64::from(to - from));
        Self {
            ru: asked.ru.id.clone(),
            title: asked.ru.title.clone().unwrap_or_else(|| asked.ru.id.clone()),
            forecast,
            instants,
            slack: (asked.ru.release_at != input.ru.release_at).then_some(half),
            sigma: log_spread(forecast.peak.bps.p10, forecast.peak.bps.p90),
            plausibility: DEFAULT_PLAUSIBILITY,
        }
    }

    /// The same with another chance of coming at all.
    #[must_use]
    pub fn with_plausibility(self, plausibility: f64) -> Self {
        Self { plausibility, ..self }
    }
}
