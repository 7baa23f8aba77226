//! Usual traffic and what events did to it, for HTTP and the command line alike: what a fit leaves out, and what is
//! answered.

use std::collections::{BTreeSet, HashSet};
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Serialize;
use traffix_core::baseline::{Baseline, BaselineOptions, Noise};
use traffix_core::catalogue::{Phase, RUNS_FOR, Ru, RuId};
use traffix_core::effect::{Effect, Windows};
use traffix_core::samples::Samples;
use traffix_store::RuQuery;

use crate::history::Event;

/// Weeks that are fitted if nobody says.
pub(crate) const WEEKS: u32 = 8;
/// Most weeks that are fitted.
pub(crate) const MAX_WEEKS: u32 = 52;
/// Bins that are fitted, in seconds, where shorter ones are kept.
pub(crate) const STEP_SECS: u32 = 300;
/// Seconds before, during and after an event if nobody says.
pub(crate) const SIDE_SECS: u32 = 86_400;

/// A time that a fit leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct LeftOut {
    /// The release or update that ran then, by its id in the catalogue; absent if the time was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ru: Option<RuId>,
    /// Its first instant.
    pub(crate) from: DateTime<Utc>,
    /// The first instant after it.
    pub(crate) until: DateTime<Utc>,
}

/// `FROM/UNTIL`.
impl FromStr for LeftOut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let instant = |text: &str| {
            let at = text.parse::<DateTime<Utc>>().ok();
            // The calendar of bins is smaller than that of instants.
            at.filter(|at| (0..253_402_300_800).contains(&at.timestamp()))
        };
        let ends = text.split_once('/').and_then(|(from, until)| Some((instant(from)?, instant(until)?)));
        let ends = ends.filter(|(from, until)| from < until);
        let example = "2026-11-20T18:00:00Z/2026-11-21T02:00:00Z";
        let (from, until) = ends.ok_or_else(|| format!("is no time such as {example}"))?;
        Ok(Self { ru: None, from, until })
    }
}

/// The time that weeks before an instant begin.
pub(crate) fn weeks_before(at: DateTime<Utc>, weeks: u32) -> DateTime<Utc> {
    at.checked_sub_signed(TimeDelta::weeks(weeks.into())).unwrap_or(at).max(DateTime::UNIX_EPOCH)
}

/// The RUs that may run between two instants.
pub(crate) fn events_query((from, until): (DateTime<Utc>, DateTime<Utc>)) -> RuQuery {
    // A day that a phase may begin within, beside the time that it runs for.
    let from = from.checked_sub_signed(RUNS_FOR + TimeDelta::days(1));
    RuQuery { from, until: Some(until), ..RuQuery::default() }
}

/// The times between two instants in which releases and updates run, by time: those of the largest first, until half of
/// the time is left out. With more the baseline would be that of the few days without any.
pub(crate) fn known_events(rus: &[Ru], (from, until): (DateTime<Utc>, DateTime<Utc>)) -> Vec<LeftOut> {
    let bytes = |ru: &Ru| {
        let sizes = ru.listings.iter().filter_map(|listing| listing.wire_bytes());
        sizes.map(|size| size.value.high).max()
    };
    let mut largest: Vec<&Ru> = rus.iter().collect();
    largest.sort_by_key(|ru| std::cmp::Reverse(bytes(ru)));
    let hour = |at: DateTime<Utc>| at.timestamp().div_euclid(3600);
    let room = usize::try_from((hour(until) - hour(from)) / 2).unwrap_or(0);
    let (mut hours, mut found) = (HashSet::new(), Vec::new());
    for ru in largest {
        let runs = ru.listings.iter().flat_map(|listing| &listing.phases).filter_map(Phase::runs);
        let runs = runs.map(|(start, end)| (start.max(from), end.min(until)));
        let runs: BTreeSet<_> = runs.filter(|(start, end)| start < end).collect();
        let new = runs.iter().flat_map(|(start, end)| hour(*start)..=hour(*end));
        let new: HashSet<i64> = new.filter(|hour| !hours.contains(hour)).collect();
        if hours.len() + new.len() <= room {
            hours.extend(new);
            found.extend(runs.into_iter().map(|(from, until)| LeftOut {
                ru: Some(ru.id.clone()),
                from,
                until,
            }));
        }
    }
    found.sort_by(|a, b| (a.from, a.until, &a.ru).cmp(&(b.from, b.until, &b.ru)));
    found
}

