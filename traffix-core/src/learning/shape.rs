//! Start laws from a measured curve: who updates by themselves, who waits for the release, who comes back later.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::forecast::{Clock, Cohort, Law, Laws, LogNormal, RuKind, Start, curve, priors};
use crate::num;

/// Pseudo-observations that one whole curve is worth at most: its bins are far from independent. Assumed (2026-11).
const STRENGTH: f64 = 10.0;
/// Points of the grid of one scale, and how many standard deviations it reaches to either side.
const POINTS: usize = 11;
const REACH: f64 = 2.5;
/// Rounds in which masses and the origin of bytes are settled.
const ROUNDS: usize = 12;

/// A positive quantity: median and log-scale standard deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Median, s.
    pub median_s: f64,
    /// Standard deviation of the logarithm.
    pub sigma: f64,
}

/// Beliefs about the start laws of games.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Pseudo-observations of automatic, rush and return starts; their proportions are the masses.
    pub masses: [f64; 3],
    /// Time scale of those who wait for the release.
    pub rush: Scale,
    /// Time scale of those who come back to the game.
    pub eta: Scale,
    /// Curves learned from.
    pub events: u32,
}

/// A measured curve of one event.
#[derive(Debug, Clone, Copy)]
pub struct SeenCurve<'a> {
    /// The clock of the network on a grid that begins with the release or before.
    pub clock: &'a Clock,
    /// The release.
    pub at: DateTime<Utc>,
    /// Bytes and rates of one download; its starts and the number of downloads do not matter.
    pub download: &'a Cohort,
    /// Extra bytes by bin, from the first bin of the grid; what is not positive counts as nothing. The list may end
    /// before the grid does: what came later is not known then.
    pub bytes: &'a [f64],
}

impl Default for Shape {
    fn default() -> Self {
        let scale = |x: LogNormal| Scale { median_s: x.median, sigma: x.sigma };
        Self {
            masses: priors::START_MASSES,
            rush: scale(priors::RUSH_S),
            eta: scale(priors::RETURN_GAME.1),
            events: 0,
        }
    }
}

impl Shape {
    /// One update by a measured curve: the scales on a grid, the masses as a Dirichlet distribution.
    ///
    /// Bytes are compared by their shares inside the window that was measured, so the size of the event does not
    /// matter, and a window that holds little of the event teaches little. A curve without bytes teaches nothing.
    pub fn learn(&mut self, seen: &SeenCurve<'_>) {
        let total: f64 = seen.bytes.iter().filter(|b| **b > 0.0).sum();
        if !total.is_finite() || total <= 0.0 {
            return;
        }
        let observed: Vec<f64> = seen.bytes.iter().map(|b| b.max(0.0) / total).collect();
        let length = TimeDelta::seconds(num::to_i64(priors::AUTOMATIC_S.median));
        let automatic = seen.component(Law::Uniform { from: seen.at, to: seen.at + length });
        let rush = grid(&self.rush, |eta_s| seen.component(Law::Return { at: seen.at, eta_s, k: 1.0 }));
        let k = priors::RETURN_GAME.0.median;
        let back = grid(&self.eta, |eta_s| seen.component(Law::Return { at: seen.at, eta_s, k }));
        // One strength for all points: a law that puts less into the window must not be judged more gently.
        let middle = [&automatic, &rush[POINTS / 2].shares, &back[POINTS / 2].shares];
        let strength = STRENGTH * expected_share(&self.masses, middle.map(|law| law.iter().sum()));
        let mut cells = Vec::with_capacity(POINTS * POINTS);
        for (i, rush) in rush.iter().enumerate() {
            for (j, back) in back.iter().enumerate() {
                let (masses, fit) =
                    settle((&self.masses, strength), &observed, [&automatic, &rush.shares, &back.shares]);
                cells.push(Cell { i, j, masses, log_weight: fit + rush.log_prior + back.log_prior });
            }
        }
        self.take(&mut cells, (&rush, &back));
    }

