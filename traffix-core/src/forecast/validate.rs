//! Checks of a forecast's input: every finding, with its place.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Utc};

use super::input::{ForecastInput, Item, Moment, Options, RuInput};
use crate::Invalid;
use crate::network::Findings;
use crate::network::limits as network_limits;

/// Largest values accepted, so that no input can exhaust memory or time.
pub mod limits {
    /// Bytes of one download.
    pub const BYTES: f64 = 1e18;
    /// People: players, wishlists, followers.
    pub const PEOPLE: f64 = 1e11;
    /// What an audience may be multiplied by.
    pub const AUDIENCE_FACTOR: f64 = 1000.0;
    /// Platforms of one RU.
    pub const ITEMS: usize = 32;
    /// Waves of one RU.
    pub const WAVES: usize = 64;
    /// Past events.
    pub const PAST: usize = 1000;
    /// Bin length, s: from, to.
    pub const STEP_S: (u32, u32) = (10, 86_400);
    /// Bins of the grid.
    pub const BINS: usize = 20_160;
    /// Draws: from, to.
    pub const DRAWS: (u32, u32) = (16, 4096);
    /// Draws times bins times platforms times classes (at least 8) over 8: about a second of work.
    pub const CELLS: f64 = 6e7;
    /// Days between the first and the last instant of one RU.
    pub const SPAN_DAYS: i64 = 366;
    /// Years an instant may lie in.
    pub const YEARS: (i32, i32) = (1990, 2200);
}

impl ForecastInput {
    /// Everything that is wrong with the input; empty if a forecast can be made.
    ///
    /// Refused are numbers that are negative or not finite, shares that do not sum to 1, an unlock before the
    /// preload, unknown time zones, an RU without any date, duplicate ids, and sizes beyond [`limits`].
    /// Anything else that is absent widens the forecast instead.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found = Findings(self.ru.validate().into_iter().map(|f| f.under("/ru")).collect());
        found.0.extend(self.network.validate().into_iter().map(|f| f.under("/network")));
        check_options(&mut found, self);
        found.0
    }
}

fn check_ru(found: &mut Findings, ru: &RuInput) {
    found.id("/id", &ru.id);
    check_instants(found, ru);
    if ru.items.is_empty() || ru.items.len() > limits::ITEMS {
        let detail = format!("must have 1 to {} platforms, got {}", limits::ITEMS, ru.items.len());
        found.add("/items", detail);
    }
    let mut platforms = BTreeSet::new();
    for (i, item) in ru.items.iter().enumerate().take(limits::ITEMS) {
        let at = format!("/items/{i}");
        if !platforms.insert(&item.platform) {
            found.add(
                &format!("{at}/platform"),
                format!("must be unique, {:?} is given twice", item.platform),
            );
        }
        check_item(found, &at, item);
    }
    if let Some(share) = ru.already_downloaded_share {
        found.within("/already_downloaded_share", share, 1.0);
    }
    let signals = &ru.signals;
    let people = [
        ("concurrent_peak", signals.concurrent_peak),
        ("mau", signals.mau),
        ("wishlists", signals.wishlists),
        ("followers", signals.followers),
    ];
    for (name, value) in people {
        if let Some(x) = value {
            found.within(&format!("/signals/{name}"), x, limits::PEOPLE);
        }
    }
    if let Some(factor) = signals.audience_factor {
        found.within("/signals/audience_factor", factor, limits::AUDIENCE_FACTOR);
    }
    if signals.past.len() > limits::PAST {
        found.add("/signals/past", format!("must be at most {} events", limits::PAST));
    }
    for (i, past) in signals.past.iter().enumerate().take(limits::PAST) {
        if let Some(bytes) = past.bytes {
            found.within(&format!("/signals/past/{i}/bytes"), bytes, limits::BYTES * 1e9);
        }
        if let Some(peak) = past.peak_bps {
            found.within(&format!("/signals/past/{i}/peak_bps"), peak, network_limits::BPS);
        }
    }
}

fn check_item(found: &mut Findings, at: &str, item: &Item) {
    found.id(&format!("{at}/platform"), &item.platform);
    for (name, value) in [("bytes", item.bytes), ("disk_bytes", item.disk_bytes)] {
        if let Some(bytes) = value {
            found.within(&format!("{at}/{name}"), bytes, limits::BYTES);
        }
    }
    if let Some(sigma) = item.bytes_sigma {
        found.within(&format!("{at}/bytes_sigma"), sigma, network_limits::SIGMA);
    }
    if let Some(bps) = item.bitrate_bps {
        found.positive(&format!("{at}/bitrate_bps"), bps, 1e12);
    }
    if let Some(bps) = item.max_bps {
        found.positive(&format!("{at}/max_bps"), bps, 1e12);
    }
    if let Some(weight) = item.weight {
        found.within(&format!("{at}/weight"), weight, 1.0);
    }
    if let Some(shares) = &item.cdn_shares {
        found.shares(&format!("{at}/cdn_shares"), shares.iter().map(|(k, v)| (k.as_str(), *v)));
    }
}

