//! The series of a network: what is usual in each, and what was measured around a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use traffix_core::baseline::{Baseline, BaselineOptions};
use traffix_core::explanation::Explanation;
use traffix_core::measurement::Key;
use traffix_core::network::Network;
use traffix_core::samples::Samples;
use traffix_store::{Dimensions, PageRequest, SavedNetwork, SavedSpike, SpikeQuery, SpikeScope, StoreError};

use super::causes::{Traffic, Watched};
use crate::AppState;
use crate::history::{self, HistoryError};
use crate::http::Problem;

/// Length of the bins that are watched, s.
const STEP_SECS: u32 = 300;
/// Most CDNs, platforms and links each that are told apart: the largest.
const MAX_PARTS: usize = 32;
/// A cause that is likelier than this is a known event, which is not usual traffic.
const KNOWN: f64 = 0.5;

/// A network whose measurements are watched.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Who saved it.
    pub(crate) owner: String,
    /// Its profile.
    pub(crate) network: Arc<Network>,
    /// Revision of the profile.
    pub(crate) revision: i64,
}

impl Place {
    /// The network of a saved profile, if it is one.
    pub(crate) fn of(saved: SavedNetwork) -> Option<Self> {
        let network = serde_json::from_value::<Network>(saved.profile).ok()?;
        Some(Self { owner: saved.owner, network: Arc::new(network), revision: saved.revision })
    }
}

/// What is usual in the series of a network. A series of which too little is known has none.
#[derive(Default)]
pub(crate) struct Usual(BTreeMap<SpikeScope, Arc<Baseline>>);

impl Usual {
    pub(crate) fn of(&self, scope: &SpikeScope) -> Option<Arc<Baseline>> {
        self.0.get(scope).map(Arc::clone)
    }
}

const BY_CDN: Dimensions = Dimensions { platform: false, cdn: true, link: false };
const BY_PLATFORM: Dimensions = Dimensions { platform: true, cdn: false, link: false };
pub(super) const BY_LINK: Dimensions = Dimensions { platform: false, cdn: false, link: true };

/// The scope of a sum that was told apart by one thing; `None` for what is not known.
fn scope(by: Dimensions, key: Key) -> Option<SpikeScope> {
    match by {
        BY_CDN => key.cdn.map(SpikeScope::Cdn),
        BY_PLATFORM => key.platform.map(SpikeScope::Platform),
        BY_LINK => key.link.map(SpikeScope::Link),
        _ => Some(SpikeScope::Total),
    }
}

/// The series of a network between two instants: all, by CDN, by link, and by platform if wanted.
pub(crate) async fn series(
    state: &AppState,
    network: &str,
    span: (DateTime<Utc>, DateTime<Utc>),
    kinds: &[Dimensions],
) -> Result<Vec<(SpikeScope, Samples)>, HistoryError> {
    let mut all = Vec::new();
    for by in kinds {
        let loaded = history::load_by(state.store.as_ref(), network, *by, span, STEP_SECS).await?;
        let mut parts: Vec<(f64, SpikeScope, Samples)> = loaded
            .into_iter()
            .filter_map(|(key, samples)| Some((samples.iter().flatten().sum(), scope(*by, key)?, samples)))
            .collect();
        parts.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.extend(parts.into_iter().take(MAX_PARTS).map(|(_, scope, samples)| (scope, samples)));
    }
    Ok(all)
}

/// In which series spikes are looked for.
pub(super) const WATCHED: [Dimensions; 3] =
    [Dimensions { platform: false, cdn: false, link: false }, BY_CDN, BY_LINK];
/// What explains a spike.
const TELLING: [Dimensions; 3] =
    [Dimensions { platform: false, cdn: false, link: false }, BY_CDN, BY_PLATFORM];
const ALL: [Dimensions; 4] =
    [Dimensions { platform: false, cdn: false, link: false }, BY_CDN, BY_PLATFORM, BY_LINK];

/// What is usual, from the weeks before this hour. It is made once an hour, and alike by every process.
pub(crate) async fn usual(
    state: &AppState,
    place: &Place,
    now: DateTime<Utc>,
) -> Result<Arc<Usual>, Problem> {
    let hour = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now);
    let network = &place.network;
    let key = format!("{}/{}/{}/{}", place.owner, network.id, place.revision, hour.timestamp());
    if let Some(kept) = state.spikes.usual.get(&key) {
        return Ok(kept);
    }
    let weeks = state.config.spikes.weeks.clamp(1, 52);
    let span = (hour - TimeDelta::weeks(weeks.into()), hour);
    let parts = series(state, &network.id, span, &ALL).await?;
    let Ok(mut options) = BaselineOptions::named(&network.tz) else { return Ok(Arc::default()) };
    let query = SpikeQuery {
        owner: Some(place.owner.clone()),
        network: Some(network.id.clone()),
        scope: Some(SpikeScope::Total),
        from: Some(span.0),
        ..SpikeQuery::default()
    };
    // What has just ended may not be explained yet, and is to be left out by all processes or by none.
    let mut known = kept_spikes(state, &query).await?;
    known.retain(|one| one.found.until <= hour - TimeDelta::hours(1));
    options.excluded =
        known.iter().filter(|one| is_known(one)).map(|one| (one.found.start, one.found.until)).collect();
    let fit = move || {
        let fit = |(scope, samples): (SpikeScope, Samples)| {
            Some((scope, Arc::new(Baseline::fit(&samples, &options).ok()?)))
        };
        Usual(parts.into_iter().filter_map(fit).collect())
    };
    let usual = Arc::new(state.compute.run(&state.metrics, fit).await?);
    state.spikes.usual.insert(key, Arc::clone(&usual));
    Ok(usual)
}

/// Whether it is known what a spike was.
fn is_known(spike: &SavedSpike) -> bool {
    let told = spike.explanation.as_ref().and_then(|told| serde_json::from_value(told.clone()).ok());
    let likely = |told: Explanation| told.causes.first().is_some_and(|cause| cause.probability > KNOWN);
    spike.verdict.confirmed.is_some() || told.is_some_and(likely)
}

/// All spikes that fit a filter.
pub(super) async fn kept_spikes(state: &AppState, query: &SpikeQuery) -> Result<Vec<SavedSpike>, StoreError> {
    let mut page = PageRequest { limit: 500, after: None };
    let mut all = Vec::new();
    loop {
        let got = state.store.spikes(query, &page).await?;
        all.extend(got.items);
        page.after = got.next;
        if page.after.is_none() {
            return Ok(all);
        }
    }
}

/// What was measured between two instants beside what is usual; `None` if that is not known of all traffic.
pub(super) async fn traffic(
    state: &AppState,
    place: &Place,
    usual: &Usual,
    span: (DateTime<Utc>, DateTime<Utc>),
) -> Result<Option<Traffic>, Problem> {
    let (mut total, mut cdns, mut platforms) = (None, BTreeMap::new(), BTreeMap::new());
    for (scope, samples) in series(state, &place.network.id, span, &TELLING).await? {
        let Some(usual) = usual.of(&scope) else { continue };
        let watched = Watched { samples, usual };
        match scope {
            SpikeScope::Total => total = Some(watched),
            SpikeScope::Cdn(id) => drop(cdns.insert(id.to_string(), watched)),
            SpikeScope::Platform(id) => drop(platforms.insert(id.to_string(), watched)),
            SpikeScope::Link(_) => {}
        }
    }
    Ok(total.map(|total| Traffic { total, cdns, platforms }))
}
