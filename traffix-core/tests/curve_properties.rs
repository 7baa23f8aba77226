//! Properties of the closed-form curve and of shared links.
#![expect(clippy::unwrap_used, reason = "helpers of tests, not only their bodies, may panic")]

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use traffix_core::forecast::{
    Activity, Clock, Cohort, Grid, Law, LogNormal, RateClass, Start, curve, priors, shared_link, start_shares,
};

const STEP_S: u32 = 300;
const BINS: usize = 700;

fn start() -> DateTime<Utc> {
    "2025-05-06T00:00:00Z".parse().unwrap()
}

fn clock_from(at: DateTime<Utc>, step_s: u32, bins: usize) -> Clock {
    let activity = Activity::from_day(&priors::ACTIVITY_DAY, 1.1);
    Clock::new(Grid::new(at, step_s, bins), chrono_tz::Europe::London, &activity)
}

fn clock() -> Clock {
    clock_from(start(), STEP_S, BINS)
}

fn hours(from: DateTime<Utc>, h: f64) -> DateTime<Utc> {
    from + TimeDelta::milliseconds(format!("{:.0}", h * 3.6e6).parse().unwrap())
}

prop_compose! {
    fn laws(from: DateTime<Utc>)(
        masses in prop::array::uniform4(0.01..1.0_f64),
        at in 0.0..20.0_f64, length in 0.1..12.0_f64, tau in 0.2..20.0_f64,
        k in 0.4..1.3_f64, eta in 0.5..100.0_f64, q in 0.1..0.95_f64, preload in any::<bool>(),
    ) -> Vec<Start> {
        let at = hours(from, at);
        let end = at + TimeDelta::milliseconds(format!("{:.0}", length * 3.6e6).parse().unwrap());
        let second = if preload {
            Law::Preload { open: at, unlock: end, tau_s: tau * 3600.0 }
        } else {
            Law::Exp { at, tau_s: tau * 3600.0 }
        };
        let laws = [
            Law::Uniform { from: at, to: end },
            second,
            Law::Return { at, eta_s: eta * 3600.0, k },
            Law::Nightly { at, h1: 2, h2: 6, q },
        ];
        let total: f64 = masses.iter().sum();
        laws.into_iter().zip(masses).map(|(law, m)| Start { mass: m / total, law }).collect()
    }
}

