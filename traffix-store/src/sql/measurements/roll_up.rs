//! Coarser bins for what is old, and an end to what is oldest.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::day::{Counters, Day, add, bins_of, counters, put_counters};
use super::pack::add_to;
use super::{HOUR_SECS, Network, Result, corrupt, day_of, lcm};
use crate::db::{Micros, Statement, Tx};
use crate::sql::SqlStore;
use crate::{BATCHES_REMEMBERED, Retention, RolledUp};

const FIVE_MINUTES_SECS: i64 = 300;

pub(super) async fn roll_up(store: &SqlStore, now: DateTime<Utc>, retention: &Retention) -> Result<RolledUp> {
    let networks: Vec<(i64, String)> =
        store.db.fetch_all(Statement::new("SELECT key, id FROM measured_network ORDER BY key")).await?;
    let before = |days: u32| day_of(now).saturating_sub(i64::from(days));
    let mut done = RolledUp::default();
    for (key, id) in networks {
        done.days_forgotten += forget_days(store, key, &id, before(retention.hour_days)).await?;
        let levels = [(FIVE_MINUTES_SECS, retention.minute_days), (HOUR_SECS, retention.five_minute_days)];
        // From the coarsest, so that no day is rolled up twice.
        for (level, days) in levels.into_iter().rev() {
            done.days_rolled_up += roll_up_days(store, key, &id, level, before(days)).await?;
        }
        done.batches_forgotten += forget_batches(store, key, &id, now).await?;
    }
    Ok(done)
}

/// Sums the days before `before` to multiples of `level` seconds; returns how many it were.
async fn roll_up_days(store: &SqlStore, key: i64, id: &str, level: i64, before: i64) -> Result<u64> {
    let sql =
        "SELECT day FROM measured_day WHERE network = $1 AND day < $2 AND fine_secs % $3 <> 0 ORDER BY day";
    let statement = Statement::new(sql).bind(key).bind(before).bind(level);
    let days: Vec<(i64,)> = store.db.fetch_all(statement).await?;
    let mut done = 0;
    for (day,) in days {
        let mut tx = store.db.begin().await?;
        let network = Network::lock(&mut tx, id).await?;
        if roll_up_day(&mut tx, network.key, day, level).await? {
            tx.commit().await?;
            done += 1;
        }
    }
    Ok(done)
}

#[derive(FromRow)]
struct BytesRow {
    step_secs: i64,
    series: i64,
    points: Vec<u8>,
}

/// Sums a day to multiples of `level` seconds; whether anything was shorter.
async fn roll_up_day(tx: &mut Tx, network: i64, day: i64, level: i64) -> Result<bool> {
    let stored = Day::read(tx, network, day).await?;
    let Some(mut stored) = stored.filter(|day| day.steps.fine_secs % level != 0) else {
        return Ok(false);
    };
    let of_day = |sql: &'static str| Statement::new(sql).bind(network).bind(day).bind(level);
    // Rolled up to hours, what divides an hour needs no bins any more: the hours have it.
    let sql = "SELECT step_secs, series, points FROM measured_bytes \
         WHERE network = $1 AND day = $2 AND step_secs % $3 <> 0 AND ($3 % 3600 <> 0 OR 3600 % step_secs <> 0)";
    let rows: Vec<BytesRow> = tx.fetch_all(of_day(sql)).await?;
    let mut coarse: BTreeMap<i64, Counters> = BTreeMap::new();
    for row in rows {
        let step = lcm(row.step_secs, level);
        let bins = bins_of(step)?;
        let sums = coarse.entry(step).or_default().entry(row.series).or_insert_with(|| vec![0; bins]);
        add_to(&row.points, bins_of(row.step_secs)?, sums).map_err(corrupt)?;
    }
    for (step, new) in &mut coarse {
        for (series, stored) in counters(tx, network, day, *step, new.keys().copied().collect()).await? {
            let Some(sums) = new.get_mut(&series) else { continue };
            for (sum, bytes) in sums.iter_mut().zip(stored) {
                add(sum, bytes).ok_or_else(|| corrupt("a sum is too large"))?;
            }
        }
        put_counters(tx, network, day, *step, new).await?;
    }
    let sql = "DELETE FROM measured_bytes WHERE network = $1 AND day = $2 AND step_secs % $3 <> 0";
    tx.execute(of_day(sql)).await?;
    stored.steps = stored.steps.rolled_up(level);
    stored.write(tx, network, day).await?;
    Ok(true)
}

/// Forgets the days before `before`; returns how many it were.
async fn forget_days(store: &SqlStore, key: i64, id: &str, before: i64) -> Result<u64> {
    let sql = "SELECT day FROM measured_day WHERE network = $1 AND day < $2 ORDER BY day";
    let days: Vec<(i64,)> = store.db.fetch_all(Statement::new(sql).bind(key).bind(before)).await?;
    let mut done = 0;
    for (day,) in days {
        let mut tx = store.db.begin().await?;
        Network::lock(&mut tx, id).await?;
        for sql in [
            "DELETE FROM measured_bytes WHERE network = $1 AND day = $2",
            "DELETE FROM measured_day WHERE network = $1 AND day = $2",
        ] {
            tx.execute(Statement::new(sql).bind(key).bind(day)).await?;
        }
        tx.commit().await?;
        done += 1;
    }
    Ok(done)
}

/// Forgets the batches that were added long ago and are about what is long ago, and remembers up to which bin that
/// leaves it open what was added.
async fn forget_batches(store: &SqlStore, key: i64, id: &str, now: DateTime<Utc>) -> Result<u64> {
    let horizon = now.checked_sub_signed(BATCHES_REMEMBERED).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let of = |sql: &'static str| {
        Statement::new(sql).bind(key).bind(Micros::from(horizon)).bind(horizon.timestamp())
    };
    let sql = "SELECT max(newest), count(*) FROM measured_batch \
         WHERE network = $1 AND at < $2 AND (newest IS NULL OR newest < $3)";
    let mut tx = store.db.begin().await?;
    let network = Network::lock(&mut tx, id).await?;
    let row: Option<(Option<i64>, i64)> = tx.fetch_optional(of(sql)).await?;
    let Some((newest, 1..)) = row else { return Ok(0) };
    let sql = "DELETE FROM measured_batch WHERE network = $1 AND at < $2 AND (newest IS NULL OR newest < $3)";
    let forgotten = tx.execute(of(sql)).await?;
    let sql = "UPDATE measured_network SET forgotten = $2 WHERE key = $1";
    tx.execute(Statement::new(sql).bind(key).bind(network.forgotten.max(newest))).await?;
    tx.commit().await?;
    Ok(forgotten)
}
