//! Sums by time and key.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use traffix_core::Invalid;
use traffix_core::measurement::Key;

use super::add::known_series;
use super::axis::Axis;
use super::day::{Minutes, bins_of};
use super::hours::{HOURS, for_each};
use super::pack::add_to;
use super::{DAY_SECS, HOUR_SECS, MINUTE_SECS, Result, corrupt};
use crate::db::{Param, Statement, Tx};
use crate::sql::SqlStore;
use crate::sql::names::is_name;
use crate::{Dimensions, Measured, MeasuredNetwork, MeasuredSeries, MeasurementQuery, StoreError};

/// Most numbers of an answer.
const MAX_POINTS: usize = 5_000_000;
/// Most days of series that are read for an answer.
const MAX_DAYS_READ: usize = 1_000_000;
/// How many days of a series are read in one go in bins, and how many of all in hours.
const DAYS_OF_BINS_AT_ONCE: usize = 4_000;
const DAYS_OF_HOURS_AT_ONCE: usize = 100;

#[derive(FromRow)]
struct BytesRow {
    day: i64,
    step_secs: i64,
    series: i64,
    points: Vec<u8>,
}

pub(super) async fn answer(store: &SqlStore, query: &MeasurementQuery) -> Result<Measured> {
    check(query)?;
    let nothing = Measured { step_secs: query.step_secs, bins: Vec::new(), series: Vec::new() };
    if query.from >= query.until || !is_name(&query.network) {
        return Ok(nothing);
    }
    let mut tx = store.db.snapshot().await?;
    let sql = "SELECT key FROM measured_network WHERE id = $1";
    let network: Option<(i64,)> = tx.fetch_optional(Statement::new(sql).bind(query.network.as_str())).await?;
    let Some((network,)) = network else { return Ok(nothing) };
    let axis = Axis::read(&mut tx, network, query).await?;
    let series = known_series(&mut tx, network).await?;
    let all = series.len();
    let mut groups: BTreeMap<Key, usize> = BTreeMap::new();
    let mut group_of = HashMap::new();
    for (key, series) in series.into_iter().filter(|(key, _)| fits(query, key)) {
        let next = groups.len();
        group_of.insert(series, *groups.entry(query.by.of(&key)).or_insert(next));
    }
    check_size(&axis, groups.len(), group_of.len())?;
    let mut reading = Reading {
        network,
        axis: &axis,
        all: all == group_of.len(),
        group_of,
        of_day: vec![0; axis.bins_of_day],
        sums: vec![vec![0; axis.bins.len()]; groups.len()],
    };
    reading.read(&mut tx).await?;
    let sums = reading.sums;
    Ok(measured(axis, groups, sums, query.by == Dimensions::default()))
}

/// The answer from the sums of each group.
fn measured(axis: Axis, groups: BTreeMap<Key, usize>, mut sums: Vec<Vec<u64>>, everything: bool) -> Measured {
    let mut series = Vec::new();
    for (key, group) in groups {
        let bytes = sums.get_mut(group).map(std::mem::take).unwrap_or_default();
        if everything || bytes.iter().any(|bytes| *bytes > 0) {
            series.push(MeasuredSeries { key, bytes });
        }
    }
    if everything && series.is_empty() {
        series.push(MeasuredSeries { key: Key::default(), bytes: vec![0; axis.bins.len()] });
    }
    if axis.bins.is_empty() {
        series.clear();
    }
    let step_secs = u32::try_from(axis.step_secs).unwrap_or(u32::MAX);
    Measured { step_secs, bins: axis.bins, series }
}

fn check(query: &MeasurementQuery) -> Result<()> {
    let step = i64::from(query.step_secs);
    if step >= MINUTE_SECS && step % MINUTE_SECS == 0 && DAY_SECS % step == 0 {
        return Ok(());
    }
    let detail = format!("must be a multiple of {MINUTE_SECS} that divides a day, which {step} is not");
    Err(StoreError::Invalid(vec![Invalid::new("/step_secs", detail)]))
}

fn fits(query: &MeasurementQuery, key: &Key) -> bool {
    (query.platform.is_none() || query.platform == key.platform)
        && (query.cdn.is_none() || query.cdn == key.cdn)
        && (query.link.is_none() || query.link == key.link)
}

fn check_size(axis: &Axis, groups: usize, series: usize) -> Result<()> {
    let too_large = |detail: String| Err(StoreError::Invalid(vec![Invalid::new("", detail)]));
    let points = axis.bins.len().saturating_mul(groups.max(1));
    if points > MAX_POINTS {
        return too_large(format!(
            "asks for {points} numbers ({groups} keys in {} bins), at most {MAX_POINTS} are given; ask for a shorter \
             time, a longer step, fewer dimensions or one platform, CDN or link",
            axis.bins.len()
        ));
    }
    let days = axis.days.len().saturating_mul(series);
    if days > MAX_DAYS_READ {
        return too_large(format!(
            "needs {series} keys on {} days, at most {MAX_DAYS_READ} days of keys are read at once; ask for a shorter \
             time or one platform, CDN or link",
            axis.days.len()
        ));
    }
    Ok(())
}

