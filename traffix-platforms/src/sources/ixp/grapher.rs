//! The grapher of IXP Manager (<https://docs.ixpmanager.org/latest/grapher/api/>).

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use traffix_core::series::{Direction, Point, Series};
use url::Url;

use super::{ID, Traffic, bps};
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Method, Request, Upstream};

/// An exchange that runs IXP Manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Name of the exchange: the place of its series.
    pub name: String,
    /// Where its IXP Manager is: `https://www.inex.ie/ixp/`.
    pub base: Url,
}

/// How far back, and how finely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// 33 hours in steps of five minutes.
    Day,
    /// Eight days in steps of half an hour.
    Week,
    /// 33 days in steps of two hours.
    Month,
    /// A year in steps of a day.
    Year,
}

impl Period {
    fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// Resolution of the series of this period, in seconds, as MRTG keeps it.
    pub fn step_secs(self) -> NonZeroU32 {
        let secs = match self {
            Self::Day => 300,
            Self::Week => 1_800,
            Self::Month => 7_200,
            Self::Year => 86_400,
        };
        NonZeroU32::new(secs).unwrap_or(NonZeroU32::MIN)
    }
}

/// What the grapher says of a period in a few numbers, in bit/s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Mean into the exchange.
    pub average_in_bps: Option<u64>,
    /// Mean out of it.
    pub average_out_bps: Option<u64>,
    /// Largest rate into the exchange.
    pub maximum_in_bps: Option<u64>,
    /// Largest rate out of it.
    pub maximum_out_bps: Option<u64>,
    /// When the largest rate into it was.
    pub maximum_in_at: Option<DateTime<Utc>>,
    /// When the largest rate out of it was.
    pub maximum_out_at: Option<DateTime<Utc>>,
}

/// Reads the traffic of the whole exchange.
///
/// Rows finer than the period's step are averaged into it, rows without numbers are gaps.
///
/// # Errors
/// [`PlatformError::Malformed`] with the row if the answer is no such table, [`PlatformError::Upstream`] if there is
/// none, [`PlatformError::NotFound`] if the exchange does not show it.
pub async fn traffic(up: &dyn Upstream, site: &Site, period: Period) -> Result<Traffic, PlatformError> {
    let call = Call::new(ID, "grapher log", up);
    let fetched = call.json::<Vec<Vec<Option<f64>>>>(request(site, period, "log")).await?;
    let mut sides = [Vec::new(), Vec::new()];
    for (index, row) in fetched.value.iter().enumerate() {
        let wrong = |what: &str| call.malformed(format!("[{index}]"), what);
        let &[Some(at), .., _, _] = &row[..] else {
            return Err(wrong("must be a time and two rates at least"));
        };
        let start = bps(at).and_then(|secs| i64::try_from(secs).ok());
        let start = start.and_then(|secs| DateTime::from_timestamp(secs, 0));
        let start = start.ok_or_else(|| wrong("must begin with seconds since 1970"))?;
        for (side, points) in sides.iter_mut().enumerate() {
            let rate = |column: usize| match row.get(column).copied().flatten() {
                Some(number) => bps(number).map(Some).ok_or_else(|| wrong("rates must be 0 or more")),
                None => Ok(None),
            };
            let Some(average_bps) = rate(1 + side)? else { continue };
            // A log that keeps no maxima has 0 in their place.
            let maximum_bps = rate(3 + side)?.filter(|maximum| *maximum >= average_bps);
            points.push(Point { start, average_bps, maximum_bps });
        }
    }
    let [inbound, outbound] = sides;
    let series = |points, direction| {
        let evidence = fetched.evidence();
        let finest = Period::Day.step_secs();
        let fine = Series { place: site.name.clone(), direction, step_secs: finest, points, evidence };
        fine.coarsen(period.step_secs())
    };
    Ok(Traffic { inbound: series(inbound, Direction::In), outbound: series(outbound, Direction::Out) })
}

/// Reads means and maxima of a period.
///
/// # Errors
/// As [`traffic`].
pub async fn summary(
    up: &dyn Upstream,
    site: &Site,
    period: Period,
) -> Result<Fetched<Summary>, PlatformError> {
    let call = Call::new(ID, "grapher json", up);
    let fetched = call.json::<Description>(request(site, period, "json")).await?;
    Ok(fetched.map(|description| {
        let Statistics { averagein, averageout, maxin, maxout, maxinat, maxoutat } = description.statistics;
        let rate = |number: Option<f64>| number.and_then(bps);
        let at = |number: Option<f64>| number.and_then(bps).and_then(crate::wire::instant);
        Summary {
            average_in_bps: rate(averagein),
            average_out_bps: rate(averageout),
            maximum_in_bps: rate(maxin),
            maximum_out_bps: rate(maxout),
            maximum_in_at: at(maxinat),
            maximum_out_at: at(maxoutat),
        }
    }))
}

#[derive(Deserialize)]
struct Description {
    statistics: Statistics,
}

#[derive(Deserialize)]
struct Statistics {
    averagein: Option<f64>,
    averageout: Option<f64>,
    maxin: Option<f64>,
    maxout: Option<f64>,
    maxinat: Option<f64>,
    maxoutat: Option<f64>,
}

fn request(site: &Site, period: Period, kind: &str) -> Request {
    Request::to(Method::Get, site.base.clone())
        .segment("grapher")
        .segment("ixp")
        .query("id", 1)
        .query("period", period.as_str())
        .query("category", "bits")
        .query("type", kind)
        .fresh_for(period.step_secs().get().min(3_600))
}
