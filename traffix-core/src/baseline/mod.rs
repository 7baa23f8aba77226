//! Usual traffic: what a series carries at any local hour of week when nothing special happens.
//!
//! What is measured is taken apart on the natural-log scale, because traffic varies by factors: a Sunday evening
//! is a quarter above a Tuesday evening, on a small link and on a large one, this year and next:
//!
//! ```text
//! ln x(t) = season(local half-hour of week) + trend(t) + day(local date) + u(t)
//! ```
//!
//! - *season*: the median of each local half-hour of week, linear between their centres, so that bins shorter
//!   than half an hour see no staircase. The local clock comes from the time-zone database: a day of 23 hours
//!   has no value for the missing hour, a day of 25 hours the mean of both.
//! - *trend*: the Theil-Sen slope of weekly medians, from [`MIN_TREND_WEEKS`] weeks on and where Mann's test tells it
//!   from none. After the last week
//!   it is damped (Gardner and McKenzie 1985), so that growth ends by itself.
//! - *day*: whole days run high or low (weather, football); only their spread is kept.
//! - *u*: the rest, an autoregression of order 1 between bins.
//!
//! Medians make unknown releases and outages harmless as long as they take less than half of the weeks at one
//! half-hour. A slot with fewer than [`MIN_SLOT_WEEKS`] values borrows the same time of day from the days of its
//! kind (Monday to Friday; Saturday and Sunday), else of all days, and its spread is half as large again; if there
//! is nothing to borrow, it has no level.
//!
//! Holidays count as Sundays, in fitting and in asking: people are at home and businesses are closed, which is what
//! makes a Sunday. A holiday is too rare to have a season of its own, and as an ordinary Monday it is wrong by the
//! whole difference of office hours.
//!
//! ```
//! use traffix_core::baseline::{Baseline, BaselineOptions};
//! use traffix_core::samples::Samples;
//! let start: chrono::DateTime<chrono::Utc> = "2026-10-05T00:00:00Z".parse()?;
//! // Four weeks of hours, 2 Tbit/s in the evening and 1 Tbit/s else.
//! let evening = |hour| if (18..22).contains(&(hour % 24)) { 2e12 } else { 1e12 };
//! let samples = Samples::new(start, 3600.try_into()?, (0..4 * 168).map(|hour| Some(evening(hour))));
//! let baseline = Baseline::fit(&samples, &BaselineOptions::new(chrono_tz::UTC))?;
//! let level = baseline.at("2026-11-04T20:00:00Z".parse()?).unwrap();
//! assert!((level.bps / 2e12 - 1.0).abs() < 1e-5);
//! assert_eq!(baseline.hour_of_week()[3].map(f64::round), Some(1e12));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Sources
//!
//! - R. B. Cleveland, W. S. Cleveland, J. E. McRae, I. Terpenning, "STL: a seasonal-trend decomposition procedure
//!   based on loess", Journal of Official Statistics 6 (1990) 3-73: robust decomposition; here with medians and
//!   one season, because the season of traffic is known to be the week.
//! - E. S. Gardner, E. McKenzie, "Forecasting trends in time series", Management Science 31 (1985) 1237-1246.
//! - The statistics: Rousseeuw and Croux 1993 (MAD), Sen 1968 (slope), Mann 1945 (test),
//!   Gnanadesikan and Kettenring 1972
//!   (correlation from spreads of sums and differences).

mod fit;
mod noise;
mod reader;

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::num;
use crate::samples::Samples;

pub use noise::Noise;
pub(crate) use noise::coarse;
pub(crate) use reader::Reader;

/// Half-hours of a week.
const SLOTS: usize = 336;
/// Half-hours of a day.
const DAY_SLOTS: usize = 48;
/// Seconds of a half-hour.
const SLOT_S: i64 = 1800;
/// Seconds of a week, as a number to compute with.
const WEEK_S: f64 = 604_800.0;
/// Weeks below which a slot borrows from other days: the median of three still survives one wild week.
pub const MIN_SLOT_WEEKS: usize = 3;
/// Weeks below which no trend is told: the slope of fewer weekly medians is mostly noise. Assumed.
pub const MIN_TREND_WEEKS: usize = 6;
/// Known half-hours without which nothing is fitted: a week less 5 %.
const MIN_KNOWN: usize = SLOTS * 95 / 100;
/// Largest trend believed, per week: a factor 2.8 a year. Assumed.
const MAX_TREND_PER_WEEK: f64 = 0.02;
/// After so many weeks a trend that goes on is damped to 1/e of its speed. Assumed.
const DAMPING_WEEKS: f64 = 8.0;

