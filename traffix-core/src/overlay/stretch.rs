//! Local days and weeks, and where their instants are on the wall clock.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, Offset as _, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::MAX_CURVES;
use crate::forecast::local_instant;

/// Since 1973 every zone changes its offset at a whole quarter of an hour.
const QUARTER_MS: i64 = 900_000;

/// What is laid over its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// Day over day.
    Day,
    /// Week over week; weeks begin on Monday.
    Week,
}

impl Period {
    const fn days(self) -> u64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
        }
    }

    /// Its length on the wall clock, which skips and repeats nothing.
    pub(super) const fn wall_secs(self) -> u32 {
        match self {
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
        }
    }
}

/// A local day or week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Whether it is a day or a week.
    pub period: Period,
    /// Its first local day.
    pub first_day: NaiveDate,
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
}

/// The local days or weeks up to the one that `last` lies in, oldest first: `count` of them, at least 1, at most
/// [`MAX_CURVES`]; fewer at the beginning of the calendar.
///
/// ```
/// use traffix_core::overlay::{Period, stretches};
/// let weeks = stretches(chrono_tz::Europe::London, Period::Week, "2026-03-31T12:00:00Z".parse().unwrap(), 2);
/// assert_eq!(weeks[0].first_day.to_string(), "2026-03-23");
/// assert_eq!((weeks[0].until - weeks[0].from).num_hours(), 167);
/// assert_eq!((weeks[1].until - weeks[1].from).num_hours(), 168);
/// ```
pub fn stretches(zone: Tz, period: Period, last: DateTime<Utc>, count: usize) -> Vec<Stretch> {
    let today = last.naive_utc().checked_add_offset(offset(zone, last)).unwrap_or(last.naive_utc()).date();
    let back = match period {
        Period::Day => 0,
        Period::Week => u64::from(today.weekday().num_days_from_monday()),
    };
    let Some(newest) = today.checked_sub_days(Days::new(back)) else { return Vec::new() };
    let midnight = |day: NaiveDate| local_instant(zone, day.and_time(NaiveTime::MIN));
    let stretch = |ago: u64| {
        let first_day = newest.checked_sub_days(Days::new(ago.checked_mul(period.days())?))?;
        let next = first_day.checked_add_days(Days::new(period.days()))?;
        Some(Stretch { period, first_day, from: midnight(first_day), until: midnight(next) })
    };
    let ago = 0..u64::try_from(count.clamp(1, MAX_CURVES)).unwrap_or(1);
    ago.rev().filter_map(stretch).collect()
}

impl Stretch {
    /// The parts in which the zone's offset does not change: from and until, and the instant that would be the wall
    /// clock's beginning of the stretch at that offset. All are milliseconds since 1970.
    pub(super) fn pieces(&self, zone: Tz) -> Vec<(i64, i64, i64)> {
        let wall_ms = self.first_day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
        let (mut at_ms, end_ms) = (self.from.timestamp_millis(), self.until.timestamp_millis());
        let mut pieces: Vec<(i64, i64, i64)> = Vec::new();
        while at_ms < end_ms {
            let Some(at) = DateTime::from_timestamp_millis(at_ms) else { break };
            let next_ms = end_ms.min(at_ms - at_ms.rem_euclid(QUARTER_MS) + QUARTER_MS);
            let zero_ms = wall_ms - i64::from(offset(zone, at).local_minus_utc()) * 1000;
            match pieces.last_mut().filter(|piece| piece.2 == zero_ms) {
                Some(piece) => piece.1 = next_ms,
                None => pieces.push((at_ms, next_ms, zero_ms)),
            }
            at_ms = next_ms;
        }
        pieces
    }
}

fn offset(zone: Tz, at: DateTime<Utc>) -> chrono::FixedOffset {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix()
}
