//! Public traffic history: what an exchange or an operator shows of its traffic, as a series of bit rates.
//!
//! A series states its resolution and leaves out what it does not know: a missing bin is no point, never a zero.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{Evidence, Invalid};

/// Most points of a series: nine years in steps of five minutes.
const MAX_POINTS: usize = 1_000_000;
/// Largest rate accepted, in bit/s: a hundred times the largest exchange of 2026. Assumed.
const MAX_BPS: u64 = 10_000_000_000_000_000;
/// Longest step: a year.
const MAX_STEP_SECS: u32 = 366 * 86_400;
/// Findings about points that are reported; a broken series has as many as points.
const MAX_POINT_FINDINGS: usize = 20;

/// Traffic of one place in one direction, in bit/s.
///
/// ```
/// use traffix_core::series::{Direction, Point, Series};
/// use traffix_core::{Evidence, SourceKind};
/// let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>();
/// let now = at("2026-11-01T00:15:00Z")?;
/// let point = |start| Point { start, average_bps: 1_200_000_000_000, maximum_bps: None };
/// let series = Series {
///     place: "Example exchange".into(),
///     direction: Direction::In,
///     step_secs: 300.try_into()?,
///     points: vec![point(at("2026-11-01T00:00:00Z")?), point(at("2026-11-01T00:10:00Z")?)],
///     evidence: Evidence::new(SourceKind::Official, "https://ixp.example/", now),
/// };
/// assert!(series.findings(now).is_empty());
/// assert_eq!(series.gaps()[0].from, at("2026-11-01T00:05:00Z")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Whose traffic it is: an exchange, one of its sites, an operator.
    pub place: String,
    /// Which way it goes, seen from the place.
    pub direction: Direction,
    /// Resolution: how long each point lasts, in seconds.
    pub step_secs: NonZeroU32,
    /// The points, oldest first.
    pub points: Vec<Point>,
    /// Who says so.
    pub evidence: Evidence,
}

/// Which way traffic goes, seen from the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Into the place.
    In,
    /// Out of it.
    Out,
}

/// The traffic of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// When the step begins.
    pub start: DateTime<Utc>,
    /// Mean of the step, in bit/s.
    pub average_bps: u64,
    /// Largest rate within the step, in bit/s, if the source keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_bps: Option<u64>,
}

/// A time between two points about which a series says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// End of the last step before it.
    pub from: DateTime<Utc>,
    /// Start of the first step after it.
    pub until: DateTime<Utc>,
}

impl Series {
    /// All that is wrong with it at `now`: without a place or evidence, too long, out of order, in the future, or
    /// with rates that no place has.
    ///
    /// Rates cannot be negative and a step cannot be 0: the types exclude it. Of wrong points the first twenty are
    /// reported.
    pub fn findings(&self, now: DateTime<Utc>) -> Vec<Invalid> {
        let mut found = Vec::new();
        if self.place.trim().is_empty() || self.place.len() > 300 {
            found.push(Invalid::new("/place", "must name the place, in at most 300 bytes"));
        }
        if self.step_secs.get() > MAX_STEP_SECS {
            found.push(Invalid::new("/step_secs", "must be at most a year"));
        }
        if self.points.len() > MAX_POINTS {
            found.push(Invalid::new("/points", format!("must be at most {MAX_POINTS} points")));
        }
        found.extend(self.evidence.findings().into_iter().map(|finding| finding.under("/evidence")));
        let mut before = None;
        let points = self.points.iter().take(MAX_POINTS).enumerate().flat_map(|(index, point)| {
            let late = before.replace(point.start).is_some_and(|before| point.start <= before);
            let order = late.then(|| Invalid::new("/start", "must lie after the point before"));
            let own = order.into_iter().chain(point.findings(now));
            own.map(move |finding| finding.under(&format!("/points/{index}")))
        });
        found.extend(points.take(MAX_POINT_FINDINGS));
        found
    }

    /// The times between the first and the last point that no point covers, oldest first.
    pub fn gaps(&self) -> Vec<Gap> {
        let step = TimeDelta::seconds(self.step_secs.get().into());
        let gap = |pair: &[Point]| {
            let (from, until) = (pair[0].start.checked_add_signed(step)?, pair[1].start);
            (until > from).then_some(Gap { from, until })
        };
        self.points.windows(2).filter_map(gap).collect()
    }

    /// The point with the highest rate: by maximum where it is kept, else by average; the first of equals.
    pub fn peak(&self) -> Option<&Point> {
        self.points.iter().rev().max_by_key(|point| point.maximum_bps.unwrap_or(point.average_bps))
    }

    /// The same traffic in steps of `step_secs`, aligned to multiples of it since 1970.
    ///
    /// A step's average is that of its points, its maximum the largest of theirs where every point has one. The
    /// resolution never gets finer: a step shorter than the series' own is taken as the series' own.
    #[must_use]
    pub fn coarsen(&self, step_secs: NonZeroU32) -> Self {
        let step_secs = step_secs.max(self.step_secs);
        let step = i64::from(step_secs.get());
        let mut bins = BTreeMap::<i64, Vec<Point>>::new();
        for point in &self.points {
            bins.entry(point.start.timestamp().div_euclid(step)).or_default().push(*point);
        }
        let join = |(bin, points): (i64, Vec<Point>)| {
            let sum: u128 = points.iter().map(|point| u128::from(point.average_bps)).sum();
            let average_bps = u64::try_from(sum / (points.len().max(1) as u128)).unwrap_or(u64::MAX);
            let maxima: Option<Vec<u64>> = points.iter().map(|point| point.maximum_bps).collect();
            let maximum_bps = maxima.and_then(|all| all.into_iter().max());
            // A bin that starts before the calendar does keeps the start of its first point.
            let start = bin.checked_mul(step).and_then(|secs| DateTime::from_timestamp(secs, 0));
            Point { start: start.unwrap_or(points[0].start), average_bps, maximum_bps }
        };
        Self { step_secs, points: bins.into_iter().map(join).collect(), ..self.clone() }
    }
}

