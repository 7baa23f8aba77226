//! Series that were imported or pulled: traffic of exchanges and of places, players of titles.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_store::SeriesKey;

use super::Chapter;
use super::measurements::{Name, may_read, span};
use crate::AppState;
use crate::auth::Caller;
use crate::http::{Answer, Problem, Query};

pub(crate) struct SeriesApi(pub(crate) Arc<AppState>);

/// Most steps of an answer.
const MAX_STEPS: i64 = 120_000;

/// Which series.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesListParams {
    /// What is measured, such as `traffic_bps` or `players`.
    metric: Name,
    /// Of whom, or how that begins: `ixp/`, `acme/transit-1`; everything if absent.
    subject: Option<Name>,
}

/// Which values of which series.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesPointsParams {
    /// What is measured.
    metric: Name,
    /// Of whom.
    subject: Name,
    /// Who measured it.
    source: Name,
    /// Seconds from one value to the next, as the list of series says.
    #[schemars(extend("minimum" = 1, "maximum" = 86_400))]
    step: u32,
    /// From this instant; a day before `until` if absent.
    from: Option<DateTime<Utc>>,
    /// Up to and without this instant; now if absent.
    until: Option<DateTime<Utc>>,
}

/// A series.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StoredSeries")]
pub(crate) struct SeriesView {
    /// What is measured, with its unit.
    metric: String,
    /// Of whom.
    subject: String,
    /// Who measured it.
    source: String,
    /// Seconds from one value to the next.
    step_secs: u32,
}

impl From<SeriesKey> for SeriesView {
    fn from(key: SeriesKey) -> Self {
        let SeriesKey { metric, subject, source, step_secs } = key;
        Self { metric, subject, source, step_secs }
    }
}

/// Series that fit.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeriesPage {
    items: Vec<SeriesView>,
}

/// Values of a series, one for each of the `steps` steps of `step_secs` seconds from `from` on; null where it is not
/// known.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeriesPoints {
    #[serde(flatten)]
    series: SeriesView,
    /// Start of the first step.
    from: DateTime<Utc>,
    /// How many steps there are.
    steps: usize,
    /// The values, in the metric's unit; for rates, means of the steps.
    values: Vec<Option<f64>>,
}

#[OpenApi(tag = "Chapter::Measurements")]
impl SeriesApi {
    /// Series that were imported or pulled from public sources.
    ///
    /// Needs a key unless the server's `measurements.open_reading` is set.
    #[oai(path = "/series", method = "get", operation_id = "listSeries")]
    async fn list(
        &self,
        who: Caller,
        params: Query<SeriesListParams>,
    ) -> Result<Answer<SeriesPage>, Problem> {
        may_read(&self.0, &who)?;
        let subject = params.0.subject.map(|subject| subject.0).unwrap_or_default();
        let found = self.0.store.series(&params.0.metric.0, &subject).await?;
        Answer::json(&SeriesPage { items: found.into_iter().map(SeriesView::from).collect() })
    }

    /// Values of one series.
    #[oai(path = "/series/points", method = "get", operation_id = "getSeriesPoints")]
    async fn points(
        &self,
        who: Caller,
        params: Query<SeriesPointsParams>,
    ) -> Result<Answer<SeriesPoints>, Problem> {
        may_read(&self.0, &who)?;
        let params = params.0;
        let (from, until) = span(params.from, params.until, self.0.clock.now())?;
        if params.step == 0 || 86_400 % params.step != 0 {
            return Err(Problem::unusable("step", "must divide a day (86400)"));
        }
        let step = i64::from(params.step);
        let first =
            (from.timestamp() + i64::from(from.timestamp_subsec_nanos() > 0) + step - 1).div_euclid(step);
        let end =
            (until.timestamp() + i64::from(until.timestamp_subsec_nanos() > 0) + step - 1).div_euclid(step);
        if end - first > MAX_STEPS {
            return Err(Problem::unusable(
                "from",
                format!("gives more than {MAX_STEPS} steps; take a shorter time"),
            ));
        }
        let key = SeriesKey {
            metric: params.metric.0,
            subject: params.subject.0,
            source: params.source.0,
            step_secs: params.step,
        };
        let steps = usize::try_from(end - first).unwrap_or(0);
        let mut values = vec![None; steps];
        for (at, value) in self.0.store.points(&key, from, until).await? {
            let place = usize::try_from(at.timestamp().div_euclid(step) - first).ok();
            if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
                *slot = Some(value);
            }
        }
        let from = DateTime::from_timestamp(first * step, 0).unwrap_or(from);
        Answer::json(&SeriesPoints { series: key.into(), from, steps, values })
    }
}
