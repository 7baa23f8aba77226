//! From the catalogue to what the model is asked.
//!
//! Pure. What the catalogue does not know of platforms (default weights, who delivers for them) is an argument,
//! [`PlatformDefaults`]. What nobody knows stays absent: the model widens its answer for it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Content, Listing, Phase, PhaseKind, PhaseStatus, PlatformId, Precision, Region, Ru, RuKind};
use crate::forecast::{self, Item, Moment, RuInput, Signals, Wave};
use crate::{Fact, SourceKind};

/// What holds for platforms in one region unless a listing says otherwise.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlatformDefaults {
    /// Share of downloads by platform; only the proportions matter.
    pub weights: BTreeMap<PlatformId, f64>,
    /// How a platform's bytes divide over CDNs, by slug; each sums to 1. Platforms without an entry are delivered by
    /// an unknown CDN.
    pub cdn_shares: BTreeMap<PlatformId, BTreeMap<String, f64>>,
}

/// Why nothing can be forecast for an RU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotForecastable {
    /// It is on no platform.
    #[error("it is listed on no platform")]
    NoListing,
    /// No window is known, or all are cancelled.
    #[error("no date is known")]
    NoDate,
    /// Nothing is known to the day.
    #[error("the date is not known to the day")]
    VagueDate,
}

/// Log-scale spread of a size that the publisher or the platform states, or somebody measured. Assumed, 2026-11.
const SIGMA_OFFICIAL: f64 = 0.05;
/// ... that the press or users state. Assumed, 2026-11.
const SIGMA_PRESS: f64 = 0.15;
/// ... that was concluded from something else. Assumed, 2026-11.
const SIGMA_INFERRED: f64 = 0.3;
/// The ends of a stated interval are taken as P10 and P90 of a log-normal.
const P10_TO_P90: f64 = 2.0 * 1.281_551_565_5;
/// A preload of which only the day is known opens at this minute of the UTC day: the middle of the hours in which
/// releases happen. Assumed, 2026-11.
const PRELOAD_MINUTE: i64 = 14 * 60 + 30;

impl Ru {
    /// What the model is asked about this RU in a region.
    ///
    /// The release is the earliest unlock of the region, else of the world, else of anywhere; a day stays a day. The
    /// preload is that of most listings. Waves
    /// take its place if there are any; those whose share is not known divide what the others leave. A campaign or
    /// edition with early access is not a wave: nobody knows its share. Audience figures are taken from the listing
    /// with the largest: they are world-wide, or a lower bound.
    ///
    /// # Errors
    /// [`NotForecastable`] if it has no listing or no date.
    ///
    /// # Example
    /// ```
    /// use traffix_core::catalogue::{PlatformDefaults, document};
    /// let file = r#"
    /// [sources.isp]
    /// url = "https://example.org/record-traffic"
    /// kind = "press"
    /// date = 2023-11-10
    ///
    /// [[ru]]
    /// id = "example-game"
    /// title = "Example Game"
    /// kind = "release"
    /// source = "isp"
    /// unlock = { at = 2023-11-10, source = "isp" }
    /// size = { wire = "84.4 GB", source = "isp" }
    /// listings.steam = {}
    /// "#;
    /// let ru = &document::parse_toml(file).unwrap().rus[0];
    /// let input = ru.forecast_input(&"GB".parse()?, &PlatformDefaults::default()).unwrap();
    /// assert_eq!(input.release_at.unwrap().to_string(), "2023-11-10");
    /// assert_eq!((input.items[0].bytes, input.items[0].bytes_sigma), (Some(84.4e9), Some(0.15)));
    /// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
    /// ```
    pub fn forecast_input(
        &self,
        region: &Region,
        defaults: &PlatformDefaults,
    ) -> Result<RuInput, NotForecastable> {
        if self.listings.is_empty() {
            return Err(NotForecastable::NoListing);
        }
        let dates = Dates::of(self, region)?;
        let mut items: Vec<Item> = self.listings.iter().map(|listing| item(listing, defaults)).collect();
        set_weights(&mut items, &self.listings, region, defaults);
        Ok(RuInput {
            id: self.id.to_string(),
            title: Some(self.title.clone()),
            franchise: self.franchise.as_ref().map(ToString::to_string),
            kind: self.model_kind(),
            release_at: dates.release,
            preload_at: dates.preload,
            unlock_at: None,
            waves: dates.waves,
            items,
            signals: self.signals(),
            already_downloaded_share: None,
        })
    }

