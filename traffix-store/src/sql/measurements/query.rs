//! Sums by time and key.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use traffix_core::Invalid;
use traffix_core::measurement::Key;

use super::add::known_series;
use super::day::{Minutes, Steps, bins_of};
use super::hours::{HOURS, for_each};
use super::pack::add_to;
use super::{DAY_SECS, HOUR_SECS, MINUTE_SECS, Result, corrupt, day_of, lcm};
use crate::db::{Param, Statement, Tx};
use crate::sql::SqlStore;
use crate::sql::names::is_name;
use crate::{Measured, MeasuredNetwork, MeasuredSeries, MeasurementQuery, StoreError, WatchedBin};

/// Most numbers of an answer.
const MAX_POINTS: usize = 5_000_000;
/// Most days of series that are read for an answer.
const MAX_DAYS_READ: usize = 1_000_000;
/// How many days of a series are read in one go in bins, and how many of all in hours.
const DAYS_OF_BINS_AT_ONCE: usize = 4_000;
const DAYS_OF_HOURS_AT_ONCE: usize = 100;

#[derive(FromRow)]
struct DayRow {
    day: i64,
    #[sqlx(flatten)]
    steps: Steps,
    minutes: Vec<u8>,
}

#[derive(FromRow)]
struct BytesRow {
    day: i64,
    step_secs: i64,
    series: i64,
    points: Vec<u8>,
}

/// The axis of an answer: bins of equal length on the days that anything was watched on.
struct Axis {
    step_secs: i64,
    bins_of_day: usize,
    /// The place of the first bin of each day.
    days: BTreeMap<i64, usize>,
    /// The days with bins that hours cannot be divided into.
    odd_days: Vec<i64>,
    /// Places and starts of the bins that were watched.
    watched: Vec<(usize, WatchedBin)>,
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
    let sums = vec![vec![0; axis.days.len() * axis.bins_of_day]; groups.len()];
    let mut reading = Reading { network, axis: &axis, all: all == group_of.len(), group_of, sums };
    reading.read(&mut tx).await?;
    let sums = reading.sums;
    Ok(axis.answer(query, groups, &sums))
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
    let points = axis.watched.len().saturating_mul(groups.max(1));
    if points > MAX_POINTS {
        return too_large(format!(
            "asks for {points} numbers ({groups} keys in {} bins), at most {MAX_POINTS} are given; ask for a shorter \
             time, a longer step, fewer dimensions or one platform, CDN or link",
            axis.watched.len()
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

impl Axis {
    async fn read(tx: &mut Tx, network: i64, query: &MeasurementQuery) -> Result<Self> {
        let last = query.until.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(query.until);
        let sql = "SELECT day, fine_secs, coarse_secs, minutes FROM measured_day \
             WHERE network = $1 AND day >= $2 AND day <= $3 ORDER BY day";
        let statement = Statement::new(sql).bind(network).bind(day_of(query.from)).bind(day_of(last));
        let rows: Vec<DayRow> = tx.fetch_all(statement).await?;
        let step_secs = rows.iter().try_fold(i64::from(query.step_secs), |step, row| {
            bins_of(row.steps.coarse_secs).map(|_| lcm(step, row.steps.coarse_secs))
        })?;
        let bins_of_day = bins_of(step_secs)?;
        let (days, odd_days, watched) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut axis = Self { step_secs, bins_of_day, days, odd_days, watched };
        for (i, row) in rows.iter().enumerate() {
            axis.days.insert(row.day, i * bins_of_day);
            axis.watch(query, row, i * bins_of_day)?;
            if HOUR_SECS % row.steps.coarse_secs != 0 {
                axis.odd_days.push(row.day);
            }
        }
        Ok(axis)
    }

    /// Notes the watched bins of a day that lie in the time asked for.
    fn watch(&mut self, query: &MeasurementQuery, row: &DayRow, first: usize) -> Result<()> {
        let mut watched_secs = vec![0; self.bins_of_day];
        for minute in Minutes::parse(&row.minutes)?.watched() {
            if let Some(secs) = watched_secs.get_mut(minute * self.bins_of_day / 1_440) {
                *secs += 60;
            }
        }
        let mut start = row.day.saturating_mul(DAY_SECS);
        for (bin, watched_secs) in watched_secs.into_iter().enumerate() {
            let end = start.saturating_add(self.step_secs);
            let inside = end > query.from.timestamp()
                && DateTime::from_timestamp(start, 0).is_some_and(|start| start < query.until);
            if inside && watched_secs > 0 {
                let at =
                    DateTime::from_timestamp(start, 0).ok_or_else(|| corrupt("a day is out of range"))?;
                self.watched.push((first + bin, WatchedBin { start: at, watched_secs }));
            }
            start = end;
        }
        Ok(())
    }

    /// The answer from the sums of each group.
    fn answer(
        &self,
        query: &MeasurementQuery,
        mut groups: BTreeMap<Key, usize>,
        sums: &[Vec<u64>],
    ) -> Measured {
        let everything = query.by == crate::Dimensions::default();
        if everything && groups.is_empty() && !self.watched.is_empty() {
            groups.insert(Key::default(), usize::MAX);
        }
        let of_group = |group: usize| -> Vec<u64> {
            let sums = sums.get(group).map_or(&[][..], Vec::as_slice);
            self.watched.iter().map(|(place, _)| sums.get(*place).copied().unwrap_or(0)).collect()
        };
        let series = groups.into_iter().map(|(key, group)| MeasuredSeries { key, bytes: of_group(group) });
        let with_traffic = |series: &MeasuredSeries| {
            everything && !series.bytes.is_empty() || series.bytes.iter().any(|bytes| *bytes > 0)
        };
        Measured {
            step_secs: u32::try_from(self.step_secs).unwrap_or(u32::MAX),
            bins: self.watched.iter().map(|(_, bin)| *bin).collect(),
            series: series.filter(with_traffic).collect(),
        }
    }
}

/// What is read for an answer.
struct Reading<'a> {
    network: i64,
    axis: &'a Axis,
    /// The series wanted, with the group of each.
    group_of: HashMap<i64, usize>,
    /// Whether these are all series of the network.
    all: bool,
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
        let place = self.axis.days.get(&day).zip(self.group_of.get(&series));
        let Some((first, group)) = place else { return Ok(()) };
        let sums = self.sums.get_mut(*group);
        let of_day = sums.and_then(|sums| sums.get_mut(*first..first + self.axis.bins_of_day));
        add_to(packed, bins, of_day.unwrap_or_default())
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
