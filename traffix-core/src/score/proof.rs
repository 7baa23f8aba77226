//! Frozen forecasts against what was measured.
//!
//! [`Observation`] is what was measured of an event beyond the usual traffic, [`ForecastScore`] what that says of one
//! forecast, [`Proof`] what many scores say together, beside baselines that need no model.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::backtest::{Baseline, Case, Pinball, Score, Scored};
use crate::forecast::{Forecast, Quantiles, quantile};
use crate::score;

/// What was measured of an event beyond the usual traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Largest bin, bit/s. Bins are as long as those of the forecast.
    pub peak_bps: f64,
    /// Start of that bin.
    pub peak_at: DateTime<Utc>,
    /// Bytes.
    pub bytes: f64,
    /// True if something was full meanwhile: the demand was at least this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// Bytes by platform, where they were told apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<String, f64>,
    /// Bytes by CDN, where they were told apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cdns: BTreeMap<String, f64>,
    /// Largest bin of all traffic of a link, bit/s, where links were told apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, f64>,
}

/// How good one forecast was, natural-log scale. Lower is better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForecastScore {
    /// What was predicted of the peak, bit/s.
    pub predicted_bps: Quantiles,
    /// `log(P50 / observed)` of the peak: above 0 is too high.
    pub error_log: f64,
    /// `exp |log(P50 / observed)|` of the peak.
    pub factor_error: f64,
    /// Continuous ranked probability score of the peak.
    pub crps: f64,
    /// Pinball losses of the peak's quantiles.
    pub pinball: Pinball,
    /// Whether the peak lies between P10 and P90.
    pub in_80: bool,
    /// Predicted minus observed instant of the peak, minutes.
    pub peak_at_error_minutes: i64,
    /// `exp |log(P50 / observed)|` of the bytes, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_factor_error: Option<f64>,
    /// By link that was measured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, LinkScore>,
    /// True if the observation is a lower bound, which no summary counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

/// The chance that a link's full capacity would be passed, against what came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkScore {
    /// The predicted chance.
    pub probability: f64,
    /// Whether the link was full.
    pub full: bool,
    /// Brier score: the square of the difference.
    pub brier: f64,
}

/// Share of a link's capacity from which on it counts as full: no bin mean comes closer to it for long. Assumed
/// (2026-12).
pub const FULL: f64 = 0.98;

/// Scores a forecast of the very window that was observed. `None` unless something above nothing was predicted and
/// observed, as the scale is logarithmic.
///
/// ```
/// use traffix_core::forecast::{ForecastInput, forecast};
/// use traffix_core::score::proof::{Observation, score};
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
///            "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6},
///     "options": {"draws": 64, "horizon_s": 172800}
/// }"#).unwrap();
/// let made = forecast(&input).unwrap();
/// let seen: Observation = serde_json::from_value(serde_json::json!({
///     "peak_bps": 2.0 * made.peak.bps.p50, "peak_at": made.peak.at.p50, "bytes": made.bytes.p50,
/// })).unwrap();
/// let score = score(&made, &seen).unwrap();
/// assert_eq!((score.factor_error, score.peak_at_error_minutes), (2.0, 0));
/// ```
pub fn score(made: &Forecast, seen: &Observation) -> Option<ForecastScore> {
    let (predicted, observed) = (made.peak.bps, seen.peak_bps);
    let positive = |x: f64| x > 0.0 && x.is_finite();
    if !positive(observed) || !positive(predicted.p10) {
        return None;
    }
    let scored = Scored::of(predicted, observed);
    let pinball = |q: f64, p: f64| score::pinball_log(q, observed, p);
    let link = |(id, load): (&String, &f64)| {
        let exceed = made.links.get(id)?.exceed.first()?;
        let full = *load >= FULL * exceed.capacity_bps;
        let miss = exceed.probability - f64::from(u8::from(full));
        Some((id.clone(), LinkScore { probability: exceed.probability, full, brier: miss * miss }))
    };
    let bytes = positive(made.bytes.p50) && positive(seen.bytes);
    Some(ForecastScore {
        predicted_bps: predicted,
        error_log: libm::log(predicted.p50 / observed),
        factor_error: score::factor_error(predicted.p50, observed),
        crps: scored.crps(),
        pinball: Pinball {
            p10: pinball(predicted.p10, 0.1),
            p50: pinball(predicted.p50, 0.5),
            p90: pinball(predicted.p90, 0.9),
            p99: pinball(predicted.p99, 0.99),
        },
        in_80: scored.covered(),
        peak_at_error_minutes: (made.peak.at.p50 - seen.peak_at).num_minutes(),
        bytes_factor_error: bytes.then(|| score::factor_error(made.bytes.p50, seen.bytes)),
        links: seen.links.iter().filter_map(link).collect(),
        at_least: seen.at_least,
    })
}