    /// Replaces the beliefs by the moments of the weighted grid.
    fn take(&mut self, cells: &mut [Cell], (rush, back): (&[Point], &[Point])) {
        let best = cells.iter().map(|c| c.log_weight).fold(f64::NEG_INFINITY, f64::max);
        for cell in &mut *cells {
            cell.log_weight -= best;
        }
        let weights: Vec<f64> = cells.iter().map(|c| libm::exp(c.log_weight)).collect();
        let sum: f64 = weights.iter().sum();
        if !sum.is_finite() || sum <= 0.0 {
            return;
        }
        let mean = |value: &dyn Fn(&Cell) -> f64| {
            cells.iter().zip(&weights).map(|(c, w)| w * value(c)).sum::<f64>() / sum
        };
        let moments = |log: &dyn Fn(&Cell) -> f64| {
            let middle = mean(log);
            let variance = mean(&|c| (log(c) - middle) * (log(c) - middle));
            Scale { median_s: libm::exp(middle), sigma: libm::sqrt(variance).max(0.01) }
        };
        self.rush = moments(&|c| rush[c.i].log_s);
        self.eta = moments(&|c| back[c.j].log_s);
        self.masses = [0, 1, 2].map(|p| mean(&|c| c.masses[p]));
        self.events = self.events.saturating_add(1);
    }

    /// The laws for a forecast, if anything was learned and the kind has them.
    pub fn laws(&self, kind: RuKind) -> Option<Laws> {
        let known = Laws::of(kind);
        (self.events > 0 && kind.is_game()).then(|| Laws {
            masses: self.masses,
            rush: LogNormal::new(self.rush.median_s, self.rush.sigma),
            eta: LogNormal::new(self.eta.median_s, self.eta.sigma),
            ..known
        })
    }

    pub(super) fn is_valid(&self) -> bool {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let scale = |s: &Scale| positive(s.median_s) && s.median_s < 1e9 && (0.0..=3.0).contains(&s.sigma);
        self.masses.iter().all(|m| positive(*m) && *m < 1e6) && scale(&self.rush) && scale(&self.eta)
    }
}

impl SeenCurve<'_> {
    /// Share of the bytes by bin of the window if all downloads followed one law.
    fn component(&self, law: Law) -> Vec<f64> {
        let starts = vec![Start { mass: 1.0, law }];
        let cohort = Cohort { downloads: 1.0, starts, ..self.download.clone() };
        let step = self.clock.grid().step();
        let mut bps = curve(self.clock, &[cohort]).bps;
        bps.truncate(self.bytes.len());
        bps.iter().map(|x| x * step / 8.0 / self.download.bytes.max(1.0)).collect()
    }
}

/// One point of the grid of a scale.
struct Point {
    log_s: f64,
    log_prior: f64,
    shares: Vec<f64>,
}

/// One pair of scales: masses that fit best, and how well.
struct Cell {
    i: usize,
    j: usize,
    masses: [f64; 3],
    log_weight: f64,
}

fn grid(scale: &Scale, shares: impl Fn(f64) -> Vec<f64>) -> Vec<Point> {
    let point = |i: usize| {
        let z = REACH * (2.0 * num::of_usize(i) / num::of_usize(POINTS - 1) - 1.0);
        let log_s = libm::log(scale.median_s) + scale.sigma * z;
        Point { log_s, log_prior: -0.5 * z * z, shares: shares(libm::exp(log_s)) }
    };
    (0..POINTS).map(point).collect()
}

/// Share of the bytes that is expected inside the window.
fn expected_share(masses: &[f64; 3], inside: [f64; 3]) -> f64 {
    let sum: f64 = masses.iter().sum();
    masses.iter().zip(inside).map(|(m, i)| m / sum * i).sum()
}

