//! The running collector: sockets, threads, and the one that writes.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::net::UdpSocket;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::{self, JoinHandle};

use arc_swap::ArcSwap;
use traffix_core::measurement::Batch;

use super::outbox::Outbox;
use super::socket;
use super::worker::{self, Shared, Worker, locked};
use super::{Config, OtherNetwork, Sink, Stage, Stats, Watch};

/// Seconds of a day; bins divide it.
const DAY_SECS: u32 = 86_400;

/// A running collector. Dropping it stops it as [`stop`](Self::stop) does, and loses what that returns.
///
/// ```
/// use std::net::UdpSocket;
/// use std::sync::{Arc, Mutex};
/// use traffix_core::measurement::{Batch, Sums};
/// use traffix_telemetry::collector::{Collector, Config, SinkError, Watch};
///
/// let network = serde_json::from_str(r#"{"id": "acme", "tz": "Europe/London", "lines": 20000}"#)?;
/// let sums = Arc::new(Mutex::new(Sums::default()));
/// let kept = Arc::clone(&sums);
/// let sink = move |batch: &Batch| {
///     let kept = kept.lock().map(|mut sums| sums.add(batch));
///     kept.map(drop).map_err(|error| SinkError::Away(error.to_string()))
/// };
/// let config = Config { listen: vec!["127.0.0.1:0".parse()?], ..Config::default() };
/// let collector = Collector::start(config, Watch::new(&network, Arc::default()), sink)?;
/// UdpSocket::bind("127.0.0.1:0")?.send_to(b"no flow", collector.addresses()[0])?;
/// let stopped = collector.stop();
/// assert_eq!((stopped.stats.decode_errors, stopped.unsaved.len()), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Collector {
    addresses: Vec<SocketAddr>,
    warnings: Vec<Warning>,
    /// The workers' sockets once more, for what the kernel tells of them.
    sockets: Vec<UdpSocket>,
    inodes: Vec<u64>,
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

/// Why a collector did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No address to listen on.
    #[error("there is no address to listen on: give at least one")]
    NoAddress,
    /// The bins do not fit a day.
    #[error("a bin of {0} seconds does not divide a day")]
    Step(u32),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another collector running?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// What works, but not as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The kernel gives less room for waiting datagrams than it was asked for, so bursts may be lost.
    #[error(
        "{address} has room for {got_bytes} bytes of datagrams and not {asked_bytes}: \
         bursts may be lost; raise it with `sysctl -w net.core.rmem_max={asked_bytes}`"
    )]
    SmallBuffer {
        /// Where it listens.
        address: SocketAddr,
        /// Bytes asked for.
        asked_bytes: usize,
        /// Bytes there are.
        got_bytes: usize,
    },
    /// A thread could not be bound to its core.
    #[error("a thread could not be bound to core {core}: {reason}")]
    NotPinned {
        /// The core.
        core: usize,
        /// What the system says.
        reason: String,
    },
}

/// What is left when a collector has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stopped {
    /// What it did.
    pub stats: Stats,
    /// Batches that the sink did not take: keep them, they may be offered later, to any store, in any order.
    pub unsaved: Vec<Batch>,
}

impl Collector {
    /// Listens and counts until it is stopped. The identifiers of its batches are new at every start.
    ///
    /// # Errors
    /// [`StartError`]; then nothing is listening.
    #[expect(clippy::needless_pass_by_value, reason = "a collector's settings are made for it")]
    pub fn start(config: Config, watch: Watch, sink: impl Sink + 'static) -> Result<Self, StartError> {
        let step_secs = config.timing.step_secs;
        if !DAY_SECS.is_multiple_of(step_secs.get()) {
            return Err(StartError::Step(step_secs.get()));
        }
        let bound = Bound::new(&config)?;
        let outbox = Outbox::new(watch.network().into(), step_secs, config.max_pending, bound.sockets.len());
        let watch = Arc::new(watch);
        let shared = Arc::new(Shared {
            watch: ArcSwap::new(Arc::clone(&watch)),
            is_stopping: AtomicBool::new(false),
            outbox: Mutex::new(outbox),
            changed: Condvar::new(),
            is_complete: AtomicBool::new(false),
            stats: bound.sockets.iter().map(|_| Mutex::default()).collect(),
        });
        let mut collector = Self {
            inodes: socket::inodes(&bound.sockets),
            sockets: bound.sockets,
            addresses: bound.addresses,
            warnings: bound.warnings,
            shared: Arc::clone(&shared),
            workers: Vec::new(),
            writer: None,
        };
        // From here on, an error drops the collector, which ends the threads that run.
        let writer = thread::Builder::new().name("collect-write".into());
        collector.writer =
            Some(writer.spawn(move || worker::hand_out(&shared, sink)).map_err(StartError::Thread)?);
        collector.start_workers(&config, &watch)?;
        Ok(collector)
    }

