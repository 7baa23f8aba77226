//! The thread that reads logs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use traffix_core::delivery::Attributor;
use traffix_telemetry::access_log::{Ordered, POLL, Reorder, Request, SiteKind};

use super::site::SiteLogs;
use super::{Shown, WINDOW_SECS, settings, traefik};
use crate::{AppState, ServeError, collecting};

/// How often what was counted is written.
const SAVE: Duration = Duration::from_mins(1);
/// Requests that are held at most to be put in order.
const MAX_HELD: usize = 100_000;

/// Opens the logs that the settings name.
///
/// # Errors
/// If a setting is none, or the network to measure is unknown.
pub(crate) async fn start(state: &Arc<AppState>) -> Result<Vec<SiteLogsHandle>, ServeError> {
    let config = &state.config;
    settings::check(config)?;
    if config.access_log.is_empty() {
        return Ok(Vec::new());
    }
    let network = match &config.collect.network {
        Some(name) => {
            let wrong = |error| ServeError::Config(format!("collect.network: {error}"));
            Some(collecting::profile(state.store.as_ref(), name).await.map_err(wrong)?.id)
        }
        None => None,
    };
    let open = |log| {
        let site = SiteLogs::new(config, log, network.as_deref())?;
        let kind = if log.private { SiteKind::Private } else { SiteKind::Public };
        state.live.add_site(&log.site, kind);
        Ok(SiteLogsHandle(site))
    };
    config.access_log.iter().map(open).collect()
}

/// The logs of one site, ready to be read.
pub(crate) struct SiteLogsHandle(SiteLogs);

/// Reads logs and asks proxies until `stop` says so, then writes what was counted.
pub(crate) fn schedule(
    state: &Arc<AppState>,
    sites: Vec<SiteLogsHandle>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if !sites.is_empty() {
        let sites: Vec<_> = sites.into_iter().map(|handle| handle.0).collect();
        let (state, stop, runtime) = (Arc::clone(state), stop.clone(), Handle::current());
        tasks.spawn_blocking(move || Following::new(state, sites).run(&runtime, &stop));
    }
    for log in state.config.access_log.iter().filter(|log| log.api.is_some()) {
        tasks.spawn(traefik::ask(Arc::clone(state), log.clone(), stop.clone()));
    }
    let (state, mut stop) = (Arc::clone(state), stop.clone());
    tasks.spawn(async move {
        // The sender is gone only when the server is.
        let _ = stop.wait_for(|stop| *stop).await;
        state.live.close();
    });
    tasks
}

/// All logs, and the requests that are put in order.
struct Following {
    state: Arc<AppState>,
    sites: Vec<SiteLogs>,
    /// By what hosts were counted last.
    attributor: Arc<Attributor>,
    held: Reorder<(Arc<str>, Request<'static>)>,
}

impl Following {
    fn new(state: Arc<AppState>, sites: Vec<SiteLogs>) -> Self {
        let delay = Duration::from_millis(state.config.live.reorder_ms.into());
        let attributor = state.attributor.load_full();
        Self { state, sites, attributor, held: Reorder::new(delay, MAX_HELD) }
    }

    fn run(mut self, runtime: &Handle, stop: &watch::Receiver<bool>) {
        let mut saved = Instant::now();
        while !*stop.borrow() {
            // Without a sender the runtime is going down, and nothing can be written any more: the next start goes on
            // where the last checkpoint was.
            if stop.has_changed().is_err() {
                return;
            }
            let more = self.look();
            if saved.elapsed() >= SAVE {
                self.save(runtime);
                saved = Instant::now();
            }
            if !more {
                std::thread::sleep(POLL);
            }
        }
        while self.look() {}
        self.save(runtime);
    }

    /// Reads what is new and shows what is in order; whether there is more to read.
    fn look(&mut self) -> bool {
        let now_us = Utc::now().timestamp_micros();
        let shown_from_us = now_us - i64::from(WINDOW_SECS) * 1_000_000;
        let (mut more, mut shown) = (false, Vec::new());
        let attributor = self.state.attributor.load_full();
        if !Arc::ptr_eq(&attributor, &self.attributor) {
            self.sites.iter_mut().for_each(SiteLogs::forget_hosts);
            self.attributor = Arc::clone(&attributor);
        }
        for site in &mut self.sites {
            let name = Arc::clone(&site.name);
            let held = &mut self.held;
            let polled = site.poll(now_us, &attributor.domains, |request| {
                // History is counted and not shown.
                if request.end_us() >= shown_from_us {
                    let start_us = request.start_us;
                    let request = (Arc::clone(&name), request.into_owned());
                    held.push(now_us, start_us, request, |ordered| shown.push(ordered));
                }
            });
            more |= polled.more;
            let error = polled.failures.first().map(|(path, error)| format!("{}: {error}", path.display()));
            note(&self.state, site, error);
        }
        self.held.release(now_us, |ordered| shown.push(ordered));
        if !shown.is_empty() {
            let shown = shown.into_iter().map(|ordered| named(ordered, &attributor));
            self.state.live.show(now_us, shown.collect());
        }
        more
    }

    fn save(&mut self, runtime: &Handle) {
        let now_us = Utc::now().timestamp_micros();
        for site in &mut self.sites {
            if let Err(error) = site.save(now_us, self.state.store.as_ref(), runtime) {
                tracing::error!(site = %site.name, %error, "how far logs were read cannot be written down");
            }
        }
    }
}

/// A request with what its host tells.
fn named(ordered: Ordered<(Arc<str>, Request<'static>)>, attributor: &Attributor) -> Shown {
    let Ordered { item: (site, request), late } = ordered;
    let key = request.host.as_deref().map(|host| attributor.domains.counted_as(host)).unwrap_or_default();
    Shown { site, request, late, key }
}

/// Tells how the logs of a site are doing.
fn note(state: &AppState, site: &SiteLogs, error: Option<String>) {
    let stats = site.reader().stats();
    state.live.note(&site.name, |status| {
        if error.is_some() && status.log_error != error {
            tracing::warn!(site = %site.name, error, "a log cannot be read");
        }
        let malformed = stats.last_malformed.filter(|_| stats.malformed > 0);
        if let Some(malformed) = malformed.as_ref().filter(|_| status.malformed == 0) {
            tracing::warn!(site = %site.name, "the first line that cannot be read: {malformed}");
        }
        status.lines = stats.followed.lines;
        status.malformed = stats.malformed;
        status.too_long = stats.followed.too_long;
        status.counted_bytes = site.counted_bytes();
        status.log_error = error;
    });
}
