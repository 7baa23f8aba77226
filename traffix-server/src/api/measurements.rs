//! Measured bytes by platform, CDN and link.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::Invalid;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::CdnId;
use traffix_core::measurement::Key;
use traffix_store::{Dimensions, Measured, MeasurementQuery, StoreError};

use super::Chapter;
use super::measured::{self, Axis, P95_STEP_SECS};
use crate::AppState;
use crate::auth::{Caller, Moderator};
use crate::batches::BatchDocument;
use crate::http::{Answer, Body, Kind, Problem, Query, Saved, wants_csv};

pub(crate) struct MeasurementApi(pub(crate) Arc<AppState>);

/// Most bins of an answer: a month of minutes.
const MAX_BINS: i64 = 45_000;
/// How far back an answer goes if nobody says.
const DEFAULT_SPAN: TimeDelta = TimeDelta::days(1);
/// Longest time of which a 95th percentile is made: a month and some.
const MAX_P95_SPAN: TimeDelta = TimeDelta::days(40);

/// Which measurements, and how they are summed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeasurementParams {
    /// Id of the network's profile.
    network: Name,
    /// From the bin of this instant; a day before `until` if absent.
    from: Option<DateTime<Utc>>,
    /// Until the bin that ends at or after this instant; now if absent.
    until: Option<DateTime<Utc>>,
    /// Seconds of a bin: a multiple of 60 that divides a day; 300 if absent. The answer has longer ones where only longer
    /// ones are kept.
    step: Option<Step>,
    /// By what to tell the bytes apart: any of `platform`, `cdn` and `link`, separated by commas; everything is one sum
    /// if absent.
    by: Option<By>,
    /// Only of this platform.
    platform: Option<PlatformId>,
    /// Only of this CDN.
    cdn: Option<CdnId>,
    /// Only on this link, by its id in the profile.
    link: Option<Name>,
}

/// What people call a network or a link.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("minLength" = 1, "maxLength" = 200, "pattern" = "^[^\\x00-\\x1f\\x7f-\\x9f]+$"))]
pub(super) struct Name(pub(super) String);

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = !text.is_empty() && text.len() <= 200 && !text.contains(char::is_control);
        if fits { Ok(Self(text)) } else { Err("must be 1 to 200 printable bytes") }
    }
}

/// Seconds of a bin.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
#[schemars(inline, extend("enum" = [60, 120, 180, 240, 300, 360, 480, 540, 600, 720, 900, 960, 1080, 1200, 1440, 1800, 1920, 2160, 2400, 2700, 2880, 3600, 4320, 4800, 5400, 5760, 7200, 8640, 9600, 10800, 14400, 17280, 21600, 28800, 43200, 86400]))]
pub(crate) struct Step(pub(super) u32);

impl TryFrom<u32> for Step {
    type Error = &'static str;

    fn try_from(secs: u32) -> Result<Self, Self::Error> {
        let fits = secs > 0 && secs.is_multiple_of(60) && 86_400 % secs == 0;
        if fits { Ok(Self(secs)) } else { Err("must be a multiple of 60 that divides a day (86400)") }
    }
}

/// By what sums are told apart.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, with = "String", extend("pattern" = "^(platform|cdn|link)(,(platform|cdn|link))*$"))]
pub(crate) struct By(Dimensions);

impl TryFrom<String> for By {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut by = Dimensions::default();
        for word in text.split(',') {
            match word {
                "platform" => by.platform = true,
                "cdn" => by.cdn = true,
                "link" => by.link = true,
                other => return Err(format!("has {other:?}; may be platform, cdn and link")),
            }
        }
        Ok(Self(by))
    }
}

