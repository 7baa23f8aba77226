//! Questions about traffic of the past: which traffic, on which clock, of how many lines.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;
use traffix_core::Invalid;
use traffix_core::catalogue::{PhaseKind, PlatformId};
use traffix_core::delivery::CdnId;
use traffix_core::network::Network;
use traffix_store::Catalogue;

use super::measurements::Name;
use super::networks;
use super::references::example;
use crate::AppState;
use crate::auth::Caller;
use crate::history::{self, Event, HistoryError, Source};
use crate::http::Problem;

/// Most events of a question.
const MAX_EVENTS: usize = 40;

/// Which traffic: what was measured on a network, or with `metric` a stored series.
///
/// Unknown members are refused where the parameters of the whole operation are known.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SourceParams {
    /// Id of the network's profile: its measurements are read unless `metric` is given. Time zone and lines are those of the
    /// profile if it is an example or, with a key, one of yours.
    network: Option<Name>,
    /// Measurements of this platform only.
    platform: Option<PlatformId>,
    /// Measurements of this CDN only.
    cdn: Option<CdnId>,
    /// Measurements on this link only, by its id in the profile.
    link: Option<Name>,
    /// A stored series instead: what is measured, such as `traffic_bps`.
    metric: Option<Name>,
    /// Of whom the stored series is.
    subject: Option<Name>,
    /// Who measured the stored series; needed if several did.
    source: Option<Name>,
    /// Seconds from one value of the stored series to the next; of several series the finest is read if absent.
    #[schemars(extend("minimum" = 1, "maximum" = 86_400))]
    series_step: Option<u32>,
    /// Time zone, a name of the IANA database such as `Europe/London`; that of the network's profile if absent.
    tz: Option<Zone>,
    /// Access lines; those of the network's profile if absent.
    #[schemars(extend("minimum" = 1, "maximum" = 1_000_000_000))]
    lines: Option<f64>,
}

/// A time zone.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(inline, extend("pattern" = "^[A-Za-z0-9_+/-]+$", "maxLength" = 100))]
pub(crate) struct Zone(String);

impl Zone {
    fn read(&self) -> Result<Tz, Problem> {
        let unknown =
            |_| Problem::unusable("tz", "must be a name of the IANA database such as Europe/London");
        self.0.parse().map_err(unknown)
    }
}

/// Words separated by commas, of which each must be readable as the same.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(inline, extend("minLength" = 1, "maxLength" = 2_000, "pattern" = "^[^\\x00-\\x1f\\x7f-\\x9f]+$"))]
pub(crate) struct Words(String);

impl Words {
    /// What the words of a parameter stand for.
    pub(super) fn read<T: FromStr<Err: Display>>(&self, parameter: &str) -> Result<Vec<T>, Problem> {
        let one = |word: &str| {
            let unreadable = |error| Problem::unusable(parameter, format!("has {word:?}: {error}"));
            word.trim().parse().map_err(unreadable)
        };
        self.0.split(',').map(one).collect()
    }
}

/// An event: the id of a release or update of the catalogue, or `LABEL@INSTANT`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(inline, extend("minLength" = 1, "maxLength" = 400, "pattern" = "^[^\\x00-\\x1f\\x7f-\\x9f]+$"))]
pub(crate) struct OneEvent(String);

impl OneEvent {
    pub(super) fn read(&self) -> Result<Event, Problem> {
        self.0.trim().parse().map_err(|error: String| Problem::unusable("event", error))
    }
}

/// What a question is about, once names are resolved.
pub(super) struct About {
    pub(super) source: Source,
    /// The profile, if the caller may know it.
    profile: Option<Network>,
    tz: Option<Tz>,
    lines: Option<f64>,
}

