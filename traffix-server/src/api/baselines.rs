//! Usual traffic, and what events did to it.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::Deserialize;
use traffix_core::baseline::{Baseline, BaselineError};
use traffix_core::catalogue::PhaseKind;
use traffix_core::effect::Windows;

use super::Chapter;
use super::history::{About, OneEvent, SourceParams, Words, instant_of};
use super::measurements::{Step, may_read};
use super::overlays::{MAX_SIDE_SECS, side};
use crate::AppState;
use crate::auth::Caller;
use crate::history::{self, MAX_BINS, Source, around};
use crate::http::{Answer, Problem, Query};
use crate::planning;
use crate::usual::{
    self, BaselineAnswer, EffectAnswer, Fitted, LeftOut, MAX_WEEKS, SIDE_SECS, STEP_SECS, WEEKS, weeks_before,
};

pub(crate) struct BaselineApi(pub(crate) Arc<AppState>);

/// What usual traffic is fitted to.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FitParams {
    /// Weeks that are fitted, 1 to 52; 8 if absent.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_WEEKS))]
    weeks: Option<u32>,
    /// Local dates that are treated like Sundays, separated by commas.
    holidays: Option<Words>,
    /// Times to leave out, each `FROM/UNTIL`, separated by commas.
    exclude: Option<Words>,
    /// Also fit to the times in which releases and updates of the catalogue run. They are left out otherwise, those of the
    /// largest first, up to half of the time.
    #[serde(default)]
    keep_events: bool,
}

/// When.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct BaselineParams {
    /// Weeks end at this instant; now if absent.
    until: Option<DateTime<Utc>>,
    /// Also give the levels of bins from this instant on, past or future.
    levels_from: Option<DateTime<Utc>>,
    /// Levels up to this instant; a day after `levels_from` if absent.
    levels_until: Option<DateTime<Utc>>,
    /// Seconds of the bins that levels are given for; 900 if absent.
    step: Option<Step>,
}

/// Which event.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct EffectParams {
    /// The id of a release or update of the catalogue, or `LABEL@INSTANT`.
    event: OneEvent,
    /// Which phase of an RU is its beginning; its release if absent.
    phase: Option<PhaseKind>,
    /// Seconds before the event that are looked at; a day if absent.
    #[schemars(extend("maximum" = MAX_SIDE_SECS))]
    before: Option<u32>,
    /// Seconds that the event lasts; a day if absent.
    #[schemars(extend("minimum" = 1, "maximum" = MAX_SIDE_SECS))]
    during: Option<u32>,
    /// Seconds after its end that are looked at; a day if absent.
    #[schemars(extend("maximum" = MAX_SIDE_SECS))]
    after: Option<u32>,
}

#[OpenApi(tag = "Chapter::Measurements")]
impl BaselineApi {
    /// Usual traffic of one series by local hour of week, with its growth and noise.
    ///
    /// Fitted to weeks before an instant. Needs a key unless the server's `measurements.open_reading` is set.
    #[oai(path = "/baseline", method = "get", operation_id = "getBaseline")]
    async fn baseline(
        &self,
        who: Caller,
        source: Query<SourceParams>,
        fit: Query<FitParams>,
        params: Query<BaselineParams>,
    ) -> Result<Answer<BaselineAnswer>, Problem> {
        may_read(&self.0, &who)?;
        let about = About::new(&self.0, &who, source.0).await?;
        let until = within("until", params.0.until.unwrap_or_else(|| self.0.clock.now()))?;
        let window = window(&params.0)?;
        let span = (weeks_before(until, weeks(&fit.0)?), until);
        let Fitted { baseline, left_out, .. } = self.fit(&about, fit.0, span, None).await?;
        Answer::json(&BaselineAnswer::new(&baseline, left_out, window))
    }

    /// What an event did to one series: before, during and after it, against the traffic that is usual then.
    ///
    /// Usual traffic is fitted to the weeks before the event, and to none of the time that is looked at. Intervals are those
    /// of the baseline's error. Needs a key unless the server's `measurements.open_reading` is set.
    #[oai(path = "/effect", method = "get", operation_id = "getEffect")]
    async fn effect(
        &self,
        who: Caller,
        source: Query<SourceParams>,
        fit: Query<FitParams>,
        params: Query<EffectParams>,
    ) -> Result<Answer<EffectAnswer>, Problem> {
        may_read(&self.0, &who)?;
        let about = About::new(&self.0, &who, source.0).await?;
        let EffectParams { event, phase, before, during, after } = params.0;
        let event = event.read()?;
        let named = instant_of(&self.0, event.clone(), phase, "event").await?;
        let windows = Windows {
            t0: named.1,
            before_secs: side("before", before, SIDE_SECS)?,
            during_secs: side("during", during, SIDE_SECS)?.max(1),
            after_secs: side("after", after, SIDE_SECS)?,
        };
        let sides = (windows.before_secs, windows.during_secs + windows.after_secs);
        let (from, until) = around(named.1, sides.0, sides.1);
        let span = (weeks_before(from, weeks(&fit.0)?), until);
        let fitted = self.fit(&about, fit.0, span, Some(&windows)).await?;
        Answer::json(&fitted.effect(&event, named, &windows))
    }
}