/// Measured bytes of a network on one axis of time.
///
/// Arrays have a number for each of the `bins` bins of `step_secs` seconds from `from` on. Where it is null, nobody watched:
/// the traffic is unknown, not zero.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MeasurementAnswer {
    /// Id of the network's profile.
    network: String,
    /// Start of the first bin.
    from: DateTime<Utc>,
    /// End of the last bin.
    until: DateTime<Utc>,
    /// Seconds of a bin: what was asked for, or more where only longer bins are kept.
    step_secs: u32,
    /// How many bins there are.
    bins: usize,
    /// For how many of its seconds each bin was watched; fewer than it has if the bytes are those of a part of it.
    watched_secs: Vec<Option<u32>>,
    /// The sums, one for every combination of what was asked for by `by`. Those without any traffic are left out.
    items: Vec<MeasurementItem>,
}

/// Bytes of one platform, CDN and link. What is absent was not asked for by `by`, or is not known.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MeasurementItem {
    /// The platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<PlatformId>,
    /// The CDN.
    #[serde(skip_serializing_if = "Option::is_none")]
    cdn: Option<CdnId>,
    /// The link, by its id in the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// All bytes of the time asked for.
    bytes: u64,
    /// Mean over the time that was watched, bit/s; absent if none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_bps: Option<f64>,
    /// Mean of the busiest bin, bit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bps: Option<f64>,
    /// 95th percentile of the means of 5-minute bins, bit/s, as transit is billed: the lowest rate that 95 % of the
    /// watched bins do not exceed. Absent if only longer bins are kept, or if more than 40 days are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_bps: Option<f64>,
    /// Bytes of each bin.
    bin_bytes: Vec<Option<u64>>,
}

/// Networks that were measured.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MeasuredNetworkPage {
    items: Vec<MeasuredNetwork>,
}

/// A network that was measured.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MeasuredNetwork {
    /// Id of its profile.
    network: String,
    /// The first minute that is kept.
    first: DateTime<Utc>,
    /// The last minute that was watched.
    last: DateTime<Utc>,
}

/// What became of a batch.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AddedBatch {
    /// The batch.
    id: String,
    /// Whether it was added now; if not, it had been added before, and nothing changed.
    added: bool,
}

#[OpenApi(tag = "Chapter::Measurements")]
impl MeasurementApi {
    /// Measured bytes of a network, by time and by platform, CDN and link.
    ///
    /// Needs a key unless the server's `measurements.open_reading` is set. With `Accept: text/csv` a line for every
    /// watched bin with traffic.
    #[oai(path = "/measurements", method = "get", operation_id = "getMeasurements")]
    async fn get(
        &self,
        who: Caller,
        request: &Request,
        params: Query<MeasurementParams>,
    ) -> Result<Answer<MeasurementAnswer>, Problem> {
        may_read(&self.0, &who)?;
        let query = query(params.0, self.0.clock.now())?;
        let found = self.ask(&query).await?;
        let axis = Axis::of(&found, &query);
        if wants_csv(request.headers()) {
            return Ok(Answer::prepared("text/csv; charset=utf-8", measured::csv(&found, query.by)));
        }
        let p95 = self.p95(&query, &found).await?;
        let items = found.series.iter().map(|series| item(series, &found, &axis, &p95)).collect();
        Answer::json(&MeasurementAnswer {
            network: query.network,
            from: axis.from,
            until: axis.until,
            step_secs: found.step_secs,
            bins: axis.bins,
            watched_secs: axis.spread(found.bins.iter().map(|bin| bin.watched_secs)),
            items,
        })
    }

    /// Networks that anything was measured on.
    #[oai(path = "/measurements/networks", method = "get", operation_id = "listMeasuredNetworks")]
    async fn networks(&self, who: Caller) -> Result<Answer<MeasuredNetworkPage>, Problem> {
        may_read(&self.0, &who)?;
        let found = self.0.store.measured_networks().await?;
        let items = found.into_iter().map(|one| {
            let traffix_store::MeasuredNetwork { network, first, last } = one;
            MeasuredNetwork { network, first, last }
        });
        Answer::json(&MeasuredNetworkPage { items: items.collect() })
    }

