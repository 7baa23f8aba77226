//! What every request shares.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use traffix_core::delivery::Attributor;
use traffix_store::Store;

use crate::attributor;
use crate::auth::KeyRing;
use crate::collecting::Collecting;
use crate::compute::ComputePool;
use crate::http::{Idempotency, Pages};
use crate::jobs::Jobs;
use crate::limits::Limits;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::spikes::Spikes;
use crate::{Clock, Config, ServeError};

/// Store, clock, configuration and caches of one server.
pub struct AppState {
    /// The configuration.
    pub config: Config,
    /// The catalogue, networks, forecasts and keys.
    pub store: Arc<dyn Store>,
    /// What counts as now.
    pub clock: Clock,
    /// Whose an address or a host name is; replaced as a whole when a pull brings assertions.
    pub attributor: ArcSwap<Attributor>,
    pub(crate) pages: Pages,
    pub(crate) limits: Limits,
    pub(crate) keys: KeyRing,
    pub(crate) idempotency: Idempotency,
    pub(crate) compute: ComputePool,
    pub(crate) metrics: Metrics,
    pub(crate) jobs: Jobs,
    pub(crate) collecting: Arc<Collecting>,
    pub(crate) live: Arc<Live>,
    pub(crate) spikes: Spikes,
}

impl AppState {
    /// The state of a server over a store.
    ///
    /// # Errors
    /// If the configuration contradicts itself.
    pub fn new(config: Config, store: Arc<dyn Store>) -> Result<Arc<Self>, ServeError> {
        if config.tls.certificate.is_some() != config.tls.key.is_some() {
            return Err(ServeError::Config("tls.certificate and tls.key need each other".into()));
        }
        let collecting = Arc::<Collecting>::default();
        let freshness = Duration::from_millis(config.cache.freshness_ms);
        Ok(Arc::new(Self {
            clock: config.server.at.map_or(Clock::System, Clock::Fixed),
            attributor: ArcSwap::from_pointee(attributor::embedded()),
            pages: Pages::new(config.cache.max_bytes, freshness),
            limits: Limits::new(&config.limits),
            keys: KeyRing::new(),
            idempotency: Idempotency::new(),
            compute: ComputePool::new(&config.compute),
            metrics: Metrics::new(&collecting),
            jobs: Jobs::default(),
            collecting,
            live: Arc::new(Live::new(config.live.keep_requests)),
            spikes: Spikes::default(),
            store,
            config,
        }))
    }
}
