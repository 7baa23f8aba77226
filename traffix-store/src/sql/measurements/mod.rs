//! Measurements: a row per series, day and step, whose counters are packed by [`pack`].

mod add;
mod axis;
mod day;
mod hours;
mod pack;
mod query;
mod roll_up;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use traffix_core::measurement::Batch;

use super::SqlStore;
use crate::db::{Statement, Tx};
use crate::{Measured, MeasuredNetwork, MeasurementQuery, Measurements, Retention, RolledUp, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

const DAY_SECS: i64 = 86_400;
const HOUR_SECS: i64 = 3_600;
/// The shortest bins that are kept.
const MINUTE_SECS: i64 = 60;

fn corrupt(detail: impl Into<String>) -> StoreError {
    StoreError::Corrupt { entity: "measurement", detail: detail.into() }
}

fn day_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(DAY_SECS)
}

/// The greatest common divisor.
fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The smallest step that bins of both can be summed to. If both divide a day, so does it.
fn lcm(a: i64, b: i64) -> i64 {
    a / gcd(a, b).max(1) * b
}

/// A network's row, written in this transaction: other writers of the network wait for its end.
#[derive(FromRow)]
struct Network {
    key: i64,
    forgotten: Option<i64>,
}

impl Network {
    async fn lock(tx: &mut Tx, id: &str) -> Result<Self> {
        let sql = "INSERT INTO measured_network (id) VALUES ($1) \
             ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING key, forgotten";
        let row = tx.fetch_optional(Statement::new(sql).bind(id)).await?;
        row.ok_or_else(|| corrupt("the network has no row"))
    }
}

#[async_trait]
impl Measurements for SqlStore {
    async fn add_batch(&self, batch: &Batch) -> Result<bool> {
        add::add(self, batch).await
    }

    async fn measurements(&self, query: &MeasurementQuery) -> Result<Measured> {
        query::answer(self, query).await
    }

    async fn roll_up(&self, now: DateTime<Utc>, retention: &Retention) -> Result<RolledUp> {
        roll_up::roll_up(self, now, retention).await
    }

    async fn measured_networks(&self) -> Result<Vec<MeasuredNetwork>> {
        query::networks(self).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_meet_within_a_day() {
        assert_eq!((lcm(60, 1), lcm(60, 45), lcm(300, 120), lcm(3_600, 86_400)), (60, 180, 600, 86_400));
        let steps: Vec<i64> = (1..=DAY_SECS).filter(|step| DAY_SECS % step == 0).collect();
        for a in &steps {
            assert!(steps.iter().all(|b| DAY_SECS % lcm(*a, *b) == 0 && lcm(*a, *b) % a == 0));
        }
        assert_eq!((gcd(3_600, 5_400), gcd(300, 60)), (1_800, 60));
    }
}
