//! A day of a network: which minutes were watched, and the counters of one series.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::pack::{pack, unpack};
use super::{DAY_SECS, HOUR_SECS, MINUTE_SECS, Network, Result, corrupt, gcd, lcm};
use crate::db::{Insert, Param, Statement, Tx};

/// Most bytes of one series on a day in bins of one step, 2⁵⁸ (290 PB): a day has bins of at most 36 steps, so
/// that no sum of its bins is too large for 64 bits.
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

    fn add(&mut self, others: &Self) {
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

    pub(super) fn and(self, step_secs: i64) -> Self {
        Self { fine_secs: gcd(self.fine_secs, step_secs), coarse_secs: lcm(self.coarse_secs, step_secs) }
    }
}

/// How many bins of a step a day has; fails if a stored step does not divide a day.
pub(super) fn bins_of(step_secs: i64) -> Result<usize> {
    let bins = (step_secs >= MINUTE_SECS && DAY_SECS % step_secs == 0).then(|| DAY_SECS / step_secs);
    bins.and_then(|bins| usize::try_from(bins).ok()).ok_or_else(|| corrupt(format!("step of {step_secs} s")))
}

/// How many bins of a step an hour has, if the row has the sums of hours beside its bins.
pub(super) fn bins_of_hour(step_secs: i64) -> Option<usize> {
    let shorter = step_secs < HOUR_SECS && HOUR_SECS % step_secs == 0;
    usize::try_from(HOUR_SECS / step_secs).ok().filter(|_| shorter)
}

/// Writes which minutes of a day were watched and which steps it has, beside what is known already.
pub(super) async fn note(
    tx: &mut Tx,
    network: &Network,
    day: i64,
    watched: &Minutes,
    step: i64,
) -> Result<()> {
    #[derive(FromRow)]
    struct Row {
        #[sqlx(flatten)]
        steps: Steps,
        minutes: Vec<u8>,
    }
    let sql = "SELECT fine_secs, coarse_secs, minutes FROM measured_day WHERE network = $1 AND day = $2";
    let row: Option<Row> = tx.fetch_optional(Statement::new(sql).bind(network.key).bind(day)).await?;
    let (steps, minutes) = match row {
        None => (Steps::of(step), watched.clone()),
        Some(row) => {
            let mut minutes = Minutes::parse(&row.minutes)?;
            minutes.add(watched);
            (row.steps.and(step), minutes)
        }
    };
    let sql = "INSERT INTO measured_day (network, day, version, fine_secs, coarse_secs, minutes) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (network, day) DO UPDATE SET version = excluded.version, \
         fine_secs = excluded.fine_secs, coarse_secs = excluded.coarse_secs, minutes = excluded.minutes";
    let statement = Statement::new(sql).bind(network.key).bind(day).bind(network.version);
    let statement = statement.bind(steps.fine_secs).bind(steps.coarse_secs).bind(&minutes.0[..]);
    tx.execute(statement).await.map(drop)
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
    let mut rows =
        Insert::new("measured_bytes", &["network", "day", "step_secs", "series", "hours", "points"]).suffix(
            "ON CONFLICT (network, day, step_secs, series) \
             DO UPDATE SET hours = excluded.hours, points = excluded.points",
        );
    for (series, bins) in counters {
        let hours = bins_of_hour(step).map(|bins_of_hour| {
            let hours = bins.chunks(bins_of_hour).map(|hour| hour.iter().sum());
            pack(&hours.collect::<Vec<u64>>())
        });
        rows.push(vec![
            network.into(),
            day.into(),
            step.into(),
            (*series).into(),
            hours.unwrap_or_default().as_slice().into(),
            pack(bins).as_slice().into(),
        ]);
    }
    tx.insert(rows).await.map(drop)
}

/// Adds to a sum; fails if it cannot hold more.
pub(super) fn add(sum: &mut u64, bytes: u64) -> Option<()> {
    *sum = sum.checked_add(bytes)?;
    Some(())
}