/// Settles the masses for given laws: each byte is traced to the law it likely came from, what lies outside the window
/// stays as expected. Returns the pseudo-observations and the weighted log likelihood of the window.
fn settle((prior, strength): (&[f64; 3], f64), observed: &[f64], laws: [&[f64]; 3]) -> ([f64; 3], f64) {
    let inside = laws.map(|law| law.iter().sum::<f64>());
    let mut masses = *prior;
    let mut fit = 0.0;
    for _ in 0..ROUNDS {
        let sum: f64 = masses.iter().sum();
        let share = masses.map(|m| m / sum);
        let window = expected_share(&masses, inside);
        let mut traced = [0.0; 3];
        fit = 0.0;
        for (b, seen) in observed.iter().enumerate().filter(|(_, seen)| **seen > 0.0) {
            let parts = [0, 1, 2].map(|p| share[p] * laws[p].get(b).copied().unwrap_or(0.0));
            // A bin where nothing is expected (before the release) is somebody else's traffic.
            let expected = parts.iter().sum::<f64>().max(1e-12);
            fit += seen * libm::log(expected / window.max(1e-12));
            (0..3).for_each(|p| traced[p] += seen * parts[p] / expected);
        }
        masses = [0, 1, 2].map(|p| prior[p] + strength * (window * traced[p] + share[p] * (1.0 - inside[p])));
    }
    (masses, strength * fit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{Activity, Grid, RateClass};

    fn clock() -> (Clock, DateTime<Utc>) {
        let at = "2026-03-05T10:00:00Z".parse().unwrap();
        let activity = Activity::from_day(&priors::ACTIVITY_DAY, priors::ACTIVITY_WEEKEND);
        (Clock::new(Grid::new(at, 1800, 14 * 48), chrono_tz::UTC, &activity), at)
    }

    fn cohort(masses: [f64; 3], hours: (f64, f64), at: DateTime<Utc>) -> Cohort {
        let laws = [
            Law::Uniform { from: at, to: at + TimeDelta::hours(6) },
            Law::Return { at, eta_s: hours.0 * 3600.0, k: 1.0 },
            Law::Return { at, eta_s: hours.1 * 3600.0, k: 0.55 },
        ];
        Cohort {
            id: "x".into(),
            downloads: 1000.0,
            bytes: 20e9,
            classes: vec![RateClass { weight: 1.0, bps: 50e6 }],
            starts: laws.into_iter().zip(masses).map(|(law, mass)| Start { mass, law }).collect(),
        }
    }

    fn learn(masses: [f64; 3], hours: (f64, f64), bins: usize, times: usize) -> Shape {
        let (clock, at) = clock();
        let cohort = cohort(masses, hours, at);
        let bytes: Vec<f64> = curve(&clock, std::slice::from_ref(&cohort)).bps[..bins].to_vec();
        let mut shape = Shape::default();
        for _ in 0..times {
            shape.learn(&SeenCurve { clock: &clock, at, download: &cohort, bytes: &bytes });
        }
        shape
    }

    fn shares(shape: &Shape) -> [f64; 3] {
        let sum: f64 = shape.masses.iter().sum();
        shape.masses.map(|m| m / sum)
    }

    #[test]
    fn masses_move_towards_a_measured_curve() {
        let (one, five) =
            (learn([0.6, 0.1, 0.3], (2.0, 93.6), 672, 1), learn([0.6, 0.1, 0.3], (2.0, 93.6), 672, 5));
        let [a, b] = [&one, &five].map(|s| shares(s)[0]);
        assert!(0.2 < a && a < b && b < 0.6, "{a} {b}");
        let [c, d] = [&one, &five].map(|s| shares(s)[2]);
        assert!(0.65 > c && c > d && d > 0.3, "{c} {d}");
    }

    #[test]
    fn scales_move_towards_a_measured_curve_and_narrow() {
        let slow = learn([0.2, 0.15, 0.65], (2.0, 250.0), 672, 3);
        let fast = learn([0.2, 0.15, 0.65], (2.0, 40.0), 672, 3);
        let prior = Shape::default();
        assert!(slow.eta.median_s > prior.eta.median_s && prior.eta.median_s > fast.eta.median_s);
        assert!(slow.eta.sigma < prior.eta.sigma && fast.eta.sigma < prior.eta.sigma);
    }

    #[test]
    fn a_curve_as_expected_moves_little() {
        let same = learn([0.2, 0.15, 0.65], (2.0, 93.6), 672, 1);
        let prior = Shape::default();
        assert!((same.eta.median_s / prior.eta.median_s).ln().abs() < 0.05, "{same:?}");
        assert!((same.rush.median_s / prior.rush.median_s).ln().abs() < 0.1, "{same:?}");
        for (a, b) in shares(&same).into_iter().zip(shares(&prior)) {
            assert!((a - b).abs() < 0.02, "{same:?}");
        }
        assert!(same.masses.iter().sum::<f64>() > prior.masses.iter().sum());
    }

    #[test]
    fn the_first_hours_teach_less_than_the_whole() {
        let total = |shape: &Shape| shape.masses.iter().sum::<f64>();
        let (hours, whole) =
            (learn([0.6, 0.1, 0.3], (2.0, 93.6), 8, 1), learn([0.6, 0.1, 0.3], (2.0, 93.6), 672, 1));
        assert!(20.0 < total(&hours) && total(&hours) < total(&whole) && total(&whole) <= 30.0 + 1e-9);
    }

    #[test]
    fn nothing_measured_teaches_nothing() {
        let (clock, at) = clock();
        let cohort = cohort([0.2, 0.15, 0.65], (2.0, 93.6), at);
        let mut shape = Shape::default();
        for bytes in [&[][..], &[0.0, -1.0], &[f64::NAN], &[f64::INFINITY]] {
            shape.learn(&SeenCurve { clock: &clock, at, download: &cohort, bytes });
        }
        assert_eq!(shape, Shape::default());
    }
}
