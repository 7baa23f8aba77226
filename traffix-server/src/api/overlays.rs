//! Overlays: past events, days or weeks of one series over each other.

use std::num::NonZeroU32;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::PhaseKind;
use traffix_core::overlay::{Overlay, Period, Trace, Window, align, stretches, wall_clock};

use super::Chapter;
use super::history::{About, SourceParams, Words, instants, refused};
use super::measurements::{Step, may_read};
use crate::AppState;
use crate::auth::Caller;
use crate::history::{self, around, finer};
use crate::http::{Answer, Problem, Query};

pub(crate) struct OverlayApi(pub(crate) Arc<AppState>);

/// What is shown of an event if nobody says: a day before it and three after it.
const BEFORE_SECS: u32 = 86_400;
const AFTER_SECS: u32 = 3 * 86_400;
/// Longest time before or after an event: five weeks.
pub(super) const MAX_SIDE_SECS: u32 = 35 * 86_400;
/// Bins if nobody says.
const STEP_SECS: u32 = 900;

/// What is laid over each other: `events`, or days or weeks by `period`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct OverlayParams {
    /// Events: ids of the catalogue and `LABEL@INSTANT`, separated by commas.
    events: Option<Words>,
    /// Which phase of an RU is 0 on the axis; its release if absent.
    phase: Option<PhaseKind>,
    /// Seconds before each event; a day if absent.
    #[schemars(extend("maximum" = MAX_SIDE_SECS))]
    before: Option<u32>,
    /// Seconds after each event; three days if absent.
    #[schemars(extend("maximum" = MAX_SIDE_SECS))]
    after: Option<u32>,
    /// Day over day or week over week, by the local clock, instead of events.
    period: Option<Period>,
    /// How many days or weeks, 1 to 366; 4 if absent.
    #[schemars(extend("minimum" = 1, "maximum" = 366))]
    count: Option<u32>,
    /// The last day or week is the one of this instant; now if absent.
    until: Option<DateTime<Utc>>,
    /// Seconds of a bin: a multiple of 60 that divides a day; 900 if absent. The answer has longer ones where only longer
    /// ones are kept.
    step: Option<Step>,
    /// Divide by the access lines: bit/s per 1,000 lines.
    #[serde(default)]
    per_1000_lines: bool,
}

/// Curves on one axis of time.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OverlayAnswer {
    #[serde(flatten)]
    overlay: Overlay,
    /// The zone of the local clock, if the curves are days or weeks.
    #[serde(skip_serializing_if = "Option::is_none")]
    tz: Option<String>,
}

#[OpenApi(tag = "Chapter::Measurements")]
impl OverlayApi {
    /// Past events of one series on the time elapsed since each, or its days or weeks on the local clock.
    ///
    /// The hour that the clocks skip is a gap of its day; of the hour that they show twice, the mean is shown. Needs a key
    /// unless the server's `measurements.open_reading` is set.
    #[oai(path = "/overlays", method = "get", operation_id = "getOverlay")]
    async fn get(
        &self,
        who: Caller,
        source: Query<SourceParams>,
        params: Query<OverlayParams>,
    ) -> Result<Answer<OverlayAnswer>, Problem> {
        may_read(&self.0, &who)?;
        let about = About::new(&self.0, &who, source.0).await?;
        let params = params.0;
        match (&params.events, params.period) {
            (Some(events), None) => self.events(&about, events, &params).await,
            (None, Some(period)) => self.periods(&about, period, &params).await,
            (Some(_), Some(_)) => Err(Problem::unusable("period", "must not be given with `events`")),
            (None, None) => Err(Problem::unusable("events", "must be given, or `period`")),
        }
    }
}

impl OverlayApi {
    async fn events(
        &self,
        about: &About,
        events: &Words,
        params: &OverlayParams,
    ) -> Result<Answer<OverlayAnswer>, Problem> {
        let window = Window {
            before_secs: side("before", params.before, BEFORE_SECS)?,
            after_secs: side("after", params.after, AFTER_SECS)?,
            step_secs: step(params),
        };
        let lines = if params.per_1000_lines { Some(about.lines()?) } else { None };
        let mut loaded = Vec::new();
        for (label, t0) in instants(&self.0, events, params.phase).await? {
            // A bin more on either side: those of the axis need not begin where those that are kept do.
            let spare = window.step_secs.get();
            let span = around(t0, window.before_secs + spare, window.after_secs + spare);
            let step_secs = finer(window.step_secs.get());
            let samples = history::load(self.0.store.as_ref(), &about.source, span, step_secs).await?;
            loaded.push((label, t0, samples));
        }
        let traces = loaded.iter().map(|(label, t0, samples)| Trace {
            label: String::clone(label),
            t0: *t0,
            samples,
            lines,
        });
        let traces: Vec<_> = traces.collect();
        let overlay = align(&traces, &window).map_err(refused)?;
        Answer::json(&OverlayAnswer { overlay, tz: None })
    }

    async fn periods(
        &self,
        about: &About,
        period: Period,
        params: &OverlayParams,
    ) -> Result<Answer<OverlayAnswer>, Problem> {
        let zone = about.zone()?;
        let count = params.count.unwrap_or(4);
        if count == 0 || count > 366 {
            return Err(Problem::unusable("count", "must be 1 to 366"));
        }
        let last = params.until.unwrap_or_else(|| self.0.clock.now());
        let all = stretches(zone, period, last, usize::try_from(count).unwrap_or(1));
        let ends = all.first().zip(all.last()).map(|(first, last)| (first.from, last.until));
        let known = |at: DateTime<Utc>| (0..=253_402_300_799).contains(&at.timestamp());
        let span = ends.filter(|(from, until)| known(*from) && known(*until));
        let span = span.ok_or_else(|| Problem::unusable("until", "must lie between 1970 and 9999"))?;
        let lines = if params.per_1000_lines { Some(about.lines()?) } else { None };
        let step = step(params);
        let step_secs = finer(step.get());
        let samples = history::load(self.0.store.as_ref(), &about.source, span, step_secs).await?;
        let overlay = wall_clock(&samples, zone, &all, step, lines).map_err(refused)?;
        Answer::json(&OverlayAnswer { overlay, tz: Some(zone.to_string()) })
    }
}

fn step(params: &OverlayParams) -> NonZeroU32 {
    let secs = params.step.map_or(STEP_SECS, |step| step.0);
    NonZeroU32::new(secs).unwrap_or(NonZeroU32::MIN)
}

pub(super) fn side(name: &str, asked: Option<u32>, usual: u32) -> Result<u32, Problem> {
    match asked.unwrap_or(usual) {
        secs if secs <= MAX_SIDE_SECS => Ok(secs),
        _ => Err(Problem::unusable(name, format!("must be at most {MAX_SIDE_SECS} seconds"))),
    }
}
