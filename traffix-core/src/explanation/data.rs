//! What was measured, made ready: blocks of time by channels of CDNs, in units of the baseline's error.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Excess, Observed};
use crate::forecast::UNKNOWN_CDN;
use crate::num;

/// Blocks that a window is cut into at most.
const BLOCKS: usize = 24;
/// CDNs told apart; what is left of the total is one channel more.
const CDNS: usize = 4;
/// How soon, s, and how high a rise may go. Assumed (2026-12).
const RISING_S: f64 = 3_600.0;
const RISEN: f64 = 0.6;
/// Below so many standard deviations under the baseline something has failed, and the bin tells nothing of causes.
const FAILED_SIGMA: f64 = -4.0;
/// Least spread of the part of the total that no CDN accounts for, of that of the total.
const REST_SIGMA: f64 = 0.1;

/// A block of time, in seconds from the start of the window.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "all are seconds")]
pub(super) struct Block {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    /// Time of it that was watched.
    pub(super) watched_s: f64,
}

/// One value to fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) block: usize,
    pub(super) channel: usize,
    /// Mean excess, in units.
    pub(super) y: f64,
}

/// Everything to fit.
#[derive(Debug, Clone)]
pub(super) struct Data {
    /// Start of the window.
    pub(super) from: DateTime<Utc>,
    pub(super) blocks: Vec<Block>,
    /// CDNs told apart; the last channel, beyond them, is the rest.
    pub(super) cdns: Vec<String>,
    /// Standard deviation of the baseline's error by channel, in units.
    pub(super) sigma: Vec<f64>,
    pub(super) cells: Vec<Cell>,
    /// Excess of the total by block, in units.
    pub(super) total: Vec<f64>,
    /// Share of the excess by channel, every one a little above 0.
    pub(super) mix: Vec<f64>,
    /// Bit/s of one unit.
    pub(super) unit_bps: f64,
}

impl Data {
    /// `None` if no bin of the window was watched.
    pub(super) fn new(observed: &Observed) -> Option<Self> {
        let fine = Fine::new(observed);
        let unit_bps = unit(&observed.total, &fine)?;
        let named = channels(observed, &fine);
        let mut data = Self {
            from: observed.from,
            blocks: Vec::new(),
            cdns: named.iter().map(|(name, _)| (*name).clone()).collect(),
            sigma: sigmas(&named, unit_bps),
            cells: Vec::new(),
            total: Vec::new(),
            mix: Vec::new(),
            unit_bps,
        };
        for bins in fine.bins.chunks(fine.bins.len().div_ceil(BLOCKS).max(1)) {
            data.add_block(observed, &named, &fine, bins);
        }
        data.mix = data.mix();
        (!data.cells.is_empty()).then_some(data)
    }

    /// Channels, the rest included.
    pub(super) fn channels(&self) -> usize {
        self.sigma.len()
    }

    /// Excess bytes of the window.
    pub(super) fn bytes(&self) -> f64 {
        self.bytes_of(&self.total)
    }

    /// Bytes of a curve by block, in units.
    pub(super) fn bytes_of(&self, curve: &[f64]) -> f64 {
        let sum: f64 = curve.iter().zip(&self.blocks).map(|(x, block)| x * block.watched_s).sum();
        sum * self.unit_bps / 8.0
    }

    /// A curve with its rise made as high as it will be soon: where traffic has only begun, how fast it rises is not known
    /// to a share of what it is then.
    pub(super) fn risen(&self, curve: &[f64]) -> Vec<f64> {
        let largest = curve.iter().fold(0.0_f64, |top, x| top.max(*x));
        let soon = |block: &Block| {
            let ahead = self.blocks.iter().zip(curve);
            let ahead = ahead.filter(|(other, _)| (0.0..=RISING_S).contains(&(other.from_s - block.from_s)));
            ahead.map(|(_, x)| *x).fold(0.0, f64::max)
        };
        let value = |(block, x): (&Block, &f64)| {
            if *x > 1e-3 * largest { x.max(RISEN * soon(block)) } else { *x }
        };
        self.blocks.iter().zip(curve).map(value).collect()
    }

