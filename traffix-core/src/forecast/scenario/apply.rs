//! The changed question.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use super::super::input::{ForecastInput, Item, Moment, RuInput, RuKind, Wave};
use super::super::plan::Plan;
use super::super::population::mean_bytes;
use super::super::{priors, validate};
use super::{Change, Scenario, Stagger, links};
use crate::Invalid;
use crate::network::{LineRate, Network};

/// What is wrong with a change: place inside it, and why.
pub(super) type Wrong = (&'static str, String);

/// The question that a scenario asks.
///
/// The changes are made one after the other; each must leave a valid question behind.
///
/// # Errors
///
/// Everything that cannot be changed so, with pointers into the scenario such as `/changes/1/remove_link/link`; or, if
/// the question is wrong before any change, what [`ForecastInput::validate`] finds.
///
/// # Example
///
/// ```
/// use traffix_core::forecast::{ForecastInput, scenario::{Scenario, apply}};
/// let input: ForecastInput = serde_json::from_str(r#"{
///     "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z", "items": [{"platform": "steam"}]},
///     "network": {"id": "acme", "tz": "Europe/London", "lines": 1e6,
///                 "links": [{"id": "transit", "kind": "transit", "capacity_bps": 1e11}]}
/// }"#).unwrap();
/// let lost: Scenario = serde_json::from_str(
///     r#"{"name": "lost", "changes": [{"remove_link": {"link": "peer"}}]}"#,
/// ).unwrap();
/// let wrong = apply(&input, &lost).unwrap_err();
/// assert_eq!(wrong[0].pointer, "/changes/0/remove_link/link");
/// assert_eq!(wrong[0].detail, "no link is called \"peer\": there is \"transit\"");
/// ```
pub fn apply(input: &ForecastInput, scenario: &Scenario) -> Result<ForecastInput, Vec<Invalid>> {
    let wrong = input.validate();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut found = Vec::new();
    let mut asked = input.clone();
    for (i, change) in scenario.changes.iter().enumerate() {
        let at = format!("/changes/{i}/{}", change.name());
        match changed(&asked, change) {
            Ok(next) => asked = next,
            Err(wrong) => found.extend(wrong.into_iter().map(|f| f.under(&at))),
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    keep_downloads(input, &mut asked);
    Ok(asked)
}

/// One change, if the question is valid after it.
fn changed(before: &ForecastInput, change: &Change) -> Result<ForecastInput, Vec<Invalid>> {
    let mut after = before.clone();
    make(&mut after, change).map_err(|(place, detail)| vec![Invalid::new(place, detail)])?;
    let found = after.validate();
    if !found.is_empty() {
        return Err(found.into_iter().map(|f| inside(&after, change, f)).collect());
    }
    if matches!(change, Change::AddPreload { .. } | Change::RemovePreload {}) {
        keep_end(before, &mut after);
        let found = after.validate();
        if !found.is_empty() {
            return Err(found.into_iter().map(|f| inside(&after, change, f)).collect());
        }
    }
    Ok(after)
}

/// A finding of the changed question as one of the change.
fn inside(after: &ForecastInput, change: &Change, found: Invalid) -> Invalid {
    if let Change::AddLink(_) = change {
        let own = format!("/network/links/{}", after.network.links.len().saturating_sub(1));
        if let Some(place) = found.pointer.strip_prefix(&own) {
            return Invalid::new(place, found.detail);
        }
    }
    Invalid::new("", format!("leaves {}: {}", found.pointer, found.detail))
}

fn make(input: &mut ForecastInput, change: &Change) -> Result<(), Wrong> {
    let (ru, network) = (&mut input.ru, &mut input.network);
    match change {
        Change::AddLink(link) => links::add(network, link),
        Change::RemoveLink { link } => return links::remove(network, link),
        Change::SetCapacity { link, capacity_bps } => {
            let to = positive("/capacity_bps", *capacity_bps)?;
            links::capacity(network, link, |_| to)?;
        }
        Change::ScaleCapacity { link, by } => {
            let by = positive("/by", *by)?;
            links::capacity(network, link, |bps| bps * by)?;
        }
        Change::SetLines { lines } => network.lines = positive("/lines", *lines)?,
        Change::ScaleLines { by } => network.lines *= positive("/by", *by)?,
        Change::SetLineRate(rate) => (network.line_rate_bps, network.classes) = (Some(*rate), None),
        Change::ScaleLineRate { by } => scale_line_rate(network, positive("/by", *by)?),
        Change::ScaleAudience { by } => {
            let factor = ru.signals.audience_factor.unwrap_or(1.0) * positive("/by", *by)?;
            ru.signals.audience_factor = Some(factor);
        }
        Change::SetSize { platform, bytes } => {
            let bytes = positive("/bytes", *bytes)?;
            for item in items(ru, platform.as_deref())? {
                (item.bytes, item.disk_bytes) = (Some(bytes), None);
            }
        }
        Change::ScaleSize { platform, by } => scale_size(ru, platform.as_deref(), positive("/by", *by)?)?,
        Change::SetRelease { at } => set_release(ru, *at)?,
        Change::Shift { by_secs } => shift(ru, *by_secs)?,
        Change::Stagger(stagger) => split(ru, stagger)?,
        Change::CdnMix { platform, shares } => {
            for item in items(ru, platform.as_deref())? {
                item.cdn_shares = Some(shares.clone());
            }
        }
        Change::AddPreload { before_secs } => add_preload(ru, *before_secs)?,
        Change::RemovePreload {} => {
            ru.preload_at.take().ok_or(("", "there is no preload to take away".to_owned()))?;
        }
        Change::Throttle { platform, max_bps } => throttle(ru, platform.as_deref(), *max_bps)?,
    }
    Ok(())
}

/// A number that can scale or replace another.
fn positive(place: &'static str, x: f64) -> Result<f64, Wrong> {
    if x > 0.0 && x.is_finite() {
        return Ok(x);
    }
    Err((place, format!("must be a number above 0, got {x}")))
}

/// The items of a platform, or all.
fn items<'a>(
    ru: &'a mut RuInput,
    platform: Option<&str>,
) -> Result<impl Iterator<Item = &'a mut Item> + use<'a>, Wrong> {
    let known: Vec<&str> = ru.items.iter().map(|item| item.platform.as_str()).collect();
    if let Some(platform) = platform.filter(|platform| !known.contains(platform)) {
        return Err(("/platform", format!("{platform:?} is no platform of the release: {}", names(&known))));
    }
    let wanted: Vec<bool> = known.iter().map(|id| platform.is_none_or(|platform| platform == *id)).collect();
    Ok(ru.items.iter_mut().zip(wanted).filter_map(|(item, wanted)| wanted.then_some(item)))
}

/// What there is, in words.
pub(super) fn names(known: &[&str]) -> String {
    let most = 20;
    let shown: Vec<String> = known.iter().take(most).map(|name| format!("{name:?}")).collect();
    match known.len() {
        0 => "there is none".to_owned(),
        1 => format!("there is {}", shown.concat()),
        n if n > most => format!("there are {} and {} more", shown.join(", "), n - most),
        _ => format!("there are {}", shown.join(", ")),
    }
}

fn scale_line_rate(network: &mut Network, by: f64) {
    if let Some(classes) = &mut network.classes {
        for class in classes {
            class.bps *= by;
        }
        return;
    }
    let prior = priors::LINE_RATE_BPS;
    let rate = network.line_rate_bps.unwrap_or(LineRate { median: prior.median, sigma: prior.sigma });
    network.line_rate_bps = Some(LineRate { median: rate.median * by, ..rate });
}

fn scale_size(ru: &mut RuInput, platform: Option<&str>, by: f64) -> Result<(), Wrong> {
    for item in items(ru, platform)? {
        if item.bytes.is_none() && item.disk_bytes.is_none() {
            let detail = format!("the size on {:?} is not known: give one with set_size", item.platform);
            return Err(("", detail));
        }
        for size in [&mut item.bytes, &mut item.disk_bytes].into_iter().flatten() {
            *size *= by;
        }
    }
    Ok(())
}

fn throttle(ru: &mut RuInput, platform: Option<&str>, max_bps: f64) -> Result<(), Wrong> {
    if ru.kind == RuKind::Media {
        return Err(("", "is for downloads; a stream has the bitrate it has".to_owned()));
    }
    for item in items(ru, platform)? {
        item.max_bps = Some(item.max_bps.map_or(max_bps, |bps| bps.min(max_bps)));
    }
    Ok(())
}

fn set_release(ru: &mut RuInput, at: Moment) -> Result<(), Wrong> {
    if !ru.waves.is_empty() {
        return Err(("", "the release has waves: move them all with shift".to_owned()));
    }
    (ru.release_at, ru.unlock_at) = (Some(at), None);
    Ok(())
}

fn shift(ru: &mut RuInput, by_secs: i64) -> Result<(), Wrong> {
    let far = || ("/by_secs", "is too far".to_owned());
    let by = TimeDelta::try_seconds(by_secs).ok_or_else(far)?;
    let later = |at: DateTime<Utc>| at.checked_add_signed(by).ok_or_else(far);
    match &mut ru.release_at {
        Some(Moment::At(at)) => *at = later(*at)?,
        // Whole days only: of the rest nothing is known.
        Some(Moment::Day(day)) if by_secs % 86_400 == 0 => {
            *day = day.checked_add_signed(by).ok_or_else(far)?;
        }
        Some(Moment::Day(_)) if ru.unlock_at.is_none() && ru.waves.is_empty() => {
            return Err((
                "/by_secs",
                "must be whole days, as the hour of the release is not known".to_owned(),
            ));
        }
        _ => {}
    }
    for at in [&mut ru.preload_at, &mut ru.unlock_at].into_iter().flatten() {
        *at = later(*at)?;
    }
    for wave in &mut ru.waves {
        wave.at = later(wave.at)?;
    }
    Ok(())
}

/// Splits the release, or each of its waves.
fn split(ru: &mut RuInput, stagger: &Stagger) -> Result<(), Wrong> {
    let shares = match (&stagger.shares, stagger.waves) {
        (Some(shares), None) => shares.clone(),
        (None, Some(waves)) if waves > 0 && waves <= MOST_WAVES => {
            (0..waves).map(|_| 1.0 / f64::from(waves)).collect()
        }
        (None, Some(waves)) => return Err(("/waves", format!("must be 1 to {MOST_WAVES}, got {waves}"))),
        _ => return Err(("", "give either waves or shares".to_owned())),
    };
    if shares.is_empty() || shares.len().saturating_mul(ru.waves.len().max(1)) > validate::limits::WAVES {
        let most = validate::limits::WAVES;
        return Err(("", format!("must make 1 to {most} waves of the {} there are", ru.waves.len().max(1))));
    }
    if ru.waves.is_empty() {
        let ((Some(at), _) | (None, Some(Moment::At(at)))) = (ru.unlock_at, ru.release_at) else {
            let detail = "the instant of the release is not known: give one with set_release";
            return Err(("", detail.to_owned()));
        };
        ru.waves.push(Wave { region: None, at, share: 1.0 });
    }
    let mut waves = Vec::new();
    for wave in &ru.waves {
        let mut at = Some(wave.at);
        for share in &shares {
            let now = at.ok_or_else(|| ("/every_secs", "is too long".to_owned()))?;
            waves.push(Wave { region: wave.region.clone(), at: now, share: wave.share * share });
            at = now.checked_add_signed(TimeDelta::seconds(stagger.every_secs.into()));
        }
    }
    ru.waves = waves;
    Ok(())
}

const MOST_WAVES: u32 = 64;

fn add_preload(ru: &mut RuInput, before_secs: u32) -> Result<(), Wrong> {
    if let Some(at) = ru.preload_at {
        return Err(("", format!("there is a preload from {at}: take it away with remove_preload first")));
    }
    if before_secs == 0 {
        return Err(("/before_secs", "must be above 0".to_owned()));
    }
    let first = ru.waves.iter().map(|wave| wave.at).min().or(ru.unlock_at);
    let release = ru.release_at.map(|at| match at {
        Moment::At(at) => at,
        Moment::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
    });
    let open = first
        .or(release)
        .and_then(|at| at.checked_sub_signed(TimeDelta::seconds(before_secs.into())))
        .ok_or_else(|| ("/before_secs", "is too long".to_owned()))?;
    ru.preload_at = Some(open);
    Ok(())
}

/// Keeps the end of the time looked at where it was, though the first instant has moved.
fn keep_end(before: &ForecastInput, after: &mut ForecastInput) {
    let lead_secs = (Plan::span(before).0 - Plan::span(after).0).num_seconds();
    let step = i64::from(after.options.step_s);
    // Rounded away from the event, so that nothing is cut off.
    let lead_secs = -(-lead_secs).div_euclid(step) * step;
    let horizon = i64::from(after.options.horizon_s).saturating_add(lead_secs);
    after.options.horizon_s = u32::try_from(horizon.max(step)).unwrap_or(u32::MAX);
}

/// Keeps the number of downloads that past events imply: their bytes follow size and lines.
fn keep_downloads(before: &ForecastInput, after: &mut ForecastInput) {
    let factor = mean_bytes(after) / mean_bytes(before) * (after.network.lines / before.network.lines);
    if !factor.is_finite() {
        return;
    }
    let own = after.network.id.as_str();
    for past in after.ru.signals.past.iter_mut().filter(|past| past.network == own) {
        past.bytes = past.bytes.map(|bytes| bytes * factor);
    }
}
