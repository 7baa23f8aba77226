//! The collector beside the server, and what is done to measurements every hour.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use traffix_core::network::Network;
use traffix_telemetry::collector::{Config, Stats, Stopped, Timing, Watch};

use super::{ProfileError, profile, spool};
use crate::config::Collect;
use crate::{AppState, ServeError};

/// How often the profile and the prefix table are looked at.
const LOOK: Duration = Duration::from_mins(1);
/// Looks between two at what changes seldom.
const LOOKS_PER_HOUR: u32 = 60;
/// How often old measurements are summed.
const HOUR: Duration = Duration::from_hours(1);

/// What the collector is told by the settings.
pub(crate) fn collector_config(settings: &Collect) -> Result<Config, ServeError> {
    let step = NonZeroU32::new(settings.step_secs).filter(|step| 86_400 % step.get() == 0);
    let step_secs = step.ok_or_else(|| ServeError::Config("collect.step_secs must divide a day".into()))?;
    Ok(Config {
        listen: settings.listen(),
        workers: NonZeroUsize::new(settings.workers),
        // Other threads of the server use the cores too.
        pin: false,
        receive_buffer_bytes: settings.receive_buffer_bytes,
        accept: settings.accept.clone(),
        timing: Timing { step_secs, grace_secs: settings.grace_secs, ..Timing::default() },
        ..Config::default()
    })
}

/// Starts the collector if an address is set; the network that it measures.
///
/// # Errors
/// If there is no profile, or an address cannot be listened on.
pub(crate) async fn start(state: &Arc<AppState>) -> Result<Option<Network>, ServeError> {
    let settings = &state.config.collect;
    if settings.listen().is_empty() {
        return Ok(None);
    }
    let wrong = |error: ProfileError| ServeError::Config(format!("collect.network: {error}"));
    let name = settings.network.as_deref().ok_or_else(|| wrong(ProfileError::Unset))?;
    let network = profile(state.store.as_ref(), name).await.map_err(wrong)?;
    if network.prefixes.is_empty() {
        tracing::warn!("the profile names no prefixes of the network: traffic in both directions is counted");
    }
    let config = collector_config(settings)?;
    let watch = Watch::new(&network, Arc::clone(&state.attributor.load().prefixes));
    let started = state.collecting.start(config, watch, Arc::clone(&state.store));
    let addresses = started.map_err(|error| ServeError::Collect(error.to_string()))?;
    tracing::info!(network = network.id, ?addresses, "collecting flows");
    Ok(Some(network))
}

/// Looks after measurements until `stop` says so, then writes what was counted.
pub(crate) fn schedule(
    state: &Arc<AppState>,
    network: Option<Network>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(roll_up_hourly(Arc::clone(state), stop.clone()));
    if network.is_some() {
        tasks.spawn(look_after(Arc::clone(state), network, stop.clone()));
        let (state, mut stop) = (Arc::clone(state), stop.clone());
        tasks.spawn(async move {
            // The sender is gone only when the server is.
            let _ = stop.wait_for(|stop| *stop).await;
            flush(&state).await;
        });
    }
    tasks
}

/// Sums what is old, at the start and every hour.
async fn roll_up_hourly(state: Arc<AppState>, mut stop: watch::Receiver<bool>) {
    loop {
        // Old is what is old by the calendar, whatever the requests pretend.
        match state.store.roll_up(chrono::Utc::now(), &state.config.retention.into()).await {
            Ok(done) if done == traffix_store::RolledUp::default() => {}
            Ok(done) => tracing::info!(
                days = done.days_rolled_up,
                forgotten = done.days_forgotten,
                batches = done.batches_forgotten,
                "rolled up measurements"
            ),
            Err(error) => tracing::warn!(%error, "old measurements cannot be rolled up now"),
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(HOUR) => {}
        }
    }
}

/// Measures by the profile and the prefixes as they are, and writes what waits in files, until `stop` says so.
pub(crate) async fn look_after(
    state: Arc<AppState>,
    mut network: Option<Network>,
    mut stop: watch::Receiver<bool>,
) {
    let mut table = Arc::clone(&state.attributor.load().prefixes);
    let mut looks = 0_u32;
    loop {
        if looks.is_multiple_of(LOOKS_PER_HOUR) {
            hourly(&state).await;
        }
        looks = looks.wrapping_add(1);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let Some(known) = &mut network else { continue };
        let (now, named) = (Arc::clone(&state.attributor.load().prefixes), read_again(&state).await);
        let is_same = named.as_ref().is_none_or(|named| named == known);
        if is_same && Arc::ptr_eq(&now, &table) {
            continue;
        }
        *known = named.unwrap_or_else(|| known.clone());
        table = now;
        match state.collecting.watch(Watch::new(known, Arc::clone(&table))) {
            Ok(()) => tracing::info!(network = known.id, "measuring by the changed profile or prefixes"),
            Err(error) => tracing::error!(%error, "the changed profile is not used"),
        }
    }
}

/// The profile as it is now; nothing if it cannot be read, and then the old one holds.
async fn read_again(state: &AppState) -> Option<Network> {
    let name = state.config.collect.network.as_deref()?;
    match profile(state.store.as_ref(), name).await {
        Ok(network) => Some(network),
        Err(error) => {
            tracing::warn!(%error, "the profile of the measured network stays as it was");
            None
        }
    }
}

/// Writes what waits in files, and looks at the assertions that another process may have written.
async fn hourly(state: &AppState) {
    match spool::restore(&state.config.collect.spool, state.store.as_ref()).await {
        Ok(0) => {}
        Ok(batches) => tracing::info!(batches, "wrote measurements that had waited in files"),
        Err(error) => tracing::warn!(%error, "measurements in files cannot be written now"),
    }
    state.reload_attributor().await;
}

/// What is left of a collector that was stopped.
pub(crate) struct Ended {
    /// What it did.
    pub(crate) stats: Stats,
    /// Batches that the store did not take.
    pub(crate) unsaved: usize,
    /// The file that they wait in, if there are any.
    pub(crate) file: Option<std::io::Result<PathBuf>>,
}

/// Stops the collector and writes what it counted; what the store does not take goes into a file. Nothing if none runs.
pub(crate) async fn flush(state: &Arc<AppState>) -> Option<Ended> {
    let collecting = Arc::clone(&state.collecting);
    let stopped = tokio::task::spawn_blocking(move || collecting.stop()).await;
    let Stopped { stats, unsaved } = stopped.ok().flatten()?;
    tracing::info!(flows = stats.counted.flows, bytes = stats.counted.bytes, "stopped collecting");
    let file = (!unsaved.is_empty()).then(|| spool::save(&state.config.collect.spool, &unsaved));
    match &file {
        None => {}
        Some(Ok(path)) => {
            tracing::warn!(file = %path.display(), "the store is away; measurements wait in a file");
        }
        Some(Err(error)) => {
            tracing::error!(%error, "the store is away, and measurements cannot be put into a file");
        }
    }
    Some(Ended { stats, unsaved: unsaved.len(), file })
}
