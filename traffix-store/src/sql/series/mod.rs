//! Time series: a row per series and day, whose values are packed by [`pack`].

mod pack;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use traffix_core::Invalid;

use self::pack::{Steps, pack, unpack};
use super::SqlStore;
use super::names::{check_name, is_name};
use crate::db::{Insert, Statement, Tx};
use crate::{SeriesKey, SeriesStore, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

const DAY_SECS: i64 = 86_400;
/// How many days are read and written in one go.
const BATCH: usize = 100;
/// Most findings that an error carries.
const MAX_FINDINGS: usize = 100;

#[derive(FromRow)]
struct DayRow {
    day: i64,
    points: Vec<u8>,
}

impl DayRow {
    fn steps(&self, grid: Grid) -> Result<Steps> {
        unpack(&self.points, grid.steps()).map_err(|detail| corrupt(format!("day {}: {detail}", self.day)))
    }
}

#[derive(FromRow)]
struct KeyRow {
    metric: String,
    subject: String,
    source: String,
    step_secs: i64,
}

impl KeyRow {
    fn key(self) -> Result<SeriesKey> {
        let step_secs =
            u32::try_from(self.step_secs).map_err(|_| corrupt("its step is too long".to_owned()))?;
        Ok(SeriesKey { metric: self.metric, subject: self.subject, source: self.source, step_secs })
    }
}

fn corrupt(detail: String) -> StoreError {
    StoreError::Corrupt { entity: "series", detail }
}

/// The instants at which a series may have values.
#[derive(Clone, Copy)]
struct Grid {
    step_secs: i64,
}

impl Grid {
    /// `None` unless the step divides a day.
    fn new(step_secs: u32) -> Option<Self> {
        let step_secs = i64::from(step_secs);
        (step_secs > 0 && DAY_SECS % step_secs == 0).then_some(Self { step_secs })
    }

    /// Steps of a day.
    fn steps(self) -> usize {
        usize::try_from(DAY_SECS / self.step_secs).unwrap_or(0)
    }

    /// Day and step of an instant, if it is on the grid.
    fn place(self, at: DateTime<Utc>) -> Option<(i64, usize)> {
        let (day, secs) = (day_of(at), at.timestamp().rem_euclid(DAY_SECS));
        let on_grid = at.timestamp_subsec_nanos() == 0 && secs % self.step_secs == 0;
        on_grid.then(|| (day, usize::try_from(secs / self.step_secs).unwrap_or(0)))
    }

    /// The instant of a step of a day.
    fn instant(self, day: i64, step: usize) -> Option<DateTime<Utc>> {
        let secs = i64::try_from(step).ok()?.checked_mul(self.step_secs)?;
        DateTime::from_timestamp(day.checked_mul(DAY_SECS)?.checked_add(secs)?, 0)
    }
}

fn day_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(DAY_SECS)
}

/// New values of some days, by step.
type Days = BTreeMap<i64, BTreeMap<usize, f64>>;

#[async_trait]
impl SeriesStore for SqlStore {
    async fn put_points(&self, key: &SeriesKey, points: &[(DateTime<Utc>, f64)]) -> Result<u64> {
        let grid = check_key(key)?;
        let days: Vec<_> = by_day(grid, points)?.into_iter().collect();
        if days.is_empty() {
            return Ok(0);
        }
        let mut tx = self.db.begin().await?;
        // Writing the row of the series, even unchanged, keeps others from its days until the commit.
        let sql = "INSERT INTO series (metric, subject, source, step_secs) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (metric, subject, source, step_secs) DO UPDATE SET metric = excluded.metric RETURNING key";
        let row: Option<(i64,)> = tx.fetch_optional(of_series(Statement::new(sql), key)).await?;
        let (series,) = row.ok_or_else(|| corrupt("it has no row".to_owned()))?;
        let mut changed = 0;
        for batch in days.chunks(BATCH) {
            changed += put_days(&mut tx, series, grid, batch).await?;
        }
        if changed > 0 {
            tx.commit().await?;
        }
        Ok(changed)
    }

