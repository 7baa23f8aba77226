//! One evening: what happened on the network, and what its operator measured.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::explanation::{Excess, Observed};
use traffix_core::forecast::{ForecastInput, Moment, Options, Worlds, curve};
use traffix_core::samples::Samples;

use super::Setting;
use super::chance::Chance;
use super::world::{CDNS, candidate, usual_bps, usual_cdns};

const STEP_S: u32 = 300;
/// Bins of an evening: from midnight to six in the morning of the next day.
pub(crate) const BINS: usize = 360;
/// Errors of the baseline, log scale: of the day, of all CDNs together, and of each; the latter two last two hours.
const DAY_ERROR: f64 = 0.012;
const COMMON_ERROR: f64 = 0.012;
const OWN_ERROR: f64 = 0.04;
const ERROR_S: f64 = 7_200.0;
/// Error of the measurement of a platform, of all traffic.
const PLATFORM_ERROR: f64 = 0.004;
/// Part of a platform's bytes that is attributed to it.
const ATTRIBUTED: f64 = 0.6;
const FOOTBALL: f64 = 0.25;
const OUTAGE: f64 = 0.1;

/// Traffic of something that happened, by CDN and bin, bit/s.
type ByCdn = Vec<[f64; CDNS.len()]>;

pub(crate) struct Happened {
    pub(crate) ru: String,
    by_cdn: ByCdn,
    by_platform: BTreeMap<String, Vec<f64>>,
}

pub(crate) struct Evening {
    day: DateTime<Utc>,
    pub(crate) candidates: Vec<ForecastInput>,
    pub(crate) happened: Vec<Happened>,
    /// Above the usual, by CDN: noise, football, outages and releases.
    excess: ByCdn,
    platform_noise: Vec<f64>,
}

impl Evening {
    pub(crate) fn new(setting: Setting, seed: u64, number: u64) -> Self {
        let mut chance = Chance::new(seed, number);
        let winter: DateTime<Utc> = "2026-11-02T00:00:00Z".parse().expect("an instant");
        let day = winter + TimeDelta::days(i64::from(chance.whole(0, 110)));
        let count = chance.whole(3, 8);
        let candidates: Vec<ForecastInput> =
            (0..count).map(|k| candidate(day, format!("e{number}-{k}"), &mut chance)).collect();
        let mut left: Vec<usize> = (0..candidates.len()).collect();
        let happening: Vec<usize> =
            (0..chance.whole(0, 3)).map(|_| left.swap_remove(chance.word() as usize % left.len())).collect();
        let mut happened: Vec<Happened> =
            happening.iter().map(|k| happen(&candidates[*k], (day, setting), &mut chance)).collect();
        let mut excess = noise(&mut chance);
        if chance.chance(FOOTBALL) {
            football(&mut excess, &mut chance);
        }
        for ru in &happened {
            add(&mut excess, &ru.by_cdn);
        }
        if chance.chance(OUTAGE) {
            outage(&mut excess, &mut happened, &mut chance);
        }
        let platform_noise = (0..8).map(|_| chance.normal()).collect();
        Self { day, candidates, happened, excess, platform_noise }
    }

    /// Chance of each candidate to come: 1.5 come in the mean.
    pub(crate) fn plausibility(&self) -> f64 {
        1.5 / self.candidates.len() as f64
    }

    /// What was measured around the first rise to three standard deviations that lasts a quarter of an hour.
    pub(crate) fn observed(&self) -> Option<Observed> {
        let total: Vec<f64> = self.excess.iter().map(|row| row.iter().sum()).collect();
        let sigma = total_error();
        let above = |bin: &usize| (0..3).all(|k| total[bin + k] > 3.0 * sigma * usual(bin + k));
        let began = (6 * 12..23 * 12).find(above)?;
        let level = usual(began + 12);
        let excess = |values: Vec<f64>, sigma_bps: f64| Excess { bps: self.samples(values), sigma_bps };
        let by_cdn = CDNS.iter().enumerate().map(|(c, (name, share))| {
            let error = DAY_ERROR.hypot(COMMON_ERROR).hypot(OWN_ERROR);
            let values = self.excess.iter().map(|row| row[c]).collect();
            ((*name).to_owned(), excess(values, share * error * level))
        });
        Some(Observed {
            from: self.start(began.saturating_sub(24)),
            until: self.start((began + 48).min(BINS)),
            began_at: self.start(began),
            by_cdn: by_cdn.collect(),
            by_platform: self.platforms(level),
            total: excess(total, sigma * level),
        })
    }

