//! Random numbers from a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use traffix_core::forecast::math::normal_quantile;

pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Between 0 and 1, neither included.
    pub(crate) fn unit(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / 4_294_967_296.0
    }

    pub(crate) fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number from `from` to `to`, both included.
    pub(crate) fn whole(&mut self, from: u32, to: u32) -> u32 {
        from + self.0.next_u32() % (to - from + 1)
    }

    pub(crate) fn normal(&mut self) -> f64 {
        normal_quantile(self.unit())
    }

    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Shares around `mean` with the spread of so many observations.
    pub(crate) fn dirichlet(&mut self, mean: &[f64], strength: f64) -> Vec<f64> {
        let parts: Vec<f64> = mean.iter().map(|m| self.gamma(m * strength)).collect();
        let all: f64 = parts.iter().sum::<f64>().max(1e-300);
        parts.iter().map(|part| part / all).collect()
    }

    /// Marsaglia and Tsang's method.
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return if shape > 0.0 { self.gamma(shape + 1.0) * self.unit().powf(1.0 / shape) } else { 0.0 };
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let (z, u) = (self.normal(), self.unit());
            let v = (1.0 + c * z).powi(3);
            if v > 0.0 && u.ln() < 0.5 * z * z + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}
