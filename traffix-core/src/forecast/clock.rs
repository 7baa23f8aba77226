//! When people are awake: the time grid and operational time on the local clock.
//!
//! Downloads start when somebody switches a machine on, which follows the local hour. *Operational time*
//! `L` runs fast in the evening and slowly at night, with mean speed 1 over a week, so that a start law
//! written in `L` shows the second-day evening bump by itself. The local clock comes from the time-zone
//! database, so a day of 23 or 25 hours is 23 or 25 hours.
//!
//! Not modelled: public holidays and school holidays.

use chrono::{
    DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

use crate::num;

/// Seconds of an hour.
const HOUR_S: i64 = 3600;
/// How far outside the grid local hours are followed before the mean speed 1 is used. Assumed.
const FOLLOWED_S: i64 = 60 * 86_400;

/// Equal bins of time: bin `k` covers `[start + k step, start + (k + 1) step)`.
///
/// ```
/// use traffix_core::forecast::Grid;
/// let grid = Grid::new("2025-06-10T17:00:00Z".parse().unwrap(), 300, 48);
/// assert_eq!(grid.edge(12).to_rfc3339(), "2025-06-10T18:00:00+00:00");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    start_s: i64,
    step_s: u32,
    bins: usize,
}

impl Grid {
    /// A grid from `start` (fractions of a second are dropped) with `bins` bins of `step_s` seconds; a step of
    /// zero is taken as one second.
    pub fn new(start: DateTime<Utc>, step_s: u32, bins: usize) -> Self {
        Self { start_s: start.timestamp(), step_s: step_s.max(1), bins }
    }

    /// First instant of the grid.
    pub fn start(&self) -> DateTime<Utc> {
        self.edge(0)
    }

    /// Bin length in seconds.
    pub const fn step_s(&self) -> u32 {
        self.step_s
    }

    /// Number of bins.
    pub const fn bins(&self) -> usize {
        self.bins
    }

    /// Bin length in seconds, as a number to compute with.
    pub fn step(&self) -> f64 {
        f64::from(self.step_s)
    }

    /// The instant of edge `k` (edge `bins` is the end); cut at the ends of the calendar.
    pub fn edge(&self, k: usize) -> DateTime<Utc> {
        instant(self.edge_s(k))
    }

    pub(crate) fn edge_s(&self, k: usize) -> i64 {
        self.start_s.saturating_add(num::to_isize(k).saturating_mul(i64::from(self.step_s)))
    }

    /// Position of an instant in bins from the start: negative before, above `bins` after.
    pub(crate) fn position(&self, at_s: i64) -> f64 {
        num::of_i64(at_s.saturating_sub(self.start_s)) / self.step()
    }
}

