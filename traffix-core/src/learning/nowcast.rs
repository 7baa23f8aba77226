//! The correction of an event that is running.

use crate::forecast::{AppliedCorrection, Corrections};

/// Spread of a measurement of an event that is complete, log scale. Assumed (2026-11).
const NOWCAST_FLOOR_SD: f64 = 0.25;
/// Further spread of a measurement before the event has begun, log scale. Assumed (2026-11).
const NOWCAST_EARLY_SD: f64 = 0.35;

/// Correction of a forecast while the event runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nowcast {
    /// Log-scale spread of the measurement so far.
    pub observation_sd: f64,
    /// Weight of the measurement, 0 to 1.
    pub gain: f64,
    /// Multiply the rest of the forecast by this.
    pub factor: f64,
    /// Log-scale spread afterwards.
    pub sigma_log: f64,
}

/// Corrects a running event by measured over predicted bytes so far, which counts more the larger the share
/// of the bytes that was predicted to have passed. A ratio that is not positive and finite changes nothing.
///
/// ```
/// use traffix_core::learning::nowcast;
/// let early = nowcast(0.6, 1.42, 0.1);
/// let late = nowcast(0.6, 1.42, 0.9);
/// assert!(1.0 < early.factor && early.factor < late.factor && late.factor < 1.42);
/// ```
pub fn nowcast(prior_sigma_log: f64, measured_over_predicted: f64, predicted_share_elapsed: f64) -> Nowcast {
    let early = 1.0 - predicted_share_elapsed.clamp(0.0, 1.0);
    let noise = NOWCAST_FLOOR_SD * NOWCAST_FLOOR_SD + NOWCAST_EARLY_SD * NOWCAST_EARLY_SD * early;
    joined(prior_sigma_log, libm::log(measured_over_predicted), libm::sqrt(noise))
}

impl Nowcast {
    /// The same for [`forecast_with`](crate::forecast::forecast_with), with what was seen in words: `seen` such as
    /// "bytes until 20:00".
    ///
    /// ```
    /// use traffix_core::learning::nowcast;
    /// let corrections = nowcast(0.6, 1.42, 0.22).corrections("bytes until 20:00");
    /// assert!((corrections.sigma(0.6) - 0.331408).abs() < 1e-6);
    /// ```
    pub fn corrections(&self, seen: &str) -> Corrections {
        let left = self.sigma_log * self.sigma_log;
        let before = if self.gain < 1.0 { left / (1.0 - self.gain) } else { left };
        let detail = format!(
            "{seen}: times {:.2}, believed to {:.0} %",
            if self.gain > 0.0 { libm::exp(libm::log(self.factor) / self.gain) } else { 1.0 },
            100.0 * self.gain
        );
        let applied = AppliedCorrection { effect: "nowcast".to_owned(), factor: self.factor, detail };
        Corrections {
            factor: self.factor,
            variance_removed: before - left,
            sigma_floor: self.sigma_log,
            applied: vec![applied],
            ..Corrections::default()
        }
    }
}

/// How strongly downloads follow players: the exponent of players over expected players. Assumed (2026-11).
const PLAYERS_EXPONENT: f64 = 0.7;
/// Spread of an audience told by players, log scale. Assumed (2026-11).
const PLAYERS_SD: f64 = 0.3;

/// Corrects a running event by concurrent players over those expected at this hour of the week.
///
/// Players tell less than bytes: a crowd that stays away is seen in both, one that plays without downloading in
/// one only. To use both, correct by the players first and pass the spread that is left to [`nowcast`], with the
/// bytes over the prediction so corrected. A ratio that is not positive and finite changes nothing.
///
/// ```
/// use traffix_core::learning::nowcast_players;
/// let crowded = nowcast_players(0.6, 2.0);
/// assert!(crowded.factor > 1.0 && crowded.factor < 2.0_f64.powf(0.7) && crowded.sigma_log < 0.6);
/// ```
pub fn nowcast_players(prior_sigma_log: f64, players_over_expected: f64) -> Nowcast {
    let log_ratio = PLAYERS_EXPONENT * libm::log(players_over_expected);
    joined(prior_sigma_log, log_ratio, PLAYERS_SD)
}

/// Joins what was known with a measured log ratio.
fn joined(prior_sigma_log: f64, log_ratio: f64, observation_sd: f64) -> Nowcast {
    let (prior, noise) = (prior_sigma_log * prior_sigma_log, observation_sd * observation_sd);
    let usable = log_ratio.is_finite();
    let gain = if usable { prior / (prior + noise) } else { 0.0 };
    Nowcast {
        observation_sd,
        gain,
        factor: if usable { libm::exp(gain * log_ratio) } else { 1.0 },
        sigma_log: libm::sqrt(prior * (1.0 - gain)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_ratio_changes_nothing() {
        for ratio in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            for now in [nowcast(0.6, ratio, 0.5), nowcast_players(0.6, ratio)] {
                assert!((now.factor - 1.0).abs() < 1e-12 && (now.sigma_log - 0.6).abs() < 1e-12, "{ratio}");
                assert!((now.corrections("x").sigma(0.6) - 0.6).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn players_then_bytes_narrow_step_by_step() {
        let players = nowcast_players(0.6, 1.5);
        let bytes = nowcast(players.sigma_log, 1.4 / players.factor, 0.3);
        assert!(players.sigma_log < 0.6 && bytes.sigma_log < players.sigma_log);
        let joint = players.factor * bytes.factor;
        assert!(1.0 < joint && joint < 1.5, "{joint}");
        let words = &nowcast(0.6, 1.42, 0.22).corrections("bytes until 20:00").applied[0].detail;
        assert_eq!(words, "bytes until 20:00: times 1.42, believed to 69 %");
    }
}
