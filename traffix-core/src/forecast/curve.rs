//! The closed-form curve: from starts to bit/s.
//!
//! A cohort of `A` downloads of `S` bytes, of which a share `w` runs at rate `v` for `D = 8 S / v` seconds,
//! has `A w (F(t) - F(t - D))` downloads running at `t`. That is the mean of a shot noise with rectangular
//! pulses (an infinite-server queue), and its mean over a bin is a difference of two integrals of `F`.
//! With `F` linear inside bins those integrals are exact, so no byte is lost or invented.
//!
//! # Sources
//!
//! C. Barakat et al., "Modeling Internet backbone traffic at the flow level" (2003),
//! <https://infoscience.epfl.ch/record/475>.

use super::clock::Clock;
use super::law::{Start, start_shares};
use crate::num;

/// A share of the downloads and the rate each of them runs at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateClass {
    /// Share of the downloads; the weights of a cohort sum to 1.
    pub weight: f64,
    /// Rate of one download, bit/s.
    pub bps: f64,
}

/// Downloads of one RU on one platform in one region, on one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    /// Name, for reports.
    pub id: String,
    /// Number of downloads (a mean: fractions are meant).
    pub downloads: f64,
    /// Bytes on the wire of one download.
    pub bytes: f64,
    /// Rates and their weights.
    pub classes: Vec<RateClass>,
    /// Start laws and their masses.
    pub starts: Vec<Start>,
}

/// Extra traffic of one or more cohorts on a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Mean extra traffic of every bin, bit/s.
    pub bps: Vec<f64>,
    /// Bytes that fall after the grid: downloads still running or not yet begun at its end.
    pub later_bytes: f64,
}

impl Curve {
    /// Bytes inside the grid: mean rate times step over 8.
    pub fn grid_bytes(&self, step_s: u32) -> f64 {
        self.bps.iter().sum::<f64>() * f64::from(step_s) / 8.0
    }

    /// Largest bin mean and the first bin within 1e-9 (relative) of it; (0, 0) for an empty curve.
    pub fn peak(&self) -> (f64, usize) {
        peak(&self.bps)
    }
}

/// Largest value and the first index within 1e-9 (relative) of it.
pub(crate) fn peak(values: &[f64]) -> (f64, usize) {
    let max = values.iter().fold(0.0_f64, |a, &b| a.max(b));
    let first = values.iter().position(|&x| x >= max * (1.0 - 1e-9)).unwrap_or(0);
    (max, first)
}

/// The extra traffic of cohorts that share a clock, without any capacity limit.
///
/// Inputs in bytes, bit/s and seconds; the output has one value per bin of the clock's grid. Cohorts of zero
/// downloads, zero bytes or zero rate add nothing. Values are finite for every finite input.
///
/// # Example
///
/// ```
/// use traffix_core::forecast::{Activity, Clock, Cohort, Grid, Law, RateClass, Start, curve};
/// let from = "2025-06-10T00:00:00Z".parse().unwrap();
/// let to = "2025-06-10T01:00:00Z".parse().unwrap();
/// let clock = Clock::new(Grid::new(from, 300, 48), chrono_tz::UTC, &Activity::Flat);
/// let cohort = Cohort {
///     id: "a".into(),
///     downloads: 1000.0,
///     bytes: 10e9,
///     classes: vec![RateClass { weight: 1.0, bps: 40e6 }],
///     starts: vec![Start { mass: 1.0, law: Law::Uniform { from, to } }],
/// };
/// let extra = curve(&clock, &[cohort]);
/// assert!((extra.grid_bytes(300) + extra.later_bytes - 10e12).abs() < 1.0);
/// ```
pub fn curve(clock: &Clock, cohorts: &[Cohort]) -> Curve {
    let mut total = Curve { bps: vec![0.0; clock.grid().bins()], later_bytes: 0.0 };
    for cohort in cohorts {
        let shares = start_shares(clock, &cohort.starts);
        let mass = cohort.starts.iter().map(|s| s.mass).sum();
        add_cohort(&mut total, clock, cohort, (&shares, mass));
    }
    for x in &mut total.bps {
        *x = x.max(0.0);
    }
    total
}

