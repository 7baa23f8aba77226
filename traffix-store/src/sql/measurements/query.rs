//! Sums by time and key.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;
use traffix_core::Invalid;
use traffix_core::measurement::Key;

use super::add::known_series;
use super::day::{Minutes, Steps, bins_of, bins_of_hour};
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
/// How many days of series are read in one go.
const DAYS_READ_AT_ONCE: usize = 4_000;

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
    packed: Vec<u8>,
}

/// The axis of an answer: bins of equal length on the days that anything was watched on.
struct Axis {
    step_secs: i64,
    bins_of_day: usize,
    /// The place of the first bin of each day.
    days: BTreeMap<i64, usize>,
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
    let wanted: BTreeMap<i64, Key> =
        series.into_iter().filter(|(key, _)| fits(query, key)).map(|(k, s)| (s, k)).collect();
    let mut groups: BTreeMap<Key, usize> = BTreeMap::new();
    let group_of: BTreeMap<i64, usize> = wanted
        .iter()
        .map(|(series, key)| {
            let next = groups.len();
            (*series, *groups.entry(query.by.of(key)).or_insert(next))
        })
        .collect();
    check_size(&axis, groups.len(), wanted.len())?;
    let mut sums = vec![vec![0; axis.days.len() * axis.bins_of_day]; groups.len()];
    read(&mut tx, network, &axis, (all > group_of.len()).then_some(&group_of), &group_of, &mut sums).await?;
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
        let mut axis = Self { step_secs, bins_of_day, days: BTreeMap::new(), watched: Vec::new() };
        for (i, row) in rows.iter().enumerate() {
            axis.days.insert(row.day, i * bins_of_day);
            axis.watch(query, row, i * bins_of_day)?;
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

/// Reads the days of the axis and adds them to the sums of the groups of their series.
async fn read(
    tx: &mut Tx,
    network: i64,
    axis: &Axis,
    only: Option<&BTreeMap<i64, usize>>,
    group_of: &BTreeMap<i64, usize>,
    sums: &mut [Vec<u64>],
) -> Result<()> {
    let days: Vec<i64> = axis.days.keys().copied().collect();
    let at_once = (DAYS_READ_AT_ONCE / group_of.len().max(1)).max(1);
    for days in days.chunks(at_once) {
        let (Some(first), Some(last)) = (days.first(), days.last()) else { continue };
        let mut statement = Statement::new("").bind(network).bind(*first).bind(*last);
        let only = only.map_or(String::new(), |only| {
            let placeholder = statement.placeholder(Param::from(only.keys().copied().collect::<Vec<_>>()));
            format!("AND {}", tx.engine().is_any_of("series", &placeholder))
        });
        // As `bins_of_hour` says which rows have hours.
        let packed = match axis.step_secs % HOUR_SECS {
            0 => "CASE WHEN step_secs < 3600 AND 3600 % step_secs = 0 THEN hours ELSE points END",
            _ => "points",
        };
        let sql = format!(
            "SELECT day, step_secs, series, {packed} AS packed FROM measured_bytes \
             WHERE network = $1 AND day >= $2 AND day <= $3 {only}"
        );
        let rows: Vec<BytesRow> = tx.fetch_all(statement.with_sql(sql)).await?;
        for row in rows {
            let place = axis.days.get(&row.day).zip(group_of.get(&row.series));
            let Some((first, group)) = place else { continue };
            let sums = sums.get_mut(*group).and_then(|sums| sums.get_mut(*first..first + axis.bins_of_day));
            add_row(axis, &row, sums.unwrap_or_default())?;
        }
    }
    Ok(())
}

fn add_row(axis: &Axis, row: &BytesRow, sums: &mut [u64]) -> Result<()> {
    let hours = axis.step_secs % HOUR_SECS == 0 && bins_of_hour(row.step_secs).is_some();
    let bins = bins_of(if hours { HOUR_SECS } else { row.step_secs })?;
    add_to(&row.packed, bins, sums).map_err(|detail| corrupt(format!("day {}: {detail}", row.day)))
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
