//! The level of the day, followed slowly.

use super::num;
use crate::baseline::{Baseline, Noise, Reader};
use crate::robust;
use crate::samples::Samples;

/// In this time half of the memory of earlier levels is gone, s: longer, and the days of a week blur; shorter, and the
/// noise of single hours counts as a level. Assumed (2026-12).
const HALF_LIFE_S: f64 = 4.0 * 3600.0;
/// From so much of the first bins the level to begin with is taken, s.
const FIRST_S: u32 = 6 * 3600;
/// A bin moves the level of the day by at most so many standard deviations, whatever it is.
const CLIP: f64 = 2.0;
/// Half-hours whose noise is more or less than usual are scaled, within this factor.
const WIDEST: f64 = 3.0;

/// A bin on the log scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log {
    /// What was measured, bit/s.
    pub(super) bps: f64,
    /// The level of its half-hour.
    level: f64,
    /// How much noisier its half-hour is than usual.
    wide: f64,
    /// Distance from the level, over `wide`.
    off: f64,
}

impl Log {
    /// What is left when the level of the day is taken away too.
    pub(super) fn x(&self, day: f64) -> f64 {
        self.off - day
    }

    /// Usual traffic on such a day, bit/s.
    pub(super) fn usual_bps(&self, day: f64) -> f64 {
        libm::exp(self.level + self.wide * day)
    }
}

/// Reads bins on the log scale.
pub(super) struct Logs<'a> {
    samples: &'a Samples,
    reader: Reader<'a>,
    noise: Noise,
    typical: f64,
}

impl<'a> Logs<'a> {
    pub(super) fn new(samples: &'a Samples, baseline: &'a Baseline) -> Self {
        let noise = baseline.noise().at_step(samples.step_secs().get());
        let typical = libm::hypot(noise.sigma_log, noise.day_sigma_log);
        Self { samples, reader: Reader::new(baseline), noise, typical }
    }

    pub(super) const fn noise(&self) -> &Noise {
        &self.noise
    }

    /// `None` in a gap, and where nothing is known to be usual. No traffic is an outage, far below any level.
    pub(super) fn at(&mut self, bin: usize) -> Option<Log> {
        let bps = self.samples.get(bin).filter(|bps| *bps >= 0.0)?;
        let step = i64::from(self.samples.step_secs().get());
        let at_s = self.samples.start().timestamp() + step * num::to_isize(bin) + step / 2;
        let (level, sigma) = self.reader.log(at_s)?;
        let wide = (sigma / self.typical).clamp(1.0 / WIDEST, WIDEST);
        let off = (libm::log(bps) - level).max(-50.0) / wide;
        Some(Log { bps, level, wide, off })
    }
}

/// The level of the day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    level: f64,
    keep: f64,
    most: f64,
}

impl Day {
    /// With the level of the first hours that are known.
    pub(super) fn new(logs: &mut Logs<'_>, bins: usize) -> Self {
        let step_secs = logs.samples.step_secs().get();
        let first = usize::try_from(FIRST_S.div_ceil(step_secs)).unwrap_or(usize::MAX);
        let mut offs: Vec<f64> = (0..bins).filter_map(|bin| logs.at(bin)).map(|log| log.off).take(first).collect();
        let most = CLIP * logs.noise.sigma_log;
        let widest = 3.0 * logs.typical;
        let level = robust::median(&mut offs).unwrap_or(0.0).clamp(-widest, widest);
        Self { level, keep: libm::exp2(-f64::from(step_secs) / HALF_LIFE_S), most }
    }

    pub(super) const fn level(&self) -> f64 {
        self.level
    }

    /// One bin more, by what is left of it.
    pub(super) fn follow(&mut self, x: f64) {
        self.level += (1.0 - self.keep) * x.clamp(-self.most, self.most);
    }

    /// From now on this is usual.
    pub(super) fn becomes(&mut self, x: f64) {
        self.level += x;
    }
}