/// What the fit has to know besides the samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineOptions {
    /// Time zone of the customers.
    pub tz: Tz,
    /// Local dates that are treated like Sundays, past and future.
    pub holidays: BTreeSet<NaiveDate>,
    /// Times that are left out, from the first instant to before the second: releases, outages, campaigns.
    pub excluded: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl BaselineOptions {
    /// No holidays, nothing left out.
    pub const fn new(tz: Tz) -> Self {
        Self { tz, holidays: BTreeSet::new(), excluded: Vec::new() }
    }

    /// The same for the name of a time zone.
    ///
    /// # Errors
    /// [`BaselineError::Timezone`] if the IANA database has no such name.
    ///
    /// ```
    /// # use traffix_core::baseline::BaselineOptions;
    /// assert!(BaselineOptions::named("Europe/London").is_ok());
    /// assert!(BaselineOptions::named("Europe/Atlantis").is_err());
    /// ```
    pub fn named(tz: &str) -> Result<Self, BaselineError> {
        Ok(Self::new(zone(tz)?))
    }
}

fn zone(tz: &str) -> Result<Tz, BaselineError> {
    tz.parse().map_err(|_| BaselineError::Timezone(tz.to_owned()))
}

/// Why there is no baseline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// Less than a week is known.
    #[error(
        "{known} of the {needed} half-hours needed are known: give at least one week of traffic, better four, or \
         leave out less"
    )]
    TooLittle {
        /// Half-hours with a value, outside what is left out.
        known: usize,
        /// Half-hours needed.
        needed: usize,
    },
    /// Bins are longer than an hour.
    #[error("bins of {0} s hide the time of day: give bins of at most an hour")]
    Step(u32),
    /// No traffic at all.
    #[error("every known value is 0: check that the right link and direction are read")]
    Silent,
    /// No such time zone.
    #[error("{0:?} is no time zone of the IANA database: give a name such as Europe/London")]
    Timezone(String),
    /// Read from outside, with parts that do not fit.
    #[error("a baseline has {SLOTS} levels and as many spreads, finite numbers, from Monday 00:00 on")]
    Shape,
}

/// The level of one bin, and how far a bin strays from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Level {
    /// Median of a bin, in bit/s.
    pub bps: f64,
    /// Standard deviation of the natural log of one bin about it: .1 is about 10 %.
    pub sigma_log: f64,
}

/// The usual traffic of one series. See the [module](self).
///
/// As JSON about 8 kB, whatever it was fitted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Baseline {
    tz: Tz,
    holidays: BTreeSet<NaiveDate>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    /// Level and spread of each local half-hour of week as of `until`, on the log scale.
    slots: Vec<Option<(f64, f64)>>,
    trend_per_week: f64,
    noise: Noise,
    coverage: f64,
    weeks: f64,
}

/// [`Baseline`] as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Baseline"))]
#[serde(deny_unknown_fields)]
struct Stored {
    /// Time zone of the customers, a name of the IANA database.
    tz: String,
    /// Local dates treated like Sundays.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    holidays: BTreeSet<NaiveDate>,
    /// Start of the first bin it was fitted to.
    from: DateTime<Utc>,
    /// End of the last bin it was fitted to.
    until: DateTime<Utc>,
    /// Natural log of the level in bit/s by local half-hour of week at the end of the fit, Monday 00:00 first.
    log_bps: Vec<Option<f64>>,
    /// Standard deviation of the log of one bin by local half-hour of week.
    sigma_log: Vec<Option<f64>>,
    /// Growth of the log level per week.
    trend_per_week: f64,
    /// What is left of the bins.
    noise: Noise,
    /// Share of the time between the first and the last bin that was known and not left out.
    coverage: f64,
    /// Weeks known and not left out.
    weeks: f64,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Baseline {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Stored::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Stored::json_schema(generator)
    }
}

impl TryFrom<Stored> for Baseline {
    type Error = BaselineError;

    fn try_from(stored: Stored) -> Result<Self, BaselineError> {
        let same_gaps =
            stored.log_bps.iter().map(Option::is_some).eq(stored.sigma_log.iter().map(Option::is_some));
        let noise = stored.noise;
        let numbers = [stored.trend_per_week, stored.coverage, stored.weeks];
        let finite = numbers.iter().all(|x| x.is_finite())
            && stored.log_bps.iter().flatten().all(|x| x.abs() < 700.0)
            && stored.sigma_log.iter().flatten().all(|x| x.is_finite() && *x >= 0.0)
            && noise.is_valid();
        if stored.log_bps.len() != SLOTS || !same_gaps || !finite {
            return Err(BaselineError::Shape);
        }
        Ok(Self {
            tz: zone(&stored.tz)?,
            holidays: stored.holidays,
            from: stored.from,
            until: stored.until,
            slots: stored.log_bps.into_iter().zip(stored.sigma_log).map(|(a, b)| a.zip(b)).collect(),
            trend_per_week: stored.trend_per_week,
            noise,
            coverage: stored.coverage,
            weeks: stored.weeks,
        })
    }
}