    fn add_block(&mut self, observed: &Observed, named: &[(&String, &Excess)], fine: &Fine, bins: &[usize]) {
        let total = &observed.total.bps;
        let alive = |bin: &usize| total.get(*bin).is_some_and(|bps| bps > FAILED_SIGMA * self.unit_bps);
        let kept: Vec<usize> = bins.iter().copied().filter(alive).collect();
        // A block of which most is missing says more of what is missing than of the block.
        if kept.is_empty() || 2 * kept.len() < bins.len() {
            return;
        }
        let mean = |excess: &Excess| {
            let known: Vec<f64> = kept.iter().filter_map(|bin| excess.bps.at(fine.instant(*bin))).collect();
            (2 * known.len() >= kept.len() && !known.is_empty())
                .then(|| known.iter().sum::<f64>() / num::of_usize(known.len()) / self.unit_bps)
        };
        let Some(all) = mean(&observed.total) else { return };
        let parts: Vec<Option<f64>> = named.iter().map(|(_, excess)| mean(excess)).collect();
        let rest = parts.iter().copied().sum::<Option<f64>>().map(|sum| all - sum);
        let block = self.blocks.len();
        for (channel, y) in parts.into_iter().chain([rest]).enumerate() {
            self.cells.extend(y.map(|y| Cell { block, channel, y }));
        }
        let offset = |bin: usize| num::of_i64((fine.instant(bin) - self.from).num_milliseconds()) / 1000.0;
        let (first, last) = (bins[0], bins[bins.len() - 1]);
        self.blocks.push(Block {
            from_s: offset(first),
            to_s: offset(last) + fine.step_s,
            watched_s: num::of_usize(kept.len()) * fine.step_s,
        });
        self.total.push(all);
    }

    /// Shares of the excess.
    fn mix(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.channels()];
        for cell in &self.cells {
            sums[cell.channel] += cell.y;
        }
        pulled(&sums)
    }
}

/// Shares by channel, pulled a little to equal ones: what is not on a CDN today may be there tomorrow.
pub(super) fn pulled(sums: &[f64]) -> Vec<f64> {
    let all: f64 = sums.iter().map(|x| x.max(0.0)).sum();
    let even = num::of_usize(sums.len()).recip();
    let share = |x: &f64| if all > 0.0 { 0.8 * x.max(0.0) / all + 0.2 * even } else { even };
    sums.iter().map(share).collect()
}

/// Bins of the total inside the window.
struct Fine {
    bins: Vec<usize>,
    start: DateTime<Utc>,
    step_s: f64,
}

impl Fine {
    fn new(observed: &Observed) -> Self {
        let bps = &observed.total.bps;
        let inside =
            |bin: &usize| bps.start_of(*bin).is_some_and(|at| at >= observed.from && at < observed.until);
        let bins = (0..bps.len()).filter(inside).collect();
        Self { bins, start: bps.start(), step_s: f64::from(bps.step_secs().get()) }
    }

    fn instant(&self, bin: usize) -> DateTime<Utc> {
        self.start + TimeDelta::milliseconds(num::to_i64(num::of_usize(bin) * self.step_s * 1000.0))
    }
}

/// The error of the baseline, which everything is measured in; a twentieth of the largest excess if it is not known.
fn unit(total: &Excess, fine: &Fine) -> Option<f64> {
    let known = fine.bins.iter().filter_map(|bin| total.bps.get(*bin)).map(f64::abs);
    let largest = known.reduce(f64::max)?;
    let usable = total.sigma_bps.is_finite() && total.sigma_bps > 0.0;
    // A baseline that is never wrong would make every likelihood infinitely sharp.
    let sigma = if usable { total.sigma_bps.max(1e-3 * largest) } else { 0.05 * largest };
    Some(if sigma > 0.0 { sigma } else { 1.0 })
}

/// The CDNs of the largest excess, in order of names.
fn channels<'a>(observed: &'a Observed, fine: &Fine) -> Vec<(&'a String, &'a Excess)> {
    let size = |excess: &Excess| -> f64 {
        fine.bins.iter().filter_map(|bin| excess.bps.at(fine.instant(*bin))).sum::<f64>().abs()
    };
    let mut all: Vec<_> = observed.by_cdn.iter().filter(|(name, _)| *name != UNKNOWN_CDN).collect();
    all.sort_by(|a, b| size(b.1).total_cmp(&size(a.1)));
    all.truncate(CDNS);
    all.sort_by_key(|(name, _)| *name);
    all
}

fn sigmas(named: &[(&String, &Excess)], unit_bps: f64) -> Vec<f64> {
    let sane = |sigma: f64| if sigma.is_finite() && sigma > 0.0 { sigma.max(0.02) } else { 1.0 };
    let parts: Vec<f64> = named.iter().map(|(_, excess)| sane(excess.sigma_bps / unit_bps)).collect();
    let left = 1.0 - parts.iter().map(|s| s * s).sum::<f64>();
    let rest = libm::sqrt(left.max(REST_SIGMA * REST_SIGMA));
    parts.into_iter().chain([rest]).collect()
}
