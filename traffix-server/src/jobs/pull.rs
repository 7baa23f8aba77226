//! One platform, once.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::catalogue::Region;
use traffix_platforms::entries::CompanyNames;
use traffix_platforms::upstream::{Request, Response, Upstream, UpstreamError};
use traffix_platforms::{ListingObservation, Platform};
use traffix_store::{Lease, PageRequest, SourceState, Store, StoreError};

use super::report::{PlatformReport, PullStatus};
use super::{due, hold};

/// Longest wait after a source failed as a whole.
const MAX_BACKOFF: TimeDelta = TimeDelta::hours(6);
/// Wait before an unfinished pull goes on.
const UNFINISHED: TimeDelta = TimeDelta::minutes(1);

/// How to pull.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What counts as now.
    pub(crate) now: DateTime<Utc>,
    /// What counts as now where lists of titles are asked for, in whole days: so a recording of the same day fits.
    pub(crate) listed_at: DateTime<Utc>,
    /// Who pulls.
    pub(crate) holder: String,
    /// For how long the lease holds unless it is renewed.
    pub(crate) lease: Duration,
    /// Where the catalogue is looked at from.
    pub(crate) region: Region,
    /// Releases from so long ago …
    pub(crate) back: TimeDelta,
    /// … to so far ahead are looked for.
    pub(crate) ahead: TimeDelta,
    /// Lists of titles are read if they were not so long ago.
    pub(crate) lists_interval: TimeDelta,
    /// Whether listings are asked about before they are due.
    pub(crate) all_listings: bool,
    /// Most requests.
    pub(crate) max_requests: u64,
    /// Longest time.
    pub(crate) max_time: Duration,
    /// When the source is due again after success.
    pub(crate) interval: TimeDelta,
}

/// How often a lease is asked for that nobody seems to have.
const TRIES: usize = 3;

/// Is told how far a pull is, after every unit of work.
pub(crate) type Progress<'a> = &'a (dyn Fn(&PlatformReport) + Send + Sync);

/// What a pull works with.
pub(super) struct Pull<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) platform: &'a dyn Platform,
    pub(super) up: Counted<'a>,
    pub(super) plan: &'a Plan,
    pub(super) lease: &'a Lease,
    pub(super) companies: CompanyNames,
    pub(super) state: SourceState,
    pub(super) report: PlatformReport,
    /// Updates whose release may still come in this pull.
    pub(super) kept_back: Vec<ListingObservation>,
    pub(super) progress: Progress<'a>,
    /// The longest that the platform has asked to wait.
    pub(super) asked_to_wait: TimeDelta,
}

