//! What a measured event teaches beyond its peak: who plays on what, and who starts when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::shape::SeenCurve;
use super::state::{Learned, Measured};
use super::weights::updated_weights;
use crate::forecast::{
    Activity, Clock, Corrections, ForecastError, ForecastInput, Grid, forecast_with, priors,
};
use crate::num;
use crate::samples::Samples;

/// Pseudo-observations that one event's bytes per platform are worth. Assumed (2026-11).
const EVENT_STRENGTH: f64 = 6.0;

/// How many times the noise a peak must be for its curve to be believed. Assumed (2026-12).
const STANDS_OUT: f64 = 4.0;

/// All that was measured of an event beyond the usual traffic.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeasuredEvent {
    /// Largest bin, bit/s. Bins are as long as those of the question.
    pub peak_bps: f64,
    /// Its standard deviation, natural-log scale.
    pub sd: f64,
    /// True if something was full meanwhile: the peak was at least this, and nothing else is known.
    pub at_least: bool,
    /// Bytes by platform; empty unless all platforms of the RU were told apart.
    pub platforms: BTreeMap<String, f64>,
    /// Bytes by time, if they came from one release and can be told from the noise.
    pub curve: Option<MeasuredCurve>,
}

/// Extra bytes of an event by time.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredCurve {
    /// The release.
    pub at: DateTime<Utc>,
    /// Length of a bin, s.
    pub step_s: u32,
    /// Bytes by bin; the first bin holds the release.
    pub bytes: Vec<f64>,
}

impl MeasuredCurve {
    /// The part of an excess (bit/s) after the release `at` that can be told from the noise about usual traffic:
    /// until a gap, or until the next hour is no longer above the noise. `None` if the peak does not stand out.
    ///
    /// What comes later is left out and not taken for nothing: a slow tail below the noise would look like an early end.
    pub fn told_apart(excess: &Samples, at: DateTime<Utc>, noise_bps: f64) -> Option<Self> {
        let first = excess.bin_at(at)?;
        let step_s = excess.step_secs().get();
        let known: Vec<f64> = excess.iter().skip(first).map_while(|bps| bps).collect();
        let (peak_bin, peak) = known.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
        let hour = usize::try_from((3600 / step_s).max(1)).unwrap_or(1);
        let mean = |bins: &[f64]| bins.iter().sum::<f64>() / num::of_usize(bins.len().max(1));
        let quiet = |bin: &usize| mean(&known[*bin..known.len().min(bin + hour)]) < noise_bps;
        let end = (peak_bin..known.len()).find(quiet).unwrap_or(known.len());
        let is_clear = *peak > STANDS_OUT * noise_bps && end >= hour;
        let bytes = known[..end].iter().map(|bps| bps * f64::from(step_s) / 8.0).collect();
        is_clear.then_some(Self { at, step_s, bytes })
    }
}

impl Learned {
    /// Learns all that an event says. Events in order of time.
    ///
    /// Bytes by platform and time come first. What these explain of the peak is no effect: the peak is held against a
    /// forecast that knows them, so that nothing is learned twice. A peak that is not positive and finite teaches nothing.
    ///
    /// ```
    /// use traffix_core::forecast::{ForecastInput, forecast};
    /// use traffix_core::learning::{Learned, MeasuredCurve, MeasuredEvent, SD_FLOWS};
    /// let input: ForecastInput = serde_json::from_str(r#"{
    ///     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
    ///            "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
    ///     "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6},
    ///     "options": {"draws": 64, "horizon_s": 172800}
    /// }"#)?;
    /// let p50 = forecast(&input)?.peak.bps.p50;
    /// let at = "2026-03-05T10:00:00Z".parse()?;
    /// // Half of it in the first hour.
    /// let bytes = (0..24).map(|hour| 1e12 * f64::powi(0.5, hour)).collect();
    /// let seen = MeasuredEvent {
    ///     peak_bps: 1.5 * p50,
    ///     sd: SD_FLOWS,
    ///     curve: Some(MeasuredCurve { at, step_s: 3600, bytes }),
    ///     ..MeasuredEvent::default()
    /// };
    /// let mut learned = Learned::default();
    /// learned.learn(&input, &seen)?;
    /// assert!(learned.told().iter().any(|one| one.detail.contains("start")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ForecastError::Invalid`] if the question cannot be forecast; nothing is learned then.
    pub fn learn(&mut self, input: &ForecastInput, seen: &MeasuredEvent) -> Result<(), ForecastError> {
        let mut next = self.clone();
        if !seen.at_least {
            if !seen.platforms.is_empty() {
                next.observe_platforms(input, &seen.platforms);
            }
            if let Some(curve) = &seen.curve {
                next.observe_curve(input, (curve.at, curve.step_s), &curve.bytes);
            }
        }
        let expected = forecast_with(input, Some(&next.structure(input)))?.peak.bps.p50;
        if let Some(measured) = Measured::of(input, expected, seen.peak_bps, seen.sd) {
            next.observe(&if seen.at_least { measured.at_least() } else { measured });
            *self = next;
        }
        Ok(())
    }

