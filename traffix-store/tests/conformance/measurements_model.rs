//! Random batches, repeated and out of order, with roll-ups in between, compared with sums in memory.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use traffix_core::measurement::{Batch, Key, Sums};
use traffix_store::{
    Dimensions, Measured, MeasuredSeries, MeasurementQuery, Retention, StoreError, WatchedBin,
};

use crate::measurements::key;
use crate::support::rus::day;
use crate::support::{On, StoppedClock, TestDb};

const DAY: i64 = 86_400;
const NETWORKS: [&str; 2] = ["acme", "other"];
/// Steps of batches: short ones, long ones and ones that do not divide each other.
const STEPS: [i64; 9] = [1, 45, 60, 120, 300, 2_700, 3_600, 7_200, 86_400];
/// Days on which anything happens, and the day that it is when it does.
const DAYS: [i64; 4] = [0, 1, 20, 39];
const TODAY: i64 = 40;

fn lcm(a: i64, b: i64) -> i64 {
    (1..=b).map(|n| a * n).find(|multiple| multiple % b == 0).unwrap()
}

fn keys() -> [Key; 5] {
    [
        Key::default(),
        key("steam", "", "transit"),
        key("steam", "akamai", "transit"),
        key("", "akamai", "peering"),
        key("epic", "akamai", ""),
    ]
}

#[derive(Debug, Clone)]
struct New {
    network: usize,
    step: usize,
    /// Day, second of the day, key and bytes; without a key, the bin is only watched.
    counts: Vec<(usize, i64, Option<usize>, u64)>,
}

#[derive(Debug, Clone)]
enum Op {
    Add(New),
    /// The batch of an earlier operation again.
    Repeat(prop::sample::Index),
    /// Days that have passed, days of minutes, and of 5 minutes.
    RollUp(i64, u32, u32),
}

#[derive(Debug, Clone)]
struct Ask {
    network: usize,
    step: i64,
    by: (bool, bool, bool),
    only: (bool, bool, bool),
    from_secs: i64,
    until_secs: i64,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let secs = prop_oneof![3 => 0_i64..400, 1 => 3_500_i64..7_300, 1 => 86_300_i64..86_400];
    let bytes = prop_oneof![4 => 0_u64..1_000_000, 1 => 0_u64..1 << 50];
    let count = (0..DAYS.len(), secs, prop::option::weighted(0.8, 0_usize..5), bytes);
    let new = (0_usize..2, 0..STEPS.len(), prop::collection::vec(count, 0..8));
    let new = new.prop_map(|(network, step, counts)| Op::Add(New { network, step, counts }));
    let roll_up = (0_i64..60, 0_u32..60, 0_u32..60).prop_map(|(later, m, f)| Op::RollUp(later, m, f));
    let op = prop_oneof![6 => new, 2 => any::<prop::sample::Index>().prop_map(Op::Repeat), 1 => roll_up];
    prop::collection::vec(op, 1..14)
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let steps = prop::sample::select(vec![60, 300, 900, 3_600, 7_200, 86_400]);
    let range =
        prop_oneof![Just((0, 41 * DAY)), (-100..41 * DAY, -100..41 * DAY), (0..9_000_i64, 0..90_000_i64)];
    let ask = (0_usize..2, steps, any::<(bool, bool, bool)>(), any::<(bool, bool, bool)>(), range);
    let ask = ask.prop_map(|(network, step, by, only, (from_secs, until_secs))| Ask {
        network,
        step,
        by,
        only,
        from_secs,
        until_secs,
    });
    prop::collection::vec(ask, 4)
}

impl Ask {
    fn query(&self) -> MeasurementQuery {
        let (platform, cdn, link) = self.by;
        MeasurementQuery {
            network: NETWORKS[self.network].into(),
            from: day(0) + TimeDelta::seconds(self.from_secs),
            until: day(0) + TimeDelta::seconds(self.until_secs),
            step_secs: self.step.try_into().unwrap(),
            by: Dimensions { platform, cdn, link },
            platform: self.only.0.then(|| "steam".parse().unwrap()),
            cdn: self.only.1.then(|| "akamai".parse().unwrap()),
            link: self.only.2.then(|| "transit".into()),
        }
    }
}

