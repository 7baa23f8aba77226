//! The right to pull a source, kept alive while the work goes on.

use std::time::Duration;

use traffix_store::{Lease, Store, StoreError};

/// A name for this process, unique and telling.
pub(crate) fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().filter(char::is_ascii_graphic).take(60).collect();
    let host = if host.is_empty() { "host" } else { &host };
    let id = uuid::Uuid::now_v7().simple().to_string();
    format!("{host}/{}/{}", std::process::id(), &id[20..])
}

/// Renews a lease for as long as it is polled. Completes only when the lease is lost.
pub(super) async fn keep(store: &dyn Store, lease: &Lease, ttl: Duration) -> Result<(), StoreError> {
    let mut ticks = tokio::time::interval(ttl / 3);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match store.lease(&lease.source, &lease.holder, ttl).await {
            Ok(Some(renewed)) if renewed.fence == lease.fence => {}
            Ok(_) => return Ok(()),
            // A database that is away for a moment is no reason to stop: what is written is checked anyway.
            Err(error) if error.is_retryable() => tracing::warn!(%error, "a lease could not be renewed"),
            Err(error) => return Err(error),
        }
    }
}
