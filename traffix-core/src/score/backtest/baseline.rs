//! Forecasts without a model.

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::forecast::LogNormal;
use crate::forecast::engine_parts::{Plan, median_sizes, platform_belief};
use crate::num;

/// A forecast that needs no model, to be better than.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// Bytes of one download x lines x one constant, the constant from all other events.
    B1,
    /// Lines x one constant, the constant from all other events.
    B2,
    /// Bit/s per line of the last similar event: of the same network, else of the same franchise, else any.
    B3,
    /// As last week at this hour: no extra traffic at all.
    B4,
}

impl Baseline {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::B1, Self::B2, Self::B3, Self::B4];

    /// What it is, in words.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::B1 => "size x lines x one constant",
            Self::B2 => "one constant per line",
            Self::B3 => "the last similar event, per line",
            Self::B4 => "as last week (no extra)",
        }
    }

    /// Its forecasts for all events, which are in order of time. `None` where it has none: B3 before anything similar
    /// was seen, B4 everywhere, as a forecast of nothing has no logarithm.
    ///
    /// The spread of B1 and B2 is that of the other events around their constant; that of B3 is the mean error B3
    /// makes on the other events. Each is thus as good as its class allows.
    pub(super) fn forecasts(self, events: &[&Event]) -> Vec<Option<LogNormal>> {
        match self {
            Self::B1 => constant(events, |e| mean_bytes(e) * e.input.network.lines),
            Self::B2 => constant(events, |e| e.input.network.lines),
            Self::B3 => last_similar(events),
            Self::B4 => vec![None; events.len()],
        }
    }
}

/// Bytes of one download over the platforms.
fn mean_bytes(event: &Event) -> f64 {
    let sizes = median_sizes(&event.input);
    let (weights, _) = platform_belief(&event.input);
    weights.iter().map(|(platform, weight)| weight * sizes[platform]).sum()
}

/// Leave-one-out: scale x the median ratio of the others.
fn constant(events: &[&Event], scale: impl Fn(&Event) -> f64) -> Vec<Option<LogNormal>> {
    let ratios: Vec<f64> = events.iter().map(|e| libm::log(e.observed.mid / scale(e))).collect();
    let forecast = |i: usize| {
        let others = ratios.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, r)| *r);
        let n = num::of_usize(events.len() - 1);
        if n < 2.0 {
            return None;
        }
        let mean = others.clone().sum::<f64>() / n;
        let variance = others.map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0);
        // The constant itself is known from n events only.
        let sigma = libm::sqrt(variance * (1.0 + 1.0 / n));
        Some(LogNormal::new(scale(events[i]) * libm::exp(mean), sigma))
    };
    (0..events.len()).map(forecast).collect()
}

fn last_similar(events: &[&Event]) -> Vec<Option<LogNormal>> {
    let medians: Vec<Option<f64>> = (0..events.len()).map(|i| last_before(events, i)).collect();
    let error = |(median, event): (&Option<f64>, &&Event)| {
        median.map(|m| libm::log(event.observed.mid / m)).filter(|e| e.is_finite())
    };
    let errors: Vec<Option<f64>> = medians.iter().zip(events).map(error).collect();
    let spread = |i: usize| {
        let others: Vec<f64> =
            errors.iter().enumerate().filter(|(j, _)| *j != i).filter_map(|(_, e)| *e).collect();
        let n = num::of_usize(others.len());
        (n > 0.0).then(|| libm::sqrt(others.iter().map(|e| e * e).sum::<f64>() / n))
    };
    medians.iter().enumerate().map(|(i, m)| Some(LogNormal::new((*m)?, spread(i)?))).collect()
}

fn last_before(events: &[&Event], i: usize) -> Option<f64> {
    let event = events[i];
    let own = &event.input;
    let begins = |e: &Event| Plan::span(&e.input).0;
    let earlier = || events[..i].iter().rev().filter(|e| begins(e) < begins(event));
    let network = earlier().find(|e| e.input.network.id == own.network.id);
    let franchise =
        || earlier().find(|e| e.input.ru.franchise.is_some() && e.input.ru.franchise == own.ru.franchise);
    let similar = network.or_else(franchise).or_else(|| earlier().next())?;
    let lines = similar.input.network.lines;
    (lines > 0.0).then(|| similar.observed.mid / lines * own.network.lines)
}
