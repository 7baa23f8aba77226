//! Forecasts without a model.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::forecast::engine_parts::{Plan, median_sizes, platform_belief};
use crate::forecast::{ForecastInput, LogNormal};
use crate::num;

/// A forecast that needs no model, to be better than.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

    /// Its forecasts for all cases, which are in order of time. `None` where it has none: B3 before anything similar
    /// was seen, B4 everywhere, as a forecast of nothing has no logarithm.
    ///
    /// The spread of B1 and B2 is that of the other cases around their constant; that of B3 is the mean error B3
    /// makes on the other cases. Each is thus as good as its class allows.
    pub(crate) fn forecasts(self, cases: &[Case]) -> Vec<Option<LogNormal>> {
        match self {
            Self::B1 => constant(cases, |case| case.bytes_each * case.lines),
            Self::B2 => constant(cases, |case| case.lines),
            Self::B3 => last_similar(cases),
            Self::B4 => vec![None; cases.len()],
        }
    }
}

/// What forecasts without a model look at, and what was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// When the event began.
    pub at: DateTime<Utc>,
    /// The network.
    pub network: String,
    /// Franchise of the RU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub franchise: Option<String>,
    /// Access lines.
    pub lines: f64,
    /// Bytes of one download, the mean over the platforms.
    pub bytes_each: f64,
    /// Observed extra peak, bit/s.
    pub observed_bps: f64,
}

impl Case {
    /// A case from the question that was asked and the observed extra peak.
    pub fn of(input: &ForecastInput, observed_bps: f64) -> Self {
        let sizes = median_sizes(input);
        let (weights, _) = platform_belief(input);
        Self {
            at: Plan::span(input).0,
            network: input.network.id.clone(),
            franchise: input.ru.franchise.clone(),
            lines: input.network.lines,
            bytes_each: weights.iter().map(|(platform, weight)| weight * sizes[platform]).sum(),
            observed_bps,
        }
    }
}

/// Leave-one-out: scale x the median ratio of the others.
fn constant(cases: &[Case], scale: impl Fn(&Case) -> f64) -> Vec<Option<LogNormal>> {
    let ratios: Vec<f64> = cases.iter().map(|case| libm::log(case.observed_bps / scale(case))).collect();
    let forecast = |i: usize| {
        let others = ratios.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, r)| *r);
        let n = num::of_usize(cases.len() - 1);
        if n < 2.0 {
            return None;
        }
        let mean = others.clone().sum::<f64>() / n;
        let variance = others.map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0);
        // The constant itself is known from n events only.
        let sigma = libm::sqrt(variance * (1.0 + 1.0 / n));
        Some(LogNormal::new(scale(&cases[i]) * libm::exp(mean), sigma))
    };
    (0..cases.len()).map(forecast).collect()
}

fn last_similar(cases: &[Case]) -> Vec<Option<LogNormal>> {
    let medians: Vec<Option<f64>> = (0..cases.len()).map(|i| last_before(cases, i)).collect();
    let error = |(median, case): (&Option<f64>, &Case)| {
        median.map(|m| libm::log(case.observed_bps / m)).filter(|e| e.is_finite())
    };
    let errors: Vec<Option<f64>> = medians.iter().zip(cases).map(error).collect();
    let spread = |i: usize| {
        let others: Vec<f64> =
            errors.iter().enumerate().filter(|(j, _)| *j != i).filter_map(|(_, e)| *e).collect();
        let n = num::of_usize(others.len());
        (n > 0.0).then(|| libm::sqrt(others.iter().map(|e| e * e).sum::<f64>() / n))
    };
    medians.iter().enumerate().map(|(i, m)| Some(LogNormal::new((*m)?, spread(i)?))).collect()
}

fn last_before(cases: &[Case], i: usize) -> Option<f64> {
    let own = &cases[i];
    let earlier = || cases[..i].iter().rev().filter(|case| case.at < own.at);
    let network = earlier().find(|case| case.network == own.network);
    let franchise = || earlier().find(|case| case.franchise.is_some() && case.franchise == own.franchise);
    let similar = network.or_else(franchise).or_else(|| earlier().next())?;
    (similar.lines > 0.0).then(|| similar.observed_bps / similar.lines * own.lines)
}
