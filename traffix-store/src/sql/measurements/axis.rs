//! The time of an answer: which bins it has.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta};
use sqlx::FromRow;

use super::day::{Minutes, Steps, bins_of};
use super::{DAY_SECS, HOUR_SECS, Result, corrupt, day_of, lcm};
use crate::db::{Statement, Tx};
use crate::{MeasurementQuery, WatchedBin};

#[derive(FromRow)]
struct DayRow {
    day: i64,
    #[sqlx(flatten)]
    steps: Steps,
    minutes: Vec<u8>,
}

/// The bins of an answer.
pub(super) struct Axis {
    pub(super) step_secs: i64,
    pub(super) bins_of_day: usize,
    /// The bins that were watched, by time.
    pub(super) bins: Vec<WatchedBin>,
    /// The days that these are on: which bins of the day, and which of `bins`.
    pub(super) days: BTreeMap<i64, Vec<(usize, usize)>>,
    /// Those of the days that have bins which hours cannot be divided into.
    pub(super) odd_days: Vec<i64>,
}

impl Axis {
    /// The watched bins of the time asked for, as short as what is kept allows.
    pub(super) async fn read(tx: &mut Tx, network: i64, query: &MeasurementQuery) -> Result<Self> {
        let last = query.until.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(query.until);
        let sql = "SELECT day, fine_secs, coarse_secs, minutes FROM measured_day \
             WHERE network = $1 AND day >= $2 AND day <= $3 ORDER BY day";
        let statement = Statement::new(sql).bind(network).bind(day_of(query.from)).bind(day_of(last));
        let rows: Vec<DayRow> = tx.fetch_all(statement).await?;
        let step_secs = rows.iter().try_fold(i64::from(query.step_secs), |step, row| {
            bins_of(row.steps.coarse_secs).map(|_| lcm(step, row.steps.coarse_secs))
        })?;
        let (bins, days, odd_days) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut axis = Self { step_secs, bins_of_day: bins_of(step_secs)?, bins, days, odd_days };
        for row in rows {
            axis.add(query, &row)?;
        }
        Ok(axis)
    }

    /// Adds the watched bins of a day that lie in the time asked for.
    fn add(&mut self, query: &MeasurementQuery, row: &DayRow) -> Result<()> {
        let mut watched_secs = vec![0; self.bins_of_day];
        for minute in Minutes::parse(&row.minutes)?.watched() {
            if let Some(secs) = watched_secs.get_mut(minute * self.bins_of_day / 1_440) {
                *secs += 60;
            }
        }
        let mut of_day = Vec::new();
        let mut end = row.day.saturating_mul(DAY_SECS);
        for (bin, watched_secs) in watched_secs.into_iter().enumerate() {
            let start = end;
            end = start.saturating_add(self.step_secs);
            if watched_secs == 0 || end <= query.from.timestamp() {
                continue;
            }
            let start = DateTime::from_timestamp(start, 0).ok_or_else(|| corrupt("a day is out of range"))?;
            if start < query.until {
                of_day.push((bin, self.bins.len()));
                self.bins.push(WatchedBin { start, watched_secs });
            }
        }
        if of_day.is_empty() {
            return Ok(());
        }
        if HOUR_SECS % row.steps.coarse_secs != 0 {
            self.odd_days.push(row.day);
        }
        self.days.insert(row.day, of_day);
        Ok(())
    }
}
