//! One link, one slowdown: what is delivered when the free capacity is too small.
//!
//! All downloads on a link share one slowdown `s` in [0, 1] per bin. Virtual time `V` advances by `s` times
//! the step, and a download needs its full duration of virtual time. In every bin `s` is the largest value for
//! which the delivered bits fit the free capacity. So the bin mean never passes the free capacity, no byte
//! is lost, catch-up is never faster than the access lines, and a link without any capacity is legal.
//!
//! Not modelled: fairness between platforms other than equal slowdown, and people who give up.

use super::clock::Clock;
use super::curve::{Cohort, Curve, curve, duration_s, peak};
use super::law::start_shares;
use crate::num;

/// What a limited link delivers, bin by bin.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedLink {
    /// Delivered traffic, bin means, bit/s.
    pub delivered_bps: Vec<f64>,
    /// The same by cohort, in the order given.
    pub per_cohort_bps: Vec<Vec<f64>>,
    /// Slowdown of every bin: 1 where the link does not limit, 0 where it has no capacity.
    pub slowdown: Vec<f64>,
    /// The curve without the limit.
    pub unconstrained: Curve,
}

impl SharedLink {
    /// Bins in which the link slows downloads.
    pub fn limited_bins(&self) -> usize {
        self.slowdown.iter().filter(|s| **s < 1.0).count()
    }

    /// First and last bin in which the link slows downloads.
    pub fn limited_span(&self) -> Option<(usize, usize)> {
        let limited = |s: &f64| *s < 1.0;
        Some((self.slowdown.iter().position(limited)?, self.slowdown.iter().rposition(limited)?))
    }

    /// Smallest slowdown; 1 for an empty grid.
    pub fn min_slowdown(&self) -> f64 {
        self.slowdown.iter().fold(1.0, |a: f64, &b| a.min(b))
    }

    /// Largest delivered bin mean, bit/s.
    pub fn delivered_peak_bps(&self) -> f64 {
        peak(&self.delivered_bps).0
    }

    /// Bytes that arrive later than they would have without the limit: the largest gap between the two
    /// cumulative curves.
    pub fn delayed_bytes(&self, step_s: u32) -> f64 {
        delayed_bits(&self.unconstrained.bps, &self.delivered_bps) * f64::from(step_s) / 8.0
    }
}

/// Largest lead of one cumulative curve over another, in rate times bins.
pub(crate) fn delayed_bits(wanted: &[f64], delivered: &[f64]) -> f64 {
    let (mut gap, mut largest) = (0.0_f64, 0.0_f64);
    for (w, d) in wanted.iter().zip(delivered) {
        gap += w - d;
        largest = largest.max(gap);
    }
    largest
}

/// First bin by whose end a share of the bytes of the curve has gone; none for a curve of zeros.
///
/// ```
/// use traffix_core::forecast::bin_of_share;
/// assert_eq!(bin_of_share(&[1.0, 2.0, 1.0, 0.0], 0.75), Some(1));
/// ```
pub fn bin_of_share(bps: &[f64], share: f64) -> Option<usize> {
    let total: f64 = bps.iter().sum();
    let mut sum = 0.0;
    bps.iter().position(|x| {
        sum += x;
        total > 0.0 && sum >= share * total * (1.0 - 1e-12)
    })
}

/// Follows cohorts through one link with the given free capacity per bin (bit/s; missing bins are taken as 0).
///
/// # Example
///
/// ```
/// use traffix_core::forecast::{Activity, Clock, Cohort, Grid, Law, RateClass, Start, shared_link};
/// let at = "2025-06-10T00:00:00Z".parse().unwrap();
/// let clock = Clock::new(Grid::new(at, 300, 200), chrono_tz::UTC, &Activity::Flat);
/// let cohort = Cohort {
///     id: "a".into(),
///     downloads: 1000.0,
///     bytes: 10e9,
///     classes: vec![RateClass { weight: 1.0, bps: 100e6 }],
///     starts: vec![Start { mass: 1.0, law: Law::Exp { at, tau_s: 1800.0 } }],
/// };
/// let link = shared_link(&clock, &[cohort], &vec![10e9; 200]);
/// assert!(link.delivered_bps.iter().all(|x| *x <= 10e9 * (1.0 + 1e-9)));
/// assert!(link.limited_bins() > 0);
/// ```
pub fn shared_link(clock: &Clock, cohorts: &[Cohort], free_bps: &[f64]) -> SharedLink {
    let step = clock.grid().step();
    let flows: Vec<Flow> = cohorts
        .iter()
        .map(|c| {
            let mut flow = Flow::new(start_shares(clock, &c.starts));
            for class in &c.classes {
                let amplitude = c.downloads * class.weight * class.bps;
                flow.add_class(amplitude, duration_s(c.bytes, class.bps));
            }
            flow
        })
        .collect();
    let (delivered_bps, per_cohort_bps, slowdown) = follow(flows, free_bps, step);
    SharedLink { delivered_bps, per_cohort_bps, slowdown, unconstrained: curve(clock, cohorts) }
}

