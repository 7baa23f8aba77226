//! Simulated traffic: a week with evenings and weekends, days that run high or low, noise that remembers.
#![allow(dead_code, reason = "not every test uses all of it")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "small numbers; a broken simulation should stop"
)]

use chrono::{DateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use traffix_core::forecast::math::normal_quantile;
use traffix_core::samples::Samples;

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Log level by local clock: low at five in the morning, high at eight in the evening, weekends higher by day.
pub(crate) fn pattern(tz: Tz, at: DateTime<Utc>) -> f64 {
    let local = tz.from_utc_datetime(&at.naive_utc());
    let hour = f64::from(local.num_seconds_from_midnight()) / 3600.0;
    let day = (std::f64::consts::TAU * (hour - 14.0) / 24.0).sin();
    let weekend = chrono::Datelike::weekday(&local).num_days_from_monday() >= 5;
    let noon = 0.5 - 0.5 * (std::f64::consts::TAU * hour / 24.0).cos();
    0.5 * day + if weekend { 0.2 * noon } else { 0.0 }
}

/// What is simulated.
#[derive(Clone, Copy)]
pub(crate) struct Quiet {
    pub(crate) tz: Tz,
    pub(crate) step_secs: u32,
    pub(crate) weeks: usize,
    /// Spread of a bin, its correlation with the one before, spread of days.
    pub(crate) sigma: f64,
    pub(crate) ar1: f64,
    pub(crate) day_sigma: f64,
    pub(crate) seed: u64,
}

pub(crate) const QUIET: Quiet = Quiet {
    tz: chrono_tz::Europe::London,
    step_secs: 300,
    weeks: 8,
    sigma: 0.04,
    ar1: 0.9,
    day_sigma: 0.06,
    seed: 1,
};

impl Quiet {
    pub(crate) fn bins(&self) -> usize {
        self.weeks * 604_800 / usize::try_from(self.step_secs).unwrap()
    }

    /// Values in bit/s from an instant on.
    pub(crate) fn values(&self, start: DateTime<Utc>) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut normal = || normal_quantile(rng.random::<f64>().clamp(1e-12, 1.0 - 1e-12));
        let days: Vec<f64> = (0..self.weeks * 7 + 2).map(|_| self.day_sigma * normal()).collect();
        let mut rest = self.sigma * normal();
        let new = self.sigma * (1.0 - self.ar1 * self.ar1).sqrt();
        let value = |bin: usize| {
            let secs = i64::try_from(bin).unwrap() * i64::from(self.step_secs);
            let middle = start + chrono::TimeDelta::seconds(secs + i64::from(self.step_secs) / 2);
            let (whole, part) = (secs / 86_400, (secs % 86_400) as f64 / 86_400.0);
            let day = usize::try_from(whole).unwrap();
            let level = days[day] + part * (days[day + 1] - days[day]);
            rest = self.ar1 * rest + new * normal();
            1e12 * (pattern(self.tz, middle) + level + rest).exp()
        };
        (0..self.bins()).map(value).collect()
    }

    pub(crate) fn samples(&self, start: DateTime<Utc>) -> Samples {
        self.of(start, self.values(start))
    }

    pub(crate) fn of(&self, start: DateTime<Utc>, values: Vec<f64>) -> Samples {
        Samples::new(start, self.step_secs.try_into().unwrap(), values.into_iter().map(Some))
    }
}
