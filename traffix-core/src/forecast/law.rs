//! Start laws: which share of the downloads has begun by when.
//!
//! Every law is tabulated as `F` at the edges of a grid and taken as linear inside a bin. `F` is zero before
//! the grid, so a grid should begin no later than the first instant of its laws.
//!
//! # Sources
//!
//! The *return* law is the time until a player next comes back to a game: C. Chambers, W. Feng, "Patch
//! scheduling for on-line games" (2005),
//! <https://cdn.slideserve.com/psterling/patch-scheduling-for-on-line-games-powerpoint-ppt-presentation>.

use chrono::{DateTime, Utc};

use super::clock::{Clock, nightly_windows};
use super::math::{exp, ln_or_floor};
use crate::num;

/// Nights looked at by [`Law::Nightly`].
pub(crate) const NIGHTS: u64 = 60;

/// One start law. Durations are in seconds, operational seconds where the text says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Law {
    /// Evenly between two instants: clients left on, told to update over a few hours.
    Uniform {
        /// First start.
        from: DateTime<Utc>,
        /// Last start.
        to: DateTime<Utc>,
    },
    /// `1 - exp(-(t - at) / tau)` in real time.
    Exp {
        /// First start.
        at: DateTime<Utc>,
        /// Mean delay, seconds.
        tau_s: f64,
    },
    /// `1 - exp(-((L(t) - L(at)) / eta)^k)` in operational time: people coming back to a title.
    Return {
        /// First start.
        at: DateTime<Utc>,
        /// Scale, operational seconds.
        eta_s: f64,
        /// Shape; below 1 the first hours are busy and the tail is long.
        k: f64,
    },
    /// `(1 - exp(-L / tau)) / (1 - exp(-L_unlock / tau))` in operational time since `open`; complete at `unlock`.
    Preload {
        /// First start.
        open: DateTime<Utc>,
        /// Last start.
        unlock: DateTime<Utc>,
        /// Scale, operational seconds.
        tau_s: f64,
    },
    /// Every local night a share `q` of those left, evenly in the window: consoles that wake to update.
    Nightly {
        /// Windows that start earlier do not count.
        at: DateTime<Utc>,
        /// Local hour at which the window opens, 0..=47 (24 and above: the next day).
        h1: u32,
        /// Local hour at which it closes, after `h1`.
        h2: u32,
        /// Share of those left that start in one night.
        q: f64,
    },
}

/// A law and the share of the downloads that follow it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// Share of the downloads; the masses of a cohort sum to 1.
    pub mass: f64,
    /// When they begin.
    pub law: Law,
}

/// Share of downloads begun at every edge of the clock's grid (`bins + 1` values), summed over a mixture.
///
/// Values never decrease and end at or below the sum of the masses.
///
/// ```
/// use traffix_core::forecast::{Activity, Clock, Grid, Law, Start, start_shares};
/// let at = "2025-06-10T00:00:00Z".parse().unwrap();
/// let clock = Clock::new(Grid::new(at, 3600, 2), chrono_tz::UTC, &Activity::Flat);
/// let shares = start_shares(&clock, &[Start { mass: 1.0, law: Law::Exp { at, tau_s: 3600.0 } }]);
/// assert!((shares[1] - (1.0 - (-1.0_f64).exp())).abs() < 1e-12);
/// ```
pub fn start_shares(clock: &Clock, starts: &[Start]) -> Vec<f64> {
    let mut shares = vec![0.0; clock.grid().bins() + 1];
    let mut scratch = Vec::new();
    for start in starts {
        start.law.add_to(clock, start.mass, &mut shares, &mut scratch);
    }
    shares
}

impl Law {
    fn add_to(&self, clock: &Clock, mass: f64, out: &mut [f64], scratch: &mut Vec<f64>) {
        match *self {
            Self::Uniform { from, to } => {
                let (from, to) = (position(clock, from), position(clock, to));
                add_ramp(out, mass, from, to);
            }
            Self::Exp { at, tau_s } => {
                let at = position(clock, at);
                let step = clock.grid().step();
                scratch.clear();
                scratch.extend((0..out.len()).map(|k| (num::of_usize(k) - at) * step));
                add_exponential(out, scratch, mass, tau_s);
            }
            Self::Return { at, eta_s, k } => {
                let zero = clock.at(at);
                scratch.clear();
                scratch.extend(clock.edges().iter().map(|l| ln_or_floor(l - zero)));
                add_return(out, scratch, mass, (eta_s, k));
            }
            Self::Preload { open, unlock, tau_s } => {
                let zero = clock.at(open);
                let window = clock.at(unlock) - zero;
                scratch.clear();
                scratch.extend(clock.edges().iter().map(|l| l - zero));
                let until = ceil_edge(position(clock, unlock), out.len());
                add_preload(out, scratch, mass, PreloadShape { tau_s, window, until });
            }
            Self::Nightly { at, h1, h2, q } => {
                let windows = nightly_windows(clock.tz(), at.timestamp(), (h1, h2), NIGHTS);
                let windows: Vec<_> = windows
                    .iter()
                    .map(|&(a, b)| (clock.grid().position(a), clock.grid().position(b)))
                    .collect();
                add_nightly(out, &windows, mass, q);
            }
        }
    }
}

