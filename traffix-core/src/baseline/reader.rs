//! Levels of consecutive instants.

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use super::{Baseline, DAY_SLOTS, Level, SLOT_S};
use crate::forecast::LocalHours;
use crate::num;

/// Days from the beginning of the common era to 1970-01-01.
const EPOCH_DAYS: i64 = 719_163;
/// Sunday, counted from Monday.
const SUNDAY: i64 = 6;

/// The local calendar with its holidays, in half-hours of the local clock since 1970.
pub(super) struct Calendar {
    hours: LocalHours,
    holidays: Vec<i64>,
}

impl Calendar {
    pub(super) fn new<'a>(tz: Tz, holidays: impl IntoIterator<Item = &'a NaiveDate>) -> Self {
        let days = holidays.into_iter().map(|date| i64::from(date.num_days_from_ce()) - EPOCH_DAYS).collect();
        Self { hours: LocalHours::new(tz), holidays: days }
    }

    /// What the local clock shows, in seconds since 1970.
    pub(super) fn clock_s(&mut self, at_s: i64) -> i64 {
        self.hours.clock_s(at_s)
    }

    /// Weekday of a local day since 1970, Monday 0; a holiday is a Sunday.
    fn weekday(&self, day: i64) -> i64 {
        if self.holidays.binary_search(&day).is_ok() {
            return SUNDAY;
        }
        // 1970-01-01 was a Thursday.
        day.saturating_add(3).rem_euclid(7)
    }

    /// Slot of the week of a local half-hour.
    pub(super) fn slot(&self, half_hour: i64) -> usize {
        let slots = num::to_isize(DAY_SLOTS);
        let slot = self.weekday(half_hour.div_euclid(slots)) * slots + half_hour.rem_euclid(slots);
        usize::try_from(slot).unwrap_or(0)
    }
}

/// Reads levels of a baseline; fast for instants that follow each other.
pub(crate) struct Reader<'a> {
    baseline: &'a Baseline,
    calendar: Calendar,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(baseline: &'a Baseline) -> Self {
        Self { baseline, calendar: Calendar::new(baseline.tz, &baseline.holidays) }
    }

    /// Local day of an instant, since 1970.
    pub(crate) fn day(&mut self, at_s: i64) -> i64 {
        self.calendar.clock_s(at_s).div_euclid(86_400)
    }

    /// Half-hour of the local day of an instant, 0 to 47.
    pub(crate) fn half_hour(&mut self, at_s: i64) -> usize {
        let half_hour = self.calendar.clock_s(at_s).div_euclid(SLOT_S).rem_euclid(num::to_isize(DAY_SLOTS));
        usize::try_from(half_hour).unwrap_or(0)
    }

    /// Natural log of the level, and its standard deviation.
    pub(crate) fn log(&mut self, at_s: i64) -> Option<(f64, f64)> {
        let clock_s = self.calendar.clock_s(at_s);
        let half_hour = clock_s.div_euclid(SLOT_S);
        let slot = |half_hour| self.baseline.slots[self.calendar.slot(half_hour)];
        let (own, sigma) = slot(half_hour)?;
        let off = num::of_i64(clock_s.rem_euclid(SLOT_S)) / num::of_i64(SLOT_S) - 0.5;
        let near = slot(half_hour + if off < 0.0 { -1 } else { 1 }).map_or(own, |(log, _)| log);
        Some((own + off.abs() * (near - own) + self.baseline.trend(at_s), sigma))
    }

    pub(crate) fn level(&mut self, at_s: i64) -> Option<Level> {
        self.log(at_s).map(|(log, sigma_log)| Level { bps: libm::exp(log), sigma_log })
    }
}