/// Many scores together. Lower bounds are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Proof {
    /// Forecasts of peaks that were scored.
    pub n: usize,
    /// Scores left out because the observation is a lower bound.
    pub at_least_n: usize,
    /// The peaks, if any were scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Score>,
    /// Median distance of the predicted instant of the peak from the observed one, minutes; of `n`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_at_minutes: Option<f64>,
    /// Forecasts whose bytes were scored.
    pub bytes_n: usize,
    /// Median of `exp |log(P50 / observed)|` of the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_median_factor: Option<f64>,
    /// Links whose chance of being full was scored.
    pub links_n: usize,
    /// Mean Brier score of that chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links_brier: Option<f64>,
    /// Skill against forecasts without a model, where these say anything.
    pub baselines: BTreeMap<Baseline, Against>,
}

/// A baseline beside the model on the forecasts that both made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Against {
    /// The baseline, in words.
    pub what: String,
    /// Forecasts of both.
    pub n: usize,
    /// Mean continuous ranked probability score of the baseline.
    pub crps: f64,
    /// `1 - CRPS of the model / CRPS of the baseline`, if the latter is above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<f64>,
}

impl Proof {
    /// Summarises scores of forecasts of one lead, one for each event: several of an event would count it several
    /// times, and baselines would know the event they are asked about.
    pub fn of(all: &[(Case, ForecastScore)]) -> Self {
        let mut counted: Vec<&(Case, ForecastScore)> =
            all.iter().filter(|(_, score)| !score.at_least).collect();
        counted.sort_by_key(|(case, _)| case.at);
        let scored: Vec<Scored> =
            counted.iter().map(|(case, score)| Scored::of(score.predicted_bps, case.observed_bps)).collect();
        let scores = || counted.iter().map(|(_, score)| score);
        let minutes: Vec<f64> = scores().map(|s| crate::num::of_i64(s.peak_at_error_minutes.abs())).collect();
        let bytes: Vec<f64> = scores().filter_map(|s| s.bytes_factor_error).collect();
        // A full link is what a lower bound comes from, so its score counts in any case.
        let brier: Vec<f64> = all.iter().flat_map(|(_, s)| s.links.values().map(|link| link.brier)).collect();
        let median = |values: &[f64]| (!values.is_empty()).then(|| quantile(values, 0.5));
        Self {
            n: scored.len(),
            at_least_n: all.len() - scored.len(),
            peak: (!scored.is_empty()).then(|| Score::of(&scored)),
            peak_at_minutes: median(&minutes),
            bytes_n: bytes.len(),
            bytes_median_factor: median(&bytes),
            links_n: brier.len(),
            links_brier: (!brier.is_empty()).then(|| score::mean(&brier)),
            baselines: baselines(&counted, &scored),
        }
    }
}

