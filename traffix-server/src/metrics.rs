//! What the server counts, for `/metrics` (`OpenMetrics`).

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use poem::http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::collecting::{Collecting, CollectorMetrics};
use crate::jobs::SourceGauges;
use crate::proving::ProofMetrics;

/// Upper bounds of the durations, in seconds.
const BUCKETS: [f64; 9] = [0.000_1, 0.000_5, 0.002, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0];
const STATUS_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

/// Of which platform, what sort of news.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct NewsLabels {
    pub(crate) platform: String,
    pub(crate) kind: String,
}

/// All metrics of a server.
pub(crate) struct Metrics {
    registry: Registry,
    /// What the collector counts.
    measuring: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    /// Requests refused because of a quota.
    pub(crate) rate_limited: Counter,
    /// Answers from prepared bytes.
    pub(crate) page_hits: Counter,
    /// Forecasts and outlooks that wait or run.
    pub(crate) computing: Gauge,
    /// Forecasts and outlooks refused because too many wait.
    pub(crate) compute_refused: Counter,
    /// How fresh sources are, set when somebody looks.
    pub(crate) sources: SourceGauges,
    /// News that pulls from platforms brought.
    pub(crate) sync_news: Family<NewsLabels, Counter>,
    /// Frozen forecasts and settled events.
    pub(crate) proof: ProofMetrics,
    /// Spikes that were found for the first time.
    pub(crate) spikes_found: Counter,
    sequence: Gauge,
    clients: Gauge,
    pages: Gauge,
    page_bytes: Gauge,
}

/// Counters of one operation, touched without a look-up and shown once used.
pub(crate) struct OperationMetrics {
    labels: RouteLabels,
    requests: Family<RequestLabels, Counter>,
    by_class: [OnceLock<Counter<u64, AtomicU64>>; 5],
    all_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    seconds: OnceLock<Histogram>,
}

/// Sizes that are read when somebody looks.
pub(crate) struct Sizes {
    pub(crate) sequence: i64,
    pub(crate) clients: usize,
    pub(crate) pages: (u64, u64),
}

impl Metrics {
    pub(crate) fn new(collecting: &Arc<Collecting>) -> Self {
        let mut registry = Registry::with_prefix("traffix");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running program", version);
        let mut measuring = Registry::with_prefix("traffix");
        measuring.register_collector(Box::new(CollectorMetrics(Arc::clone(collecting))));
        let sync_news = Family::default();
        registry.register("sync_news", "News that pulls from platforms brought, by kind", sync_news.clone());
        let sources = SourceGauges::register(&mut registry);
        let proof = ProofMetrics::register(&mut registry);
        let requests = Family::default();
        registry.register("http_requests", "Answered requests", requests.clone());
        let seconds: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let help = "From a request's head to its answer's";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, seconds.clone());
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let rate_limited = counter("http_rate_limited_requests", "Requests refused because of a quota");
        let page_hits = counter("page_cache_hits", "Answers from prepared bytes");
        let compute_refused = counter("compute_refused", "Computations refused because too many waited");
        let spikes_found = counter("spikes_found", "Spikes in measured traffic, each when first seen");
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            computing: gauge("compute_running", "Computations that wait or run"),
            sequence: gauge("catalogue_sequence", "Position of the change log"),
            clients: gauge("rate_limit_clients", "Clients remembered by the rate limiter"),
            pages: gauge("page_cache_pages", "Prepared answers"),
            page_bytes: gauge("page_cache_bytes", "Memory of prepared answers, estimated"),
            registry,
            measuring,
            requests,
            seconds,
            rate_limited,
            page_hits,
            compute_refused,
            sync_news,
            sources,
            proof,
            spikes_found,
        }
    }

    /// The counters of one operation.
    pub(crate) fn operation(&self, method: &Method, route: &str) -> OperationMetrics {
        let labels = RouteLabels { method: method.to_string(), route: route.to_owned() };
        OperationMetrics {
            labels,
            requests: self.requests.clone(),
            by_class: Default::default(),
            all_seconds: self.seconds.clone(),
            seconds: OnceLock::new(),
        }
    }

    /// Everything in the `OpenMetrics` text format; what is measured only for those who may read it.
    pub(crate) fn text(&self, sizes: &Sizes, with_traffic: bool) -> String {
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.sequence.set(sizes.sequence);
        self.clients.set(i64::try_from(sizes.clients).unwrap_or(i64::MAX));
        self.pages.set(whole(sizes.pages.0));
        self.page_bytes.set(whole(sizes.pages.1));
        let mut page = String::new();
        // Writing into a String does not fail.
        let _ = text::encode_registry(&mut page, &self.registry);
        if with_traffic {
            let _ = text::encode_registry(&mut page, &self.measuring);
        }
        let _ = text::encode_eof(&mut page);
        page
    }
}

impl OperationMetrics {
    pub(crate) fn note(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        let counter = self.by_class[class].get_or_init(|| {
            let RouteLabels { method, route } = self.labels.clone();
            self.requests.get_or_create_owned(&RequestLabels { method, route, status: STATUS_CLASSES[class] })
        });
        counter.inc();
        let seconds = self.seconds.get_or_init(|| self.all_seconds.get_or_create_owned(&self.labels));
        seconds.observe(took.as_secs_f64());
    }
}
