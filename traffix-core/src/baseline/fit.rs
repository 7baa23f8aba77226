//! The fit: half-hours of the local clock, medians, a slope, the noise.

use std::ops::Range;

use super::noise::noise;
use super::reader::Calendar;
use super::{
    Baseline, BaselineError, BaselineOptions, DAY_SLOTS, MAX_TREND_PER_WEEK, MIN_KNOWN, MIN_SLOT_WEEKS,
    MIN_TREND_WEEKS, Noise, SLOT_S, SLOTS, WEEK_S,
};
use crate::samples::Samples;
use crate::{num, robust};

/// Seconds of a half-hour that must be known for it to count.
const MIN_KNOWN_S: f64 = 900.0;
/// Rates below this share of the median rate are told from nothing no more: an outage is one wild value, whether
/// its bins are 0 or a trickle. Assumed.
const FLOOR: f64 = 1e-3;
/// How much wider a borrowed level strays. Assumed.
const BORROWED: f64 = 1.5;
/// Half-hours of a week, and of a day, from which on their median counts.
const MIN_WEEK: usize = SLOTS / 4;
const MIN_DAY: usize = DAY_SLOTS / 2;
/// Largest correlation of neighbouring days believed: few weeks tell little. Assumed.
const MAX_DAY_AR1: f64 = 0.8;
/// Rounds of season, slope and days; the second corrects what gaps and days did to the first.
const ROUNDS: usize = 2;

pub(super) fn fit(samples: &Samples, options: &BaselineOptions) -> Result<Baseline, BaselineError> {
    let step_secs = samples.step_secs().get();
    if step_secs > 3600 {
        return Err(BaselineError::Step(step_secs));
    }
    let kept = kept(samples, options);
    let mut calendar = Calendar::new(options.tz, &options.holidays);
    let halves = HalfHours::fold(samples, &kept, &mut calendar);
    let known = halves.rates.iter().filter(|rate| !rate.is_nan()).count();
    if known < MIN_KNOWN {
        return Err(BaselineError::TooLittle { known, needed: MIN_KNOWN });
    }
    let mut positive: Vec<f64> = halves.rates.iter().copied().filter(|rate| *rate > 0.0).collect();
    let floor = FLOOR * robust::median(&mut positive).ok_or(BaselineError::Silent)?;
    let until = samples.start_of(samples.len()).unwrap_or(samples.start());
    let mut season = Season::new(&halves, &mut calendar, until.timestamp(), floor);
    for _ in 0..ROUNDS {
        season.medians();
        season.slope();
        season.polish();
    }
    season.medians();
    let span = num::of_usize(samples.len()) * f64::from(step_secs) / num::of_i64(SLOT_S);
    let mut baseline = Baseline {
        tz: options.tz,
        holidays: options.holidays.clone(),
        from: samples.start(),
        until,
        slots: season.slots().into_iter().map(|slot| slot.map(|slot| (slot.level, slot.sigma))).collect(),
        trend_per_week: season.per_week,
        noise: Noise::NONE,
        coverage: (num::of_usize(known) / span).min(1.0),
        weeks: num::of_usize(known) / num::of_usize(SLOTS),
    };
    add_noise(&mut baseline, (samples, &kept), &season, floor);
    Ok(baseline)
}

/// Tells how bins stray, once levels are known.
fn add_noise(
    baseline: &mut Baseline,
    (samples, kept): (&Samples, &[Range<usize>]),
    season: &Season,
    floor: f64,
) {
    let (days, mut offs) = season.days();
    let (noise, bin_sigma) = noise(baseline, samples, kept, |day| days.get(day), floor);
    let half_sigma = robust::spread(&mut offs, 0.0).unwrap_or(0.0);
    // Slots tell of half-hours; single bins stray further.
    let wider = if half_sigma > 0.0 { (bin_sigma / half_sigma).max(1.0) } else { 1.0 };
    let day = days.spread();
    for (level, slot) in baseline.slots.iter_mut().zip(season.slots()) {
        let Some(((_, sigma), slot)) = level.as_mut().zip(slot) else { continue };
        let half = slot.sigma.max(half_sigma * 0.1);
        // Levels are drawn to what is left of half-hours when the levels of days are taken away.
        let own = libm::sqrt((half_sigma * half_sigma - day * day).max(0.0)) / half_sigma.max(1e-12);
        *sigma = round(libm::hypot(half * wider, own * slot.lost)).max(Noise::NONE.sigma_log);
    }
    let day_sigma_log = round(day);
    let seen = (half_sigma * half_sigma - day_sigma_log * day_sigma_log).max(0.0);
    let noise = noise.with(season.lost_share() * seen);
    baseline.noise = Noise { day_sigma_log, day_ar1: round(days.ar1()), ..noise };
}

