//! What measured events change about a forecast.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::audience::LogNormal;
use super::input::{ForecastInput, RuKind};
use super::output::{AppliedCorrection, Quantiles};
use super::plan::Plan;
use super::priors;
use super::world::return_law;

/// Start laws of a kind: how sure, and what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Laws {
    /// Automatic, rush and return starts of games, as a Dirichlet distribution.
    pub masses: [f64; 3],
    /// Time scale of those who wait for the release, s.
    pub rush: LogNormal,
    /// Exponent of the return law.
    pub k: LogNormal,
    /// Scale of the return law, s.
    pub eta: LogNormal,
}

impl Laws {
    /// The priors of a kind.
    pub const fn of(kind: RuKind) -> Self {
        let (k, eta) = return_law(kind);
        Self { masses: priors::START_MASSES, rush: priors::RUSH_S, k, eta }
    }
}

/// What measured events change about a forecast, see [`forecast_with`](super::forecast_with).
///
/// Every draw is multiplied by [`factor`](Self::factor) and drawn towards the median, so that its order among the
/// draws stays. Only the error that measured events share with the forecast is taken away: what is not known of this
/// RU itself, such as the size of a new title, stays as wide as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrections {
    /// The peak is multiplied by this.
    pub factor: f64,
    /// By how much the variance of the log peak shrinks.
    pub variance_removed: f64,
    /// Below this spread (log scale) the peak is not narrowed.
    pub sigma_floor: f64,
    /// Shares of platforms and the strength of the belief in them, in pseudo-observations, if learned.
    pub platforms: Option<(BTreeMap<String, f64>, f64)>,
    /// Start laws, if learned.
    pub laws: Option<Laws>,
    /// The same in words, by effect.
    pub applied: Vec<AppliedCorrection>,
}

impl Corrections {
    /// The spread of the log peak after correction: never wider than before.
    ///
    /// ```
    /// use traffix_core::forecast::Corrections;
    /// let corrections = Corrections { variance_removed: 0.2, sigma_floor: 0.3, ..Corrections::default() };
    /// assert!((corrections.sigma(0.55) - 0.32).abs() < 0.001);
    /// assert_eq!((corrections.sigma(0.5), corrections.sigma(0.2)), (0.3, 0.2));
    /// ```
    pub fn sigma(&self, before: f64) -> f64 {
        let left = (before * before - self.variance_removed).max(0.0);
        libm::sqrt(left).max(self.sigma_floor).min(before)
    }

    /// Corrected quantiles of a peak: what correcting every draw gives.
    #[must_use]
    pub fn apply(&self, peak: &Quantiles) -> Quantiles {
        let narrowing = self.narrowing(spread(peak.p10, peak.p90));
        let at = |x: f64| x * self.scale(x, (peak.p50, narrowing));
        Quantiles { p10: at(peak.p10), p50: at(peak.p50), p90: at(peak.p90), p99: at(peak.p99) }
    }

    /// Spread after over spread before.
    pub(super) fn narrowing(&self, before: f64) -> f64 {
        if before > 0.0 && before.is_finite() { self.sigma(before) / before } else { 1.0 }
    }

    /// What a draw with this peak is multiplied by.
    pub(super) fn scale(&self, peak: f64, (median, narrowing): (f64, f64)) -> f64 {
        let factor = if self.factor.is_finite() && self.factor > 0.0 { self.factor } else { 1.0 };
        let ratio = peak / median;
        let usable = ratio > 0.0 && ratio.is_finite() && narrowing < 1.0;
        if usable { factor * libm::pow(ratio, narrowing - 1.0) } else { factor }
    }

    /// The question with the learned mix of platforms, if that knows all of them.
    pub(crate) fn ask<'a>(&self, input: &'a ForecastInput) -> Cow<'a, ForecastInput> {
        let knows = |mix: &&(BTreeMap<String, f64>, f64)| {
            input.ru.items.iter().all(|item| mix.0.contains_key(&item.platform))
        };
        let Some((mix, _)) = self.platforms.as_ref().filter(knows) else { return Cow::Borrowed(input) };
        let mut asked = input.clone();
        asked.network.platform_mix = Some(mix.clone());
        Cow::Owned(asked)
    }

    /// Puts what was learned in place of the priors of a plan made from [`ask`](Self::ask).
    pub(crate) fn prepare(&self, plan: &mut Plan) {
        if let Some((mix, strength)) = &self.platforms
            && plan.platforms.iter().all(|p| mix.contains_key(&p.id))
        {
            plan.platform_strength = *strength;
        }
        if let Some(laws) = self.laws {
            plan.laws = laws;
        }
    }
}

impl Default for Corrections {
    /// Nothing was learned.
    fn default() -> Self {
        Self {
            factor: 1.0,
            variance_removed: 0.0,
            sigma_floor: 0.0,
            platforms: None,
            laws: None,
            applied: Vec::new(),
        }
    }
}

/// Standard deviation of a normal distribution with these quantiles of its exponential; 0 if either is not positive.
pub(crate) fn spread(p10: f64, p90: f64) -> f64 {
    let sigma = libm::log(p90 / p10) / (2.0 * 1.281_551_565_544_600_4);
    if p10 > 0.0 && sigma.is_finite() { sigma } else { 0.0 }
}
