//! Pulling beside the server, whenever a source is due.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use traffix_core::catalogue::PlatformId;
use traffix_platforms::upstream::HostMeter;
use traffix_platforms::{PLATFORMS, Platform};

use super::upstream::{Connection, connect};
use super::{Beside, Plan, PlatformReport, PullStatus, besides, holder, pull, pull_beside};
use crate::config::Sync;
use crate::metrics::NewsLabels;
use crate::{AppState, ServeError};

/// Longest sleep without a look at what is due: another process may have changed it.
const LONGEST_SLEEP: Duration = Duration::from_mins(5);
/// Wait after a pull that could not work.
const PAUSE: Duration = Duration::from_mins(1);
/// Wait after the state of a source could not be read.
const STORE_AWAY: TimeDelta = TimeDelta::minutes(1);

/// What others may know about pulling: who was asked how often.
#[derive(Default)]
pub(crate) struct Jobs {
    connections: Mutex<BTreeMap<String, Connection>>,
}

impl Jobs {
    /// Requests to each host of a source, since the start.
    pub(crate) fn hosts(&self, source: &str) -> BTreeMap<String, HostMeter> {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.get(source).map(|connection| connection.meter.snapshot()).unwrap_or_default()
    }

    fn connected(&self, source: &str, connection: &Connection) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.insert(source.to_owned(), connection.clone());
    }
}

/// The configured platforms.
///
/// # Errors
/// If one of the names is not registered.
pub(crate) fn platforms(settings: &Sync) -> Result<Vec<&'static dyn Platform>, ServeError> {
    if settings.platforms.is_empty() {
        return Ok(PLATFORMS.to_vec());
    }
    let named = settings.platforms.iter().map(|slug| traffix_platforms::platform(slug));
    named.collect::<Result<_, _>>().map_err(|error| ServeError::Config(format!("sync.platforms: {error}")))
}

/// How to pull by the configuration.
///
/// # Errors
/// If the region is none.
pub(crate) fn plan(settings: &Sync, now: DateTime<Utc>) -> Result<Plan, ServeError> {
    let region = settings.region.parse();
    let region = region.map_err(|error| ServeError::Config(format!("sync.region: {error}")))?;
    Ok(Plan {
        now,
        listed_at: start_of_day(now),
        holder: holder(),
        lease: Duration::from_secs(settings.lease_secs.max(1)),
        region,
        back: TimeDelta::days(settings.back_days.min(36_500).into()),
        ahead: TimeDelta::days(settings.ahead_days.min(36_500).into()),
        lists_interval: TimeDelta::zero(),
        all_listings: false,
        max_requests: settings.max_requests,
        max_time: Duration::from_secs(settings.max_secs),
        interval: TimeDelta::seconds(settings.interval_secs.max(1).into()),
    })
}

fn start_of_day(at: DateTime<Utc>) -> DateTime<Utc> {
    at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

/// Pulls until `stop` says so; a pull that runs then ends early and gives its lease back.
///
/// # Errors
/// At once, if the configuration cannot be used.
pub(crate) fn schedule(
    state: &Arc<AppState>,
    stop: &watch::Receiver<bool>,
) -> Result<tokio::task::JoinSet<()>, ServeError> {
    let mut tasks = tokio::task::JoinSet::new();
    let settings = &state.config.sync;
    if !settings.enabled {
        tracing::info!("not pulling from platforms: sync.enabled is false; `traffix sync` pulls once");
        return Ok(tasks);
    }
    let mut plan = plan(settings, state.clock.now())?;
    plan.lists_interval = TimeDelta::seconds(settings.lists_interval_secs.into());
    let all = platforms(settings)?.into_iter().map(Target::Platform);
    for target in all.chain(besides(settings)?.into_iter().map(Target::Beside)) {
        let source = target.id();
        let connection = connect(&state.config, &source, None);
        let connection = connection.map_err(|error| ServeError::Config(format!("upstream: {error}")))?;
        state.jobs.connected(source.as_str(), &connection);
        let job = Job { state: Arc::clone(state), target, connection, plan: plan.clone() };
        tasks.spawn(job.run(stop.clone()));
    }
    tracing::info!(sources = tasks.len(), "pulling from platforms");
    Ok(tasks)
}

/// What is pulled.
enum Target {
    Platform(&'static dyn Platform),
    Beside(Beside),
}

impl Target {
    fn id(&self) -> PlatformId {
        match self {
            Self::Platform(platform) => platform.id(),
            Self::Beside(source) => source.id(),
        }
    }
}

/// One source's turn, again and again.
struct Job {
    state: Arc<AppState>,
    target: Target,
    connection: Connection,
    plan: Plan,
}

impl Job {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut pause = Duration::ZERO;
        while !*stop.borrow() {
            let wait = self.until_due().await.max(pause);
            pause = Duration::ZERO;
            if wait.is_zero() {
                let status = self.turn(&mut stop).await;
                // What is due stays due while another process is at it, or while the store is away.
                if matches!(status, PullStatus::Busy | PullStatus::Failed) {
                    pause = PAUSE;
                }
                continue;
            }
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// How long nothing is due.
    async fn until_due(&self) -> Duration {
        let now = Utc::now();
        let source = self.state.store.source(self.target.id().as_str()).await;
        let due_at = match source {
            Ok(source) => source.and_then(|source| source.state.due_at),
            Err(error) => {
                tracing::warn!(%error, "the state of a source cannot be read");
                Some(now + STORE_AWAY)
            }
        };
        let wait = due_at.map_or(TimeDelta::zero(), |due| due - now);
        wait.to_std().unwrap_or_default().min(LONGEST_SLEEP)
    }

    async fn turn(&mut self, stop: &mut watch::Receiver<bool>) -> PullStatus {
        let now = Utc::now();
        self.plan.now = now;
        self.plan.listed_at = start_of_day(now);
        let stopped = async {
            // The sender is gone only when the server is.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let (store, up) = (self.state.store.as_ref(), self.connection.up.as_ref());
        let report = match &self.target {
            Target::Platform(platform) => pull(store, *platform, up, (&self.plan, &|_| ()), stopped).await,
            Target::Beside(source) => pull_beside(store, source, up, &self.plan, stopped).await,
        };
        self.after(&report).await;
        report.status
    }

    async fn after(&self, report: &PlatformReport) {
        for (kind, n) in &report.news {
            let labels = NewsLabels { platform: report.id.to_string(), kind: kind.to_string() };
            self.state.metrics.sync_news.get_or_create_owned(&labels).inc_by(*n);
        }
        let PlatformReport { read, written, errors, requests, .. } = report;
        tracing::info!(platform = %report.id, status = ?report.status, read, written, errors, requests, "pulled");
        if report.assertions > 0 {
            self.state.reload_attributor().await;
        }
        if *written > 0
            && let Ok(sequence) = self.state.store.sequence().await
        {
            self.state.pages.note(sequence);
        }
    }
}