/// To a millionth: what is stored stays small, and no traffic is known better.
fn round(x: f64) -> f64 {
    libm::round(x * 1e6) / 1e6
}

/// The runs of bins that are not left out.
fn kept(samples: &Samples, options: &BaselineOptions) -> Vec<Range<usize>> {
    let step_ms = i64::from(samples.step_secs().get()) * 1000;
    let bin = |ms: i64| usize::try_from(ms).unwrap_or(0).min(samples.len());
    let mut out: Vec<Range<usize>> = options
        .excluded
        .iter()
        .filter(|(from, until)| from < until)
        .map(|(from, until)| {
            let (from, until) = (*from - samples.start(), *until - samples.start());
            let last = until.num_milliseconds().saturating_add(step_ms - 1).div_euclid(step_ms);
            bin(from.num_milliseconds().div_euclid(step_ms))..bin(last)
        })
        .collect();
    out.sort_by_key(|range| range.start);
    let (mut runs, mut next) = (Vec::new(), 0);
    for range in out {
        if range.start > next {
            runs.push(next..range.start);
        }
        next = next.max(range.end);
    }
    if next < samples.len() {
        runs.push(next..samples.len());
    }
    runs
}

/// Mean rates of consecutive half-hours of the local clock; NaN where less than half is known.
struct HalfHours {
    /// Number of the first since 1970.
    first: i64,
    rates: Vec<f64>,
}

impl HalfHours {
    fn fold(samples: &Samples, kept: &[Range<usize>], calendar: &mut Calendar) -> Self {
        let step = i64::from(samples.step_secs().get());
        let start_s = samples.start().timestamp();
        let length = step * num::to_isize(samples.len());
        // A day on either side, because offsets change.
        let first = (calendar.clock_s(start_s) - 86_400).div_euclid(SLOT_S);
        let bins = usize::try_from((length + 2 * 86_400) / SLOT_S + 2).unwrap_or(0);
        let mut sums = vec![(0.0_f64, 0.0_f64); bins];
        let mut add = |at_s: i64, sum: f64, secs: f64| {
            let index = usize::try_from(calendar.clock_s(at_s).div_euclid(SLOT_S) - first).ok();
            if let Some(slot) = index.and_then(|index| sums.get_mut(index)) {
                *slot = (slot.0 + sum * secs, slot.1 + secs);
            }
        };
        let values = samples.raw();
        for run in kept {
            let mut bin = run.start;
            while bin < run.end {
                let begin_s = start_s + step * num::to_isize(bin);
                let middle_s = begin_s + step / 2;
                // Offsets and half-hours change at whole quarters of an hour only.
                let quarter_s = 900 - middle_s.rem_euclid(900);
                let many = usize::try_from((quarter_s + step - 1) / step).unwrap_or(1);
                let end = (bin + many).min(run.end);
                let (sum, known) = values[bin..end]
                    .iter()
                    .filter(|value| **value >= 0.0)
                    .fold((0.0, 0_usize), |(sum, known), value| (sum + value, known + 1));
                if known > 0 && step > SLOT_S {
                    let half = num::of_i64(step) / 2.0;
                    add(begin_s + step / 4, sum, half);
                    add(begin_s + step * 3 / 4, sum, half);
                } else if known > 0 {
                    let mean = sum / num::of_usize(known);
                    add(middle_s, mean, num::of_usize(known) * num::of_i64(step));
                }
                bin = end;
            }
        }
        let mean = |(sum, secs): (f64, f64)| if secs >= MIN_KNOWN_S { sum / secs } else { f64::NAN };
        Self { first, rates: sums.into_iter().map(mean).collect() }
    }
}

/// One known half-hour.
struct Half {
    slot: usize,
    /// Number of the local day since 1970.
    day: i64,
    /// Weeks from the end of the fit, negative.
    week: f64,
    log: f64,
}