impl From<Baseline> for Stored {
    fn from(baseline: Baseline) -> Self {
        let (log_bps, sigma_log) =
            baseline.slots.iter().map(|slot| (slot.map(|s| s.0), slot.map(|s| s.1))).unzip();
        Self {
            tz: baseline.tz.name().to_owned(),
            holidays: baseline.holidays,
            from: baseline.from,
            until: baseline.until,
            log_bps,
            sigma_log,
            trend_per_week: baseline.trend_per_week,
            noise: baseline.noise,
            coverage: baseline.coverage,
            weeks: baseline.weeks,
        }
    }
}

impl Baseline {
    /// The usual traffic of a series with bins of 1 s to 1 h.
    ///
    /// Values below zero count as gaps, zeros as outages. Deterministic; one pass over the bins and some over
    /// half-hours.
    ///
    /// # Errors
    /// Less than a week known, bins longer than an hour, no traffic at all.
    pub fn fit(samples: &Samples, options: &BaselineOptions) -> Result<Self, BaselineError> {
        fit::fit(samples, options)
    }

    /// The level at an instant; `None` where the hours of this kind were never seen.
    pub fn at(&self, instant: DateTime<Utc>) -> Option<Level> {
        Reader::new(self).level(instant.timestamp())
    }

    /// The level of each bin of a grid, at the middle of the bin.
    ///
    /// ```
    /// # use traffix_core::baseline::{Baseline, BaselineOptions};
    /// # use traffix_core::samples::Samples;
    /// # let start: chrono::DateTime<chrono::Utc> = "2026-10-05T00:00:00Z".parse()?;
    /// # let samples = Samples::new(start, 3600.try_into()?, vec![Some(1e9); 168]);
    /// # let baseline = Baseline::fit(&samples, &BaselineOptions::new(chrono_tz::UTC))?;
    /// let levels = baseline.levels("2026-11-01T17:00:00Z".parse()?, 300.try_into()?, 12);
    /// assert_eq!(levels.len(), 12);
    /// assert_eq!(levels[11].map(|level| level.bps.round()), Some(1e9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn levels(
        &self,
        start: DateTime<Utc>,
        step_secs: std::num::NonZeroU32,
        bins: usize,
    ) -> Vec<Option<Level>> {
        let step = i64::from(step_secs.get());
        let middle = start.timestamp().saturating_add(step / 2);
        let mut reader = Reader::new(self);
        (0..bins)
            .map(|bin| reader.level(middle.saturating_add(step.saturating_mul(num::to_isize(bin)))))
            .collect()
    }

    /// Mean level of each local hour of week as of the end of the fit, in bit/s, Monday 00:00 first: the shape of
    /// [`Network::baseline_bps`](crate::network::Network::baseline_bps).
    pub fn hour_of_week(&self) -> [Option<f64>; 168] {
        let level = |slot: usize| self.slots.get(slot).copied().flatten().map(|(log, _)| libm::exp(log));
        std::array::from_fn(|hour| match (level(2 * hour), level(2 * hour + 1)) {
            (Some(first), Some(second)) => Some(first.midpoint(second)),
            (first, second) => first.or(second),
        })
    }

    /// Time zone of the customers.
    pub const fn tz(&self) -> Tz {
        self.tz
    }

    /// Start of the first and end of the last bin of the fit.
    pub const fn fitted(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.from, self.until)
    }

    /// Growth of the natural log of the level per week; 0 if too few weeks are known to tell.
    pub const fn trend_per_week(&self) -> f64 {
        self.trend_per_week
    }

    /// What is left of the bins about the level.
    pub const fn noise(&self) -> Noise {
        self.noise
    }

    /// Share of the time of the fit that was known and not left out.
    pub const fn coverage(&self) -> f64 {
        self.coverage
    }

    /// Weeks that were known and not left out.
    pub const fn weeks(&self) -> f64 {
        self.weeks
    }

    /// What the trend adds to the log level at an instant, as of the end of the fit.
    fn trend(&self, at_s: i64) -> f64 {
        let weeks = num::of_i64(at_s.saturating_sub(self.until.timestamp())) / WEEK_S;
        let first = num::of_i64(self.from.timestamp() - self.until.timestamp()) / WEEK_S;
        let effective =
            if weeks > 0.0 { -DAMPING_WEEKS * libm::expm1(-weeks / DAMPING_WEEKS) } else { weeks.max(first) };
        self.trend_per_week * effective
    }
}
