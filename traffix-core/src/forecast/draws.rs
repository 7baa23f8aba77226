//! Stratified draws that mean the same world everywhere.
//!
//! Draw `i` of a parameter depends only on the seed, the id of the RU and the name of the parameter. So draw
//! `i` is the same world for every network, size and date compared (common random numbers), and "what if
//! the size doubles" moves every draw in one direction. Each parameter is drawn once from every one of `M`
//! equally likely strata, in an order of its own (Latin hypercube sampling).
//!
//! # Sources
//!
//! M. D. `McKay`, R. J. Beckman, W. J. Conover, "A comparison of three methods for selecting values of input
//! variables", Technometrics 21 (1979) 239-245. G. Marsaglia, W. W. Tsang, "A simple method for generating
//! gamma variables", ACM TOMS 26 (2000) 363-372.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::audience::LogNormal;
use super::math::normal_quantile;
use crate::num;

/// Source of the draws of one RU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws<'a> {
    pub(crate) seed: u64,
    pub(crate) ru_id: &'a str,
    pub(crate) count: usize,
}

impl Draws<'_> {
    /// One number in (0, 1) per draw, one from each stratum.
    pub(crate) fn uniforms(&self, name: &str) -> Vec<f64> {
        let mut rng = self.stream(name);
        let count = num::of_usize(self.count);
        let mut strata: Vec<u32> = (0..u32::try_from(self.count).unwrap_or(u32::MAX)).collect();
        for i in (1..strata.len()).rev() {
            let j = num::to_usize(num::unit(rng.next_u64()) * num::of_usize(i + 1));
            strata.swap(i, j.min(i));
        }
        strata.iter().map(|&s| (f64::from(s) + num::unit(rng.next_u64()).max(1e-12)) / count).collect()
    }

    /// One standard-normal score per draw.
    pub(crate) fn normals(&self, name: &str) -> Vec<f64> {
        let mut scores = self.uniforms(name);
        for u in &mut scores {
            *u = normal_quantile(*u);
        }
        scores
    }

    /// One gamma variable (scale 1) per draw.
    ///
    /// The first proposal uses a stratified normal score and is taken in more than 95 % of the draws, so the
    /// draw moves smoothly with the shape and common random numbers keep their meaning.
    pub(crate) fn gammas(&self, name: &str, shape: f64) -> Vec<f64> {
        let scores = self.normals(name);
        let mut rng = self.stream(&format!("{name}/reject"));
        // A shape below 1 is drawn one higher and brought back by a power of a uniform number.
        let boosted = if shape < 1.0 { shape + 1.0 } else { shape };
        let d = boosted - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        scores
            .iter()
            .map(|&score| {
                let mut own = SplitMix(rng.next_u64());
                let mut z = score;
                let mut value = d;
                for _ in 0..64 {
                    let v = (1.0 + c * z) * (1.0 + c * z) * (1.0 + c * z);
                    let u = own.uniform();
                    if v > 0.0 && libm::log(u) < 0.5 * z * z + d - d * v + d * libm::log(v) {
                        value = d * v;
                        break;
                    }
                    z = normal_quantile(own.uniform());
                }
                if shape < 1.0 { value * libm::pow(own.uniform(), 1.0 / shape) } else { value }
            })
            .collect()
    }

    /// One beta variable per draw.
    pub(crate) fn betas(&self, name: &str, (a, b): (f64, f64)) -> Vec<f64> {
        let x = self.gammas(&format!("{name}/a"), a);
        let y = self.gammas(&format!("{name}/b"), b);
        x.iter().zip(&y).map(|(x, y)| x / (x + y).max(f64::MIN_POSITIVE)).collect()
    }

    /// One vector of shares per draw around `shares` (which sum to 1), flat: `count` rows of `shares.len()`.
    ///
    /// `names` are the keys of the parts, so that a part keeps its draws when another is added.
    pub(crate) fn shares(&self, names: &[String], shares: &[f64], strength: f64) -> Vec<f64> {
        let parts = shares.len();
        let mut flat = vec![0.0; self.count * parts];
        for (p, (name, share)) in names.iter().zip(shares).enumerate() {
            if *share <= 0.0 {
                continue;
            }
            for (i, g) in self.gammas(name, strength * share).into_iter().enumerate() {
                flat[i * parts + p] = g;
            }
        }
        for row in flat.chunks_exact_mut(parts.max(1)) {
            let total: f64 = row.iter().sum();
            for (x, share) in row.iter_mut().zip(shares) {
                *x = if total > 0.0 { *x / total } else { *share };
            }
        }
        flat
    }

    fn stream(&self, name: &str) -> ChaCha8Rng {
        let mut mix = SplitMix(self.seed);
        for part in [self.ru_id, "\u{0}", name] {
            for byte in part.bytes() {
                mix.0 = mix.next() ^ u64::from(byte);
            }
        }
        let mut key = [0; 32];
        for chunk in key.chunks_exact_mut(8) {
            chunk.copy_from_slice(&mix.next().to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }
}

/// The `SplitMix64` generator (G. L. Steele et al., OOPSLA 2014): mixes keys and feeds rejection steps.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        num::unit(self.next()).max(1e-16)
    }
}

/// Stratified draws of one log-normal parameter, keyed by the RU's id and the parameter's name.
///
/// ```
/// use traffix_core::forecast::{LogNormal, draw_log_normal, quantile};
/// let draws = draw_log_normal(&LogNormal::new(1000.0, 0.5), ("some-ru", "audience"), 1, 512);
/// assert!((quantile(&draws, 0.5) / 1000.0 - 1.0).abs() < 0.01);
/// ```
pub fn draw_log_normal(x: &LogNormal, (ru_id, name): (&str, &str), seed: u64, count: usize) -> Vec<f64> {
    Draws { seed, ru_id, count }.normals(name).into_iter().map(|z| x.at(z)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: Draws<'_> = Draws { seed: 7, ru_id: "x", count: 512 };

    #[test]
    fn every_stratum_is_hit_once() {
        let mut u = DRAWS.uniforms("p");
        u.sort_by(f64::total_cmp);
        for (i, x) in u.iter().enumerate() {
            assert_eq!(num::to_usize(x * 512.0), i);
        }
        assert_ne!(DRAWS.uniforms("p"), DRAWS.uniforms("q"));
    }

    #[test]
    fn gamma_draws_have_the_right_moments() {
        for shape in [0.4, 1.0, 3.0, 13.0] {
            let draws = Draws { count: 4096, ..DRAWS }.gammas("g", shape);
            let mean = draws.iter().sum::<f64>() / 4096.0;
            let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 4096.0;
            assert!((mean / shape - 1.0).abs() < 0.04, "{shape} {mean}");
            assert!((variance / shape - 1.0).abs() < 0.12, "{shape} {variance}");
        }
    }

    #[test]
    fn shares_sum_to_one() {
        let names = ["a".to_owned(), "b".to_owned()];
        for row in DRAWS.shares(&names, &[0.3, 0.7], 8.0).chunks_exact(2) {
            assert!((row[0] + row[1] - 1.0).abs() < 1e-12);
        }
    }
}
