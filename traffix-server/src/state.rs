//! What every request shares.

use std::sync::Arc;

use traffix_store::Store;

use crate::{Clock, Config, ServeError};

/// Store, clock, configuration and caches of one server.
pub struct AppState {
    /// The configuration.
    pub config: Config,
    /// The catalogue, networks, forecasts and keys.
    pub store: Arc<dyn Store>,
    /// What counts as now.
    pub clock: Clock,
}

impl AppState {
    /// The state of a server over a store.
    ///
    /// # Errors
    /// If the configuration contradicts itself.
    pub fn new(config: Config, store: Arc<dyn Store>) -> Result<Arc<Self>, ServeError> {
        let clock = config.server.at.map_or(Clock::System, Clock::Fixed);
        Ok(Arc::new(Self { config, store, clock }))
    }
}