/// What is known of a half-hour of week.
struct Slot {
    level: f64,
    /// Spread of half-hours about it.
    sigma: f64,
    /// Spread that they do not show, because the level is drawn to them.
    lost: f64,
}

/// Medians of slots and a slope, improved in turns.
struct Season {
    halves: Vec<Half>,
    levels: Vec<Option<f64>>,
    /// Spread of the values that a slot borrowed, if it did.
    borrowed: Vec<Option<f64>>,
    /// Variance about each level that is lost because it is drawn to its own values, of the variance seen.
    lost: Vec<f64>,
    per_week: f64,
    /// Levels of days, whose middle one is 0: without them, neighbouring half-hours whose medians come from different
    /// weeks would differ by the difference of days.
    days: Days,
}

impl Season {
    fn new(halves: &HalfHours, calendar: &mut Calendar, until_s: i64, floor: f64) -> Self {
        let end = calendar.clock_s(until_s).div_euclid(SLOT_S);
        let known = halves.rates.iter().enumerate().filter(|(_, rate)| !rate.is_nan());
        let half = |(index, rate): (usize, &f64)| {
            let half_hour = halves.first + num::to_isize(index);
            Half {
                slot: calendar.slot(half_hour),
                day: half_hour.div_euclid(num::to_isize(DAY_SLOTS)),
                week: num::of_i64((half_hour - end) * SLOT_S) / WEEK_S,
                log: libm::log(rate.max(floor)),
            }
        };
        let halves = known.map(half).collect();
        let (levels, borrowed) = (vec![None; SLOTS], vec![None; SLOTS]);
        Self { halves, levels, borrowed, lost: vec![0.0; SLOTS], per_week: 0.0, days: Days(Vec::new()) }
    }

    /// Levels by slot, with the slope and the levels of days taken away.
    fn medians(&mut self) {
        let mut groups: Vec<Vec<f64>> = vec![Vec::new(); SLOTS];
        for half in &self.halves {
            let day = self.days.get(half.day).unwrap_or(0.0);
            groups[half.slot].push(half.log - self.per_week * half.week - day);
        }
        for slot in 0..SLOTS {
            let own = groups[slot].len() >= MIN_SLOT_WEEKS;
            let lent = if own { None } else { lent(&groups, slot) };
            self.borrowed[slot] = lent.map(|(_, sigma)| sigma);
            self.lost[slot] = if own { robust::lost_to_median(groups[slot].len()) } else { 0.0 };
            self.levels[slot] = if own {
                // A copy: the order inside the group must not depend on who borrowed before.
                robust::median(&mut groups[slot].clone())
            } else {
                lent.map(|(level, _)| level)
            };
        }
    }

    /// By how much what is left of a half-hour is too small.
    fn scale(&self, half: &Half) -> f64 {
        libm::sqrt(1.0 + self.lost[half.slot])
    }

    /// The variance that is lost over all half-hours, of the variance seen.
    fn lost_share(&self) -> f64 {
        let rests = || self.halves.iter().filter_map(|half| Some((half, self.rest(half)?)));
        let mut seen: Vec<f64> = rests().map(|(_, rest)| rest).collect();
        let mut whole: Vec<f64> = rests().map(|(half, rest)| rest * self.scale(half)).collect();
        let spreads = robust::spread(&mut seen, 0.0).zip(robust::spread(&mut whole, 0.0));
        spreads.filter(|(seen, _)| *seen > 0.0).map_or(0.0, |(seen, whole)| (whole / seen).powi(2) - 1.0)
    }

    fn rest(&self, half: &Half) -> Option<f64> {
        Some(half.log - self.per_week * half.week - self.levels[half.slot]?)
    }

    /// Adds the slope of what is left to the slope.
    fn slope(&mut self) {
        let weeks = chunks(self.halves.iter().filter_map(|half| {
            let week = num::to_i64(libm::floor(half.week));
            Some((week, self.rest(half)?))
        }));
        let points: Vec<(f64, f64)> = weeks
            .into_iter()
            .filter(|(_, rests)| rests.len() >= MIN_WEEK)
            .filter_map(|(week, mut rests)| Some((num::of_i64(week), robust::median(&mut rests)?)))
            .collect();
        if points.len() >= MIN_TREND_WEEKS {
            let found = self.per_week + robust::slope(&points).unwrap_or(0.0);
            self.per_week = round(found.clamp(-MAX_TREND_PER_WEEK, MAX_TREND_PER_WEEK));
        }
    }

