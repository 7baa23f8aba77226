//! From the catalogue and the registry of platforms to questions for the model.

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::catalogue::{NotForecastable, PlatformDefaults, PlatformId, Region, Ru};
use traffix_core::forecast::RuInput;
use traffix_core::network::Network;
use traffix_core::outlook::{OutlookInput, OutlookOptions, Skipped};
use traffix_platforms::{PlatformExt as _, default_weights, platform};
use traffix_store::{PageRequest, RuQuery, Store, StoreError};

/// What began earlier is part of the usual traffic: the model leaves it out, so it need not be read.
const LOOK_BACK: TimeDelta = TimeDelta::days(28);
/// Most RUs of one outlook; the model refuses more.
const MAX_RUS: usize = 2000;

/// What the model is asked about an RU of the catalogue on a network: default weights and CDN shares of the platforms
/// hold for the network's country.
///
/// # Errors
/// [`NotForecastable`] if the RU has no listing or no date.
pub fn ru_input(ru: &Ru, network: &Network) -> Result<RuInput, NotForecastable> {
    let region = network.country.as_deref().and_then(|code| code.parse().ok()).unwrap_or(Region::WORLD);
    ru.forecast_input(&region, &defaults(ru, &region))
}

fn defaults(ru: &Ru, region: &Region) -> PlatformDefaults {
    let listed: Vec<PlatformId> = ru.listings.iter().map(|listing| listing.platform.clone()).collect();
    let shares = |id: &PlatformId| {
        let named = platform(id.as_str()).ok()?.cdn_shares(region)?.named();
        (!named.is_empty()).then(|| named.into_iter().map(|(cdn, share)| (cdn.to_string(), share)).collect())
    };
    PlatformDefaults {
        cdn_shares: listed.iter().filter_map(|id| Some((id.clone(), shares(id)?))).collect(),
        weights: default_weights(&listed, region).into_iter().collect(),
    }
}

/// What the model is asked about the coming days, and which RUs it cannot be asked about.
pub fn outlook_input<'a>(
    rus: impl IntoIterator<Item = &'a Ru>,
    network: &Network,
    from: DateTime<Utc>,
    days: u32,
) -> (OutlookInput, Vec<Skipped>) {
    let (mut inputs, mut skipped) = (Vec::new(), Vec::new());
    for ru in rus {
        match ru_input(ru, network) {
            Ok(input) => inputs.push(input),
            Err(why) => skipped.push(Skipped { ru: ru.id.to_string(), reason: why.to_string() }),
        }
    }
    let mut options = OutlookOptions::from_instant(from);
    options.horizon_s = days.saturating_mul(86_400);
    // Long outlooks are read by the hour.
    options.step_s = if days > 31 { 3600 } else { options.step_s };
    (OutlookInput { network: network.clone(), rus: inputs, options }, skipped)
}

/// The RUs of a store that can matter between two instants.
///
/// # Errors
/// What the store answers.
pub async fn upcoming(
    store: &dyn Store,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Ru>, StoreError> {
    let query = RuQuery {
        from: Some(from.checked_sub_signed(LOOK_BACK).unwrap_or(from)),
        until: Some(until),
        ..RuQuery::default()
    };
    all(store, &query).await
}

/// The RUs of a query, up to a bound that no outlook needs to pass.
///
/// # Errors
/// What the store answers.
pub(crate) async fn all(store: &dyn Store, query: &RuQuery) -> Result<Vec<Ru>, StoreError> {
    let mut rus = Vec::new();
    let mut page = PageRequest { limit: 500, after: None };
    loop {
        let answer = store.rus(query, &page).await?;
        rus.extend(answer.items.into_iter().map(|ru| ru.value));
        match answer.next {
            Some(next) if rus.len() < MAX_RUS => page.after = Some(next),
            _ => break,
        }
    }
    rus.truncate(MAX_RUS);
    Ok(rus)
}

/// Those of a list of RUs that can matter between two instants.
pub fn upcoming_of(rus: &[Ru], from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Ru> {
    let since = from.checked_sub_signed(LOOK_BACK).unwrap_or(from);
    let matters = |ru: &&Ru| {
        let windows = ru.listings.iter().flat_map(|l| &l.phases).map(|p| &p.window.value);
        windows.into_iter().any(|w| w.start < until && w.end.unwrap_or(w.start).max(w.start) >= since)
    };
    rus.iter().filter(matters).take(MAX_RUS).cloned().collect()
}