impl BaselineApi {
    /// Fits to the traffic between two instants, without the time around an event.
    async fn fit(
        &self,
        about: &About,
        params: FitParams,
        span: (DateTime<Utc>, DateTime<Utc>),
        windows: Option<&Windows>,
    ) -> Result<Fitted, Problem> {
        let zone = about.zone()?;
        let mut left_out: Vec<LeftOut> = read(params.exclude.as_ref(), "exclude")?;
        let holidays: Vec<NaiveDate> = read(params.holidays.as_ref(), "holidays")?;
        let rus = planning::all(self.0.store.as_ref(), &usual::events_query(span)).await?;
        if !params.keep_events {
            left_out.extend(usual::known_events(&rus, span));
        }
        let mut options = usual::options(zone, holidays.into_iter().collect(), &left_out);
        options.excluded.extend(windows.map(Windows::span));
        let samples = history::load(self.0.store.as_ref(), &about.source, span, STEP_SECS).await?;
        let compute = move || {
            let baseline = Baseline::fit(&samples, &options);
            baseline.map(|baseline| (samples, baseline))
        };
        let made = self.0.compute.run(&self.0.metrics, compute).await?;
        let (samples, baseline) = made.map_err(|error| refused(&error, &about.source))?;
        Ok(Fitted { samples, baseline, left_out, rus })
    }
}

/// The words of a parameter, none if it is absent.
fn read<T: FromStr<Err: Display>>(words: Option<&Words>, parameter: &str) -> Result<Vec<T>, Problem> {
    words.map(|words| words.read(parameter)).transpose().map(Option::unwrap_or_default)
}

fn weeks(params: &FitParams) -> Result<u32, Problem> {
    let weeks = params.weeks.unwrap_or(WEEKS);
    let fits = (1..=MAX_WEEKS).contains(&weeks);
    fits.then_some(weeks).ok_or_else(|| Problem::unusable("weeks", format!("must be 1 to {MAX_WEEKS}")))
}

/// Start, length and number of the bins that levels are wanted for.
fn window(params: &BaselineParams) -> Result<Option<(DateTime<Utc>, NonZeroU32, usize)>, Problem> {
    let Some(from) = params.levels_from else {
        let missing = || Problem::unusable("levels_from", "must be given with `levels_until` and `step`");
        return if params.levels_until.or(params.step.map(|_| DateTime::UNIX_EPOCH)).is_some() {
            Err(missing())
        } else {
            Ok(None)
        };
    };
    let from = within("levels_from", from)?;
    let until = params.levels_until.unwrap_or_else(|| around(from, 0, 86_400).1);
    let step = params.step.map_or(900, |step| step.0);
    let secs = (within("levels_until", until)? - from).num_seconds();
    let bins = (secs + i64::from(step) - 1) / i64::from(step);
    if secs <= 0 || bins > MAX_BINS {
        let detail = format!("must lie after `levels_from`, by at most {MAX_BINS} bins");
        return Err(Problem::unusable("levels_until", detail));
    }
    let step = NonZeroU32::new(step).unwrap_or(NonZeroU32::MIN);
    Ok(Some((from, step, usize::try_from(bins).unwrap_or(0))))
}

/// The calendar of bins is smaller than that of instants.
fn within(name: &str, at: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    let fits = (0..=253_402_300_799).contains(&at.timestamp());
    fits.then_some(at).ok_or_else(|| Problem::unusable(name, "must lie between 1970 and 9999"))
}

/// Why there is no baseline, at the parameter that has to change.
fn refused(error: &BaselineError, source: &Source) -> Problem {
    let name = match (error, source) {
        (BaselineError::TooLittle { .. }, _) => "weeks",
        (BaselineError::Timezone(_), _) => "tz",
        (_, Source::Measured { .. }) => "network",
        (_, Source::Stored { .. }) => "metric",
    };
    Problem::unusable(name, error.to_string())
}