    /// Adds what a collector measured, once: a batch whose id is known changes nothing.
    ///
    /// For collectors that cannot reach the database. 201 if it was added, 200 if it had been before.
    #[oai(path = "/measurements", method = "post", operation_id = "addMeasurements")]
    async fn add(&self, who: Moderator, batch: Body<BatchDocument>) -> Result<Saved<AddedBatch>, Problem> {
        let batch = batch.0.batch(self.0.clock.now()).map_err(Problem::findings)?;
        let added = self.0.store.add_batch(&batch).await?;
        tracing::debug!(batch = batch.id, key = %who.0.id, added, "measurements arrived");
        Ok(Answer::json(&AddedBatch { id: batch.id, added })?.saved(added))
    }
}

impl MeasurementApi {
    async fn ask(&self, query: &MeasurementQuery) -> Result<Measured, Problem> {
        self.0.store.measurements(query).await.map_err(|error| match error {
            // Of what the store may refuse, only the size is left.
            StoreError::Invalid(found) => {
                let detail = found.into_iter().next().map(|Invalid { detail, .. }| detail);
                Problem::unusable("step", detail.unwrap_or_default())
            }
            error => error.into(),
        })
    }

    /// The 95th percentile of each key, where it can be told.
    async fn p95(&self, query: &MeasurementQuery, found: &Measured) -> Result<HashMap<Key, f64>, Problem> {
        if query.until - query.from > MAX_P95_SPAN {
            return Ok(HashMap::new());
        }
        if found.step_secs == P95_STEP_SECS {
            return Ok(measured::p95(found));
        }
        let query = MeasurementQuery { step_secs: P95_STEP_SECS, ..query.clone() };
        let bins = self.ask(&query).await?;
        Ok(if bins.step_secs == P95_STEP_SECS { measured::p95(&bins) } else { HashMap::new() })
    }
}

/// Refuses who may not know how much traffic there is.
pub(super) fn may_read(state: &AppState, who: &Caller) -> Result<(), Problem> {
    if state.config.measurements.open_reading || who.0.is_some() {
        return Ok(());
    }
    Err(Problem::header(Kind::Unauthenticated, "Authorization", "measurements need a key of any role"))
}

fn query(params: MeasurementParams, now: DateTime<Utc>) -> Result<MeasurementQuery, Problem> {
    let step_secs = params.step.map_or(P95_STEP_SECS, |step| step.0);
    let (from, until) = span(params.from, params.until, now)?;
    if (until - from).num_seconds() / i64::from(step_secs) > MAX_BINS {
        let detail = format!("gives more than {MAX_BINS} bins; take a longer one or a shorter time");
        return Err(Problem::unusable("step", detail));
    }
    Ok(MeasurementQuery {
        network: params.network.0,
        from,
        until,
        step_secs,
        by: params.by.map(|by| by.0).unwrap_or_default(),
        platform: params.platform,
        cdn: params.cdn,
        link: params.link.map(|link| link.0),
    })
}

/// The time that is asked about: up to now and a day if nobody says.
pub(super) fn span(
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Problem> {
    let until = until.unwrap_or(now);
    let from = from.or_else(|| until.checked_sub_signed(DEFAULT_SPAN)).unwrap_or(until);
    // The calendar of bins is smaller than that of instants.
    let known = |at: DateTime<Utc>| (0..=253_402_300_799).contains(&at.timestamp());
    for (name, at) in [("from", from), ("until", until)] {
        if !known(at) {
            return Err(Problem::unusable(name, "must lie between 1970 and 9999"));
        }
    }
    if from >= until {
        return Err(Problem::unusable("from", "must lie before `until`"));
    }
    Ok((from, until))
}

fn item(
    series: &traffix_store::MeasuredSeries,
    found: &Measured,
    axis: &Axis,
    p95: &HashMap<Key, f64>,
) -> MeasurementItem {
    let rates = measured::rates(found, series);
    let Key { platform, cdn, link } = series.key.clone();
    MeasurementItem {
        platform,
        cdn,
        link,
        bytes: series.bytes.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes)),
        mean_bps: measured::mean(found, series),
        max_bps: rates.max_by(f64::total_cmp),
        p95_bps: p95.get(&series.key).copied(),
        bin_bytes: axis.spread(series.bytes.iter().copied()),
    }
}