prop_compose! {
    fn cohort(from: DateTime<Utc>)(
        downloads in 0.5..1e7_f64, log_bytes in 5.0..12.0_f64,
        rates in prop::collection::vec((0.1..1.0_f64, 5.0..9.3_f64), 1..5),
        starts in laws(from),
    ) -> Cohort {
        let total: f64 = rates.iter().map(|r| r.0).sum();
        Cohort {
            id: "a".into(),
            downloads,
            bytes: 10_f64.powf(log_bytes),
            classes: rates.iter().map(|(w, r)| RateClass { weight: w / total, bps: 10_f64.powf(*r) }).collect(),
            starts,
        }
    }
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

fn all_close(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    let top = a.iter().chain(b).fold(0.0_f64, |m, x| m.max(*x));
    a.iter().zip(b).all(|(x, y)| (x - y).abs() <= tolerance * top)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn bytes_are_conserved(c in cohort(start())) {
        let extra = curve(&clock(), std::slice::from_ref(&c));
        let found = extra.grid_bytes(STEP_S) + extra.later_bytes;
        prop_assert!(close(found, c.downloads * c.bytes, 1e-9), "{found} {}", c.downloads * c.bytes);
        prop_assert!(extra.bps.iter().all(|x| x.is_finite() && *x >= 0.0));
    }

    #[test]
    fn shares_begun_never_decrease(c in cohort(start())) {
        let shares = start_shares(&clock(), &c.starts);
        prop_assert!(shares.windows(2).all(|w| w[1] >= w[0] - 1e-12));
        prop_assert!(shares[0] >= 0.0 && shares[BINS] <= 1.0 + 1e-9);
    }

    #[test]
    fn linear_in_the_audience(c in cohort(start()), factor in 0.01..100.0_f64) {
        let mut scaled = c.clone();
        scaled.downloads *= factor;
        let base: Vec<f64> = curve(&clock(), &[c]).bps.iter().map(|x| x * factor).collect();
        prop_assert!(all_close(&base, &curve(&clock(), &[scaled]).bps, 1e-12));
    }

    #[test]
    fn non_decreasing_in_the_size(c in cohort(start()), factor in 1.0..8.0_f64) {
        let mut larger = c.clone();
        larger.bytes *= factor;
        let (small, large) = (curve(&clock(), &[c]).bps, curve(&clock(), &[larger]).bps);
        let top = large.iter().fold(0.0_f64, |m, x| m.max(*x));
        prop_assert!(small.iter().zip(&large).all(|(s, l)| *l >= s - 1e-9 * top));
    }

    #[test]
    fn shifted_by_whole_weeks(c in cohort(start()), weeks in 1..8_i64) {
        // No clock change from May to July.
        let later = start() + TimeDelta::weeks(weeks);
        let mut moved = c.clone();
        let shift = |at: &mut DateTime<Utc>| *at += TimeDelta::weeks(weeks);
        for s in &mut moved.starts {
            match &mut s.law {
                Law::Uniform { from, to } => { shift(from); shift(to); }
                Law::Exp { at, .. } | Law::Return { at, .. } | Law::Nightly { at, .. } => shift(at),
                Law::Preload { open, unlock, .. } => { shift(open); shift(unlock); }
            }
        }
        let moved = curve(&clock_from(later, STEP_S, BINS), &[moved]).bps;
        prop_assert!(all_close(&curve(&clock(), &[c]).bps, &moved, 1e-12));
    }

    #[test]
    fn doubling_every_rate_never_lowers_the_peak_and_keeps_the_bytes(mut c in cohort(start()), half in 1..120_u32) {
        // One class whose window is twice a whole number of bins: then the slow curve is the mean of the fast
        // one now and half a window ago, exactly. (Between bins and classes the mean is over shifted bins.)
        c.classes.truncate(1);
        c.classes[0].weight = 1.0;
        c.bytes = f64::from(2 * half * STEP_S) * c.classes[0].bps / 8.0;
        let mut fast = c.clone();
        fast.classes[0].bps *= 2.0;
        let (slow, fast) = (curve(&clock(), &[c]), curve(&clock(), &[fast]));
        let bytes = |e: &traffix_core::forecast::Curve| e.grid_bytes(STEP_S) + e.later_bytes;
        prop_assert!(close(bytes(&slow), bytes(&fast), 1e-9));
        prop_assert!(fast.peak().0 >= slow.peak().0 * (1.0 - 1e-9));
    }

    #[test]
    fn additive_over_cohorts_classes_and_regions(a in cohort(start()), b in cohort(start())) {
        let parts = [curve(&clock(), std::slice::from_ref(&a)).bps, curve(&clock(), std::slice::from_ref(&b)).bps];
        let sum: Vec<f64> = parts[0].iter().zip(&parts[1]).map(|(x, y)| x + y).collect();
        prop_assert!(all_close(&sum, &curve(&clock(), &[a.clone(), b]).bps, 1e-9));
        let classes: Vec<Cohort> = a.classes.iter().map(|r| {
            let class = RateClass { weight: 1.0, bps: r.bps };
            Cohort { downloads: a.downloads * r.weight, classes: vec![class], ..a.clone() }
        }).collect();
        prop_assert!(all_close(&parts[0], &curve(&clock(), &classes).bps, 1e-9));
        let region = |share: f64| Cohort { downloads: a.downloads * share, ..a.clone() };
        prop_assert!(all_close(&parts[0], &curve(&clock(), &[region(0.3), region(0.7)]).bps, 1e-9));
    }
}

/// Mean of the shot noise by brute force: every small batch of starts is walked through its download.
fn simulated(clock: &Clock, cohort: &Cohort, parts: u32) -> Vec<f64> {
    let grid = clock.grid();
    let (bins, step) = (grid.bins(), f64::from(grid.step_s()));
    let shares = start_shares(clock, &cohort.starts);
    let mut bps = vec![0.0; bins];
    for k in 0..bins {
        let batch = (shares[k + 1] - shares[k]) / f64::from(parts);
        for part in 0..parts {
            let begin = f64::from(u32::try_from(k).unwrap()) + (f64::from(part) + 0.5) / f64::from(parts);
            for class in &cohort.classes {
                let end = begin + 8.0 * cohort.bytes / class.bps / step;
                for (j, x) in bps.iter_mut().enumerate().skip(k) {
                    let j = f64::from(u32::try_from(j).unwrap());
                    if j >= end {
                        break;
                    }
                    let overlap = (end.min(j + 1.0) - begin.max(j)).max(0.0);
                    *x += cohort.downloads * class.weight * class.bps * batch * overlap;
                }
            }
        }
    }
    bps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn equals_a_simulation_of_every_start(mut c in cohort(start())) {
        let clock = clock_from(start(), 900, 150);
        c.bytes = c.bytes.max(1e8);
        let top = curve(&clock, std::slice::from_ref(&c)).peak().0;
        let (exact, slow) = (curve(&clock, std::slice::from_ref(&c)).bps, simulated(&clock, &c, 200));
        for (k, (a, b)) in exact.iter().zip(&slow).enumerate() {
            prop_assert!((a - b).abs() < 4e-3 * top, "bin {k}: closed form {a}, simulation {b}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn cap_never_passed_and_bytes_delayed_not_lost(mut c in cohort(start()), tightness in 0.02..1.5_f64) {
        c.bytes = c.bytes.clamp(1e7, 3e10);
        let cap = curve(&clock(), std::slice::from_ref(&c)).peak().0 * tightness;
        let link = shared_link(&clock(), std::slice::from_ref(&c), &[cap; BINS]);
        prop_assert!(link.delivered_bps.iter().all(|x| *x <= cap * (1.0 + 1e-9)));
        let (mut wanted, mut sent) = (0.0, 0.0);
        let total: f64 = link.unconstrained.bps.iter().sum();
        for (w, d) in link.unconstrained.bps.iter().zip(&link.delivered_bps) {
            wanted += w;
            sent += d;
            // Nothing arrives before it would without the limit, and nothing that was wanted vanishes.
            prop_assert!(sent <= wanted + 1e-6 * total);
        }
        if tightness > 1.0 {
            prop_assert!(all_close(&link.delivered_bps, &link.unconstrained.bps, 1e-9));
            prop_assert_eq!(link.limited_bins(), 0);
        }
        // With room at the end everything has arrived.
        let mut free = vec![cap; BINS];
        free[BINS / 2..].fill(1e30);
        let late = shared_link(&clock(), std::slice::from_ref(&c), &free);
        let left = curve(&clock(), std::slice::from_ref(&c)).later_bytes;
        if left < 1e-9 * c.downloads * c.bytes {
            prop_assert!(close(late.delivered_bps.iter().sum(), total, 1e-6));
        }
    }

    #[test]
    fn no_cap_is_unconstrained(c in cohort(start())) {
        let link = shared_link(&clock(), std::slice::from_ref(&c), &[1e30; BINS]);
        prop_assert!(all_close(&link.delivered_bps, &link.unconstrained.bps, 1e-9));
    }

    #[test]
    fn more_capacity_never_delays_the_last_byte(mut c in cohort(start()), tightness in 0.05..0.9_f64, more in 1.0..3.0_f64) {
        c.bytes = c.bytes.clamp(1e7, 3e10);
        let cap = curve(&clock(), std::slice::from_ref(&c)).peak().0 * tightness;
        let sent = |cap: f64| {
            let link = shared_link(&clock(), std::slice::from_ref(&c), &[cap; BINS]);
            let mut sum = 0.0;
            link.delivered_bps.iter().map(|x| { sum += x; sum }).collect::<Vec<f64>>()
        };
        let (tight, wide) = (sent(cap), sent(cap * more));
        let total = wide[BINS - 1];
        // The wide link is never behind, so neither is its last byte.
        prop_assert!(tight.iter().zip(&wide).all(|(t, w)| *w >= t - 1e-6 * total));
    }

    #[test]
    fn halving_the_step_moves_the_peak_little(
        downloads in 1.0..1e7_f64, log_bytes in 8.5..11.5_f64, log_bps in 6.5..8.5_f64, at in 0..200_u32,
        window in 2.5..15.0_f64, tau in 0.7..6.0_f64, k in 0.4..0.75_f64, eta in 1.5..9.0_f64,
    ) {
        // Starts and line rates as the priors have them: eight classes of a log-normal, three laws.
        let at = start() + TimeDelta::minutes(15 * i64::from(at));
        let rates = LogNormal::new(10_f64.powf(log_bps), 0.8);
        let class = |i: u32| RateClass { weight: 0.125, bps: rates.quantile((f64::from(i) + 0.5) / 8.0) };
        let c = Cohort {
            id: "a".into(),
            downloads,
            bytes: 10_f64.powf(log_bytes),
            classes: (0..8).map(class).collect(),
            starts: vec![
                Start { mass: 0.20, law: Law::Uniform { from: at, to: hours(at, window) } },
                Start { mass: 0.15, law: Law::Return { at, eta_s: tau * 3600.0, k: 1.0 } },
                Start { mass: 0.65, law: Law::Return { at, eta_s: eta * 86_400.0, k } },
            ],
        };
        let peak = |step_s: u32, bins: usize| {
            curve(&clock_from(start(), step_s, bins), std::slice::from_ref(&c)).peak().0
        };
        let (coarse, fine) = (peak(300, 900), peak(150, 1800));
        let spans = 8.0 * c.bytes / rates.median / 300.0;
        // Below two bins the bin mean itself hides the peak: then the step decides, and says so.
        if spans >= 2.0 {
            // Exponents two standard deviations below the prior begin so steeply that any step blurs them more.
            let allowed = if spans < 4.0 { 0.1 } else if k < 0.55 { 0.03 } else { 0.01 };
            prop_assert!(close(coarse, fine, allowed), "{coarse} {fine} at {spans} bins");
        }
    }
}
