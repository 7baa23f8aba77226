//! Ways to ask a platform: its services, or a recording of them.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use traffix_core::catalogue::PlatformId;
use traffix_platforms::upstream::cassette;
use traffix_platforms::upstream::{Builder, Endpoints, Meter, Rate, Replay, Secret, Upstream, UpstreamError};

use crate::Config;

/// A way to ask one platform, with its counters.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) up: Arc<dyn Upstream>,
    pub(crate) meter: Arc<Meter>,
}

/// A connection to the services of a platform, as configured. Answers are recorded into `record`, if it is given.
///
/// # Errors
/// If an address or a folder cannot be used.
pub(crate) fn connect(
    config: &Config,
    platform: &PlatformId,
    record: Option<&Path>,
) -> Result<Connection, UpstreamError> {
    let settings = &config.upstream;
    let mut builder = Builder::default();
    if let Some(name) = &settings.user_agent {
        builder.user_agent.clone_from(name);
    }
    builder.connect_timeout_secs = settings.connect_timeout_secs.into();
    builder.total_timeout_secs = settings.total_timeout_secs.into();
    builder.endpoints = settings
        .endpoints
        .iter()
        .try_fold(Endpoints::default(), |all, (service, base)| all.with(service, base))?;
    let rates = settings.rates.iter();
    builder.rates.hosts =
        rates.map(|(host, rate)| (host.clone(), Rate::new(rate.requests, rate.per_secs))).collect();
    builder.cache = settings.cache.as_ref().map(|folder| folder.join(platform.as_str()));
    builder.cache_max_bytes = settings.cache_max_bytes;
    builder.record = record.map(|folder| folder.join(platform.as_str()));
    let secrets = config.credentials.iter().map(|(name, secret)| (name.to_owned(), Secret::new(secret)));
    builder.credentials = secrets.collect();
    let (up, meter) = builder.build()?;
    Ok(Connection { up, meter })
}

/// A recording, with the newest instant in it.
///
/// # Errors
/// If the folder holds none, or one that cannot be read.
pub(crate) fn replay(folder: &Path) -> Result<(Replay, Option<DateTime<Utc>>), UpstreamError> {
    let exchanges = cassette::load(folder)?;
    let newest = exchanges.iter().map(|exchange| exchange.response.observed_at).max();
    Ok((Replay::new(exchanges)?, newest))
}
