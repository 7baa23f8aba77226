//! A day of a network: which minutes were watched, its hours, and the counters of its series.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::hours::Hours;
use super::pack::{pack, unpack};
use super::{DAY_SECS, MINUTE_SECS, Result, corrupt, gcd, lcm};
use crate::db::{Insert, Param, Statement, Tx};

/// Most bytes of one series on a day in hours, or in bins of one step that does not divide an hour, 2⁵⁸ (290 PB): a
/// day has at most 36 steps, so no sum of a series over a day is too large for 64 bits.
pub(super) const MAX_DAY_BYTES: u64 = 1 << 58;
/// Minutes of a day, in bytes of a bit each.
const MINUTE_BYTES: usize = 180;

/// Which minutes of a day were watched.
#[derive(Clone)]
pub(super) struct Minutes([u8; MINUTE_BYTES]);

impl Minutes {
    pub(super) fn none() -> Self {
        Self([0; MINUTE_BYTES])
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        bytes.try_into().map(Self).map_err(|_| corrupt("the watched minutes do not fit a day"))
    }

    /// Notes the minutes that seconds of the day lie in.
    pub(super) fn watch(&mut self, from_secs: usize, until_secs: usize) {
        for minute in from_secs / 60..until_secs.div_ceil(60) {
            if let Some(byte) = self.0.get_mut(minute / 8) {
                *byte |= 1 << (minute % 8);
            }
        }
    }

    pub(super) fn add(&mut self, others: &Self) {
        self.0.iter_mut().zip(others.0).for_each(|(byte, other)| *byte |= other);
    }

    /// The minutes that were watched, in order.
    pub(super) fn watched(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (0..MINUTE_BYTES * 8).filter(|minute| (self.0[minute / 8] >> (minute % 8)) & 1 == 1)
    }
}

/// The steps that the bytes of a day are kept at.
#[derive(Clone, Copy, FromRow)]
pub(super) struct Steps {
    /// Their greatest common divisor.
    pub(super) fine_secs: i64,
    /// Their least common multiple: what all can be summed to.
    pub(super) coarse_secs: i64,
}

impl Steps {
    pub(super) fn of(step_secs: i64) -> Self {
        Self { fine_secs: step_secs, coarse_secs: step_secs }
    }

    /// The steps when each is summed to multiples of `level`.
    pub(super) fn rolled_up(self, level: i64) -> Self {
        Self { fine_secs: lcm(self.fine_secs, level), coarse_secs: lcm(self.coarse_secs, level) }
    }

    pub(super) fn and(self, step_secs: i64) -> Self {
        Self { fine_secs: gcd(self.fine_secs, step_secs), coarse_secs: lcm(self.coarse_secs, step_secs) }
    }
}

/// How many bins of a step a day has; fails if a stored step does not divide a day.
pub(super) fn bins_of(step_secs: i64) -> Result<usize> {
    let bins = (step_secs >= MINUTE_SECS && DAY_SECS % step_secs == 0).then(|| DAY_SECS / step_secs);
    bins.and_then(|bins| usize::try_from(bins).ok()).ok_or_else(|| corrupt(format!("step of {step_secs} s")))
}

/// What is known about a day beside its counters.
pub(super) struct Day {
    pub(super) steps: Steps,
    pub(super) watched: Minutes,
    pub(super) hours: Hours,
}

impl Day {
    /// The stored day, kept from other writers by the lock of its network.
    pub(super) async fn read(tx: &mut Tx, network: i64, day: i64) -> Result<Option<Self>> {
        #[derive(FromRow)]
        struct Row {
            #[sqlx(flatten)]
            steps: Steps,
            minutes: Vec<u8>,
            hours: Vec<u8>,
        }
        let sql =
            "SELECT fine_secs, coarse_secs, minutes, hours FROM measured_day WHERE network = $1 AND day = $2";
        let row: Option<Row> = tx.fetch_optional(Statement::new(sql).bind(network).bind(day)).await?;
        let read = |row: Row| {
            let hours = Hours::parse(&row.hours).map_err(|detail| corrupt(format!("day {day}: {detail}")))?;
            Ok(Self { steps: row.steps, watched: Minutes::parse(&row.minutes)?, hours })
        };
        row.map(read).transpose()
    }

    pub(super) async fn write(&self, tx: &mut Tx, network: i64, day: i64) -> Result<()> {
        let sql = "INSERT INTO measured_day (network, day, fine_secs, coarse_secs, minutes, hours) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (network, day) DO UPDATE SET \
             fine_secs = excluded.fine_secs, coarse_secs = excluded.coarse_secs, minutes = excluded.minutes, \
             hours = excluded.hours";
        let statement = Statement::new(sql).bind(network).bind(day);
        let statement = statement.bind(self.steps.fine_secs).bind(self.steps.coarse_secs);
        let statement = statement.bind(&self.watched.0[..]).bind(self.hours.pack().as_slice());
        tx.execute(statement).await.map(drop)
    }
}

/// Counters of series on one day in bins of one step.
pub(super) type Counters = BTreeMap<i64, Vec<u64>>;

/// The stored counters of some series, on one day in bins of one step.
pub(super) async fn counters(
    tx: &mut Tx,
    network: i64,
    day: i64,
    step: i64,
    series: Vec<i64>,
) -> Result<Counters> {
    let mut statement = Statement::new("").bind(network).bind(day).bind(step);
    let placeholder = statement.placeholder(Param::from(series));
    let wanted = tx.engine().is_any_of("series", &placeholder);
    let sql = format!(
        "SELECT series, points FROM measured_bytes WHERE network = $1 AND day = $2 AND step_secs = $3 AND {wanted}"
    );
    let rows: Vec<(i64, Vec<u8>)> = tx.fetch_all(statement.with_sql(sql)).await?;
    let bins = bins_of(step)?;
    rows.into_iter().map(|(series, points)| Ok((series, unpack(&points, bins).map_err(corrupt)?))).collect()
}

/// Writes counters in the place of those stored.
pub(super) async fn put_counters(
    tx: &mut Tx,
    network: i64,
    day: i64,
    step: i64,
    counters: &Counters,
) -> Result<()> {
    let mut rows = Insert::new("measured_bytes", &["network", "day", "step_secs", "series", "points"])
        .suffix("ON CONFLICT (network, day, step_secs, series) DO UPDATE SET points = excluded.points");
    for (series, bins) in counters {
        let packed = pack(bins);
        rows.push(vec![network.into(), day.into(), step.into(), (*series).into(), packed.as_slice().into()]);
    }
    tx.insert(rows).await.map(drop)
}

/// Adds to a sum; fails if it cannot hold more.
pub(super) fn add(sum: &mut u64, bytes: u64) -> Option<()> {
    *sum = sum.checked_add(bytes)?;
    Some(())
}
