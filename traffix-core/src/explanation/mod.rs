//! What was this spike? Every release and update that was due, scored against what was measured.
//!
//! [`explain`] compares hypotheses: each set of at most three candidates that took part together, with and without
//! something unknown beside them. A candidate's traffic is its forecast's median curve times a log-normal factor of
//! the forecast's spread, begun at the release or somewhat later, faster or slower than usual. Something unknown is a
//! Gaussian process of any size, shape and CDN mix: football, a live stream, traffic that comes back after an outage.
//! It fits everything and therefore predicts nothing well, which is its price. The error of the baseline is
//! correlated in time, so that an hour of bins counts as about one observation and not as twelve; forecasts err in
//! shape and CDN mix in proportion to what is seen.
//!
//! The probability of a cause is that of *having carried more of the excess bytes than any other, the unknown
//! included*. So the causes and [`unknown`](Explanation::unknown) sum to 1 however many events overlap. That a
//! release took part at all, however little, is [`took_part`](Cause::took_part).
//!
//! # Sources
//!
//! D. J. C. `MacKay`, "Bayesian interpolation", Neural Computation 4 (1992) 415-447 (evidence by Laplace's method).
//! M. C. Kennedy, A. O'Hagan, "Bayesian calibration of computer models", Journal of the Royal Statistical Society B 63
//! (2001) 425-464 (a model's discrepancy as a Gaussian process).

mod candidate;
mod confirm;
mod covariance;
mod data;
mod evidence;
mod fit;
mod hypotheses;
mod shares;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use candidate::{Candidate, DEFAULT_PLAUSIBILITY, question};
pub use confirm::confirmed;
pub use evidence::{Evidence, EvidenceKind, Speaks};

use crate::samples::Samples;

/// Traffic above its baseline, and how far the baseline is usually wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Excess {
    /// Measured less baseline by bin, bit/s; negative where less was measured.
    pub bps: Samples,
    /// Standard deviation of the baseline's error, bit/s.
    pub sigma_bps: f64,
}

/// What was measured around a spike.
///
/// All series have the same grid. `by_cdn` and `by_platform` may be empty, and may leave a part of the total out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// First instant looked at; an hour or two before the spike shows what had already been running.
    pub from: DateTime<Utc>,
    /// End of what is looked at: of the spike, or now.
    pub until: DateTime<Utc>,
    /// When the spike began.
    pub began_at: DateTime<Utc>,
    /// All traffic.
    pub total: Excess,
    /// By CDN; `unknown` for what was not attributed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_cdn: BTreeMap<String, Excess>,
    /// By platform; `unknown` for what was not attributed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_platform: BTreeMap<String, Excess>,
}

/// What is assumed when a spike is explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ExplainOptions {
    /// RUs that a moderator has ruled out.
    pub rejected: BTreeSet<String>,
    /// Chance, before anything is looked at, that something that is in no catalogue shows in the window.
    pub unknown_prior: f64,
    /// How long the baseline's error lasts, s: its autocorrelation falls to 1/e in this time.
    pub noise_correlation_secs: f64,
    /// RUs that are taken to have caused a spike together, at most 3.
    pub at_most_together: usize,
}

impl Default for ExplainOptions {
    /// Nothing rejected, a chance of 0.3 of something unknown, errors that last two hours, three RUs together. All
    /// Assumed (2026-12).
    fn default() -> Self {
        Self {
            rejected: BTreeSet::new(),
            unknown_prior: 0.3,
            noise_correlation_secs: 7_200.0,
            at_most_together: 3,
        }
    }
}

/// What may have caused a spike, and how likely each is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Explanation {
    /// Candidates that could have caused it, the likeliest first. Their probabilities and `unknown` sum to 1.
    pub causes: Vec<Cause>,
    /// Probability that nothing in the catalogue carried most of it.
    pub unknown: f64,
    /// What happened together, the likeliest first, at most five; probabilities above 0.01.
    pub combinations: Vec<Combination>,
    /// Bytes above the baseline in the window; negative if there were fewer.
    pub excess_bytes: f64,
    /// Mean of those that no candidate carried; it may be negative.
    pub unexplained_bytes: f64,
}

/// A release or update that may have caused a spike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cause {
    /// The RU.
    pub ru: String,
    /// Its title.
    pub title: String,
    /// Probability that it carried more of the excess bytes than any other cause, the unknown included.
    pub probability: f64,
    /// Probability that it took part, to an extent that can be seen.
    pub took_part: f64,
    /// Bytes it carried in the window, if it took part.
    pub bytes: f64,
    /// Log-scale spread of `bytes`.
    pub bytes_sigma: f64,
    /// What speaks for and against it.
    pub evidence: Vec<Evidence>,
}

/// RUs that took part together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Combination {
    /// The RUs; empty for none of the candidates.
    pub rus: Vec<String>,
    /// Probability of exactly these, with or without something unknown.
    pub probability: f64,
}

/// Which candidates caused a spike, how likely, and why.
///
/// `candidates` are all RUs that may have been running, each with its forecast for this network; those too small or
/// at other times cost next to nothing. Without any measured bin, everything is unknown.
///
/// # Example
///
/// ```
/// use std::collections::BTreeMap;
/// use traffix_core::explanation::{Candidate, Excess, ExplainOptions, Observed, explain, question};
/// use traffix_core::forecast::{ForecastInput, forecast};
/// use traffix_core::samples::Samples;
///
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "title": "X 2", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
///            "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6}
/// }"#)?;
/// let expected = forecast(&question(&input))?;
/// // What was measured is half of what was expected.
/// let seen = expected.total.p50.iter().take(60).map(|bps| Some(0.5 * bps));
/// let began_at = expected.grid.start;
/// let bps = Samples::new(began_at, 300.try_into()?, seen);
/// let observed = Observed {
///     from: began_at,
///     until: began_at + chrono::TimeDelta::hours(5),
///     began_at,
///     total: Excess { bps, sigma_bps: 0.05 * expected.peak.bps.p50 },
///     by_cdn: BTreeMap::new(),
///     by_platform: BTreeMap::new(),
/// };
/// let candidates = [Candidate::new(&input, &expected)];
/// let explanation = explain(&observed, &candidates, &ExplainOptions::default());
/// assert!(explanation.causes[0].probability > 0.8);
/// assert!((explanation.causes[0].probability + explanation.unknown - 1.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn explain(observed: &Observed, candidates: &[Candidate<'_>], options: &ExplainOptions) -> Explanation {
    let Some(data) = data::Data::new(observed) else {
        return Explanation {
            causes: Vec::new(),
            unknown: 1.0,
            combinations: Vec::new(),
            excess_bytes: 0.0,
            unexplained_bytes: 0.0,
        };
    };
    let allowed = candidates.iter().filter(|c| !options.rejected.contains(&c.ru));
    let sources: Vec<source::Source<'_>> =
        allowed.filter_map(|candidate| source::Source::new(candidate, &data, observed)).collect();
    let posterior = hypotheses::Posterior::new(&data, sources, observed, options);
    posterior.explanation(&data, observed)
}