/// Usual traffic, and what it was fitted to.
pub(crate) struct Fitted {
    pub(crate) samples: Samples,
    pub(crate) baseline: Baseline,
    pub(crate) left_out: Vec<LeftOut>,
    /// Releases and updates that may run in that time.
    pub(crate) rus: Vec<Ru>,
}

impl Fitted {
    /// What an event did.
    pub(crate) fn effect(
        self,
        event: &Event,
        (label, t0): (String, DateTime<Utc>),
        windows: &Windows,
    ) -> EffectAnswer {
        let (from, until) = windows.span();
        let runs = |ru: &&Ru| {
            let phases = ru.listings.iter().flat_map(|listing| &listing.phases).filter_map(Phase::runs);
            phases.into_iter().any(|(start, end)| start < until && from < end)
        };
        let is_other = |ru: &&Ru| !matches!(event, Event::Ru(id) if *id == ru.id);
        let mut also_ran: Vec<RuId> =
            self.rus.iter().filter(is_other).filter(runs).map(|ru| ru.id.clone()).collect();
        also_ran.sort();
        EffectAnswer {
            label,
            t0,
            effect: Effect::of(&self.samples, &self.baseline, windows),
            also_ran,
            baseline: Fit::new(&self.baseline, self.left_out),
        }
    }
}

/// What the fit has to know.
pub(crate) fn options(tz: Tz, holidays: BTreeSet<NaiveDate>, left_out: &[LeftOut]) -> BaselineOptions {
    let excluded = left_out.iter().map(|one| (one.from, one.until)).collect();
    BaselineOptions { tz, holidays, excluded }
}

/// What a baseline was fitted to, and how well.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BaselineFit")]
pub(crate) struct Fit {
    /// Time zone of the local hours.
    pub(crate) tz: String,
    /// Start of the first bin.
    pub(crate) from: DateTime<Utc>,
    /// End of the last bin.
    pub(crate) until: DateTime<Utc>,
    /// Weeks that are known and not left out.
    pub(crate) weeks: f64,
    /// Share of the time that is known and not left out.
    pub(crate) coverage: f64,
    /// Growth of the natural log of the level per week: 0.01 is 1 %. 0 if too few weeks are known to tell.
    pub(crate) trend_per_week: f64,
    /// What is left of the bins about the level.
    pub(crate) noise: Noise,
    /// Times that are left out.
    pub(crate) left_out: Vec<LeftOut>,
}

impl Fit {
    fn new(baseline: &Baseline, left_out: Vec<LeftOut>) -> Self {
        let (from, until) = baseline.fitted();
        Self {
            tz: baseline.tz().to_string(),
            from,
            until,
            weeks: baseline.weeks(),
            coverage: baseline.coverage(),
            trend_per_week: baseline.trend_per_week(),
            noise: baseline.noise(),
            left_out,
        }
    }
}

/// The usual traffic of a series.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BaselineAnswer {
    #[serde(flatten)]
    pub(crate) fit: Fit,
    /// Median of a bin, in bit/s, by local half-hour of week as of the end of the fit, Monday 00:00 first; null where such
    /// a half-hour was never seen.
    half_hour_bps: Vec<Option<f64>>,
    /// Standard deviation of the natural log of a bin by half-hour of week: .1 is about 10 %.
    half_hour_sigma_log: Vec<Option<f64>>,
    /// The same level by hour of week: what a network's profile has as `baseline_bps`.
    hour_bps: Vec<Option<f64>>,
    /// Levels of the time that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Levels>,
}

/// Levels of consecutive bins.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BaselineLevels")]
pub(crate) struct Levels {
    /// Start of the first bin.
    from: DateTime<Utc>,
    /// Seconds of a bin.
    step_secs: std::num::NonZeroU32,
    /// Median of each bin, in bit/s.
    bps: Vec<Option<f64>>,
    /// Standard deviation of its natural log.
    sigma_log: Vec<Option<f64>>,
}

