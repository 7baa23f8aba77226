//! Where forecasts and outlooks run: beside the threads that answer requests, a few at once, in bounded time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::config;
use crate::http::{Kind, Problem};
use crate::metrics::Metrics;

/// Seconds after which a refused client should come back.
const RETRY_AFTER_SECS: u64 = 2;

/// A bounded pool.
pub(crate) struct ComputePool {
    /// One for each that runs or waits.
    places: Arc<Semaphore>,
    /// One for each that runs. A computation keeps it until it ends, even if nobody waits any more.
    workers: Arc<Semaphore>,
    time: Duration,
}

impl ComputePool {
    pub(crate) fn new(config: &config::Compute) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = if config.workers == 0 { processors } else { config.workers };
        Self {
            places: Arc::new(Semaphore::new((workers + config.queue).min(Semaphore::MAX_PERMITS))),
            workers: Arc::new(Semaphore::new(workers.min(Semaphore::MAX_PERMITS))),
            time: Duration::from_secs(config.timeout_secs),
        }
    }

    /// Runs a computation; 503 if too many wait or it takes too long.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        metrics: &Metrics,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let Ok(_place) = Arc::clone(&self.places).try_acquire_owned() else {
            metrics.compute_refused.inc();
            return Err(Problem::unavailable("too many forecasts are waiting", RETRY_AFTER_SECS));
        };
        metrics.computing.inc();
        let outcome = tokio::time::timeout(self.time, self.in_turn(compute)).await;
        metrics.computing.dec();
        outcome.unwrap_or_else(|_| {
            let detail = format!("the computation took longer than {} s", self.time.as_secs());
            Err(Problem::unavailable(detail, RETRY_AFTER_SECS))
        })
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let worker = Arc::clone(&self.workers).acquire_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            let _worker = worker;
            compute()
        });
        task.await.map_err(|error| {
            tracing::error!(%error, "a computation panicked");
            Problem::new(Kind::Internal, "the computation failed")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_what_it_cannot_queue() {
        let config = config::Compute { workers: 1, queue: 1, timeout_secs: 5 };
        let (pool, metrics) = (ComputePool::new(&config), Metrics::new(&std::sync::Arc::default()));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let busy = pool.run(&metrics, move || wait.recv().is_ok());
        let queued = pool.run(&metrics, || true);
        let refused = async {
            let refused = pool.run(&metrics, || true).await.unwrap_err();
            go.send(()).unwrap();
            refused
        };
        let (busy, queued, refused) = tokio::join!(busy, queued, refused);
        assert!(busy.unwrap() && queued.unwrap());
        assert_eq!((refused.status, refused.retry_after_secs), (503, Some(RETRY_AFTER_SECS)));
        assert_eq!(metrics.computing.get(), 0);
    }

    #[tokio::test]
    async fn gives_up_in_time_and_survives_panics() {
        let config = config::Compute { workers: 1, queue: 0, timeout_secs: 0 };
        let (pool, metrics) = (ComputePool::new(&config), Metrics::new(&std::sync::Arc::default()));
        let slow = pool.run(&metrics, || std::thread::sleep(Duration::from_millis(50))).await;
        assert_eq!(slow.unwrap_err().status, 503);
        let config = config::Compute { workers: 1, queue: 0, timeout_secs: 5 };
        let pool = ComputePool::new(&config);
        let broken: Result<(), _> = pool.run(&metrics, || panic!("deliberate")).await;
        assert_eq!(broken.unwrap_err().status, 500);
        assert!(pool.run(&metrics, || true).await.unwrap());
    }
}