    /// The RU that carried most of the excess, unless something else did, and all that carried a twentieth of it.
    pub(crate) fn truth(&self, observed: &Observed) -> (Option<String>, Vec<String>) {
        let first = observed.total.bps.bin_at(observed.from).unwrap_or(0);
        let last = observed.total.bps.bin_at(observed.until).unwrap_or(BINS);
        // While something has failed, what is missing hides what is carried.
        let alive = |bin: &usize| {
            let total: f64 = self.excess[*bin].iter().sum();
            total > -4.0 * observed.total.sigma_bps
        };
        let sum = |rows: &ByCdn| (first..last).filter(alive).flat_map(|bin| rows[bin]).sum::<f64>();
        let all = sum(&self.excess);
        let carried: Vec<(&str, f64)> =
            self.happened.iter().map(|h| (h.ru.as_str(), sum(&h.by_cdn))).collect();
        let left = all - carried.iter().map(|(_, x)| x).sum::<f64>();
        let top = carried.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let main = top.filter(|(_, x)| *x > left).map(|(ru, _)| (*ru).to_owned());
        let part = carried.iter().filter(|(_, x)| *x > 0.05 * all).map(|(ru, _)| (*ru).to_owned());
        (main, part.collect())
    }

    fn start(&self, bin: usize) -> DateTime<Utc> {
        self.day + TimeDelta::seconds(i64::from(STEP_S) * bin as i64)
    }

    fn samples(&self, values: Vec<f64>) -> Samples {
        Samples::new(self.day, STEP_S.try_into().expect("not 0"), values.into_iter().map(Some))
    }

    fn platforms(&self, level: f64) -> BTreeMap<String, Excess> {
        let mut sums: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let names = ["battlenet", "epic", "playstation", "steam", "unknown", "xbox"];
        for (name, noise) in names.iter().zip(&self.platform_noise) {
            sums.insert((*name).to_owned(), (0..BINS).map(|k| noise * PLATFORM_ERROR * usual(k)).collect());
        }
        for (name, curve) in self.happened.iter().flat_map(|h| &h.by_platform) {
            for (k, bps) in curve.iter().enumerate() {
                sums.get_mut(name).expect("named above")[k] += ATTRIBUTED * bps;
                sums.get_mut("unknown").expect("named above")[k] += (1.0 - ATTRIBUTED) * bps;
            }
        }
        let excess = |values| Excess { bps: self.samples(values), sigma_bps: PLATFORM_ERROR * level };
        sums.into_iter().map(|(name, values)| (name, excess(values))).collect()
    }
}

fn usual(bin: usize) -> f64 {
    usual_bps(bin as f64 * f64::from(STEP_S) / 3600.0)
}

/// Standard deviation of the baseline's error, of all traffic.
pub(crate) fn total_error() -> f64 {
    let squares: f64 = CDNS.iter().map(|(_, share)| share * share).sum();
    DAY_ERROR.hypot(COMMON_ERROR).hypot(OWN_ERROR * squares.sqrt())
}

fn add(to: &mut ByCdn, from: &ByCdn) {
    for (x, y) in to.iter_mut().flatten().zip(from.iter().flatten()) {
        *x += y;
    }
}

/// What the baseline is wrong by.
fn noise(chance: &mut Chance) -> ByCdn {
    let day = DAY_ERROR * chance.normal();
    let keep = (-f64::from(STEP_S) / ERROR_S).exp();
    let fresh = (1.0 - keep * keep).sqrt();
    let mut common = chance.normal();
    let mut own: Vec<f64> = CDNS.iter().map(|_| chance.normal()).collect();
    let mut rows = Vec::new();
    for bin in 0..BINS {
        common = keep * common + fresh * chance.normal();
        for x in &mut own {
            *x = keep * *x + fresh * chance.normal();
        }
        let error = |c: usize| CDNS[c].1 * usual(bin) * (day + COMMON_ERROR * common + OWN_ERROR * own[c]);
        rows.push(std::array::from_fn(error));
    }
    rows
}

/// Two hours of a match from 20:00 local, on CDNs that carry much else.
fn football(excess: &mut ByCdn, chance: &mut Chance) {
    let peak = chance.log_normal(0.1, 0.6) * usual(20 * 12);
    let shares = chance.dirichlet(&[0.4, 0.15, 0.25, 0.2], 3.0);
    let start = 20.0 * 12.0 + chance.between(-3.0, 3.0);
    for (bin, row) in excess.iter_mut().enumerate() {
        let minutes = (bin as f64 - start) * 5.0;
        let break_dip = if (47.0..62.0).contains(&minutes) { 0.8 } else { 1.0 };
        let rise = ((minutes + 20.0) / 20.0).clamp(0.0, 1.0);
        let fall = ((125.0 - minutes) / 15.0).clamp(0.0, 1.0);
        for (c, share) in [0, 1, 2, 3].into_iter().zip(&shares) {
            row[c] += peak * rise.min(fall) * break_dip * share;
        }
    }
}