/// The instant of a number of seconds since 1970, cut at the ends of the calendar.
pub(crate) fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or(if seconds < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// How active the audience is by local hour of week.
#[derive(Debug, Clone, PartialEq)]
pub enum Activity {
    /// Always the same: operational time is real time.
    Flat,
    /// 168 relative speeds, Monday 00:00 local first, scaled to mean 1. Boxed because it is 1.3 kB.
    Weekly(Box<[f64; 168]>),
}

impl Activity {
    /// 24 speeds by local hour, times `weekend_factor` on Saturday and Sunday, scaled to mean 1 over the week.
    ///
    /// Speeds that are not positive numbers in sum give [`Activity::Flat`].
    ///
    /// ```
    /// use traffix_core::forecast::Activity;
    /// let Activity::Weekly(d) = Activity::from_day(&[1.0; 24], 1.0) else { panic!() };
    /// assert_eq!(d[167], 1.0);
    /// ```
    pub fn from_day(day24: &[f64; 24], weekend_factor: f64) -> Self {
        let week = std::array::from_fn(|h| day24[h % 24] * if h >= 120 { weekend_factor } else { 1.0 });
        Self::from_week(week)
    }

    /// 168 speeds, Monday 00:00 local first, scaled to mean 1; unusable speeds give [`Activity::Flat`].
    pub fn from_week(mut week: [f64; 168]) -> Self {
        let mean = week.iter().sum::<f64>() / 168.0;
        if !mean.is_finite() || mean <= 0.0 || week.iter().any(|d| !d.is_finite() || *d < 0.0) {
            return Self::Flat;
        }
        for d in &mut week {
            *d /= mean;
        }
        Self::Weekly(Box::new(week))
    }

    fn speed(&self, tz: Tz, at_s: i64) -> f64 {
        match self {
            Self::Flat => 1.0,
            Self::Weekly(week) => week[hour_of_week(tz, at_s)],
        }
    }
}

/// Local hour of week of an instant, 0 = Monday 00:00-01:00, 167 = Sunday 23:00-24:00.
pub(crate) fn hour_of_week(tz: Tz, at_s: i64) -> usize {
    let local = instant(at_s).with_timezone(&tz);
    let day = num::to_usize(f64::from(local.weekday().num_days_from_monday()));
    day * 24 + num::to_usize(f64::from(local.hour()))
}

/// Operational time on a grid in a time zone.
///
/// `L` is zero at the grid's start and linear inside a bin, with the speed of the local hour at the bin's
/// start. One clock serves every start law on the grid.
///
/// # Example
///
/// ```
/// use traffix_core::forecast::{Activity, Clock, Grid};
/// let grid = Grid::new("2025-06-10T00:00:00Z".parse().unwrap(), 3600, 24);
/// let clock = Clock::new(grid, chrono_tz::UTC, &Activity::Flat);
/// assert_eq!(clock.edges()[24], 86_400.0);
/// ```
#[derive(Debug, Clone)]
pub struct Clock {
    grid: Grid,
    tz: Tz,
    activity: Activity,
    edges: Vec<f64>,
}

impl Clock {
    /// Builds the table: one look-up of the local hour per bin.
    pub fn new(grid: Grid, tz: Tz, activity: &Activity) -> Self {
        let mut edges = Vec::with_capacity(grid.bins + 1);
        let mut total = 0.0;
        edges.push(0.0);
        let mut hours = LocalHours::new(tz);
        for k in 0..grid.bins {
            total += grid.step()
                * match activity {
                    Activity::Flat => 1.0,
                    Activity::Weekly(week) => week[hours.of_week(grid.edge_s(k))],
                };
            edges.push(total);
        }
        Self { grid, tz, activity: activity.clone(), edges }
    }

    /// The grid it was built on.
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The time zone it was built for.
    pub const fn tz(&self) -> Tz {
        self.tz
    }

    /// Operational seconds since the grid's start at every edge: `bins + 1` values, never decreasing.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// Operational seconds from the grid's start to any instant (negative before it).
    ///
    /// Outside the grid the local hours are followed for 60 days, then speed 1 is taken.
    pub fn at(&self, instant: DateTime<Utc>) -> f64 {
        self.at_s(instant.timestamp())
    }

    pub(crate) fn at_s(&self, at_s: i64) -> f64 {
        let position = self.grid.position(at_s);
        if position < 0.0 {
            return -self.walk(at_s, self.grid.start_s);
        }
        let k = num::to_usize(position);
        if k >= self.grid.bins {
            let end_s = self.grid.edge_s(self.grid.bins);
            return self.edges[self.grid.bins] + self.walk(end_s, at_s);
        }
        let inside = position - num::of_usize(k);
        self.edges[k] + inside * (self.edges[k + 1] - self.edges[k])
    }

    /// Operational seconds between two instants outside the grid, hour by hour.
    fn walk(&self, from_s: i64, to_s: i64) -> f64 {
        let near_s = to_s.min(from_s.saturating_add(FOLLOWED_S));
        let (mut at_s, mut total) = (from_s, 0.0);
        while at_s < near_s {
            let next_s = (at_s + HOUR_S - at_s.rem_euclid(HOUR_S)).min(near_s);
            total += num::of_i64(next_s - at_s) * self.activity.speed(self.tz, at_s);
            at_s = next_s;
        }
        total + num::of_i64(to_s.saturating_sub(near_s))
    }
}

/// Local hours of consecutive instants, asking the time-zone database as seldom as it is safe.
///
/// A UTC day that begins and ends with one offset has it throughout; in a day with a change the cached offset
/// holds to the end of the quarter of an hour, because since 1973 every zone changes at a whole quarter.
#[derive(Debug)]
pub(crate) struct LocalHours {
    tz: Tz,
    from_s: i64,
    to_s: i64,
    offset_s: i64,
}

impl LocalHours {
    pub(crate) const fn new(tz: Tz) -> Self {
        Self { tz, from_s: 0, to_s: 0, offset_s: 0 }
    }

    /// What the local clock shows, as seconds since 1970-01-01 00:00 of that clock.
    pub(crate) fn clock_s(&mut self, at_s: i64) -> i64 {
        if !(self.from_s..self.to_s).contains(&at_s) {
            let offset = |s: i64| {
                i64::from(self.tz.offset_from_utc_datetime(&instant(s).naive_utc()).fix().local_minus_utc())
            };
            let day = at_s - at_s.rem_euclid(86_400);
            let quarter = at_s - at_s.rem_euclid(900);
            self.offset_s = offset(at_s);
            let steady = offset(day) == self.offset_s && offset(day + 86_399) == self.offset_s;
            (self.from_s, self.to_s) = if steady { (day, day + 86_400) } else { (quarter, quarter + 900) };
        }
        at_s.saturating_add(self.offset_s)
    }

    fn of_week(&mut self, at_s: i64) -> usize {
        // 1970-01-01 was a Thursday: 72 hours after Monday 00:00.
        let hours = self.clock_s(at_s).div_euclid(HOUR_S).saturating_add(72);
        usize::try_from(hours.rem_euclid(168)).unwrap_or(0)
    }
}

/// Local hour of week of every bin's start.
pub(crate) fn hours_of_week(tz: Tz, grid: &Grid) -> Vec<usize> {
    let mut hours = LocalHours::new(tz);
    (0..grid.bins).map(|k| hours.of_week(grid.edge_s(k))).collect()
}

/// The instant of a local wall-clock time.
///
/// A time that does not exist (clocks go forward) takes the offset before the change; one that occurs twice
/// means its first occurrence.
///
/// ```
/// use traffix_core::forecast::local_instant;
/// let gap = "2025-03-09T02:00:00".parse().unwrap();
/// assert_eq!(local_instant(chrono_tz::America::New_York, gap).to_rfc3339(), "2025-03-09T07:00:00+00:00");
/// ```
pub fn local_instant(tz: Tz, wall: NaiveDateTime) -> DateTime<Utc> {
    match tz.from_local_datetime(&wall) {
        LocalResult::Single(t) | LocalResult::Ambiguous(t, _) => t.with_timezone(&Utc),
        LocalResult::None => {
            let before = wall.checked_sub_signed(TimeDelta::hours(3)).unwrap_or(wall);
            let offset = tz.offset_from_utc_datetime(&before).fix().local_minus_utc();
            let shift = TimeDelta::seconds(i64::from(offset));
            wall.checked_sub_signed(shift).unwrap_or(wall).and_utc()
        }
    }
}

/// Daily local windows `h1:00..h2:00` that start at or after `at`, as seconds since 1970, `days` days long.
pub(crate) fn nightly_windows(tz: Tz, at_s: i64, hours: (u32, u32), days: u64) -> Vec<(i64, i64)> {
    let first: NaiveDate = instant(at_s).with_timezone(&tz).date_naive();
    let mut windows = Vec::new();
    for day in 0..days {
        let Some(date) = first.checked_add_days(chrono::Days::new(day)) else { break };
        let wall = |h: u32| {
            let (extra, hour) = (u64::from(h / 24), h % 24);
            date.checked_add_days(chrono::Days::new(extra)).and_then(|d| d.and_hms_opt(hour, 0, 0))
        };
        let (Some(from), Some(to)) = (wall(hours.0), wall(hours.1)) else { break };
        let (from_s, to_s) = (local_instant(tz, from).timestamp(), local_instant(tz, to).timestamp());
        if from_s >= at_s && to_s > from_s {
            windows.push((from_s, to_s));
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_hours_equal_the_database() {
        for tz in [chrono_tz::Europe::London, chrono_tz::Asia::Kathmandu, chrono_tz::Australia::Lord_Howe] {
            let mut hours = LocalHours::new(tz);
            for k in 0..20_000 {
                let at_s = 1_760_000_000 + k * 300;
                assert_eq!(hours.of_week(at_s), hour_of_week(tz, at_s), "{tz} {at_s}");
            }
        }
    }

    #[test]
    fn an_hour_that_occurs_twice_is_its_first() {
        let wall = "2025-10-26T01:30:00".parse().unwrap();
        assert_eq!(local_instant(chrono_tz::Europe::London, wall).to_rfc3339(), "2025-10-26T00:30:00+00:00");
    }

    #[test]
    fn operational_time_is_monotone_everywhere() {
        let grid = Grid::new("2025-10-25T12:00:00Z".parse().unwrap(), 900, 192);
        let mut day = [1.0; 24];
        day[3] = 0.1;
        let clock = Clock::new(grid, chrono_tz::Europe::London, &Activity::from_day(&day, 1.2));
        let mut last = f64::NEG_INFINITY;
        for hour in -2000_i64..3000 {
            let l = clock.at_s(grid.start_s + hour * 3600);
            assert!(l > last);
            last = l;
        }
    }
}
