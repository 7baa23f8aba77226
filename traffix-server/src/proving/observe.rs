//! What an event brought beyond the usual traffic.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::baseline::{Baseline, BaselineOptions};
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::CdnId;
use traffix_core::forecast::{Forecast, ForecastInput, GridInfo, Moment};
use traffix_core::learning::MeasuredCurve;
use traffix_core::network::Network;
use traffix_core::samples::Samples;
use traffix_core::score::proof::{FULL, Observation};
use traffix_store::Store;

use super::ProvingError;
use crate::history::{self, HistoryError, Source};

/// How long before an event the usual traffic is learned from.
pub(super) const BEFORE: TimeDelta = TimeDelta::weeks(8);
/// Share of the bins that must be known. Assumed (2026-12).
const COVERAGE: f64 = 0.9;

type Span = (DateTime<Utc>, DateTime<Utc>);

/// Why an event was not measured, in words.
#[derive(Debug)]
pub(super) enum Unmeasured {
    /// Measurements may still come.
    Yet(String),
    /// Nothing helps.
    Ever(String),
}

/// Traffic beyond the usual one, bin by bin.
#[derive(Clone)]
pub(super) struct Excess {
    grid: GridInfo,
    bps: Vec<Option<f64>>,
    /// The most that the usual traffic strays by, bit/s.
    pub(super) noise_bps: f64,
}

/// What to look at.
pub(super) struct Look<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) network: &'a Network,
    /// Of which platforms; of everything if absent.
    pub(super) platforms: Option<Vec<PlatformId>>,
    /// Known events, which are not usual.
    pub(super) excluded: Vec<Span>,
}

impl Look<'_> {
    fn source(&self, platform: Option<PlatformId>, cdn: Option<CdnId>, link: Option<String>) -> Source {
        Source::Measured { network: self.network.id.clone(), platform, cdn, link }
    }

    /// What came in a window, on its bins.
    pub(super) async fn excess(&self, grid: GridInfo) -> Result<Result<Excess, Unmeasured>, ProvingError> {
        let sources = match &self.platforms {
            None => vec![self.source(None, None, None)],
            Some(ids) => ids.iter().map(|id| self.source(Some(id.clone()), None, None)).collect(),
        };
        let mut all: Option<Excess> = None;
        for source in sources {
            match self.one(&source, &grid).await? {
                Ok(one) => all = Some(all.map_or_else(|| one.clone(), |sum| sum.plus(&one))),
                Err(why) => return Ok(Err(why)),
            }
        }
        Ok(all.ok_or_else(|| Unmeasured::Ever("the forecast names no platform".into())))
    }

    async fn one(
        &self,
        source: &Source,
        grid: &GridInfo,
    ) -> Result<Result<Excess, Unmeasured>, ProvingError> {
        let until = end(grid);
        let before = match self.load(source, (grid.start - BEFORE, grid.start), 300).await? {
            Ok(samples) => samples,
            Err(why) => return Ok(Err(why)),
        };
        let during = match self.load(source, (grid.start, until), grid.step_s).await? {
            Ok(samples) => samples,
            Err(why) => return Ok(Err(why)),
        };
        if during.step_secs().get() != grid.step_s {
            let detail = format!("traffic is kept only in bins of {} s", during.step_secs());
            return Ok(Err(Unmeasured::Ever(detail)));
        }
        let options = BaselineOptions::named(&self.network.tz);
        let options = options.map(|options| BaselineOptions { excluded: self.excluded.clone(), ..options });
        let usual = match options.and_then(|options| Baseline::fit(&before, &options)) {
            Ok(usual) => usual,
            Err(error) => {
                return Ok(Err(Unmeasured::Yet(format!("the usual traffic is not known: {error}"))));
            }
        };
        let levels = usual.levels(during.start(), during.step_secs(), during.len());
        let noise_bps = levels.iter().flatten().map(|level| level.bps * level.sigma_log).fold(0.0, f64::max);
        let less = |(seen, level): (Option<f64>, &Option<_>)| {
            let level: &traffix_core::baseline::Level = level.as_ref()?;
            Some(seen? - level.bps)
        };
        let bps: Vec<Option<f64>> = during.iter().zip(&levels).map(less).collect();
        let known = share(bps.iter().flatten().count(), bps.len());
        if known < COVERAGE {
            let detail = format!(
                "{:.0} % of the time is measured, and {:.0} % are needed",
                known * 100.0,
                COVERAGE * 100.0
            );
            return Ok(Err(Unmeasured::Yet(detail)));
        }
        Ok(Ok(Excess { grid: *grid, bps, noise_bps }))
    }

    async fn load(
        &self,
        source: &Source,
        span: Span,
        step_secs: u32,
    ) -> Result<Result<Samples, Unmeasured>, ProvingError> {
        match history::load(self.store, source, span, step_secs).await {
            Ok(samples) => Ok(Ok(samples)),
            Err(HistoryError::Question(found)) => Ok(Err(Unmeasured::Ever(found.detail))),
            Err(HistoryError::Store(error)) => Err(error.into()),
        }
    }

    /// What came of each platform and each CDN of a forecast, in bytes, of those whose usual traffic is known.
    pub(super) async fn parts(&self, made: &Forecast) -> Result<[BTreeMap<String, f64>; 2], ProvingError> {
        let platform = |id: &String| Some((id.clone(), self.source(Some(id.parse().ok()?), None, None)));
        let cdn = |id: &String| Some((id.clone(), self.source(None, Some(id.parse().ok()?), None)));
        let of_platforms: Vec<_> = made.platforms.keys().filter_map(platform).collect();
        // A platform that is looked at alone says nothing of what CDNs carried for others.
        let cdns = made.cdns.keys().filter(|_| self.platforms.is_none());
        let of_cdns: Vec<_> = cdns.filter_map(cdn).collect();
        let mut parts = [BTreeMap::new(), BTreeMap::new()];
        for (part, sources) in parts.iter_mut().zip([of_platforms, of_cdns]) {
            for (id, source) in sources {
                if let Ok(excess) = self.one(&source, &made.grid).await?
                    && let Some(seen) = excess.observation()
                {
                    part.insert(id, seen.bytes);
                }
            }
        }
        Ok(parts)
    }

    /// The largest load of every link on which anything was measured, and whether one was full.
    pub(super) async fn links(&self, grid: &GridInfo) -> Result<(BTreeMap<String, f64>, bool), ProvingError> {
        let (mut loads, mut is_full) = (BTreeMap::new(), false);
        for link in &self.network.links {
            let source = self.source(None, None, Some(link.id.clone()));
            let Ok(seen) = self.load(&source, (grid.start, end(grid)), grid.step_s).await? else { continue };
            let most = seen.iter().flatten().fold(0.0, f64::max);
            if most > 0.0 {
                is_full |= most >= FULL * link.capacity_bps;
                loads.insert(link.id.clone(), most);
            }
        }
        Ok((loads, is_full))
    }
}

