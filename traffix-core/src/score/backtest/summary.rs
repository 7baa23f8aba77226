//! Scores over all events.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use crate::forecast::{LogNormal, Quantiles, log_spread, quantile, sorted_quantile};
use crate::{num, score};

/// How good forecasts were, natural-log scale. Lower is better but for `coverage_80`, which should be 0.8.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Score {
    /// Events scored.
    pub n: usize,
    /// Root of the mean squared `log(P50 / observed)`.
    pub rmse_log: f64,
    /// Mean of `log(P50 / observed)`: above 0 is too high.
    pub bias_log: f64,
    /// Median of `exp |log(P50 / observed)|`.
    pub median_factor: f64,
    /// Share of events whose P50 is within a factor of two.
    pub within_2: f64,
    /// Mean continuous ranked probability score.
    pub crps: f64,
    /// Mean pinball loss of the quantiles.
    pub pinball: Pinball,
    /// Share of events between P10 and P90.
    pub coverage_80: f64,
    /// Mean of `|P50 - observed| / observed`: 1 for a forecast of nothing.
    pub relative_error: f64,
}

/// Mean pinball losses by quantile.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pinball {
    /// At 0.1.
    pub p10: f64,
    /// At 0.5.
    pub p50: f64,
    /// At 0.9.
    pub p90: f64,
    /// At 0.99.
    pub p99: f64,
}

/// A share of the baseline's error that is gone, with an interval by resampling the events.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end of the central 90 %.
    pub p5: f64,
    /// The value itself.
    pub value: f64,
    /// Upper end of the central 90 %.
    pub p95: f64,
}

/// A baseline beside the model on the events that both forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// The baseline, in words.
    pub what: String,
    /// How good the baseline is.
    pub score: Score,
    /// `1 - CRPS / CRPS of the baseline`, priors alone; by relative error for B4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill_predicted: Option<Interval>,
    /// The same with what earlier events have taught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill_learned: Option<Interval>,
}

/// All scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Events.
    pub n: usize,
    /// From priors alone.
    pub predicted: Score,
    /// With what earlier events have taught.
    pub learned: Score,
    /// With what all other events have taught.
    pub left_out: Score,
    /// `1 - CRPS of learned / CRPS of priors alone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill_of_learning: Option<Interval>,
    /// By baseline.
    pub baselines: BTreeMap<Baseline, Skill>,
    /// Events whose source gives the instant of the peak.
    pub peak_at_n: usize,
    /// Median distance of the predicted instant from it, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_at_minutes: Option<f64>,
    /// Resamples behind every interval.
    pub resamples: usize,
}

/// Resamples of the bootstrap.
pub(super) const RESAMPLES: usize = 2000;

/// One forecast of one event, as it is scored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scored {
    quantiles: Quantiles,
    shape: LogNormal,
    observed: f64,
}

impl Scored {
    /// From reported quantiles; between them the peak is taken as log-normal.
    pub(crate) fn of(quantiles: Quantiles, observed: f64) -> Self {
        let shape = LogNormal::new(quantiles.p50, log_spread(quantiles.p10, quantiles.p90));
        Self { quantiles, shape, observed }
    }

    pub(crate) fn of_shape(shape: LogNormal, observed: f64) -> Self {
        let [p10, p50, p90, p99] = crate::forecast::REPORTED.map(|q| shape.quantile(q));
        Self { quantiles: Quantiles { p10, p50, p90, p99 }, shape, observed }
    }

    pub(crate) fn crps(&self) -> f64 {
        score::crps_log(&self.shape, self.observed)
    }

    fn relative_error(&self) -> f64 {
        (self.quantiles.p50 - self.observed).abs() / self.observed
    }

    pub(crate) fn covered(&self) -> bool {
        (self.quantiles.p10..=self.quantiles.p90).contains(&self.observed)
    }
}

impl Score {
    pub(crate) fn of(all: &[Scored]) -> Self {
        let mean = |value: &dyn Fn(&Scored) -> f64| score::mean(&all.iter().map(value).collect::<Vec<_>>());
        let error = |s: &Scored| libm::log(s.quantiles.p50 / s.observed);
        let share = |yes: bool| f64::from(u8::from(yes));
        let pinball = |pick: fn(&Quantiles) -> f64, p: f64| {
            mean(&|s| score::pinball_log(pick(&s.quantiles), s.observed, p))
        };
        let medians: Vec<(f64, f64)> = all.iter().map(|s| (s.quantiles.p50, s.observed)).collect();
        Self {
            n: all.len(),
            rmse_log: libm::sqrt(mean(&|s| error(s) * error(s))),
            bias_log: mean(&error),
            median_factor: score::median_factor_error(&medians),
            within_2: mean(&|s| share(score::factor_error(s.quantiles.p50, s.observed) <= 2.0)),
            crps: mean(&Scored::crps),
            pinball: Pinball {
                p10: pinball(|q| q.p10, 0.1),
                p50: pinball(|q| q.p50, 0.5),
                p90: pinball(|q| q.p90, 0.9),
                p99: pinball(|q| q.p99, 0.99),
            },
            coverage_80: mean(&|s| share(s.covered())),
            relative_error: mean(&Scored::relative_error),
        }
    }
}