/// What is kept, in its simplest form.
#[derive(Default)]
struct Model {
    sums: Sums,
    added: usize,
    /// Identifiers with network and newest bin.
    known: BTreeMap<String, (String, Option<DateTime<Utc>>)>,
    forgotten: BTreeMap<String, DateTime<Utc>>,
    /// By network and day: the steps, and the minutes that were watched.
    days: BTreeMap<(String, i64), (BTreeSet<i64>, BTreeSet<i64>)>,
}

/// Seconds since the first day.
fn secs(at: DateTime<Utc>) -> i64 {
    (at - day(0)).num_seconds()
}

impl Model {
    /// Whether the batch is new; `None` if it is refused.
    fn add(&mut self, batch: &Batch) -> Option<bool> {
        if self.known.contains_key(&batch.id) {
            return Some(false);
        }
        let newest = batch.bins.keys().next_back().copied();
        if newest.is_some_and(|newest| self.forgotten.get(&batch.network).is_some_and(|f| newest <= *f)) {
            return None;
        }
        let mut fresh = batch.clone();
        // What is forgotten and may come again has no bins: it is new to the sums too.
        self.added += 1;
        fresh.id = self.added.to_string();
        assert_eq!(self.sums.add(&fresh), Ok(true));
        self.known.insert(batch.id.clone(), (batch.network.clone(), newest));
        let step = i64::from(batch.step_secs.get());
        for bin in batch.bins.keys().map(|bin| secs(*bin)) {
            let (steps, minutes) = self.days.entry((batch.network.clone(), bin.div_euclid(DAY))).or_default();
            steps.insert(lcm(step, 60));
            minutes.extend(bin.div_euclid(60)..(bin + step + 59).div_euclid(60));
        }
        Some(true)
    }

    fn roll_up(&mut self, now: i64, retention: &Retention) {
        for (level, days) in [(300, retention.minute_days), (3_600, retention.five_minute_days)] {
            for ((_, day), (steps, _)) in &mut self.days {
                if *day < now - i64::from(days) {
                    *steps = steps.iter().map(|step| lcm(*step, level)).collect();
                }
            }
        }
        // All were added on the day that it is.
        let horizon = day(now - 7);
        let old = |newest: Option<DateTime<Utc>>| newest.is_none_or(|newest| newest < horizon);
        for (network, newest) in self.known.values().filter(|(_, newest)| old(*newest) && TODAY < now - 7) {
            let Some(newest) = newest else { continue };
            let forgotten = self.forgotten.entry(network.clone()).or_insert(*newest);
            *forgotten = (*forgotten).max(*newest);
        }
        self.known.retain(|_, (_, newest)| !(old(*newest) && TODAY < now - 7));
    }