    fn start_workers(&mut self, config: &Config, watch: &Arc<Watch>) -> Result<(), StartError> {
        let (pinned, pins) = mpsc::channel();
        for (number, socket) in self.sockets.iter().enumerate() {
            let worker = Worker {
                number,
                socket: socket.try_clone().map_err(StartError::Thread)?,
                stage: Stage::new(config, Arc::clone(watch)),
                watch: Arc::clone(watch),
                timing: config.timing,
                shared: Arc::clone(&self.shared),
            };
            let (pinned, pin) = (pinned.clone(), config.pin);
            let thread = thread::Builder::new().name(format!("collect-{number}"));
            let run = move || {
                let warning = pin.then(|| pin_to_core(number)).and_then(Result::err);
                // Whoever waits for it is there until all have told, which the end of the channel says.
                let _ = pinned.send(warning);
                drop(pinned);
                worker.run();
            };
            self.workers.push(thread.spawn(run).map_err(StartError::Thread)?);
        }
        drop(pinned);
        self.warnings.extend(pins.into_iter().flatten());
        Ok(())
    }

    /// Where it listens, with the ports that the system chose for port 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What works, but not as it should: to be shown to the operator.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Measures against another state of the profile or the table from now on.
    ///
    /// # Errors
    /// [`OtherNetwork`] if it is the profile of another network.
    pub fn watch(&self, watch: Watch) -> Result<(), OtherNetwork> {
        let measured = self.shared.watch.load();
        if measured.network() != watch.network() {
            return Err(OtherNetwork {
                measured: measured.network().to_owned(),
                given: watch.network().to_owned(),
            });
        }
        self.shared.watch.store(Arc::new(watch));
        Ok(())
    }

    /// What it did so far; up to a second old.
    pub fn stats(&self) -> Stats {
        Stats { kernel_drops: socket::kernel_drops(&self.inodes), ..self.shared.stats() }
    }

    /// Reads what has arrived, counts it, hands everything over, and ends. The sink is offered everything once more,
    /// and no longer waited for if it fails.
    pub fn stop(mut self) -> Stopped {
        self.finish();
        let unsaved = locked(&self.shared.outbox).unsaved();
        Stopped { stats: self.stats(), unsaved }
    }

    fn finish(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        for worker in self.workers.drain(..) {
            // A thread that panicked has nothing more to say.
            let _ = worker.join();
        }
        let outbox = locked(&self.shared.outbox);
        self.shared.is_complete.store(true, Ordering::Release);
        drop(outbox);
        self.shared.changed.notify_all();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The sockets of a collector, those of an address one after the other.
#[derive(Default)]
struct Bound {
    sockets: Vec<UdpSocket>,
    addresses: Vec<SocketAddr>,
    warnings: Vec<Warning>,
}

impl Bound {
    fn new(config: &Config) -> Result<Self, StartError> {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        // Where addresses cannot be shared, one thread reads each.
        let workers = if cfg!(unix) { config.workers.unwrap_or(cores).get() } else { 1 };
        let mut bound = Self::default();
        for address in &config.listen {
            bound.listen(*address, workers, config.receive_buffer_bytes)?;
        }
        if bound.sockets.is_empty() { Err(StartError::NoAddress) } else { Ok(bound) }
    }

    fn listen(&mut self, address: SocketAddr, workers: usize, asked_bytes: usize) -> Result<(), StartError> {
        let failed = |source| StartError::Listen { address, source };
        let (first, got_bytes) = socket::bind_alone(address, asked_bytes).map_err(failed)?;
        // The port may have been chosen by the system.
        let address = first.local_addr().map_err(failed)?;
        self.addresses.push(address);
        self.sockets.push(first);
        for _ in 1..workers {
            self.sockets.push(socket::bind(address, asked_bytes).map_err(failed)?.0);
        }
        if got_bytes < asked_bytes {
            self.warnings.push(Warning::SmallBuffer { address, asked_bytes, got_bytes });
        }
        Ok(())
    }
}

/// Keeps this thread on one of the cores that the process may use, in turn.
#[cfg(target_os = "linux")]
fn pin_to_core(number: usize) -> Result<(), Warning> {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;
    let this_thread = Pid::from_raw(0);
    let not_pinned = |core, errno: nix::errno::Errno| Warning::NotPinned { core, reason: errno.to_string() };
    let allowed = sched_getaffinity(this_thread).map_err(|errno| not_pinned(number, errno))?;
    let cores: Vec<usize> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core) == Ok(true)).collect();
    let Some(&core) = cores.get(number % cores.len().max(1)) else { return Ok(()) };
    let mut one = CpuSet::new();
    one.set(core).and_then(|()| sched_setaffinity(this_thread, &one)).map_err(|errno| not_pinned(core, errno))
}

#[cfg(not(target_os = "linux"))]
fn pin_to_core(_: usize) -> Result<(), Warning> {
    Ok(())
}