/// Pulls a platform once, unless another process does. `stop` ends it early; what is done by then stays.
pub(crate) async fn pull(
    store: &dyn Store,
    platform: &dyn Platform,
    up: &dyn Upstream,
    (plan, progress): (&Plan, Progress<'_>),
    stop: impl Future<Output = ()> + Send,
) -> PlatformReport {
    let mut report = PlatformReport::new(platform.id());
    let source = platform.id().to_string();
    match take(store, &source, plan).await {
        Ok(Ok(lease)) => {
            let report = leased(store, platform, up, (plan, progress, &lease), stop).await;
            if let Err(error) = store.release(&lease).await {
                tracing::warn!(%source, %error, "the lease could not be given back; it runs out by itself");
            }
            return report;
        }
        Ok(Err(holder)) => {
            report.status = PullStatus::Busy;
            report.busy = Some(holder);
        }
        Err(error) => {
            report.failed(&error);
            report.status = PullStatus::Failed;
        }
    }
    report
}

/// The lease of a source, or who has it until when. What ran out between the two questions is asked for again.
async fn take(store: &dyn Store, source: &str, plan: &Plan) -> Result<Result<Lease, String>, StoreError> {
    for _ in 0..TRIES {
        if let Some(lease) = store.lease(source, &plan.holder, plan.lease).await? {
            return Ok(Ok(lease));
        }
        if let Some(lease) = store.source(source).await?.and_then(|source| source.lease) {
            let until = lease.until.format("%Y-%m-%dT%H:%M:%SZ");
            return Ok(Err(format!("{} until {until}", lease.holder)));
        }
    }
    Ok(Err("another process".into()))
}

async fn leased(
    store: &dyn Store,
    platform: &dyn Platform,
    up: &dyn Upstream,
    (plan, progress, lease): (&Plan, Progress<'_>, &Lease),
    stop: impl Future<Output = ()> + Send,
) -> PlatformReport {
    let mut report = PlatformReport::new(platform.id());
    let begun = async {
        let state = store.source(&lease.source).await?.map(|source| source.state).unwrap_or_default();
        Ok::<_, StoreError>((state, companies(store).await?))
    };
    let (state, companies) = match begun.await {
        Ok(begun) => begun,
        Err(error) => {
            report.failed(&error);
            report.status = PullStatus::Failed;
            return report;
        }
    };
    let up = Counted { inner: up, sent: AtomicU64::new(0) };
    let asked_to_wait = TimeDelta::zero();
    let mut pull = Pull {
        store,
        platform,
        up,
        plan,
        lease,
        companies,
        state,
        report,
        kept_back: Vec::new(),
        progress,
        asked_to_wait,
    };
    let outcome = tokio::select! {
        biased;
        () = stop => Ok(PullStatus::Unfinished),
        lost = hold::keep(store, lease, plan.lease) => Err(lost.err()),
        done = tokio::time::timeout(plan.max_time, pull.stages()) => match done {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(Some(error)),
            Err(_) => Ok(PullStatus::Unfinished),
        },
    };
    pull.finish(outcome).await;
    pull.report
}

/// All companies of the catalogue by name.
async fn companies(store: &dyn Store) -> Result<CompanyNames, StoreError> {
    let mut all = Vec::new();
    let mut page = PageRequest { limit: 500, after: None };
    loop {
        let found = store.companies(&page).await?;
        all.extend(found.items);
        page.after = found.next;
        if page.after.is_none() {
            return Ok(CompanyNames::new(&all));
        }
    }
}

impl Pull<'_> {
    /// Whether the bound of requests is reached.
    pub(super) fn is_spent(&self) -> bool {
        self.up.sent.load(Ordering::Relaxed) >= self.plan.max_requests
    }

    /// Keeps how far the pull is.
    pub(super) async fn save(&mut self) -> Result<(), StoreError> {
        self.report.requests = self.up.sent.load(Ordering::Relaxed);
        (self.progress)(&self.report);
        self.store.put_source(self.lease, &self.state).await
    }

    /// Judges the pull and keeps how it went. `Err(None)` says that the lease was lost.
    async fn finish(&mut self, outcome: Result<PullStatus, Option<StoreError>>) {
        self.report.requests = self.up.sent.load(Ordering::Relaxed);
        self.report.status = match outcome {
            Ok(status) => status,
            Err(None | Some(StoreError::Conflict { .. })) => {
                self.report.note("another process took over");
                self.report.status = PullStatus::Busy;
                return;
            }
            Err(Some(error)) => {
                self.report.failed(format_args!("the store failed: {error}"));
                PullStatus::Failed
            }
        };
        let nothing_but_errors = self.report.errors > 0 && self.report.read == 0;
        if nothing_but_errors {
            self.report.status = PullStatus::Failed;
        }
        judge(&mut self.state, &self.report, self.plan, self.asked_to_wait);
        if let Err(error) = self.save().await {
            tracing::warn!(source = self.lease.source, %error, "the state of a source could not be kept");
        }
    }
}

/// What a pull says about its source's next turn.
pub(super) fn judge(state: &mut SourceState, report: &PlatformReport, plan: &Plan, asked_to_wait: TimeDelta) {
    let now = plan.now;
    state.read += report.read;
    state.written += report.written;
    state.errors += report.errors;
    if report.errors > 0 {
        state.failed_at = Some(now);
        state.error = report.failures.last().cloned();
    }
    let wait = match report.status {
        PullStatus::Failed => {
            state.failures = state.failures.saturating_add(1);
            due::backoff(plan.interval, state.failures, MAX_BACKOFF)
        }
        PullStatus::Unfinished | PullStatus::Busy => UNFINISHED.min(plan.interval),
        PullStatus::Done => {
            state.failures = 0;
            state.succeeded_at = Some(now);
            plan.interval
        }
    };
    state.due_at = Some(now + wait.max(asked_to_wait));
}

/// Counts the requests of a pull.
pub(super) struct Counted<'a> {
    inner: &'a dyn Upstream,
    sent: AtomicU64,
}

#[async_trait]
impl Upstream for Counted<'_> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.inner.send(request).await
    }
}
