//! Adding a batch.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;
use traffix_core::Invalid;
use traffix_core::measurement::{Batch, Key, Overflow};

use super::day::{self, Day, MAX_DAY_BYTES, Minutes, Steps};
use super::hours::Hours;
use super::{DAY_SECS, HOUR_SECS, MINUTE_SECS, Network, Result, corrupt, lcm};
use crate::StoreError;
use crate::db::{Insert, Micros, Statement, Tx};
use crate::sql::SqlStore;

/// Most series of a network.
const MAX_SERIES: usize = 50_000;

/// What a batch has of one day.
struct NewDay<'a> {
    watched: Minutes,
    /// Bytes by series and bin.
    bytes: BTreeMap<&'a Key, BTreeMap<usize, u64>>,
}

pub(super) async fn add(store: &SqlStore, batch: &Batch) -> Result<bool> {
    let now = store.now();
    let findings = batch.findings(now.instant());
    if !findings.is_empty() {
        return Err(StoreError::Invalid(findings));
    }
    let step = lcm(i64::from(batch.step_secs.get()), MINUTE_SECS);
    let days = by_day(batch, step)?;
    let mut tx = store.db.begin().await?;
    let network = Network::lock(&mut tx, &batch.network).await?;
    if !remember(&mut tx, &network, batch, now).await? {
        return Ok(false);
    }
    let keys = series(&mut tx, network.key, batch).await?;
    for (day, new) in days {
        add_day(&mut tx, network.key, (day, &new), step, &keys).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// A finding at a bin.
fn at_bin(secs: i64, detail: impl FnOnce(DateTime<Utc>) -> String) -> StoreError {
    let bin = DateTime::from_timestamp(secs, 0).unwrap_or_default();
    let pointer = format!("/bins/{}", bin.format("%Y-%m-%dT%H:%M:%SZ"));
    StoreError::Invalid(vec![Invalid::new(pointer, detail(bin))])
}

fn overflow(secs: i64) -> StoreError {
    at_bin(secs, |bin| Overflow { bin }.to_string())
}

fn day_overflow(day: i64) -> StoreError {
    let detail = "one key would have more than 290 PB on this day: the measurement is broken";
    at_bin(day.saturating_mul(DAY_SECS), |_| detail.to_owned())
}

/// Sums a batch to the bins that are kept.
fn by_day(batch: &Batch, step: i64) -> Result<BTreeMap<i64, NewDay<'_>>> {
    let mut days = BTreeMap::new();
    for (start, counters) in &batch.bins {
        let start = start.timestamp();
        let (day, secs) = (start.div_euclid(DAY_SECS), start.rem_euclid(DAY_SECS));
        let place = |secs: i64| usize::try_from(secs).unwrap_or(0);
        let new =
            days.entry(day).or_insert_with(|| NewDay { watched: Minutes::none(), bytes: BTreeMap::new() });
        new.watched.watch(place(secs), place(secs + i64::from(batch.step_secs.get())));
        for (key, bytes) in counters {
            let sum = new.bytes.entry(key).or_default().entry(place(secs / step)).or_default();
            day::add(sum, *bytes).ok_or_else(|| overflow(start))?;
        }
    }
    Ok(days)
}

/// Remembers the batch; whether it is new.
async fn remember(tx: &mut Tx, network: &Network, batch: &Batch, now: Micros) -> Result<bool> {
    let newest = batch.bins.keys().next_back().map(DateTime::timestamp);
    let digest = digest(batch);
    let sql = "INSERT INTO measured_batch (id, network, at, newest, sha256) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO NOTHING";
    let statement = Statement::new(sql).bind(batch.id.as_str()).bind(network.key).bind(now);
    if tx.execute(statement.bind(newest).bind(&digest[..])).await? == 0 {
        let sql = "SELECT sha256 FROM measured_batch WHERE id = $1";
        let known: Option<(Vec<u8>,)> =
            tx.fetch_optional(Statement::new(sql).bind(batch.id.as_str())).await?;
        return match known {
            Some((known,)) if known == digest => Ok(false),
            _ => {
                let detail =
                    "was that of another batch; identifiers are never used again, not even after a restart";
                Err(StoreError::Invalid(vec![Invalid::new("/id", detail)]))
            }
        };
    }
    match (newest, network.forgotten) {
        (Some(newest), Some(forgotten)) if newest <= forgotten => {
            let known_from = DateTime::from_timestamp(forgotten, 0).unwrap_or_default();
            let detail = format!(
                "are too old: it is no longer known which batches with bins up to {} were added; import them as a \
                 time series",
                known_from.format("%Y-%m-%dT%H:%M:%SZ")
            );
            Err(StoreError::Invalid(vec![Invalid::new("/bins", detail)]))
        }
        _ => Ok(true),
    }
}

/// A digest of all that a batch says.
fn digest(batch: &Batch) -> [u8; 32] {
    fn text(hash: &mut Sha256, text: &str) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let mut hash = Sha256::new();
    text(&mut hash, &batch.network);
    hash.update(batch.step_secs.get().to_le_bytes());
    for (bin, counters) in &batch.bins {
        hash.update(bin.timestamp().to_le_bytes());
        hash.update((counters.len() as u64).to_le_bytes());
        for (key, bytes) in counters {
            let (platform, cdn, link) = texts(key);
            for part in [platform, cdn, link] {
                text(&mut hash, part);
            }
            hash.update(bytes.to_le_bytes());
        }
    }
    hash.finalize().into()
}

/// A key as it is stored: what is not known is empty, which no name is.
fn texts(key: &Key) -> (&str, &str, &str) {
    let platform = key.platform.as_ref().map_or("", |platform| platform.as_str());
    (platform, key.cdn.as_ref().map_or("", |cdn| cdn.as_str()), key.link.as_deref().unwrap_or(""))
}

#[derive(FromRow)]
struct SeriesRow {
    key: i64,
    platform: String,
    cdn: String,
    link: String,
}

/// The series of a network, the new ones of a batch among them.
async fn series(tx: &mut Tx, network: i64, batch: &Batch) -> Result<BTreeMap<Key, i64>> {
    let mut known = known_series(tx, network).await?;
    let keys: BTreeSet<&Key> = batch.bins.values().flat_map(BTreeMap::keys).collect();
    let mut rows = Insert::new("measured_series", &["network", "platform", "cdn", "link"]);
    let mut count = known.len();
    for key in keys.into_iter().filter(|key| !known.contains_key(key)) {
        let (platform, cdn, link) = texts(key);
        rows.push(vec![network.into(), platform.into(), cdn.into(), link.into()]);
        count += 1;
    }
    if count > MAX_SERIES {
        let detail = format!("would be {count} keys of one network; at most {MAX_SERIES} are kept");
        return Err(StoreError::Invalid(vec![Invalid::new("/bins", detail)]));
    }
    if count > known.len() {
        tx.insert(rows).await?;
        known = known_series(tx, network).await?;
    }
    Ok(known)
}

/// The series of a network.
pub(super) async fn known_series(tx: &mut Tx, network: i64) -> Result<BTreeMap<Key, i64>> {
    let sql = "SELECT key, platform, cdn, link FROM measured_series WHERE network = $1";
    let rows: Vec<SeriesRow> = tx.fetch_all(Statement::new(sql).bind(network)).await?;
    let named = |text: String| Some(text).filter(|text| !text.is_empty());
    let read = |row: SeriesRow| {
        let platform = named(row.platform).map(|text| text.parse()).transpose();
        let cdn = named(row.cdn).map(|text| text.parse()).transpose();
        let platform = platform.map_err(|error| corrupt(format!("series {}: {error}", row.key)))?;
        let cdn = cdn.map_err(|error| corrupt(format!("series {}: {error}", row.key)))?;
        Ok((Key { platform, cdn, link: named(row.link) }, row.key))
    };
    rows.into_iter().map(read).collect()
}

async fn add_day(
    tx: &mut Tx,
    network: i64,
    (day, new): (i64, &NewDay<'_>),
    step: i64,
    keys: &BTreeMap<Key, i64>,
) -> Result<()> {
    let mut bytes = Vec::new();
    for (key, of_key) in &new.bytes {
        let series = keys.get(key).copied().ok_or_else(|| corrupt("a series has no row"))?;
        bytes.push((series, of_key));
    }
    let stored = Day::read(tx, network, day).await?;
    let mut stored = stored.unwrap_or_else(|| Day {
        steps: Steps::of(step),
        watched: Minutes::none(),
        hours: Hours::default(),
    });
    stored.steps = stored.steps.and(step);
    stored.watched.add(&new.watched);
    if HOUR_SECS % step == 0 {
        add_hours(&mut stored.hours, &bytes, step).ok_or_else(|| day_overflow(day))?;
    }
    stored.write(tx, network, day).await?;
    if step == HOUR_SECS {
        return Ok(());
    }
    let series = bytes.iter().map(|(series, _)| *series).collect();
    let mut counters = day::counters(tx, network, day, step, series).await?;
    let bins = day::bins_of(step)?;
    for (series, of_series) in bytes {
        let sums = counters.entry(series).or_insert_with(|| vec![0; bins]);
        add_bins(sums, of_series, 1).ok_or_else(|| day_overflow(day))?;
    }
    day::put_counters(tx, network, day, step, &counters).await
}

/// Adds the bins of series to their hours; `None` if there are more bytes than a day may have.
fn add_hours(hours: &mut Hours, bytes: &[(i64, &BTreeMap<usize, u64>)], step: i64) -> Option<()> {
    let bins_of_hour = usize::try_from(HOUR_SECS / step).ok()?;
    bytes.iter().try_for_each(|(series, of_series)| add_bins(hours.of(*series), of_series, bins_of_hour))
}

/// Adds bins to sums of so many bins each; `None` if there are more bytes than a day may have.
fn add_bins(sums: &mut [u64], bins: &BTreeMap<usize, u64>, bins_of_sum: usize) -> Option<()> {
    for (bin, bytes) in bins {
        day::add(sums.get_mut(bin / bins_of_sum)?, *bytes)?;
    }
    let total = sums.iter().try_fold(0_u64, |total, bytes| total.checked_add(*bytes))?;
    (total <= MAX_DAY_BYTES).then_some(())
}