    fn answer(&self, query: &MeasurementQuery) -> Measured {
        let (from, until) = (secs(query.from), secs(query.until));
        let in_range = |(network, day): &(String, i64)| {
            *network == query.network && from < until && (day + 1) * DAY > from && day * DAY < until
        };
        let days: Vec<_> = self.days.iter().filter(|(place, _)| in_range(place)).collect();
        let steps = days.iter().flat_map(|(_, (steps, _))| steps);
        let step = steps.fold(i64::from(query.step_secs), |all, step| lcm(all, *step));
        let mut watched: BTreeMap<i64, u32> = BTreeMap::new();
        for minute in days.iter().flat_map(|(_, (_, minutes))| minutes) {
            let bin = (minute * 60).div_euclid(step) * step;
            if bin + step > from && bin < until {
                *watched.entry(bin).or_default() += 60;
            }
        }
        let everything = query.by == Dimensions::default();
        let mut sums: BTreeMap<Key, BTreeMap<i64, u64>> = BTreeMap::new();
        if everything && !watched.is_empty() {
            sums.insert(Key::default(), BTreeMap::new());
        }
        let same = |(a, b): (Option<String>, Option<String>)| a.is_none() || a == b;
        for (bin, key, bytes) in
            self.sums.bins(&query.network).flat_map(|(bin, c)| c.iter().map(move |(k, b)| (bin, k, b)))
        {
            let bin = secs(bin).div_euclid(step) * step;
            let wanted =
                same((query.platform.clone().map(String::from), key.platform.clone().map(String::from)))
                    && same((query.cdn.clone().map(String::from), key.cdn.clone().map(String::from)))
                    && same((query.link.clone(), key.link.clone()));
            if wanted && watched.contains_key(&bin) && *bytes > 0 {
                *sums.entry(query.by.of(key)).or_default().entry(bin).or_default() += bytes;
            }
        }
        let bins = watched.iter().map(|(bin, watched_secs)| WatchedBin {
            start: day(0) + TimeDelta::seconds(*bin),
            watched_secs: *watched_secs,
        });
        let series = sums.into_iter().map(|(key, of_bin)| MeasuredSeries {
            key,
            bytes: watched.keys().map(|bin| of_bin.get(bin).copied().unwrap_or(0)).collect(),
        });
        Measured { step_secs: step.try_into().unwrap(), bins: bins.collect(), series: series.collect() }
    }
}

impl New {
    fn batch(&self, id: usize) -> Batch {
        let step = STEPS[self.step];
        let mut batch = Batch::new(
            format!("batch/{id}"),
            NETWORKS[self.network],
            u32::try_from(step).unwrap().try_into().unwrap(),
        );
        for (on_day, secs, key, bytes) in &self.counts {
            let bin = day(DAYS[*on_day]) + TimeDelta::seconds(secs - secs % step);
            match key {
                Some(key) => batch.add(bin, keys()[*key].clone(), *bytes).unwrap(),
                None => batch.watch(bin),
            }
        }
        batch
    }
}

async fn answers_like_the_model(on: On, ops: &[Op], asks: &[Ask]) {
    let db = TestDb::new(on);
    let clock = StoppedClock::default();
    clock.advance(TODAY * DAY);
    let store = db.open_at(&clock).await;
    let mut model = Model::default();
    let mut batches: Vec<Batch> = Vec::new();
    for op in ops {
        let batch = match op {
            Op::RollUp(later, minute_days, five_minute_days) => {
                let retention = Retention {
                    minute_days: *minute_days,
                    five_minute_days: *five_minute_days,
                    ..Retention::default()
                };
                let now = day(TODAY + later);
                store.roll_up(now, &retention).await.unwrap();
                assert_eq!(store.roll_up(now, &retention).await.unwrap(), traffix_store::RolledUp::default());
                model.roll_up(TODAY + later, &retention);
                continue;
            }
            Op::Add(new) => new.batch(batches.len()),
            Op::Repeat(_) if batches.is_empty() => continue,
            Op::Repeat(index) => batches[index.index(batches.len())].clone(),
        };
        let added = store.add_batch(&batch).await;
        match model.add(&batch) {
            Some(new) => assert_eq!(added.unwrap(), new, "{}", batch.id),
            None => {
                assert!(
                    matches!(&added, Err(StoreError::Invalid(f)) if f[0].pointer == "/bins"),
                    "{added:?}"
                );
            }
        }
        batches.push(batch);
        for ask in asks {
            let query = ask.query();
            assert_eq!(store.measurements(&query).await.unwrap(), model.answer(&query), "{query:?}");
        }
    }
    for ask in asks {
        let query = ask.query();
        assert_eq!(store.measurements(&query).await.unwrap(), model.answer(&query), "{query:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]
    #[test]
    fn measurements_answer_like_sums_in_memory(ops in ops(), asks in asks()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for on in [On::Memory, On::Postgres] {
            runtime.block_on(answers_like_the_model(on, &ops, &asks));
        }
    }
}