impl Excess {
    fn plus(mut self, other: &Self) -> Self {
        for (sum, more) in self.bps.iter_mut().zip(&other.bps) {
            *sum = sum.zip(*more).map(|(a, b)| a + b);
        }
        self.noise_bps = self.noise_bps.hypot(other.noise_bps);
        self
    }

    /// Bytes by time after the release, if all came from one whose instant is known.
    pub(super) fn curve(&self, input: &ForecastInput) -> Option<MeasuredCurve> {
        let ru = &input.ru;
        let at = match ru.release_at? {
            Moment::At(at) if ru.preload_at.is_none() && ru.waves.is_empty() => ru.unlock_at.unwrap_or(at),
            _ => return None,
        };
        let step = NonZeroU32::new(self.grid.step_s)?;
        let excess = Samples::new(self.grid.start, step, self.bps.iter().copied());
        MeasuredCurve::told_apart(&excess, at, self.noise_bps)
    }

    /// The peak and the bytes. What is not known counts as the mean of the rest, and nothing is told below the noise.
    pub(super) fn observation(&self) -> Option<Observation> {
        let known = || self.bps.iter().enumerate().filter_map(|(bin, bps)| Some((bin, (*bps)?)));
        let (bin, peak) = known().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let mean = known().map(|(_, bps)| bps).sum::<f64>() * share(1, known().count());
        let step = i64::from(self.grid.step_s);
        let at = self.grid.start + TimeDelta::seconds(step * i64::try_from(bin).unwrap_or(0));
        let seconds = (end(&self.grid) - self.grid.start).as_seconds_f64();
        Some(Observation {
            peak_bps: peak.max(self.noise_bps),
            peak_at: at,
            bytes: (mean * seconds / 8.0).max(0.0),
            at_least: false,
            platforms: BTreeMap::new(),
            cdns: BTreeMap::new(),
            links: BTreeMap::new(),
        })
    }
}

/// End of a grid.
pub(super) fn end(grid: &GridInfo) -> DateTime<Utc> {
    let bins = i64::try_from(grid.bins).unwrap_or(0);
    grid.start + TimeDelta::seconds(i64::from(grid.step_s) * bins)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of bins are small")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