/// A fifth to three fifths of all traffic fail for 20 to 90 minutes; a part of it comes back afterwards.
fn outage(excess: &mut ByCdn, happened: &mut [Happened], chance: &mut Chance) {
    let lost = chance.between(0.2, 0.6);
    let from = chance.whole(12 * 12, 22 * 12) as usize;
    let to = from + chance.whole(4, 18) as usize;
    let back = chance.between(0.1, 0.4);
    let usual_of = |bin: usize, c: usize| CDNS[c].1 * usual(bin);
    let mut missing = [0.0; CDNS.len()];
    for bin in from..to {
        for c in 0..CDNS.len() {
            let gone = lost * (usual_of(bin, c) + excess[bin][c]);
            excess[bin][c] -= gone;
            missing[c] += gone;
        }
        for rows in happened.iter_mut() {
            rows.by_cdn[bin].iter_mut().for_each(|x| *x *= 1.0 - lost);
            rows.by_platform.values_mut().for_each(|curve| curve[bin] *= 1.0 - lost);
        }
    }
    for bin in to..BINS {
        let share = 0.1 * (-((bin - to) as f64) / 10.0).exp();
        for c in 0..CDNS.len() {
            excess[bin][c] += back * missing[c] * share;
        }
    }
}

/// A candidate comes: one world of its own forecast, or one the model does not expect.
fn happen(input: &ForecastInput, (day, setting): (DateTime<Utc>, Setting), chance: &mut Chance) -> Happened {
    let mut truth = input.clone();
    truth.options = Options { draws: 16, seed: chance.word(), ..truth.options };
    let wrong = setting == Setting::Misspecified;
    let scale = if wrong { chance.log_normal(1.0, 2.0_f64.ln()) } else { 1.0 };
    let (late, postponed) = (chance.chance(0.5), chance.chance(0.1));
    let delay = chance.between(0.0, 120.0);
    if wrong {
        let days = TimeDelta::days(i64::from(postponed));
        let delay = TimeDelta::minutes(if late { delay as i64 } else { 0 });
        truth.ru.release_at = truth.ru.release_at.map(|at| match at {
            Moment::At(at) => Moment::At(at + days + delay),
            Moment::Day(day) => Moment::Day(day + days),
        });
    }
    let worlds = Worlds::new(&truth).expect("the inputs of the simulation are valid");
    let start = worlds.clock().grid().start();
    let offset = (day - start).num_seconds() / i64::from(STEP_S);
    let mut by_cdn: ByCdn = vec![[0.0; CDNS.len()]; BINS];
    let mut by_platform = BTreeMap::new();
    for (item, cohort) in truth.ru.items.iter().zip(worlds.cohorts(0)) {
        let bps = curve(worlds.clock(), &[cohort]).bps;
        let at = |bin: usize| usize::try_from(bin as i64 + offset).ok().and_then(|k| bps.get(k)).copied();
        let moved: Vec<f64> = (0..BINS).map(|bin| scale * at(bin).unwrap_or(0.0)).collect();
        let shares = cdns(item.cdn_shares.as_ref(), &item.platform, wrong, chance);
        for (row, bps) in by_cdn.iter_mut().zip(&moved) {
            for (x, share) in row.iter_mut().zip(&shares) {
                *x += bps * share;
            }
        }
        by_platform.insert(item.platform.clone(), moved);
    }
    Happened { ru: truth.ru.id, by_cdn, by_platform }
}

/// Shares of a platform's bytes by CDN as they turn out.
fn cdns(known: Option<&BTreeMap<String, f64>>, platform: &str, wrong: bool, chance: &mut Chance) -> Vec<f64> {
    let mean = known.cloned().unwrap_or_else(|| usual_cdns(platform));
    let row: Vec<f64> = CDNS.iter().map(|(name, _)| mean.get(*name).copied().unwrap_or(0.0)).collect();
    let turned = chance.dirichlet(&row, 12.0);
    let other =
        chance.dirichlet(&row.iter().map(|x| if *x > 0.0 { 0.3 } else { 0.03 }).collect::<Vec<_>>(), 3.0);
    turned.iter().zip(other).map(|(a, b)| if wrong { 0.5 * (a + b) } else { *a }).collect()
}
