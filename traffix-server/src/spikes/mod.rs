//! Spikes in what was measured: found, explained, decided about.
//!
//! Every few minutes [`look`] goes through the saved networks that are measured. What is usual is learned once an hour
//! from the weeks before; what rises above it is kept as a spike; a spike of all traffic is explained by the releases and
//! updates of the catalogue that were due. Everything follows from what the store has, so that a look may be cut short,
//! repeated, or done by two processes at once.

mod causes;
mod decide;
mod look;
mod study;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::AppState;

pub(crate) use causes::{Expected, Traffic, Watched, announced, explained, input, near};
pub(crate) use decide::{confirm, reject};
use look::look;
use traffic::Usual;

/// Most networks of which what is usual is remembered.
const MAX_USUAL: u64 = 256;
/// Most forecasts that are remembered, and for how long after their last use.
const MAX_FORECASTS: u64 = 2_000;
const IDLE: Duration = Duration::from_hours(6);

/// What is remembered between two looks. All of it can be made again.
pub(crate) struct Spikes {
    usual: Cache<String, Arc<Usual>>,
    /// `None` for what cannot be forecast.
    forecasts: Cache<String, Option<Arc<Expected>>>,
}

impl Default for Spikes {
    fn default() -> Self {
        Self {
            usual: Cache::builder().max_capacity(MAX_USUAL).time_to_idle(IDLE).build(),
            forecasts: Cache::builder().max_capacity(MAX_FORECASTS).time_to_idle(IDLE).build(),
        }
    }
}

/// Looks for spikes until `stop` says so.
pub(crate) fn schedule(state: &Arc<AppState>, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if state.config.spikes.enabled {
        tasks.spawn(run(Arc::clone(state), stop.clone()));
    }
    tasks
}

async fn run(state: Arc<AppState>, mut stop: watch::Receiver<bool>) {
    let pause = Duration::from_secs(state.config.spikes.interval_secs.max(1).into());
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            looked = look(&state, state.clock.now()) => {
                if let Err(error) = looked {
                    tracing::warn!(%error, "spikes cannot be looked for now");
                }
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
