//! Where the ticks go: round rates, and round local times by the time-zone database.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::num::{count, float, local, secs};

/// Rates from 0 upwards, the last one at or above `top`, in steps of 1, 2, 2.5 or 5 times a power of ten.
pub(super) fn rates(top: f64, wanted: usize) -> Vec<f64> {
    // An empty chart still needs an axis.
    let top = if top.is_finite() && top > 0.0 { top.clamp(1.0, 1e30) } else { 1e9 };
    let raw = top / float(wanted.max(1));
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * 0.999);
    let step = step.unwrap_or(power * 10.0);
    let last = count((top / step - 1e-9).ceil()).clamp(1, 50);
    (0..=last).map(|i| float(i) * step).collect()
}

/// A tick of the time axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: DateTime<Utc>,
    /// `18:00` or `Fri 3`.
    pub(super) label: String,
    /// `Nov 2023`, where the month is new.
    pub(super) month: Option<String>,
}

/// Ticks at round local times between two instants, at most about `wanted` of them.
pub(super) fn times(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz, wanted: usize) -> Vec<Tick> {
    let span = secs(start, end);
    let room = span / float(wanted.max(1));
    let hours = [1_u32, 2, 3, 6, 12].into_iter().find(|h| f64::from(*h) * 3600.0 >= room);
    let ticks = match hours {
        Some(hours) => hourly(start, end, zone, hours),
        None => daily(start, end, zone, room / 86_400.0),
    };
    let mut month = None;
    let new_month = |(at, label): (DateTime<Utc>, String)| {
        let clock = local(at, zone);
        let this = (clock.year(), clock.month());
        let is_new = month.replace(this) != Some(this);
        Tick { at, label, month: is_new.then(|| clock.format("%b %Y").to_string()) }
    };
    ticks.into_iter().map(new_month).collect()
}

/// Every `hours` of the local clock; midnights carry the day.
fn hourly(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz, hours: u32) -> Vec<(DateTime<Utc>, String)> {
    let mut ticks = Vec::new();
    for day in days(start, end, zone) {
        for hour in (0..24).step_by(hours as usize) {
            let Some(clock) = day.and_hms_opt(hour, 0, 0) else { continue };
            let Some(at) = instant(clock, zone).filter(|at| (start..=end).contains(at)) else { continue };
            let label = if hour == 0 { "%a %-d" } else { "%H:%M" };
            ticks.push((at, clock.format(label).to_string()));
        }
    }
    ticks
}

/// Local midnights, as far apart as they need to be.
fn daily(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz, room: f64) -> Vec<(DateTime<Utc>, String)> {
    let every = [1_usize, 2, 3, 7, 14, 28].into_iter().find(|d| float(*d) >= room);
    let every = every.unwrap_or_else(|| count((room / 28.0).ceil()).max(1) * 28);
    let midnights = days(start, end, zone).filter_map(|day| {
        let at = instant(day.and_hms_opt(0, 0, 0)?, zone)?;
        (start..=end).contains(&at).then(|| (at, day.format("%a %-d").to_string()))
    });
    midnights.step_by(every).collect()
}

/// The local days that two instants enclose; at most ten years of them.
fn days(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz) -> impl Iterator<Item = NaiveDate> {
    let first = local(start, zone).date_naive();
    let last = local(end, zone).date_naive();
    first.iter_days().take_while(move |day| *day <= last).take(3660)
}

/// The first instant at which the local clock shows a time, or passes it where the clock skips it.
fn instant(clock: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let found = zone.from_local_datetime(&clock).earliest();
    let found = found.or_else(|| zone.from_local_datetime(&(clock + TimeDelta::hours(1))).earliest());
    found.map(|at| at.with_timezone(&Utc))
}

/// The zone's offsets between two instants, such as `UTC+01:00`, or `UTC+01:00, later UTC+00:00`.
pub fn offset_label(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz) -> String {
    let offset = |at: DateTime<Utc>| {
        let east = local(at, zone).offset().fix().local_minus_utc();
        let sign = if east < 0 { '-' } else { '+' };
        let minutes = east.unsigned_abs() / 60;
        format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    };
    let (first, last) = (offset(start), offset(end));
    if first == last { first } else { format!("{first}, later {last}") }
}