impl BaselineAnswer {
    /// With the levels of some bins: start, length and number.
    pub(crate) fn new(
        baseline: &Baseline,
        left_out: Vec<LeftOut>,
        window: Option<(DateTime<Utc>, std::num::NonZeroU32, usize)>,
    ) -> Self {
        let (half_hour_bps, half_hour_sigma_log) = apart(baseline.half_hour_of_week());
        let window = window.map(|(from, step_secs, bins)| {
            let (bps, sigma_log) = apart(baseline.levels(from, step_secs, bins));
            Levels { from, step_secs, bps, sigma_log }
        });
        let hour_bps = baseline.hour_of_week().into();
        Self { fit: Fit::new(baseline, left_out), half_hour_bps, half_hour_sigma_log, hour_bps, window }
    }
}

type Numbers = Vec<Option<f64>>;

fn apart(levels: Vec<Option<traffix_core::baseline::Level>>) -> (Numbers, Numbers) {
    levels.into_iter().map(|level| (level.map(|l| l.bps), level.map(|l| l.sigma_log))).unzip()
}

/// What an event did to a series.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EffectAnswer {
    /// What the event is called.
    pub(crate) label: String,
    /// When it began.
    pub(crate) t0: DateTime<Utc>,
    #[serde(flatten)]
    pub(crate) effect: Effect,
    /// Other releases and updates of the catalogue that ran in the time that is looked at: what they brought is in the
    /// numbers too.
    pub(crate) also_ran: Vec<RuId>,
    /// What it is compared with.
    pub(crate) baseline: Fit,
}

/// The bins of samples that begin between two instants.
pub(crate) fn cut(samples: &Samples, (from, until): (DateTime<Utc>, DateTime<Utc>)) -> Samples {
    let step_ms = i64::from(samples.step_secs().get()) * 1000;
    let bin = |at: DateTime<Utc>| {
        let ms = (at - samples.start()).num_milliseconds();
        usize::try_from((ms + step_ms - 1).div_euclid(step_ms)).unwrap_or(0).min(samples.len())
    };
    let (first, end) = (bin(from), bin(until));
    let start = samples.start_of(first).unwrap_or(samples.start());
    Samples::new(start, samples.step_secs(), samples.iter().take(end).skip(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundled::bundled;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn events_leave_half_of_the_time_the_largest_first() {
        let span = (at("2023-10-01T00:00:00Z"), at("2023-12-01T00:00:00Z"));
        let bundled = &bundled().unwrap().rus;
        let found = known_events(bundled, span);
        assert!(found.iter().any(|one| one.ru.as_ref().is_some_and(|ru| ru.as_str() == "fortnite-og")));
        assert!(found.is_sorted_by_key(|one| one.from));
        assert!(found.iter().all(|one| span.0 <= one.from && one.from < one.until && one.until <= span.1));
        // Every release at once, again and again: never more than half of the time.
        let short = (at("2023-11-01T00:00:00Z"), at("2023-11-12T00:00:00Z"));
        let hours: HashSet<i64> = known_events(bundled, short)
            .iter()
            .flat_map(|one| one.from.timestamp() / 3600..one.until.timestamp() / 3600)
            .collect();
        assert!(!hours.is_empty() && hours.len() <= 11 * 12, "{}", hours.len());
    }

    #[test]
    fn times_are_two_instants_in_order() {
        let time = |text: &str| text.parse::<LeftOut>();
        let found = time("2026-11-20T18:00:00Z/2026-11-21T02:00:00+01:00").unwrap();
        assert_eq!((found.until - found.from).num_hours(), 7);
        for wrong in ["", "2026-11-20T18:00:00Z", "2026-11-20T18:00:00Z/2026-11-20T18:00:00Z", "a/b"] {
            assert!(time(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_cut_has_the_bins_that_begin_within() {
        let samples =
            Samples::new(at("2026-11-01T00:00:00Z"), 60.try_into().unwrap(), [1.0, 2.0, 3.0].map(Some));
        let cut = |from, until| cut(&samples, (at(from), at(until))).iter().flatten().collect::<Vec<_>>();
        assert_eq!(cut("2026-11-01T00:00:30Z", "2026-11-01T00:02:00Z"), [2.0]);
        assert_eq!(cut("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"), [1.0, 2.0, 3.0]);
        assert!(cut("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z").is_empty());
    }
}