fn baselines(counted: &[&(Case, ForecastScore)], scored: &[Scored]) -> BTreeMap<Baseline, Against> {
    if scored.is_empty() {
        return BTreeMap::new();
    }
    let cases: Vec<Case> = counted.iter().map(|(case, _)| case.clone()).collect();
    let against = |baseline: Baseline| {
        let theirs = baseline.forecasts(&cases).into_iter();
        let both = theirs.zip(&cases).zip(scored).filter_map(|((theirs, case), ours)| {
            Some((ours.crps(), Scored::of_shape(theirs?, case.observed_bps).crps()))
        });
        let (ours, theirs): (Vec<f64>, Vec<f64>) = both.unzip();
        let (what, n, crps) = (baseline.describe().to_owned(), ours.len(), score::mean(&theirs));
        (n > 0).then(|| (baseline, Against { what, n, crps, skill: score::skill(&ours, &theirs) }))
    };
    Baseline::ALL.into_iter().filter_map(against).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{ForecastInput, forecast};
    use crate::score::{crps_log, pinball_log};

    fn question() -> ForecastInput {
        serde_json::from_str(
            r#"{"ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
                 "items": [{"platform": "steam", "bytes": 30e9}], "signals": {"mau": 6e7}},
                "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6,
                 "links": [{"id": "pni", "cdns": ["*"], "kind": "pni", "capacity_bps": 2e11}]},
                "options": {"draws": 64, "horizon_s": 172800}}"#,
        )
        .unwrap()
    }

    fn seen(made: &Forecast, ratio: f64) -> Observation {
        Observation {
            peak_bps: ratio * made.peak.bps.p50,
            peak_at: made.peak.at.p50 + chrono::TimeDelta::minutes(30),
            bytes: made.bytes.p50 / 2.0,
            at_least: false,
            platforms: BTreeMap::new(),
            cdns: BTreeMap::new(),
            links: BTreeMap::from([("pni".into(), 1.97e11), ("unknown".into(), 1.0)]),
        }
    }

    #[test]
    fn a_score_is_made_of_the_public_scores() {
        let made = forecast(&question()).unwrap();
        let seen = seen(&made, 1.6);
        let got = super::score(&made, &seen).unwrap();
        let shape = Scored::of(made.peak.bps, seen.peak_bps);
        assert!((got.crps - shape.crps()).abs() < 1e-12);
        assert!((got.error_log + 1.6_f64.ln()).abs() < 1e-9 && (got.factor_error - 1.6).abs() < 1e-9);
        let p90 = pinball_log(made.peak.bps.p90, seen.peak_bps, 0.9);
        assert!((got.pinball.p90 - p90).abs() < 1e-12);
        assert_eq!((got.peak_at_error_minutes, got.links.len()), (-30, 1));
        assert!((got.bytes_factor_error.unwrap() - 2.0).abs() < 1e-9);
        let link = got.links["pni"];
        assert!(link.full && (link.brier - (link.probability - 1.0).powi(2)).abs() < 1e-12);
        assert_eq!(super::score(&made, &Observation { peak_bps: 0.0, ..seen }), None);
    }

    #[test]
    fn a_summary_counts_every_event_once_and_no_lower_bound() {
        let made = forecast(&question()).unwrap();
        let one = |days: i64, ratio: f64, at_least: bool| {
            let seen = Observation { at_least, ..seen(&made, ratio) };
            let mut case = Case::of(&question(), seen.peak_bps);
            case.at += chrono::TimeDelta::days(days);
            (case, super::score(&made, &seen).unwrap())
        };
        let all = [one(3, 1.1, false), one(1, 0.8, false), one(2, 1.2, false), one(4, 9.0, true)];
        let proof = Proof::of(&all);
        assert_eq!((proof.n, proof.at_least_n, proof.bytes_n, proof.links_n), (3, 1, 3, 4));
        let peak = proof.peak.unwrap();
        let bias = -(1.1_f64.ln() + 0.8_f64.ln() + 1.2_f64.ln()) / 3.0;
        assert!((peak.bias_log - bias).abs() < 1e-9 && (peak.coverage_80 - 1.0).abs() < 1e-12);
        // B3 says what the event before showed, from the second on; its spread is its error on the other one.
        let b3 = &proof.baselines[&Baseline::B3];
        let spread = |of: f64| of.ln().abs();
        let says = |ratio: f64, sigma: f64, seen: f64| {
            crps_log(&crate::forecast::LogNormal::new(ratio, sigma), seen)
        };
        let expected = f64::midpoint(says(0.8, spread(1.1 / 1.2), 1.2), says(1.2, spread(1.2 / 0.8), 1.1));
        assert!(b3.n == 2 && (b3.crps - expected).abs() < 1e-9, "{b3:?}");
        let nothing = Proof::of(&[]);
        assert_eq!((nothing.n, nothing.peak, nothing.baselines.len()), (0, None, 0));
    }
}