impl About {
    /// Resolves the names.
    pub(super) async fn new(state: &AppState, who: &Caller, params: SourceParams) -> Result<Self, Problem> {
        let network = params.network.map(|name| name.0);
        let profile = match (&network, &who.0) {
            (None, _) => None,
            (Some(id), owner) => match (example(id), owner) {
                (Some(example), _) => Some(example.clone()),
                (None, Some(owner)) => networks::saved(state, &owner.id, id).await?,
                (None, None) => None,
            },
        };
        let source = match (params.metric, params.subject, network) {
            (Some(metric), Some(subject), _) => Source::Stored {
                metric: metric.0,
                subject: subject.0,
                source: params.source.map(|source| source.0),
                step_secs: params.series_step,
            },
            (Some(_), None, _) => return Err(Problem::unusable("subject", "must be given with `metric`")),
            (None, _, Some(network)) => {
                let (platform, cdn) = (params.platform, params.cdn);
                Source::Measured { network, platform, cdn, link: params.link.map(|link| link.0) }
            }
            (None, _, None) => {
                return Err(Problem::unusable("network", "must be given, or `metric` and `subject`"));
            }
        };
        if params.lines.is_some_and(|lines| !(1.0..=1e9).contains(&lines)) {
            return Err(Problem::unusable("lines", "must be between 1 and 1000000000"));
        }
        let tz = params.tz.as_ref().map(Zone::read).transpose()?;
        Ok(Self { source, profile, tz, lines: params.lines })
    }

    /// The time zone that was given, else that of the profile.
    pub(super) fn zone(&self) -> Result<Tz, Problem> {
        let of_profile = || self.profile.as_ref().and_then(|network| network.tz.parse().ok());
        self.tz.or_else(of_profile).ok_or_else(|| {
            Problem::unusable("tz", "must be given: no profile that you may read has the network's id")
        })
    }

    /// The lines that were given, else those of the profile.
    pub(super) fn lines(&self) -> Result<f64, Problem> {
        let of_profile = || self.profile.as_ref().map(|network| network.lines).filter(|lines| *lines > 0.0);
        self.lines.or_else(of_profile).ok_or_else(|| {
            Problem::unusable("lines", "must be given: no profile that you may read has the network's id")
        })
    }
}

/// The instants of events with what to call them.
pub(super) async fn instants(
    state: &AppState,
    events: &Words,
    phase: Option<PhaseKind>,
) -> Result<Vec<(String, DateTime<Utc>)>, Problem> {
    let events: Vec<Event> = events.read("events")?;
    if events.len() > MAX_EVENTS {
        return Err(Problem::unusable("events", format!("must be at most {MAX_EVENTS}")));
    }
    let mut found = Vec::with_capacity(events.len());
    for event in events {
        found.push(instant_of(state, event, phase, "events").await?);
    }
    Ok(found)
}

/// The instant of an event with what to call it; `parameter` named it.
pub(super) async fn instant_of(
    state: &AppState,
    event: Event,
    phase: Option<PhaseKind>,
    parameter: &str,
) -> Result<(String, DateTime<Utc>), Problem> {
    let id = match event {
        Event::At(label, at) => return Ok((label, at)),
        Event::Ru(id) => id,
    };
    let wrong = |detail: String| Problem::unusable(parameter, detail);
    let found = Catalogue::ru(state.store.as_ref(), &id, None).await?;
    let found = found.ok_or_else(|| wrong(format!("the catalogue has no release or update {id:?}")))?;
    let t0 = history::t0(&found.value, phase);
    Ok((id.to_string(), t0.ok_or_else(|| wrong(format!("{id:?} has no such phase with a date")))?))
}

/// Findings of the library about a question, as its parameters are called.
pub(super) fn refused(found: Vec<Invalid>) -> Problem {
    let first = found.into_iter().next();
    let Invalid { pointer, detail } = first.unwrap_or_else(|| Invalid::new("", "cannot be answered"));
    let name = match pointer.as_str() {
        "/step_secs" => "step",
        "/traces" => "events",
        "/stretches" => "count",
        pointer if pointer.ends_with("/lines") => "lines",
        _ => "from",
    };
    Problem::unusable(name, detail)
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Question(Invalid { pointer, detail }) => Self::unusable(pointer, detail),
            HistoryError::Store(error) => error.into(),
        }
    }
}