fn position(clock: &Clock, at: DateTime<Utc>) -> f64 {
    clock.grid().position(at.timestamp())
}

/// First edge at or after a position, at most `len`.
pub(crate) fn ceil_edge(position: f64, len: usize) -> usize {
    num::to_usize(position.ceil()).min(len)
}

/// Adds `mass` evenly between two positions (in bins); a window of no length is a jump.
pub(crate) fn add_ramp(out: &mut [f64], mass: f64, from: f64, to: f64) {
    let first = ceil_edge(from, out.len());
    let last = ceil_edge(to, out.len()).max(first);
    let per_bin = if to > from { mass / (to - from) } else { 0.0 };
    for (k, f) in out[..last].iter_mut().enumerate().skip(first) {
        *f += per_bin * (num::of_usize(k) - from);
    }
    for f in &mut out[last..] {
        *f += mass;
    }
}

/// Adds `mass (1 - exp(-elapsed / tau))` where elapsed is positive.
pub(crate) fn add_exponential(out: &mut [f64], elapsed: &[f64], mass: f64, tau_s: f64) {
    let rate = 1.0 / tau_s.max(1e-9);
    // Beyond 40 time scales the law is 1 to the last bit, and elapsed time never decreases.
    let first = elapsed.partition_point(|&l| l <= 0.0);
    let last = elapsed.partition_point(|&l| l * rate < 40.0).max(first);
    for (f, &l) in out[first..last].iter_mut().zip(&elapsed[first..last]) {
        *f += mass * (1.0 - exp(-l * rate));
    }
    for f in &mut out[last..] {
        *f += mass;
    }
}

/// Adds `mass (1 - exp(-(L / eta)^k))`, from the logarithms of operational time since the start.
pub(crate) fn add_return(out: &mut [f64], ln_elapsed: &[f64], mass: f64, (eta_s, k): (f64, f64)) {
    let offset = -k * libm::log(eta_s.max(1e-9));
    let first = ln_elapsed.partition_point(|&l| l <= -1e8);
    for (f, &ln_l) in out[first..].iter_mut().zip(&ln_elapsed[first..]) {
        *f += mass * (1.0 - exp(-exp(k * ln_l + offset)));
    }
}

/// Shape of a preload law: scale, operational length of the window, first edge at or after the unlock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PreloadShape {
    pub(crate) tau_s: f64,
    pub(crate) window: f64,
    pub(crate) until: usize,
}

/// Adds a preload law from operational time since its opening; all of `mass` from the unlock on.
pub(crate) fn add_preload(out: &mut [f64], elapsed: &[f64], mass: f64, shape: PreloadShape) {
    let rate = 1.0 / shape.tau_s.max(1e-9);
    let whole = -libm::expm1(-shape.window.max(0.0) * rate);
    let last = shape.until.min(out.len());
    let first = elapsed.partition_point(|&l| l <= 0.0).min(last);
    let scale = if whole > 0.0 { mass / whole } else { 0.0 };
    for (f, &l) in out[first..last].iter_mut().zip(&elapsed[first..last]) {
        *f += scale * (1.0 - exp(-l * rate));
    }
    for f in &mut out[last..] {
        *f += mass;
    }
}

/// Adds the nightly law over windows given as positions in bins, in order and apart.
pub(crate) fn add_nightly(out: &mut [f64], windows: &[(f64, f64)], mass: f64, q: f64) {
    let mut left = mass;
    for &(from, to) in windows {
        let first = ceil_edge(from, out.len());
        if first >= out.len() || left <= mass * 1e-12 {
            return;
        }
        let tonight = left * q;
        // Past windows are carried by a ramp of their own: every later edge has them in full.
        add_ramp(out, tonight, from, to);
        left -= tonight;
    }
}