    /// Platforms and start laws as learned, without the effects: what effects are measured against.
    pub fn structure(&self, input: &ForecastInput) -> Corrections {
        let items = &input.ru.items;
        // A mix that lacks a platform of the RU says nothing of the others either.
        let knows_all = items.iter().all(|item| self.platforms.contains_key(&item.platform));
        Corrections {
            platforms: (self.platform_strength > 0.0 && knows_all)
                .then(|| (self.platforms.clone(), self.platform_strength)),
            laws: self.shape.laws(input.ru.kind),
            ..Corrections::default()
        }
    }

    /// Learns how downloads divide over the platforms of an RU from measured bytes and the bytes of one download.
    ///
    /// How these platforms together compare with others is not touched: the event says nothing of it.
    pub(super) fn observe_platforms(
        &mut self,
        input: &ForecastInput,
        measured_bytes: &BTreeMap<String, f64>,
    ) {
        let sizes = crate::forecast::engine_parts::median_sizes(input);
        let (belief, strength) = crate::forecast::engine_parts::platform_belief(input);
        if self.platforms.is_empty() {
            self.platform_strength = strength;
        }
        self.know_platforms(&belief);
        let own: f64 = self.platforms.iter().filter(|(id, _)| sizes.contains_key(*id)).map(|(_, x)| x).sum();
        if own <= 0.0 {
            return;
        }
        let among = |(id, share): (&String, &f64)| (id.clone(), share / own);
        let prior = self.platforms.iter().filter(|(id, _)| sizes.contains_key(*id)).map(among).collect();
        let strengths = (self.platform_strength * own, EVENT_STRENGTH);
        let after = updated_weights(&prior, strengths, measured_bytes, &sizes);
        for (id, share) in after.posterior {
            self.platforms.insert(id, share * own);
        }
        self.platform_strength += after.strength - strengths.0;
    }

    /// Adds the platforms of an RU that are new, beside those that are known as the belief about this RU has it.
    fn know_platforms(&mut self, belief: &BTreeMap<String, f64>) {
        let known = |id: &&String| self.platforms.contains_key(*id);
        let (mut before, mut now) = (0.0, 0.0);
        for id in belief.keys().filter(known) {
            before += belief[id];
            now += self.platforms[id];
        }
        // Without a common platform nothing says how they compare.
        let scale = if before > 0.0 && now > 0.0 { now / before } else { 1.0 };
        for (id, share) in belief {
            self.platforms.entry(id.clone()).or_insert(share * scale);
        }
        let sum: f64 = self.platforms.values().sum();
        if sum > 0.0 {
            self.platforms.values_mut().for_each(|share| *share /= sum);
        }
    }

    /// Learns who starts when from a measured curve: extra bytes by bin of `step_s` seconds, the first of which holds the
    /// release `at`. Only the start laws of games are learned; for other kinds nothing happens.
    pub(super) fn observe_curve(
        &mut self,
        input: &ForecastInput,
        (at, step_s): (DateTime<Utc>, u32),
        bytes: &[f64],
    ) {
        let step = i64::from(step_s.max(1));
        let start_s = at.timestamp().div_euclid(step) * step;
        if !input.ru.kind.is_game() || bytes.is_empty() {
            return;
        }
        let activity = Activity::from_day(&priors::ACTIVITY_DAY, priors::ACTIVITY_WEEKEND);
        let grid = Grid::new(crate::forecast::engine_parts::instant(start_s), step_s.max(1), bytes.len());
        let clock = Clock::new(grid, input.network.tz.parse().unwrap_or_default(), &activity);
        let download = crate::forecast::engine_parts::median_download(input);
        self.shape.learn(&SeenCurve { clock: &clock, at, download: &download, bytes });
    }
}