/// One cohort on its way through a link: its starts and its rate classes.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    /// Share begun at the edges, in real bins.
    shares: Vec<f64>,
    /// Integral of the share over virtual time up to every edge.
    integral: Vec<f64>,
    classes: Vec<FlowClass>,
    amplitude: f64,
}

#[derive(Debug, Clone)]
struct FlowClass {
    amplitude: f64,
    duration: f64,
    /// Segment of virtual time that holds the start of those ending now; only ever moves on.
    segment: usize,
    /// Integral of the share over the last duration of virtual time.
    window: f64,
}

impl Flow {
    pub(crate) fn new(shares: Vec<f64>) -> Self {
        let integral = vec![0.0; shares.len()];
        Self { shares, integral, classes: Vec::new(), amplitude: 0.0 }
    }

    pub(crate) fn add_class(&mut self, amplitude: f64, duration: f64) {
        if amplitude > 0.0 && duration > 0.0 {
            self.classes.push(FlowClass { amplitude, duration, segment: 0, window: 0.0 });
            self.amplitude += amplitude;
        }
    }

    /// Bits sent in bin `k` if virtual time advances by `advance` seconds in it.
    ///
    /// What runs over the bin is the change of the integral of the share over one duration: so a download far
    /// shorter than a bin loses no digits in a difference of large numbers.
    fn bits(&self, k: usize, now: &[f64], advance: f64) -> f64 {
        let sent =
            |class: &FlowClass| class.amplitude * (self.window(class, k, now, advance).1 - class.window);
        self.classes.iter().map(sent).sum::<f64>().max(0.0)
    }

    /// Segment in which the window of a class begins, and the integral of the share over it, when virtual time
    /// stands `advance` after the start of bin `k`.
    fn window(&self, class: &FlowClass, k: usize, now: &[f64], advance: f64) -> (usize, f64) {
        let (f0, f1) = (self.shares[k], self.shares[k + 1]);
        let from = now[k] + advance - class.duration;
        if class.duration <= advance {
            let middle = (advance - 0.5 * class.duration) / advance;
            return (k, class.duration * (f0 + (f1 - f0) * middle));
        }
        let inside = advance * f64::midpoint(f0, f1);
        if from <= 0.0 {
            return (0, inside + self.integral[k]);
        }
        let mut j = class.segment;
        while j + 1 < k && now[j + 1] <= from {
            j += 1;
        }
        let width = now[j + 1] - now[j];
        let u = if width > 0.0 { ((now[j + 1] - from) / width).clamp(0.0, 1.0) } else { 0.0 };
        let (g0, g1) = (self.shares[j], self.shares[j + 1]);
        let rest = width * u * (g1 - 0.5 * u * (g1 - g0));
        (j, inside + (self.integral[k] - self.integral[j + 1]) + rest)
    }

    /// Fixes bin `k` and moves every class on to its end.
    fn close(&mut self, k: usize, now: &[f64]) {
        let advance = now[k + 1] - now[k];
        for c in 0..self.classes.len() {
            let (segment, window) = self.window(&self.classes[c], k, now, advance);
            self.classes[c].segment = segment;
            self.classes[c].window = window;
        }
        self.integral[k + 1] = self.integral[k] + advance * f64::midpoint(self.shares[k], self.shares[k + 1]);
    }
}

/// Delivered traffic in sum and by flow, and the slowdown, all by bin.
type Followed = (Vec<f64>, Vec<Vec<f64>>, Vec<f64>);

