//! The threads: those that receive and count, and the one that hands over.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::net::UdpSocket;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use super::outbox::Outbox;
use super::socket::Receiver;
use super::{Bins, Sink, Stage, Stats, Timing, Watch};

/// How old published statistics get.
const PUBLISH: Duration = Duration::from_millis(500);
/// How long a thread that is told to end goes on reading what has arrived.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Pause after a failed attempt to receive.
const BREATH: Duration = Duration::from_millis(10);

/// What the threads have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) watch: ArcSwap<Watch>,
    pub(super) is_stopping: AtomicBool,
    pub(super) outbox: Mutex<Outbox>,
    /// Told when the outbox has changed.
    pub(super) changed: Condvar,
    /// Whether the last share has come.
    pub(super) is_complete: AtomicBool,
    /// What each thread did, by its number.
    pub(super) stats: Vec<Mutex<Stats>>,
}

impl Shared {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        locked(&self.outbox)
    }

    fn hand_over(&self, share: Bins) {
        self.outbox().add(share, Instant::now());
        self.changed.notify_all();
    }

    /// What all threads did, without what only the kernel knows.
    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.outbox().stats();
        self.stats.iter().for_each(|thread| stats.merge(&locked(thread)));
        stats
    }
}

/// The lock, whoever panicked with it: sums and statistics are whole after every statement.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970 by the clock of this machine.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A thread that receives and counts.
pub(super) struct Worker {
    pub(super) number: usize,
    pub(super) socket: UdpSocket,
    pub(super) stage: Stage,
    pub(super) watch: Arc<Watch>,
    pub(super) timing: Timing,
    pub(super) shared: Arc<Shared>,
}

impl Worker {
    /// Receives and counts until it is told to end and nothing is left to read.
    pub(super) fn run(self) {
        let Self { number, socket, mut stage, mut watch, timing, shared } = self;
        let mut receiver = Receiver::new(socket);
        let (mut receive_errors, mut published, mut stopping) = (0, Instant::now(), None);
        let mut close_ms = timing.next_close(now_ms());
        let publish = |stage: &Stage, receive_errors: u64| {
            *locked(&shared.stats[number]) = Stats { receive_errors, ..stage.stats() };
        };
        loop {
            let mut received_ms = None;
            let received = receiver.receive(|exporter, datagram| {
                stage.datagram(exporter, *received_ms.get_or_insert_with(now_ms), datagram);
            });
            stage.settle();
            if received.is_err() {
                receive_errors += 1;
                std::thread::sleep(BREATH);
            }
            let current = shared.watch.load();
            if !Arc::ptr_eq(&current, &watch) {
                watch = Arc::clone(&current);
                stage.watch(Arc::clone(&watch));
            }
            let now_ms = received_ms.unwrap_or_else(now_ms);
            if timing.is_time(&mut close_ms, now_ms) {
                shared.hand_over(stage.drain(now_ms));
            }
            if published.elapsed() >= PUBLISH {
                publish(&stage, receive_errors);
                published = Instant::now();
            }
            if shared.is_stopping.load(Ordering::Relaxed) {
                let since = *stopping.get_or_insert_with(Instant::now);
                if matches!(received, Ok(0)) || since.elapsed() >= LAST_WORDS {
                    break;
                }
            }
        }
        shared.hand_over(stage.flush());
        publish(&stage, receive_errors);
    }
}

/// Offers batches until the last share has come and was offered.
pub(super) fn hand_out(shared: &Shared, mut sink: impl Sink) {
    loop {
        let batch = {
            let mut outbox = shared.outbox();
            loop {
                let (now, is_last) = (Instant::now(), shared.is_complete.load(Ordering::Acquire));
                if let Some(batch) = outbox.ready(now, is_last) {
                    break batch;
                }
                if is_last {
                    return;
                }
                let wait = outbox.idle(now);
                outbox = shared.changed.wait_timeout(outbox, wait).unwrap_or_else(PoisonError::into_inner).0;
            }
        };
        let answer = sink.keep(&batch);
        let is_done = shared.outbox().answered(answer, Instant::now(), now_ms());
        if !is_done && shared.is_complete.load(Ordering::Acquire) {
            return;
        }
    }
}
