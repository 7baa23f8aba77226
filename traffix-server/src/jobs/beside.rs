//! Sources beside the platforms: suggestions for moderators, and the traffic of exchanges.

use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::catalogue::PlatformId;
use traffix_core::series::Series;
use traffix_platforms::PlatformError;
use traffix_platforms::entries::ru_id;
use traffix_platforms::sources::github::{Repository, suggestions};
use traffix_platforms::sources::ixp::{Period, Site, traffic};
use traffix_platforms::upstream::{Upstream, UpstreamError};
use traffix_store::{ProposalSubject, SeriesKey, Store, StoreError};

use super::pull::{Plan, judge};
use super::report::{PlatformReport, PullStatus};
use super::{due, hold};
use crate::ServeError;
use crate::config::Sync;

/// A source that is no platform.
#[derive(Debug, Clone)]
pub(crate) enum Beside {
    /// Issues of a repository on GitHub, as `owner/name`.
    Suggestions(Repository, String),
    /// An exchange that runs IXP Manager.
    Exchange(Site),
}

/// Why the work ended early: at the source, in the store, or because it was told to.
enum Trouble {
    Source(PlatformError),
    Store(StoreError),
    Stopped,
}

impl From<PlatformError> for Trouble {
    fn from(error: PlatformError) -> Self {
        Self::Source(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The configured sources.
///
/// # Errors
/// If a repository or an address is none.
pub(crate) fn besides(settings: &Sync) -> Result<Vec<Beside>, ServeError> {
    let wrong = |what: &str, why: &dyn std::fmt::Display| ServeError::Config(format!("{what}: {why}"));
    let mut all = Vec::new();
    if let Some(text) = &settings.suggestions {
        let repository = text.parse().map_err(|error| wrong("sync.suggestions", &error))?;
        all.push(Beside::Suggestions(repository, text.clone()));
    }
    for (name, base) in &settings.exchanges {
        let base = base.parse().map_err(|error| wrong(&format!("sync.exchanges.{name}"), &error))?;
        all.push(Beside::Exchange(Site { name: name.clone(), base }));
    }
    Ok(all)
}

impl Beside {
    /// `github`, or `ixp-` and the name of the exchange.
    pub(crate) fn id(&self) -> PlatformId {
        match self {
            Self::Suggestions(..) => PlatformId::from_static("github"),
            Self::Exchange(site) => {
                let ixp = PlatformId::from_static("ixp");
                // Names of exchanges become slugs as titles do.
                PlatformId::new(ru_id(&ixp, &site.name).as_str()).unwrap_or(ixp)
            }
        }
    }

    async fn read(
        &self,
        store: &dyn Store,
        up: &dyn Upstream,
        report: &mut PlatformReport,
    ) -> Result<(), Trouble> {
        match self {
            Self::Suggestions(repository, name) => {
                let found = suggestions(up, repository, None).await?.value;
                report.read = found.items.len() as u64;
                // A path of the API holds the identifier, so it has no slash.
                let name = name.replace('/', ":");
                let open = found.items.iter().filter(|one| one.is_open);
                let proposals: Vec<(String, ProposalSubject)> = open
                    .map(|one| {
                        let suggestion = serde_json::to_value(one).unwrap_or_default();
                        let findings = one.findings.iter().map(ToString::to_string).collect();
                        (
                            format!("github:{name}:{}", one.number),
                            ProposalSubject::Suggestion { suggestion, findings },
                        )
                    })
                    .collect();
                report.proposed = store.propose(&proposals).await?;
            }
            Self::Exchange(site) => {
                let found = traffic(up, site, Period::Day).await?;
                for (side, series) in [("in", &found.inbound), ("out", &found.outbound)] {
                    report.read += series.points.len() as u64;
                    let key = SeriesKey {
                        metric: "traffic_bps".into(),
                        subject: format!("ixp/{}/{side}", site.name),
                        source: series.evidence.source.clone(),
                        step_secs: series.step_secs.get(),
                    };
                    report.points += store.put_points(&key, &points(series)).await?;
                }
            }
        }
        Ok(())
    }
}

/// The means that are known, on the grid.
fn points(series: &Series) -> Vec<(DateTime<Utc>, f64)> {
    let step = i64::from(series.step_secs.get());
    #[expect(clippy::cast_precision_loss, reason = "a rate is known to far less than 53 bits")]
    let known = series.points.iter().filter_map(|point| {
        let start = point.start.timestamp();
        Some((DateTime::from_timestamp(start - start.rem_euclid(step), 0)?, point.average_bps as f64))
    });
    known.collect()
}

/// Pulls such a source once, unless another process does. `stop` ends it early and gives the lease back.
pub(crate) async fn pull_beside(
    store: &dyn Store,
    source: &Beside,
    up: &dyn Upstream,
    plan: &Plan,
    stop: impl Future<Output = ()> + Send,
) -> PlatformReport {
    let mut report = PlatformReport::new(source.id());
    match leased(store, source, (up, plan), &mut report, stop).await {
        Ok(()) => {}
        Err(StoreError::Conflict { .. }) => report.status = PullStatus::Busy,
        Err(error) => {
            report.failed(format_args!("the store failed: {error}"));
            report.status = PullStatus::Failed;
        }
    }
    report
}

async fn leased(
    store: &dyn Store,
    source: &Beside,
    (up, plan): (&dyn Upstream, &Plan),
    report: &mut PlatformReport,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), StoreError> {
    let id = source.id();
    let Some(lease) = store.lease(id.as_str(), &plan.holder, plan.lease).await? else {
        report.status = PullStatus::Busy;
        return Ok(());
    };
    let mut state = store.source(id.as_str()).await?.map(|source| source.state).unwrap_or_default();
    state.started_at = Some(plan.now);
    let work = async {
        tokio::select! {
            biased;
            () = stop => Err(Trouble::Stopped),
            lost = hold::keep(store, &lease, plan.lease) => {
                let lost = lost.err().unwrap_or_else(|| conflict(id.as_str()));
                Err(Trouble::Store(lost))
            }
            done = source.read(store, up, report) => done,
        }
    };
    let asked_to_wait = match work.await {
        Ok(()) => TimeDelta::zero(),
        Err(Trouble::Stopped) => {
            report.status = PullStatus::Unfinished;
            TimeDelta::zero()
        }
        Err(Trouble::Source(error)) => trouble(report, error),
        Err(Trouble::Store(error)) => {
            // If this fails too, the lease runs out by itself.
            let _ = store.release(&lease).await;
            return Err(error);
        }
    };
    judge(&mut state, report, plan, asked_to_wait);
    store.put_source(&lease, &state).await?;
    store.release(&lease).await
}

/// Reports what went wrong at the source; how long it asks to wait.
fn trouble(report: &mut PlatformReport, error: PlatformError) -> TimeDelta {
    match &error {
        PlatformError::Upstream { source: UpstreamError::MissingCredential(_), .. } => report.note(error),
        PlatformError::Upstream { source: UpstreamError::NotRecorded(_), .. } => report.skipped += 1,
        _ => {
            let wait = due::asked_to_wait(&error);
            report.failed(error);
            report.status = PullStatus::Failed;
            return wait;
        }
    }
    TimeDelta::zero()
}

fn conflict(source: &str) -> StoreError {
    StoreError::Conflict { entity: "source", id: source.to_owned(), actual: None }
}