/// What is read for an answer.
struct Reading<'a> {
    network: i64,
    axis: &'a Axis,
    /// The series wanted, with the group of each.
    group_of: HashMap<i64, usize>,
    /// Whether these are all series of the network.
    all: bool,
    /// Bins of one day, used again for each.
    of_day: Vec<u64>,
    /// Sums of each group along the axis.
    sums: Vec<Vec<u64>>,
}

impl Reading<'_> {
    async fn read(&mut self, tx: &mut Tx) -> Result<()> {
        let days: Vec<i64> = self.axis.days.keys().copied().collect();
        if self.axis.step_secs % HOUR_SECS != 0 {
            // Then no day has hours that are not the sums of shorter bins.
            return self.read_bins(tx, &days, "").await;
        }
        for days in days.chunks(DAYS_OF_HOURS_AT_ONCE) {
            self.read_hours(tx, days).await?;
        }
        self.read_bins(tx, &self.axis.odd_days, "AND 3600 % step_secs <> 0").await
    }

    /// Adds the hours of some days.
    async fn read_hours(&mut self, tx: &mut Tx, days: &[i64]) -> Result<()> {
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
        let sql = "SELECT day, hours FROM measured_day WHERE network = $1 AND day >= $2 AND day <= $3";
        let statement = Statement::new(sql).bind(self.network).bind(*first).bind(*last);
        let rows: Vec<(i64, Vec<u8>)> = tx.fetch_all(statement).await?;
        for (day, hours) in rows {
            for_each(&hours, |series, packed| self.add(day, series, packed, HOURS))
                .map_err(|detail| corrupt(format!("day {day}: {detail}")))?;
        }
        Ok(())
    }

    /// Adds the counters of some days, of those rows that a condition holds for.
    async fn read_bins(&mut self, tx: &mut Tx, days: &[i64], condition: &str) -> Result<()> {
        let at_once = (DAYS_OF_BINS_AT_ONCE / self.group_of.len().max(1)).max(1);
        for days in days.chunks(at_once) {
            let (Some(first), Some(last)) = (days.first(), days.last()) else { continue };
            let mut statement = Statement::new("").bind(self.network).bind(*first).bind(*last);
            let mut only = String::new();
            if !self.all {
                let series: Vec<i64> = self.group_of.keys().copied().collect();
                let placeholder = statement.placeholder(Param::from(series));
                only = format!("AND {}", tx.engine().is_any_of("series", &placeholder));
            }
            let sql = format!(
                "SELECT day, step_secs, series, points FROM measured_bytes \
                 WHERE network = $1 AND day >= $2 AND day <= $3 {condition} {only}"
            );
            let rows: Vec<BytesRow> = tx.fetch_all(statement.with_sql(sql)).await?;
            for BytesRow { day, step_secs, series, points } in rows {
                self.add(day, series, &points, bins_of(step_secs)?)
                    .map_err(|detail| corrupt(format!("day {day}: {detail}")))?;
            }
        }
        Ok(())
    }

    /// Adds the packed bins of a series on a day, if they are wanted.
    fn add(
        &mut self,
        day: i64,
        series: i64,
        packed: &[u8],
        bins: usize,
    ) -> std::result::Result<(), &'static str> {
        let wanted = self.axis.days.get(&day).zip(self.group_of.get(&series));
        let Some((bins_of_day, sums)) =
            wanted.and_then(|(bins, group)| Some((bins, self.sums.get_mut(*group)?)))
        else {
            return Ok(());
        };
        self.of_day.fill(0);
        add_to(packed, bins, &mut self.of_day)?;
        for (bin, place) in bins_of_day {
            let (Some(bytes), Some(sum)) = (self.of_day.get(*bin), sums.get_mut(*place)) else { continue };
            *sum = sum.checked_add(*bytes).ok_or("its sum is too large")?;
        }
        Ok(())
    }
}

/// The networks that anything was measured on.
pub(super) async fn networks(store: &SqlStore) -> Result<Vec<MeasuredNetwork>> {
    let sql = "SELECT n.id, d.day, d.minutes FROM measured_network n CROSS JOIN measured_day d \
         WHERE d.network = n.key AND (d.day = (SELECT min(day) FROM measured_day WHERE network = n.key) \
         OR d.day = (SELECT max(day) FROM measured_day WHERE network = n.key)) ORDER BY n.id, d.day";
    let rows: Vec<(String, i64, Vec<u8>)> = store.db.fetch_all(Statement::new(sql)).await?;
    let mut networks: Vec<MeasuredNetwork> = Vec::new();
    for (network, day, minutes) in rows {
        let minutes = Minutes::parse(&minutes)?;
        let mut watched = minutes.watched();
        let first = watched.next().ok_or_else(|| corrupt("a day without watched minutes"))?;
        let last = watched.next_back().unwrap_or(first);
        let (first, last) = (instant(day, first)?, instant(day, last)?);
        match networks.last_mut() {
            Some(known) if known.network == network => known.last = last,
            _ => networks.push(MeasuredNetwork { network, first, last }),
        }
    }
    Ok(networks)
}

/// The instant that a minute of a day begins.
fn instant(day: i64, minute: usize) -> Result<DateTime<Utc>> {
    let secs =
        i64::try_from(minute).ok().and_then(|minute| day.checked_mul(DAY_SECS)?.checked_add(minute * 60));
    secs.and_then(|secs| DateTime::from_timestamp(secs, 0)).ok_or_else(|| corrupt(format!("day {day}")))
}
