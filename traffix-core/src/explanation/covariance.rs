//! What the curves of candidates leave over: errors of the baseline, of the forecasts, and the unknown.

use super::data::{Cell, Data};
use crate::num;

/// Correlation of the baseline's error between two CDNs. Assumed (2026-12).
const BETWEEN_CDNS: f64 = 0.3;
/// Error of a block that nothing else shares, of the spread of the baseline. Assumed (2026-12).
const OWN_ERROR: f64 = 0.2;
/// Error of a forecast's shape, of the traffic seen. Assumed (2026-12), about what start laws differ by.
const SHAPE_ERROR: f64 = 0.25;
/// How long an error of the shape lasts, s. Assumed (2026-12).
const SHAPE_S: f64 = 5_400.0;
/// Observations that the belief in a CDN mix is worth where platform weights are uncertain too. Assumed (2026-12): of
/// the two strengths of the forecast's priors, 12 for CDNs and 4 for platforms.
const MIX_STRENGTH: f64 = 6.0;
/// Part of the error of a mix that changes within the event, as platforms start at other hours. Assumed (2026-12).
const MIX_DRIFT: f64 = 0.15;
/// How long what is like nothing else stays as it is, s. Assumed (2026-12).
const ODD_S: f64 = 7_200.0;

/// What a covariance is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    /// Standard deviation of what is like nothing else, in units; 0 for none.
    pub(super) odd: f64,
    /// What is taken to be forecast, in proportion to which forecasts err.
    pub(super) forecast: Option<&'a Forecasted>,
    /// How long the baseline's error lasts, s.
    pub(super) noise_s: f64,
}

/// Traffic that forecasts are to account for.
#[derive(Debug, Clone)]
pub(super) struct Forecasted {
    /// By block, in units.
    pub(super) total: Vec<f64>,
    /// Share by channel, each a little above 0.
    pub(super) mix: Vec<f64>,
}

impl Forecasted {
    /// Everything that was seen.
    pub(super) fn seen(data: &Data) -> Self {
        Self { total: smoothed(&data.total), mix: data.mix.clone() }
    }
}

/// Lower triangle of a covariance's root, row by row, to whiten with.
pub(super) struct Root {
    rows: Vec<f64>,
    n: usize,
    /// Covariance of each cell with the sum over time and channels of what is no candidate's, in unit seconds.
    pub(super) with_left: Vec<f64>,
    /// Variance of that sum.
    pub(super) left_variance: f64,
    /// Half the logarithm of the determinant.
    pub(super) ln_volume: f64,
}

impl Root {
    pub(super) fn new(data: &Data, parts: Parts<'_>) -> Self {
        let n = data.cells.len();
        let between = times(data, parts);
        let even = num::of_usize(data.channels()).recip();
        let mut rows = vec![0.0; n * n];
        let (mut with_left, mut left_variance) = (vec![0.0; n], 0.0);
        for (i, a) in data.cells.iter().enumerate() {
            for (j, b) in data.cells[..=i].iter().enumerate() {
                let same = a.channel == b.channel;
                let at = a.block * data.blocks.len() + b.block;
                let cdns = if same { 1.0 } else { BETWEEN_CDNS };
                let mut left = data.sigma[a.channel] * data.sigma[b.channel] * cdns * between.noise[at];
                if same {
                    left += parts.odd * parts.odd * even * between.odd[at];
                }
                if i == j {
                    left += (OWN_ERROR * data.sigma[a.channel]).powi(2);
                }
                let (wide, high) = (data.blocks[b.block].watched_s, data.blocks[a.block].watched_s);
                with_left[i] += left * wide;
                with_left[j] += if i == j { 0.0 } else { left * high };
                left_variance += left * wide * high * if i == j { 1.0 } else { 2.0 };
                let errors = parts.forecast.map_or(0.0, |f| errors(f, (a, b), between.shape[at]));
                rows[i * n + j] = left + errors;
            }
        }
        let (rows, ln_volume) = root(rows, n);
        Self { rows, n, with_left, left_variance, ln_volume }
    }

    /// Solves `root x = y`: what was correlated becomes independent, with variance 1.
    pub(super) fn whiten(&self, y: &mut [f64]) {
        for i in 0..self.n {
            let row = &self.rows[i * self.n..=i * self.n + i];
            y[i] = (y[i] - dot(&row[..i], &y[..i])) / row[i];
        }
    }
}

/// Covariance of the errors of forecasts at two cells: in shape, alike on all CDNs, and in mix.
fn errors(forecasted: &Forecasted, (a, b): (&Cell, &Cell), near: f64) -> f64 {
    let (p, q) = (forecasted.mix[a.channel], forecasted.mix[b.channel]);
    let mix = if a.channel == b.channel { p - p * q } else { -p * q };
    let relative = par(0).powi(2) * p * q * near + mix / par(2) * (1.0 - par(3) + par(3) * near);
    forecasted.total[a.block] * forecasted.total[b.block] * relative
}

/// Cholesky's root of a covariance, and half the logarithm of its determinant.
fn root(mut rows: Vec<f64>, n: usize) -> (Vec<f64>, f64) {
    let mut ln_volume = 0.0;
    for i in 0..n {
        let (above, row) = rows.split_at_mut(i * n);
        for j in 0..i {
            let other = &above[j * n..=j * n + j];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        // The errors of single blocks keep it positive; rounding shall not undo that.
        let left = (row[i] - dot(&row[..i], &row[..i])).max(1e-9);
        row[i] = libm::sqrt(left);
        ln_volume += libm::log(row[i]);
    }
    (rows, ln_volume)
}

/// Correlations by pair of blocks.
struct Times {
    noise: Vec<f64>,
    shape: Vec<f64>,
    odd: Vec<f64>,
}

fn times(data: &Data, parts: Parts<'_>) -> Times {
    let middles: Vec<f64> = data.blocks.iter().map(|b| 0.5 * (b.from_s + b.to_s)).collect();
    let noise_s = if parts.noise_s > 1.0 { parts.noise_s } else { 1.0 };
    let table = |correlation: &dyn Fn(f64) -> f64| -> Vec<f64> {
        let row = |a: &f64| middles.iter().map(|b| correlation((a - b).abs())).collect::<Vec<_>>();
        middles.iter().flat_map(row).collect()
    };
    Times {
        noise: table(&|apart| libm::exp(-apart / noise_s)),
        // Curves of downloads are smooth: who is above the forecast now is so in half an hour.
        shape: table(&|apart| libm::exp(-0.5 * (apart / (3600.0 * par(1))) * (apart / (3600.0 * par(1))))),
        odd: table(&|apart| libm::exp(-apart / ODD_S)),
    }
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
    use super::{Root, root};

    #[test]
    fn whitening_solves_the_triangle() {
        let covariance = [4.0, 0.0, 0.0, 2.0, 5.0, 0.0, 1.0, 3.0, 6.0];
        let (rows, ln_volume) = root(covariance.to_vec(), 3);
        let root = Root { rows, n: 3, with_left: Vec::new(), left_variance: 0.0, ln_volume };
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

pub(super) fn par(i: usize) -> f64 {
    static P: std::sync::OnceLock<Vec<f64>> = std::sync::OnceLock::new();
    P.get_or_init(|| {
        std::env::var("PAR")
            .unwrap_or("0.3,1.5,6,0.15,0.6,1.0".into())
            .split(',')
            .map(|x| x.parse().unwrap())
            .collect()
    })[i]
}
