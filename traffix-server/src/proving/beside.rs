//! Passes beside the server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Memory, Pass, prove};
use crate::AppState;

/// Makes a pass at the start and every now and then, until `stop` says so.
pub(crate) fn schedule(state: &Arc<AppState>, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if state.config.proof.enabled {
        tasks.spawn(run(Arc::clone(state), stop.clone()));
    }
    tasks
}

async fn run(state: Arc<AppState>, mut stop: watch::Receiver<bool>) {
    let every = Duration::from_secs(state.config.proof.interval_secs.max(1));
    let mut memory = Memory::default();
    loop {
        // A pass may be left at any point: the next one goes on.
        let pass = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            pass = prove(state.store.as_ref(), state.clock.now(), &mut memory) => pass,
        };
        match pass {
            Ok(pass) => note(&state, pass),
            Err(error) => tracing::warn!(%error, "forecasts cannot be frozen or scored now; trying again"),
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

fn note(state: &AppState, pass: Pass) {
    let Pass { frozen, late, learned, scored, refused, pending } = pass;
    state.metrics.proof.note(pass);
    if pass != (Pass { pending, ..Pass::default() }) {
        tracing::info!(frozen, late, learned, scored, refused, pending, "froze and scored forecasts");
    }
}