impl Point {
    fn findings(&self, now: DateTime<Utc>) -> Vec<Invalid> {
        let mut found = Vec::new();
        if self.start > now {
            found.push(Invalid::new("/start", "must not lie in the future"));
        }
        if self.average_bps > MAX_BPS {
            found.push(Invalid::new("/average_bps", format!("must be at most {MAX_BPS} bit/s")));
        }
        match self.maximum_bps {
            Some(maximum) if maximum > MAX_BPS => {
                found.push(Invalid::new("/maximum_bps", format!("must be at most {MAX_BPS} bit/s")));
            }
            Some(maximum) if maximum < self.average_bps => {
                found.push(Invalid::new("/maximum_bps", "must not be below the average"));
            }
            _ => {}
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceKind;
    use proptest::prelude::*;

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    fn series(points: &[(i64, u64, Option<u64>)]) -> Series {
        let point = |&(start, average_bps, maximum_bps): &(i64, u64, Option<u64>)| Point {
            start: at(start),
            average_bps,
            maximum_bps,
        };
        Series {
            place: "exchange".into(),
            direction: Direction::In,
            step_secs: 300.try_into().unwrap(),
            points: points.iter().map(point).collect(),
            evidence: Evidence::new(SourceKind::Official, "here", at(0)),
        }
    }

    #[test]
    fn gaps_lie_between_points_only() {
        assert_eq!(series(&[]).gaps(), []);
        assert_eq!(series(&[(0, 1, None), (300, 1, None)]).gaps(), []);
        let holes = series(&[(0, 1, None), (900, 1, None), (1200, 1, None), (1800, 1, None)]);
        assert_eq!(
            holes.gaps(),
            [Gap { from: at(300), until: at(900) }, Gap { from: at(1500), until: at(1800) }]
        );
    }

    #[test]
    fn findings_point_at_what_is_wrong() {
        let mut wrong = series(&[(600, 5, Some(4)), (600, MAX_BPS + 1, None), (900, 0, Some(MAX_BPS + 1))]);
        wrong.place = String::new();
        wrong.step_secs = NonZeroU32::MAX;
        wrong.evidence.confidence = 2.0;
        let pointers: Vec<_> = wrong.findings(at(899)).into_iter().map(|finding| finding.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/place",
                "/step_secs",
                "/evidence/confidence",
                "/points/0/maximum_bps",
                "/points/1/start",
                "/points/1/average_bps",
                "/points/2/start",
                "/points/2/maximum_bps",
            ]
        );
        let unordered: Vec<_> = (0..100).rev().map(|minute| (minute * 60, 1, None)).collect();
        assert_eq!(series(&unordered).findings(at(1_000_000)).len(), MAX_POINT_FINDINGS);
    }

    #[test]
    fn negative_rates_and_empty_steps_are_no_series() {
        let text = serde_json::to_string(&series(&[(0, 7, None)])).unwrap();
        assert!(serde_json::from_str::<Series>(&text).is_ok());
        assert!(serde_json::from_str::<Series>(&text.replace(":7", ":-7")).is_err());
        assert!(serde_json::from_str::<Series>(&text.replace(":300", ":0")).is_err());
    }

    #[test]
    fn the_peak_is_the_first_of_the_highest() {
        let series = series(&[(0, 5, None), (300, 2, Some(9)), (600, 9, None)]);
        assert_eq!(series.peak().map(|point| point.start), Some(at(300)));
    }

    #[test]
    fn coarser_steps_average_and_keep_the_maximum() {
        let fine = series(&[(300, 2, Some(3)), (600, 4, Some(9)), (1800, 6, None), (2100, 9, Some(9))]);
        let coarse = fine.coarsen(1800.try_into().unwrap());
        let points: Vec<_> =
            coarse.points.iter().map(|p| (p.start.timestamp(), p.average_bps, p.maximum_bps)).collect();
        assert_eq!(points, [(0, 3, Some(9)), (1800, 7, None)]);
        assert_eq!(fine.coarsen(NonZeroU32::MIN).step_secs.get(), 300);
    }

    proptest! {
        #[test]
        fn any_series_has_gaps_findings_and_coarser_forms(
            points in prop::collection::vec((any::<i64>(), any::<u64>(), any::<Option<u64>>()), 0..20),
            step in any::<NonZeroU32>(),
        ) {
            let calendar = 8_210_000_000_000_i64;
            let points: Vec<_> = points.into_iter().map(|(t, a, m)| (t % calendar, a, m)).collect();
            let mut series = series(&points);
            series.step_secs = step;
            let _ = (series.gaps(), series.findings(at(0)), series.peak());
            let coarse = series.coarsen(step.saturating_add(100));
            prop_assert!(coarse.points.len() <= series.points.len());
            prop_assert!(coarse.points.is_sorted_by_key(|point| point.start));
        }
    }
}