/// Follows flows through a link bin by bin.
pub(crate) fn follow(mut flows: Vec<Flow>, free_bps: &[f64], step: f64) -> Followed {
    let bins = flows.first().map_or(free_bps.len(), |f| f.shares.len().saturating_sub(1));
    let mut now = vec![0.0; bins + 1];
    let mut total = vec![0.0; bins];
    let mut parts = vec![vec![0.0; bins]; flows.len()];
    let mut slowdown = vec![1.0; bins];
    for k in 0..bins {
        let room = free_bps.get(k).copied().unwrap_or(0.0).max(0.0) * step;
        let sent = |advance: f64| flows.iter().map(|f| f.bits(k, &now, advance)).sum::<f64>();
        let share = largest_share(|s| sent(s * step), room);
        now[k + 1] = now[k] + share * step;
        slowdown[k] = share;
        for (flow, part) in flows.iter_mut().zip(&mut parts) {
            part[k] = flow.bits(k, &now, share * step) / step;
            total[k] += part[k];
            flow.close(k, &now);
        }
    }
    (total, parts, slowdown)
}

/// Largest `s` in [0, 1] with `sent(s) <= room`, for a `sent` that never falls with `s`.
///
/// Regula falsi in the Illinois form, held inside a bracket, so it cannot run away.
fn largest_share(sent: impl Fn(f64) -> f64, room: f64) -> f64 {
    let full = sent(1.0);
    if full <= room * (1.0 + 1e-12) {
        return 1.0;
    }
    if room <= 0.0 {
        return 0.0;
    }
    let (mut low, mut at_low) = (0.0, -room);
    let (mut high, mut at_high) = (1.0, full - room);
    let mut side = 0;
    for _ in 0..60 {
        let s = (low * at_high - high * at_low) / (at_high - at_low);
        let s = if s > low && s < high { s } else { f64::midpoint(low, high) };
        let gap = sent(s) - room;
        if gap.abs() <= room * 1e-11 || high - low < 1e-15 {
            return s;
        }
        if gap > 0.0 {
            (high, at_high) = (s, gap);
            at_low = if side == 1 { at_low * 0.5 } else { at_low };
            side = 1;
        } else {
            (low, at_low) = (s, gap);
            at_high = if side == -1 { at_high * 0.5 } else { at_high };
            side = -1;
        }
    }
    low
}

/// Mean and standard deviation of the rate of a small network at the left edge of a bin, from random starts.
///
/// Fewer than some fifty running downloads make a curve visibly ragged; `sd / mean` is added in quadrature to
/// the log-scale spread of the forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShotNoise {
    /// Mean rate at the instant, bit/s.
    pub mean_bps: f64,
    /// Standard deviation, bit/s.
    pub sd_bps: f64,
    /// Mean number of running downloads.
    pub running: f64,
}

impl ShotNoise {
    /// Coefficient of variation; 0 where nothing runs.
    pub fn cv(&self) -> f64 {
        if self.mean_bps > 0.0 { self.sd_bps / self.mean_bps } else { 0.0 }
    }
}

/// Shot noise of cohorts at the left edge of bin `bin`.
///
/// # Sources
///
/// Variance of a Poisson shot noise with rectangular pulses, sum of `A w v^2 (F(t) - F(t - D))`: C. Barakat et
/// al. (2003), <https://infoscience.epfl.ch/record/475>.
pub fn shot_noise(clock: &Clock, cohorts: &[Cohort], bin: usize) -> ShotNoise {
    let (mut mean, mut variance, mut running) = (0.0, 0.0, 0.0);
    for cohort in cohorts {
        let shares = start_shares(clock, &cohort.starts);
        for class in &cohort.classes {
            let bins = duration_s(cohort.bytes, class.bps) / clock.grid().step();
            let n = cohort.downloads * class.weight * running_share(&shares, bin, bins);
            running += n;
            mean += n * class.bps;
            variance += n * class.bps * class.bps;
        }
    }
    ShotNoise { mean_bps: mean, sd_bps: libm::sqrt(variance), running }
}

/// `F(t) - F(t - D)` at edge `bin`, with the duration in bins.
pub(crate) fn running_share(shares: &[f64], bin: usize, duration_bins: f64) -> f64 {
    let now = shares.get(bin).copied().unwrap_or(0.0);
    let back = num::of_usize(bin) - duration_bins;
    if back < 0.0 {
        return now;
    }
    let j = num::to_usize(back);
    let (f0, f1) = (shares.get(j).copied().unwrap_or(now), shares.get(j + 1).copied().unwrap_or(now));
    (now - (f0 + (back - num::of_usize(j)) * (f1 - f0))).max(0.0)
}