    /// Finds the levels of days about the season that there is.
    fn polish(&mut self) {
        let (mut days, _) = self.days();
        let mut levels: Vec<f64> = days.0.iter().map(|(_, level)| *level).collect();
        let middle = robust::median(&mut levels).unwrap_or(0.0);
        days.0.iter_mut().for_each(|(_, level)| *level -= middle);
        self.days = days;
    }

    /// Levels with the spread of their time of day.
    fn slots(&self) -> Vec<Option<Slot>> {
        let mut by_time: Vec<Vec<f64>> = vec![Vec::new(); DAY_SLOTS];
        for half in &self.halves {
            by_time[half.slot % DAY_SLOTS].extend(self.rest(half));
        }
        let sigmas: Vec<f64> =
            by_time.iter_mut().map(|rests| robust::spread(rests, 0.0).unwrap_or(0.0)).collect();
        let typical = libm::sqrt(1.0 + self.lost_share());
        let slot = |slot: usize| {
            let (level, sigma) = (round(self.levels[slot]?), sigmas[slot % DAY_SLOTS]);
            Some(match self.borrowed[slot] {
                Some(lent) => Slot { level, sigma: BORROWED * lent.max(sigma * typical), lost: 0.0 },
                None => Slot { level, sigma, lost: sigma * libm::sqrt(self.lost[slot]) },
            })
        };
        (0..SLOTS).map(slot).collect()
    }

    /// Levels of days, and what is left of all half-hours.
    fn days(&self) -> (Days, Vec<f64>) {
        let days = chunks(self.halves.iter().filter_map(|half| Some((half.day, self.rest(half)?))));
        let offs = days.iter().flat_map(|(_, rests)| rests.iter().copied()).collect();
        let levels = days.into_iter().filter(|(_, rests)| rests.len() >= MIN_DAY);
        let levels = levels.filter_map(|(day, mut rests)| Some((day, robust::median(&mut rests)?))).collect();
        (Days(levels), offs)
    }
}

/// Level and spread from the same time of day on days of the same kind, else on all days.
fn lent(groups: &[Vec<f64>], slot: usize) -> Option<(f64, f64)> {
    let (weekday, time) = (slot / DAY_SLOTS, slot % DAY_SLOTS);
    let kind = if weekday < 5 { 0..5 } else { 5..7 };
    let of = |days: Range<usize>| {
        let mut values: Vec<f64> =
            days.flat_map(|day| groups[day * DAY_SLOTS + time].iter().copied()).collect();
        let level = robust::median(&mut values).filter(|_| values.len() >= 2)?;
        Some((level, robust::spread(&mut values, level)?))
    };
    of(kind).or_else(|| of(0..7))
}

/// Values of equal neighbouring keys together.
fn chunks(keyed: impl Iterator<Item = (i64, f64)>) -> Vec<(i64, Vec<f64>)> {
    let mut found: Vec<(i64, Vec<f64>)> = Vec::new();
    for (key, value) in keyed {
        match found.last_mut().filter(|(last, _)| *last == key) {
            Some((_, values)) => values.push(value),
            None => found.push((key, vec![value])),
        }
    }
    found
}

/// Log levels of local days about the baseline, oldest first.
struct Days(Vec<(i64, f64)>);

impl Days {
    fn get(&self, day: i64) -> Option<f64> {
        let at = self.0.binary_search_by_key(&day, |(day, _)| *day).ok()?;
        self.0.get(at).map(|(_, level)| *level)
    }

    fn spread(&self) -> f64 {
        let mut levels: Vec<f64> = self.0.iter().map(|(_, level)| *level).collect();
        robust::spread(&mut levels, 0.0).unwrap_or(0.0)
    }

    /// Correlation of neighbouring days.
    fn ar1(&self) -> f64 {
        let neighbours = self.0.windows(2).filter(|pair| pair[1].0 - pair[0].0 == 1);
        let pairs: Vec<(f64, f64)> = neighbours.map(|pair| (pair[0].1, pair[1].1)).collect();
        robust::correlation(&pairs).unwrap_or(0.0).clamp(0.0, MAX_DAY_AR1)
    }
}