    async fn points(
        &self,
        key: &SeriesKey,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, f64)>> {
        let Ok(grid) = check_key(key) else { return Ok(Vec::new()) };
        let sql = "SELECT d.day, d.points FROM series s CROSS JOIN series_day d WHERE s.metric = $1 \
             AND s.subject = $2 AND s.source = $3 AND s.step_secs = $4 AND d.series = s.key \
             AND d.day >= $5 AND d.day <= $6 ORDER BY d.day";
        let statement = of_series(Statement::new(sql), key).bind(day_of(from)).bind(day_of(until));
        let rows: Vec<DayRow> = self.db.fetch_all(statement).await?;
        let mut points = Vec::new();
        for row in rows {
            for (step, value) in row.steps(grid)?.into_iter().enumerate() {
                let Some(value) = value else { continue };
                let at = grid.instant(row.day, step).ok_or_else(|| corrupt(format!("day {}", row.day)))?;
                if at >= from && at < until {
                    points.push((at, value));
                }
            }
        }
        Ok(points)
    }

    async fn series(&self, metric: &str, subject_prefix: &str) -> Result<Vec<SeriesKey>> {
        if !is_name(metric) || subject_prefix.contains('\0') {
            return Ok(Vec::new());
        }
        let sql = "SELECT metric, subject, source, step_secs FROM series WHERE metric = $1 AND subject >= $2 \
             AND substr(subject, 1, length($2)) = $2 ORDER BY subject, source, step_secs";
        let statement = Statement::new(sql).bind(metric).bind(subject_prefix);
        let rows: Vec<KeyRow> = self.db.fetch_all(statement).await?;
        rows.into_iter().map(KeyRow::key).collect()
    }
}

fn of_series(statement: Statement, key: &SeriesKey) -> Statement {
    let statement = statement.bind(key.metric.as_str()).bind(key.subject.as_str());
    statement.bind(key.source.as_str()).bind(i64::from(key.step_secs))
}

fn check_key(key: &SeriesKey) -> Result<Grid> {
    check_name("/metric", &key.metric)?;
    check_name("/subject", &key.subject)?;
    check_name("/source", &key.source)?;
    let bad = || Invalid::new("/step_secs", format!("must divide a day, which {} does not", key.step_secs));
    Grid::new(key.step_secs).ok_or_else(|| StoreError::Invalid(vec![bad()]))
}

fn by_day(grid: Grid, points: &[(DateTime<Utc>, f64)]) -> Result<Days> {
    let (mut days, mut findings) = (Days::new(), Vec::new());
    for (i, (at, value)) in points.iter().enumerate() {
        match grid.place(*at) {
            Some((day, step)) if value.is_finite() => {
                days.entry(day).or_default().insert(step, *value);
            }
            Some(_) => findings.push(Invalid::new(format!("/points/{i}/1"), "must be a finite number")),
            None => {
                let detail = format!("must be a multiple of {} seconds", grid.step_secs);
                findings.push(Invalid::new(format!("/points/{i}/0"), detail));
            }
        }
    }
    findings.truncate(MAX_FINDINGS);
    if findings.is_empty() { Ok(days) } else { Err(StoreError::Invalid(findings)) }
}

/// Writes the days of which something changes; returns how many values that were.
async fn put_days(tx: &mut Tx, series: i64, grid: Grid, days: &[(i64, BTreeMap<usize, f64>)]) -> Result<u64> {
    let mut statement = Statement::new("").bind(series);
    let wanted: Vec<String> = days.iter().map(|(day, _)| statement.placeholder(*day)).collect();
    let sql =
        format!("SELECT day, points FROM series_day WHERE series = $1 AND day IN ({})", wanted.join(","));
    let stored: Vec<DayRow> = tx.fetch_all(statement.with_sql(sql)).await?;
    let stored: BTreeMap<i64, DayRow> = stored.into_iter().map(|row| (row.day, row)).collect();
    let mut rows = Insert::new("series_day", &["series", "day", "points"])
        .suffix("ON CONFLICT (series, day) DO UPDATE SET points = excluded.points");
    let mut changed = 0;
    for (day, values) in days {
        let mut steps =
            stored.get(day).map_or_else(|| Ok(vec![None; grid.steps()]), |row| row.steps(grid))?;
        let news = replace(&mut steps, values);
        if let Some(packed) = pack(&steps).filter(|_| news > 0) {
            rows.push(vec![series.into(), (*day).into(), packed.as_slice().into()]);
        }
        changed += news;
    }
    tx.insert(rows).await?;
    Ok(changed)
}

/// Puts values in their places; returns how many were not there already.
fn replace(steps: &mut Steps, values: &BTreeMap<usize, f64>) -> u64 {
    let mut news = 0;
    for (step, value) in values {
        let Some(place) = steps.get_mut(*step) else { continue };
        if place.map(f64::to_bits) != Some(value.to_bits()) {
            *place = Some(*value);
            news += 1;
        }
    }
    news
}
