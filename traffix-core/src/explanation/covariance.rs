//! What the curves of candidates leave over: errors of the baseline, of the forecasts, and the unknown.

use super::data::Data;
use crate::num;

/// Correlation of the baseline's error between two CDNs. Assumed (2026-12).
const BETWEEN_CDNS: f64 = 0.3;
/// Error of a block that nothing else shares, of the spread of the baseline. Assumed (2026-12).
const OWN_ERROR: f64 = 0.2;
/// Error of a forecast's shape, of the traffic seen. Assumed (2026-12), about what start laws differ by.
const SHAPE_ERROR: f64 = 0.25;
/// How long an error of the shape lasts, s. Assumed (2026-12).
const SHAPE_S: f64 = 5_400.0;
/// How long something unknown stays as it is, s. Assumed (2026-12), with football and live streams in view.
const UNKNOWN_S: f64 = 7_200.0;

/// What a covariance is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    /// Standard deviation of the unknown, in units; 0 for none.
    pub(super) unknown: f64,
    /// Whether forecasts are involved, which err.
    pub(super) forecasts: bool,
    /// How long the baseline's error lasts, s.
    pub(super) noise_s: f64,
}

/// Lower triangle of a covariance's root, row by row, to whiten with.
pub(super) struct Root {
    rows: Vec<f64>,
    n: usize,
    /// Half the logarithm of the determinant.
    pub(super) ln_volume: f64,
}

impl Root {
    pub(super) fn new(data: &Data, parts: Parts) -> Self {
        let n = data.cells.len();
        let between = times(data, parts);
        let seen = smoothed(&data.total);
        let even = num::of_usize(data.channels()).recip();
        let strength = crate::forecast::priors::CDN_STRENGTH + 1.0;
        let mut rows = vec![0.0; n * n];
        for (i, a) in data.cells.iter().enumerate() {
            for (j, b) in data.cells[..=i].iter().enumerate() {
                let same = a.channel == b.channel;
                let at = a.block * data.blocks.len() + b.block;
                let cdns = if same { 1.0 } else { BETWEEN_CDNS };
                let mut sum = data.sigma[a.channel] * data.sigma[b.channel] * cdns * between.noise[at];
                if same {
                    sum += parts.unknown * parts.unknown * even * between.unknown[at];
                }
                if parts.forecasts {
                    let (p, q) = (data.mix[a.channel], data.mix[b.channel]);
                    let mix = if same { p - p * q } else { -p * q };
                    let shape = SHAPE_ERROR * SHAPE_ERROR * p * q * between.shape[at];
                    sum += seen[a.block] * seen[b.block] * (shape + mix / strength);
                }
                if i == j {
                    sum += (OWN_ERROR * data.sigma[a.channel]).powi(2);
                }
                rows[i * n + j] = sum;
            }
        }
        Self::of(rows, n)
    }

    /// Cholesky's root.
    fn of(mut rows: Vec<f64>, n: usize) -> Self {
        let mut ln_volume = 0.0;
        for i in 0..n {
            let (above, row) = rows.split_at_mut(i * n);
            for j in 0..i {
                let other = &above[j * n..j * n + j + 1];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            // The errors of single blocks keep it positive; rounding shall not undo that.
            let left = (row[i] - dot(&row[..i], &row[..i])).max(1e-9);
            row[i] = libm::sqrt(left);
            ln_volume += libm::log(row[i]);
        }
        Self { rows, n, ln_volume }
    }

    /// Solves `root x = y`: what was correlated becomes independent, with variance 1.
    pub(super) fn whiten(&self, y: &mut [f64]) {
        for i in 0..self.n {
            let row = &self.rows[i * self.n..=i * self.n + i];
            y[i] = (y[i] - dot(&row[..i], &y[..i])) / row[i];
        }
    }
}

/// Correlations by pair of blocks.
struct Times {
    noise: Vec<f64>,
    shape: Vec<f64>,
    unknown: Vec<f64>,
}

fn times(data: &Data, parts: Parts) -> Times {
    let middles: Vec<f64> = data.blocks.iter().map(|b| 0.5 * (b.from_s + b.to_s)).collect();
    let noise_s = if parts.noise_s > 1.0 { parts.noise_s } else { 1.0 };
    let table = |time_s: f64| -> Vec<f64> {
        let row = |a: &f64| {
            let a = *a;
            middles.iter().map(move |b| libm::exp(-(a - b).abs() / time_s)).collect::<Vec<_>>()
        };
        middles.iter().flat_map(row).collect()
    };
    Times { noise: table(noise_s), shape: table(SHAPE_S), unknown: table(UNKNOWN_S) }
}

/// Traffic seen by block, less noise and never negative.
fn smoothed(total: &[f64]) -> Vec<f64> {
    let near = |i: usize| &total[i.saturating_sub(1)..(i + 2).min(total.len())];
    let mean = |part: &[f64]| part.iter().sum::<f64>() / num::of_usize(part.len().max(1));
    (0..total.len()).map(|i| mean(near(i)).max(0.0)).collect()
}

/// Four sums at once, so that the compiler may use vector units.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (mut sums, rest) = ([0.0; 4], a.len() / 4 * 4);
    for (x, y) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        for k in 0..4 {
            sums[k] += x[k] * y[k];
        }
    }
    let tail: f64 = a[rest..].iter().zip(&b[rest..]).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use super::Root;

    #[test]
    fn whitening_solves_the_triangle() {
        let covariance = [4.0, 0.0, 0.0, 2.0, 5.0, 0.0, 1.0, 3.0, 6.0];
        let root = Root::of(covariance.to_vec(), 3);
        let mut y = [2.0, -1.0, 0.5];
        root.whiten(&mut y);
        // y' C^-1 y by Cramer's rule: the determinant is 67.
        let square: f64 = y.iter().map(|x| x * x).sum();
        assert!((root.ln_volume - 0.5 * 67.0_f64.ln()).abs() < 1e-12);
        let inverse = [[21.0, -9.0, 1.0], [-9.0, 23.0, -10.0], [1.0, -10.0, 16.0]];
        let raw = [2.0, -1.0, 0.5];
        let want: f64 =
            (0..3).map(|i| (0..3).map(|j| raw[i] * inverse[i][j] * raw[j] / 67.0).sum::<f64>()).sum();
        assert!((square - want).abs() < 1e-12, "{square} {want}");
    }
}
