//! How fresh sources are, for `/metrics`.

use std::sync::atomic::AtomicU64;

use chrono::{DateTime, NaiveTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use traffix_platforms::PLATFORMS;
use traffix_store::Source;

use super::Jobs;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HostLabels {
    source: String,
    host: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlatformLabel {
    platform: String,
}

type BySource = Family<SourceLabel, Gauge>;
type Instants = Family<SourceLabel, Gauge<f64, AtomicU64>>;

/// Gauges of sources and of the age of platforms' facts.
pub(crate) struct SourceGauges {
    last_success: Instants,
    due: Instants,
    lag: Instants,
    failures: BySource,
    errors: BySource,
    written: BySource,
    requests: Family<HostLabels, Gauge>,
    remaining: Family<HostLabels, Gauge>,
    review_due: Family<PlatformLabel, Gauge<f64, AtomicU64>>,
    review_overdue: Family<PlatformLabel, Gauge>,
}

impl SourceGauges {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let secs = |registry: &mut Registry, name: &str, help: &str| {
            let family = Instants::default();
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
            family
        };
        let gauge = |registry: &mut Registry, name: &str, help: &str| {
            let family = BySource::default();
            registry.register(name, help, family.clone());
            family
        };
        let gauges = Self {
            last_success: secs(
                registry,
                "source_last_success_timestamp",
                "When a source was last pulled well",
            ),
            due: secs(registry, "source_due_timestamp", "When a source is due again"),
            lag: secs(registry, "source_lag", "Time since a source was last pulled well"),
            failures: gauge(registry, "source_failures", "Pulls in a row that failed as a whole"),
            errors: gauge(registry, "source_errors", "Errors of a source, ever"),
            written: gauge(registry, "source_written", "Changes to the catalogue by a source, ever"),
            requests: Family::default(),
            remaining: Family::default(),
            review_due: Family::default(),
            review_overdue: Family::default(),
        };
        registry.register(
            "source_host_requests",
            "Requests to a host since the start",
            gauges.requests.clone(),
        );
        let help = "Requests that a host said it would still answer";
        registry.register("source_host_remaining", help, gauges.remaining.clone());
        let help = "When a platform's facts should be reviewed";
        registry.register_with_unit(
            "platform_review_due_timestamp",
            help,
            Unit::Seconds,
            gauges.review_due.clone(),
        );
        let help = "1 if a platform's facts are past their review date";
        registry.register("platform_review_overdue", help, gauges.review_overdue.clone());
        gauges
    }

    /// Sets all of them.
    pub(crate) fn set(&self, sources: &[Source], jobs: &Jobs, now: DateTime<Utc>) {
        for Source { id, state, .. } in sources {
            let label = SourceLabel { source: id.clone() };
            let instants = [(&self.last_success, state.succeeded_at), (&self.due, state.due_at)];
            for (family, at) in instants {
                if let Some(at) = at {
                    family.get_or_create_owned(&label).set(secs(at));
                }
            }
            if let Some(at) = state.succeeded_at {
                self.lag.get_or_create_owned(&label).set(secs(now) - secs(at));
            }
            self.failures.get_or_create_owned(&label).set(state.failures.into());
            self.errors.get_or_create_owned(&label).set(whole(state.errors));
            self.written.get_or_create_owned(&label).set(whole(state.written));
        }
        for platform in PLATFORMS {
            let source = platform.id().to_string();
            for (host, meter) in jobs.hosts(&source) {
                let labels = HostLabels { source: source.clone(), host };
                self.requests.get_or_create_owned(&labels).set(whole(meter.requests));
                if let Some(remaining) = meter.remaining {
                    self.remaining.get_or_create_owned(&labels).set(whole(remaining));
                }
            }
            let due = platform.profile().review_due;
            let label = PlatformLabel { platform: source };
            self.review_due.get_or_create_owned(&label).set(secs(due.and_time(NaiveTime::MIN).and_utc()));
            self.review_overdue.get_or_create_owned(&label).set((due < now.date_naive()).into());
        }
    }
}

fn secs(at: DateTime<Utc>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
    let secs = at.timestamp() as f64;
    secs
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
