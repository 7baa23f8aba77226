//! The running collector: sockets, threads, and the one that writes.

use core::net::SocketAddr;

use traffix_core::measurement::Batch;

use super::{Config, OtherNetwork, Sink, Stats, Watch};

/// A running collector. Dropping it stops it as [`stop`](Self::stop) does.
#[derive(Debug)]
pub struct Collector {
    addresses: Vec<SocketAddr>,
    warnings: Vec<Warning>,
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
    /// Listens and counts until it is stopped. Nothing may ever be written under the identifiers of its batches but
    /// them: they are new at every start.
    ///
    /// # Errors
    /// [`StartError`]; then nothing is listening.
    pub fn start(config: Config, watch: Watch, sink: impl Sink + 'static) -> Result<Self, StartError> {
        let _ = (config, watch, sink);
        Err(StartError::NoAddress)
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
        let _ = watch;
        Ok(())
    }

    /// What it did so far; up to a second old.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Reads what has arrived, counts it, hands everything over, and ends.
    pub fn stop(self) -> Stopped {
        Stopped::default()
    }
}