fn check_instants(found: &mut Findings, ru: &RuInput) {
    let release = match ru.release_at {
        Some(Moment::At(at)) => Some(at),
        Some(Moment::Day(day)) => Some(day.and_time(chrono::NaiveTime::MIN).and_utc()),
        None => None,
    };
    let mut instants: Vec<(String, DateTime<Utc>)> = Vec::new();
    let named = [("release_at", release), ("preload_at", ru.preload_at), ("unlock_at", ru.unlock_at)];
    instants.extend(named.into_iter().filter_map(|(name, at)| Some((format!("/{name}"), at?))));
    instants.extend(ru.waves.iter().enumerate().map(|(i, w)| (format!("/waves/{i}/at"), w.at)));
    if instants.is_empty() {
        found.add("/release_at", "must be given: an instant, or a day if the hour is not known".to_owned());
    }
    let (first_year, last_year) = limits::YEARS;
    for (pointer, at) in &instants {
        if !(first_year..=last_year).contains(&at.year()) {
            found.add(pointer, format!("must lie in the years {first_year} to {last_year}"));
        }
    }
    let span = instants.iter().map(|i| i.1).max().zip(instants.iter().map(|i| i.1).min());
    if let Some((last, first)) = span
        && (last - first).num_days() > limits::SPAN_DAYS
    {
        found.add("", format!("its instants must lie within {} days", limits::SPAN_DAYS));
    }
    let unlock = ru.unlock_at.map(|at| ("/unlock_at", at)).or(release.map(|at| ("/release_at", at)));
    if let (Some(open), Some((pointer, unlock))) = (ru.preload_at, unlock)
        && unlock < open
        && !(matches!(ru.release_at, Some(Moment::Day(_))) && unlock.date_naive() == open.date_naive())
    {
        found.add(pointer, "must not lie before preload_at".to_owned());
    }
    if ru.waves.len() > limits::WAVES {
        found.add("/waves", format!("must be at most {} waves", limits::WAVES));
    }
    for (i, wave) in ru.waves.iter().enumerate().take(limits::WAVES) {
        found.within(&format!("/waves/{i}/share"), wave.share, 1.0);
    }
    if !ru.waves.is_empty() {
        found.sums_to_one("/waves", "shares", ru.waves.iter().map(|w| w.share).sum());
    }
}

fn check_options(found: &mut Findings, input: &ForecastInput) {
    let Options { step_s, horizon_s, draws, .. } = input.options;
    let (low, high) = limits::STEP_S;
    if !(low..=high).contains(&step_s) {
        found.add("/options/step_s", format!("must be {low} to {high} seconds, got {step_s}"));
        return;
    }
    let (low, high) = limits::DRAWS;
    if !(low..=high).contains(&draws) {
        found.add("/options/draws", format!("must be {low} to {high}, got {draws}"));
    }
    let bins = input.options.bins();
    if bins == 0 || bins > limits::BINS {
        let most = u64::from(step_s) * crate::num::to_u64(limits::BINS);
        found.add(
            "/options/horizon_s",
            format!("must be {step_s} to {most} seconds at this step, got {horizon_s}"),
        );
    }
    let cells = cells(input);
    if cells > limits::CELLS {
        let detail = format!(
            "is too fine: bins x draws x platforms x classes / 8 must be at most {:.0}, got {cells:.0}",
            limits::CELLS
        );
        found.add("/options", detail);
    }
}

/// Work of a forecast: draws times bins times platforms times classes over 8.
pub(super) fn cells(input: &ForecastInput) -> f64 {
    let classes = input.network.classes.as_ref().map_or(8, |c| c.len().max(8));
    crate::num::of_usize(input.options.bins())
        * f64::from(input.options.draws)
        * crate::num::of_usize(input.ru.items.len())
        * crate::num::of_usize(classes)
        / 8.0
}

impl Options {
    /// Number of whole bins in the horizon.
    pub fn bins(&self) -> usize {
        usize::try_from(self.horizon_s / self.step_s.max(1)).unwrap_or(usize::MAX)
    }
}

impl RuInput {
    /// Everything that is wrong with the RU; pointers are relative to it.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found = Findings::default();
        check_ru(&mut found, self);
        found.0
    }
}