/// Everything that is scored, event by event.
pub(super) struct Columns {
    pub(super) predicted: Vec<Scored>,
    pub(super) learned: Vec<Scored>,
    pub(super) left_out: Vec<Scored>,
    pub(super) baselines: Vec<(Baseline, Vec<Option<Scored>>)>,
    /// Distances of predicted instants from observed ones, minutes.
    pub(super) minutes: Vec<f64>,
}

impl Columns {
    pub(super) fn scores(&self, seed: u64) -> Scores {
        let crps = |all: &[Scored]| all.iter().map(Scored::crps).collect::<Vec<_>>();
        let (predicted, learned) = (crps(&self.predicted), crps(&self.learned));
        let one = |(baseline, theirs): &(Baseline, Vec<Option<Scored>>)| {
            (*baseline, self.skill((*baseline, theirs), seed))
        };
        Scores {
            n: self.predicted.len(),
            predicted: Score::of(&self.predicted),
            learned: Score::of(&self.learned),
            left_out: Score::of(&self.left_out),
            skill_of_learning: skill(&learned, &predicted, seed),
            baselines: self.baselines.iter().map(one).collect(),
            peak_at_n: self.minutes.len(),
            peak_at_minutes: (!self.minutes.is_empty()).then(|| quantile(&self.minutes, 0.5)),
            resamples: RESAMPLES,
        }
    }

    fn skill(&self, (baseline, theirs): (Baseline, &[Option<Scored>]), seed: u64) -> Skill {
        let what = baseline.describe().to_owned();
        if baseline == Baseline::B4 {
            // Nothing has no logarithm: its relative error is 1 by definition.
            let against = |ours: &[Scored]| {
                let ours: Vec<f64> = ours.iter().map(Scored::relative_error).collect();
                skill(&ours, &vec![1.0; ours.len()], seed)
            };
            let score = Score { n: self.predicted.len(), relative_error: 1.0, ..Score::default() };
            let (predicted, learned) = (against(&self.predicted), against(&self.learned));
            return Skill { what, score, skill_predicted: predicted, skill_learned: learned };
        }
        let known: Vec<Scored> = theirs.iter().flatten().copied().collect();
        let reference: Vec<f64> = known.iter().map(Scored::crps).collect();
        let against = |ours: &[Scored]| {
            let both = ours.iter().zip(theirs).filter(|(_, t)| t.is_some());
            let ours: Vec<f64> = both.map(|(s, _)| s.crps()).collect();
            skill(&ours, &reference, seed)
        };
        let (predicted, learned) = (against(&self.predicted), against(&self.learned));
        Skill { what, score: Score::of(&known), skill_predicted: predicted, skill_learned: learned }
    }
}

/// Skill with a bootstrap interval: events are drawn with replacement, both forecasts of an event together.
fn skill(ours: &[f64], reference: &[f64], seed: u64) -> Option<Interval> {
    let value = score::skill(ours, reference)?;
    let n = num::of_usize(ours.len());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let (mut own, mut theirs) = (0.0, 0.0);
        for _ in 0..ours.len() {
            let i = num::to_usize(num::unit(rng.next_u64()) * n).min(ours.len() - 1);
            own += ours[i];
            theirs += reference[i];
        }
        if theirs > 0.0 {
            values.push(1.0 - own / theirs);
        }
    }
    values.sort_unstable_by(f64::total_cmp);
    Some(Interval { p5: sorted_quantile(&values, 0.05), value, p95: sorted_quantile(&values, 0.95) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skill_is_certain_where_every_event_agrees_and_unsure_where_they_do_not() {
        let even = skill(&[0.2; 12], &[0.4; 12], 1).unwrap();
        assert!((even.p5 - 0.5).abs() < 1e-12 && (even.p95 - 0.5).abs() < 1e-12);
        let ours: Vec<f64> = (0..12).map(|i| if i % 2 == 0 { 0.05 } else { 0.6 }).collect();
        let mixed = skill(&ours, &[0.4; 12], 1).unwrap();
        assert!(mixed.p5 < mixed.value - 0.1 && mixed.p95 > mixed.value + 0.1, "{mixed:?}");
        assert_eq!(skill(&ours, &[0.4; 12], 1), Some(mixed), "the same seed gives the same interval");
        assert_eq!(skill(&[], &[], 1), None);
    }

    #[test]
    fn a_perfect_forecast_scores_nothing() {
        let exact = Scored::of_shape(LogNormal::new(3e11, 0.0), 3e11);
        let score = Score::of(&[exact, exact]);
        assert!(score.crps.abs() < 1e-12 && score.rmse_log.abs() < 1e-12 && score.pinball.p99.abs() < 1e-12);
        assert!((score.coverage_80 - 1.0).abs() < 1e-12 && (score.median_factor - 1.0).abs() < 1e-12);
    }
}