    /// The kind by which the model picks its priors.
    pub fn model_kind(&self) -> forecast::RuKind {
        match (self.content, self.kind) {
            (Content::Game, RuKind::Release) => forecast::RuKind::Release,
            (Content::Game, RuKind::Update) => forecast::RuKind::Update,
            (Content::App, _) => forecast::RuKind::App,
            (Content::PhoneOs, _) => forecast::RuKind::PhoneOs,
            (Content::WindowsPatch, _) => forecast::RuKind::WindowsPatch,
            (Content::WindowsFeature, _) => forecast::RuKind::WindowsFeature,
            (Content::Media, _) => forecast::RuKind::Media,
        }
    }

    fn signals(&self) -> Signals {
        let largest = |pick: fn(&Listing) -> Option<&Fact<u64>>| {
            self.listings.iter().filter_map(pick).map(|fact| fact.value).max().map(people)
        };
        Signals {
            concurrent_peak: largest(|l| l.audience.concurrent_peak.as_ref()),
            mau: largest(|l| l.audience.mau.as_ref()),
            wishlists: largest(|l| l.audience.wishlists.as_ref()),
            followers: largest(|l| l.audience.followers.as_ref()),
            audience_factor: None,
            past: Vec::new(),
        }
    }
}

/// When things happen in a region.
struct Dates {
    release: Option<Moment>,
    preload: Option<DateTime<Utc>>,
    waves: Vec<Wave>,
}

impl Dates {
    fn of(ru: &Ru, region: &Region) -> Result<Self, NotForecastable> {
        let firm = |p: &&Phase| p.status != PhaseStatus::Cancelled;
        let all: Vec<&Phase> = ru.listings.iter().flat_map(|l| &l.phases).filter(firm).collect();
        let exact: Vec<&Phase> =
            all.iter().copied().filter(|p| p.window.value.precision <= Precision::Day).collect();
        let release = earliest(&exact, PhaseKind::Unlock, region)
            .or_else(|| earliest(&exact, PhaseKind::EarlyAccess, region));
        let waves = waves(ru, region);
        let release_at = release.map(moment);
        let preload = usual(&exact, PhaseKind::Preload, region).map(opening);
        let end = release.map(|p| p.window.value.start).or_else(|| waves.iter().map(|w| w.at).min());
        let preload = preload.filter(|open| end.is_none_or(|end| *open < end));
        if release_at.is_none() && waves.is_empty() && preload.is_none() {
            return Err(if all.is_empty() { NotForecastable::NoDate } else { NotForecastable::VagueDate });
        }
        Ok(Self { release: release_at.filter(|_| waves.is_empty()), preload, waves })
    }
}

/// The phases of a kind: those of the region, else of the world, else of anywhere.
fn nearest<'a>(phases: &[&'a Phase], kind: PhaseKind, region: &Region) -> Vec<&'a Phase> {
    let fitting = |fits: &dyn Fn(&Region) -> bool| -> Vec<&'a Phase> {
        phases.iter().copied().filter(|p| p.kind == kind && fits(&p.region)).collect()
    };
    let choices = [fitting(&|r| r == region), fitting(&|r| *r == Region::WORLD), fitting(&|_| true)];
    choices.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

/// The earliest phase of a kind.
fn earliest<'a>(phases: &[&'a Phase], kind: PhaseKind, region: &Region) -> Option<&'a Phase> {
    nearest(phases, kind, region).into_iter().min_by_key(|p| (p.window.value.start, p.window.value.precision))
}

/// The phase of a kind that starts when most of them do, the earliest if several: the model knows one preload, and
/// one platform's head start should not move the others.
fn usual<'a>(phases: &[&'a Phase], kind: PhaseKind, region: &Region) -> Option<&'a Phase> {
    let found = nearest(phases, kind, region);
    let as_many = |start| found.iter().filter(|p| p.window.value.start == start).count();
    found.iter().copied().min_by_key(|p| {
        let start = p.window.value.start;
        (std::cmp::Reverse(as_many(start)), start, p.window.value.precision)
    })
}

fn moment(phase: &Phase) -> Moment {
    let window = &phase.window.value;
    if window.precision.is_instant() {
        Moment::At(window.start)
    } else {
        Moment::Day(window.start.date_naive())
    }
}

