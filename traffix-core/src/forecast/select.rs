//! Quantiles of many bins: selection instead of sorting.

use super::output::Fan;
use super::pouring::{TILE, Tile};
use super::quantile::{REPORTED, rank};
use crate::num;

/// Which order statistics the reported quantiles need for a number of draws.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranks {
    places: [(usize, f64); 4],
}

impl Ranks {
    pub(crate) fn new(draws: usize) -> Self {
        Self { places: REPORTED.map(|q| rank(draws, q)) }
    }

    /// The reported quantiles of one bin. `column` holds the bits of non-negative floats, which sort like the
    /// floats themselves; its order is changed.
    pub(crate) fn select(&self, column: &mut [u32]) -> [f64; 4] {
        if column.iter().all(|x| *x == 0) {
            return [0.0; 4];
        }
        let [tenth, half, ninety, ninety_nine] = self.places;
        let (low, median, high) = column.select_nth_unstable(half.0);
        let median = *median;
        let above = smallest(high).unwrap_or(median);
        let p50 = between(half.1, median, above);
        let (_, value, rest) = low.select_nth_unstable(tenth.0);
        let p10 = between(tenth.1, *value, smallest(rest).unwrap_or(median));
        let offset = half.0 + 1;
        let (_, value, rest) = high.select_nth_unstable(ninety.0 - offset);
        let value = *value;
        let p90 = between(ninety.1, value, smallest(rest).unwrap_or(value));
        let offset = ninety.0 + 1;
        let p99 = if ninety_nine.0 < offset {
            between(ninety_nine.1, value, smallest(rest).unwrap_or(value))
        } else {
            let (_, value, rest) = rest.select_nth_unstable(ninety_nine.0 - offset);
            between(ninety_nine.1, *value, smallest(rest).unwrap_or(*value))
        };
        [p10, p50, p90, p99]
    }
}

fn smallest(values: &[u32]) -> Option<u32> {
    values.iter().copied().min()
}

fn between(rest: f64, low: u32, high: u32) -> f64 {
    let (low, high) = (f64::from(f32::from_bits(low)), f64::from(f32::from_bits(high)));
    low + rest * (high - low)
}

/// Appends the quantiles of one bin, in whole bits per second.
fn push(fan: &mut Fan, [p10, p50, p90, p99]: [f64; 4]) {
    fan.p10.push(p10.round());
    fan.p50.push(p50.round());
    fan.p90.push(p90.round());
    fan.p99.push(p99.round());
}

/// One column of values per bin of a block: all draws of a bin lie together.
pub(crate) struct Columns {
    bits: Vec<u32>,
    count: usize,
    stride: usize,
}

/// Words between the end of one column and the start of the next: without them columns of 512 draws lie a
/// multiple of two kilobytes apart and push one another out of the cache.
const GAP: usize = 16;

impl Columns {
    pub(crate) fn new(count: usize) -> Self {
        let stride = count + GAP;
        Self { bits: vec![0; TILE * stride], count, stride }
    }

    pub(crate) fn put(&mut self, draw: usize, tile: &Tile) {
        for (column, x) in self.bits.chunks_exact_mut(self.stride).zip(tile) {
            column[draw] = num::to_f32(*x).to_bits();
        }
    }

    pub(crate) fn reduce(&mut self, ranks: &Ranks, bins: usize, fan: &mut Fan) {
        for column in self.bits.chunks_exact_mut(self.stride).take(bins) {
            push(fan, ranks.select(&mut column[..self.count]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::quantile;
    use crate::num;

    #[test]
    fn selection_equals_sorting() {
        for count in [16, 17, 100, 512, 513] {
            let draws: Vec<f64> = (0..count).map(|i| num::of_usize((i * 7919) % 1009)).collect();
            let mut column: Vec<u32> = draws.iter().map(|x| num::to_f32(*x).to_bits()).collect();
            let got = Ranks::new(count).select(&mut column);
            for (q, got) in REPORTED.into_iter().zip(got) {
                assert!((quantile(&draws, q) - got).abs() < 1e-9, "{count} {q}");
            }
        }
    }
}