fn add_cohort(total: &mut Curve, clock: &Clock, cohort: &Cohort, (shares, mass): (&[f64], f64)) {
    let step = clock.grid().step();
    let begun = shares[0];
    let padded = pad(shares, begun);
    for class in &cohort.classes {
        let amplitude = cohort.downloads * class.weight * class.bps;
        let duration = duration_s(cohort.bytes, class.bps);
        if amplitude <= 0.0 || duration <= 0.0 {
            continue;
        }
        add_running(&mut total.bps, &padded, amplitude, Shift::new(duration / step));
        if begun > 0.0 {
            add_jump(&mut total.bps, amplitude * begun, duration / step);
        }
        total.later_bytes += amplitude / 8.0 * tail_integral(shares, mass, duration, step);
    }
}

/// Length of a download in seconds; zero when nothing is to be sent or nothing can be.
pub(crate) fn duration_s(bytes: f64, bps: f64) -> f64 {
    if bytes > 0.0 && bps > 0.0 { 8.0 * bytes / bps } else { 0.0 }
}

/// The duration of a download in bins, as whole bins and a rest in [0, 1), and the three weights with which
/// the running share looks back across that rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shift {
    pub(crate) whole: usize,
    pub(crate) taps: [f64; 3],
    rest: f64,
}

impl Shift {
    pub(crate) fn new(bins: f64) -> Self {
        let whole = bins.floor();
        let rest = bins - whole;
        let u = 1.0 - rest;
        Self { whole: num::to_usize(whole), taps: [rest * rest / 2.0, 0.5 + u - u * u, u * u / 2.0], rest }
    }
}

/// Zeros put before a table of starts, so that looking back before the grid finds nothing begun.
pub(crate) const PAD: usize = 2;

/// The table less what had begun at its start, with [`PAD`] zeros in front.
fn pad(shares: &[f64], begun: f64) -> Vec<f64> {
    let mut padded = vec![0.0; PAD];
    padded.extend(shares.iter().map(|f| f - begun));
    padded
}

/// Adds `amplitude` times the mean running share of every bin. `padded` is the padded table of starts.
///
/// Downloads of at least one bin use differences of shares; shorter ones use the starts of the bin itself and
/// of the one before, so that downloads of any brevity keep their bytes.
pub(crate) fn add_running(out: &mut [f64], padded: &[f64], amplitude: f64, shift: Shift) {
    let bins = out.len();
    let now = &padded[PAD..];
    if shift.whole == 0 {
        let r = shift.rest;
        let (this, before) = (amplitude * (r - r * r / 2.0), amplitude * r * r / 2.0);
        let last = &padded[PAD - 1..];
        for k in 0..bins {
            out[k] += this * (now[k + 1] - now[k]) + before * (now[k] - last[k]);
        }
        return;
    }
    let half = amplitude * 0.5;
    let alone = (shift.whole - 1).min(bins);
    for k in 0..alone {
        out[k] += half * (now[k] + now[k + 1]);
    }
    // Differences first: where all have begun the sum is exactly zero, whatever the weights round to.
    let [_, b, c] = shift.taps;
    let (far, near) = (b + c, c);
    let count = bins - alone;
    let (x, f0, f1) = (&mut out[alone..], &now[alone..], &now[alone + 1..]);
    let (g0, g1, g2) = (&padded[..count], &padded[1..=count], &padded[2..count + 2]);
    for k in 0..count {
        let ended = g0[k] + far * (g1[k] - g0[k]) + near * (g2[k] - g1[k]);
        x[k] += amplitude * (f64::midpoint(f0[k], f1[k]) - ended);
    }
}

/// Downloads that had begun by the very start of the grid: all at once, at its first instant.
fn add_jump(out: &mut [f64], amplitude: f64, duration_bins: f64) {
    for (k, x) in out.iter_mut().enumerate() {
        *x += amplitude * (duration_bins - num::of_usize(k)).clamp(0.0, 1.0);
    }
}

/// Integral of (mass - F) over the last `duration` of the grid: what is begun but not ended, or not begun.
/// Looks back before the grid where nothing had begun.
fn tail_integral(shares: &[f64], mass: f64, duration: f64, step: f64) -> f64 {
    let bins = shares.len() - 1;
    let mut left = duration / step;
    let mut sum = 0.0;
    for k in (0..bins).rev() {
        let (f0, f1) = (shares[k], shares[k + 1]);
        if left < 1.0 {
            // The last `left` of this bin, where F runs linearly from f1 - left (f1 - f0) to f1.
            return (sum + left * (mass - f1 + left * (f1 - f0) / 2.0)) * step;
        }
        sum += mass - f64::midpoint(f0, f1);
        left -= 1.0;
    }
    (sum + left * mass) * step
}