fn opening(phase: &Phase) -> DateTime<Utc> {
    let window = &phase.window.value;
    let wait = if window.precision.is_instant() { 0 } else { PRELOAD_MINUTE };
    window.start.checked_add_signed(TimeDelta::minutes(wait)).unwrap_or(window.start)
}

/// The waves of the listing that has most of them, for the region if it has its own, scaled to sum to 1.
fn waves(ru: &Ru, region: &Region) -> Vec<Wave> {
    let of = |listing: &Listing| -> Vec<(DateTime<Utc>, Option<f64>)> {
        let firm = |p: &&Phase| {
            p.kind == PhaseKind::Wave
                && p.status != PhaseStatus::Cancelled
                && p.window.value.precision <= Precision::Day
        };
        let all: Vec<&Phase> = listing.phases.iter().filter(firm).collect();
        let ours = all.iter().any(|p| p.region == *region);
        let kept = all.into_iter().filter(|p| !ours || p.region == *region);
        kept.map(|p| (opening(p), p.share.filter(|s| s.is_finite() && *s >= 0.0))).collect()
    };
    let mut waves = ru.listings.iter().map(of).max_by_key(Vec::len).unwrap_or_default();
    waves.sort_by_key(|wave| wave.0);
    let stated: f64 = waves.iter().filter_map(|w| w.1).sum();
    let unknown = waves.iter().filter(|w| w.1.is_none()).count();
    let rest = (1.0 - stated).max(0.0) / crate::num::of_usize(unknown.max(1));
    let shares: Vec<f64> = waves.iter().map(|w| w.1.unwrap_or(rest)).collect();
    let sum: f64 = shares.iter().sum();
    if sum <= 0.0 {
        return Vec::new();
    }
    let wave = |((at, _), share): ((DateTime<Utc>, _), f64)| Wave { region: None, at, share: share / sum };
    waves.into_iter().zip(shares).map(wave).collect()
}

fn item(listing: &Listing, defaults: &PlatformDefaults) -> Item {
    let wire = listing.wire_bytes();
    let disk = listing.disk_bytes().filter(|_| wire.is_none());
    let known = wire.or(disk);
    let mid = |fact: &Fact<super::ByteRange>| people(fact.value.mid().0);
    Item {
        platform: listing.platform.to_string(),
        weight: None,
        bytes: wire.map(mid),
        disk_bytes: disk.map(mid),
        bytes_sigma: known.map(sigma),
        bitrate_bps: listing.stream.bitrate_bps.as_ref().map(|bps| people(bps.value)),
        cdn_shares: defaults.cdn_shares.get(&listing.platform).filter(|shares| !shares.is_empty()).cloned(),
        max_bps: None,
    }
}

/// Spread of a size: who says it, and how wide the interval is.
fn sigma(fact: &Fact<super::ByteRange>) -> f64 {
    let source = match fact.evidence.kind {
        SourceKind::Official | SourceKind::Measurement => SIGMA_OFFICIAL,
        SourceKind::Press | SourceKind::Community => SIGMA_PRESS,
        SourceKind::Inferred => SIGMA_INFERRED,
    };
    let (low, high) = (fact.value.low.0.max(1), fact.value.high.0.max(1));
    let width = libm::log(people(high) / people(low)).max(0.0) / P10_TO_P90;
    // The model accepts spreads up to 3.
    libm::hypot(source, width).min(3.0)
}

/// Weights of all items or of none: what the listings state for the region or the world, the defaults for the rest.
fn set_weights(items: &mut [Item], listings: &[Listing], region: &Region, defaults: &PlatformDefaults) {
    let stated = |listing: &Listing| {
        let of = |wanted: &Region| listing.weights.iter().find(|w| w.region == *wanted);
        of(region).or_else(|| of(&Region::WORLD)).map(|w| w.share.value)
    };
    let default = |listing: &Listing| defaults.weights.get(&listing.platform).copied();
    let weights: Vec<Option<f64>> = listings.iter().map(|l| stated(l).or_else(|| default(l))).collect();
    let known = |w: &f64| w.is_finite() && *w >= 0.0;
    let sum: f64 = weights.iter().flatten().filter(|w| known(w)).sum();
    if sum <= 0.0 || !weights.iter().all(|w| w.as_ref().is_some_and(known)) {
        return;
    }
    for (item, weight) in items.iter_mut().zip(weights) {
        item.weight = weight.map(|w| w / sum);
    }
}

/// A count as the model takes it.
#[expect(clippy::cast_precision_loss, reason = "people and bytes far above 2^53 are refused by the model")]
fn people(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
