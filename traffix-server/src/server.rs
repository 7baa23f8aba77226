//! Listening, serving, stopping.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::listener::{Acceptor as _, AcceptorExt as _, BoxAcceptor, Listener as _, TcpListener};
use tokio::sync::watch;

use crate::{AppState, collecting, jobs, live, proving, router, spikes, tls};

/// Why the server cannot start or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// A setting contradicts another.
    #[error("configuration: {0}")]
    Config(String),
    /// Flows cannot be collected.
    #[error("collect: {0}")]
    Collect(String),
    /// The listener failed while serving.
    #[error("serving failed: {0}")]
    Io(#[from] std::io::Error),
}

/// A server that listens already and does not answer yet.
pub struct Server {
    address: SocketAddr,
    acceptor: BoxAcceptor,
    state: Arc<AppState>,
}

impl Server {
    /// Listens on the configured address.
    ///
    /// # Errors
    /// If the address is taken or not allowed, or the TLS files cannot be used.
    pub async fn bind(state: Arc<AppState>) -> Result<Self, ServeError> {
        let address = state.config.server.listen;
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address);
        let acceptor = match tls::config(&state.config.tls)? {
            Some(config) => listener.rustls(config).into_acceptor().await.map_err(failed)?.boxed(),
            None => listener.into_acceptor().await.map_err(failed)?.boxed(),
        };
        let bound = acceptor.local_addr().iter().find_map(|local| local.as_socket_addr().copied());
        Ok(Self { address: bound.unwrap_or(address), acceptor, state })
    }

    /// The address listened on, with the port that was chosen if port 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address as people type it, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        let scheme = if tls::is_on(&self.state.config.tls) { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `shutdown` completes, then lets running requests finish, writes what was measured, and pulls give their
    /// leases back.
    ///
    /// # Errors
    /// If the listener fails, or pulling or collecting is configured in a way that cannot be.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        let grace = Duration::from_secs(self.state.config.server.shutdown_grace_secs);
        self.state.reload_attributor().await;
        let endpoint = router::endpoint(&self.state);
        let (stop, stopped) = watch::channel(false);
        let mut jobs = jobs::schedule(&self.state, &stopped)?;
        let network = collecting::start(&self.state).await?;
        let logs = live::start(&self.state).await?;
        let mut measuring = collecting::schedule(&self.state, network, &stopped);
        let mut following = live::schedule(&self.state, logs, &stopped);
        let mut looking = spikes::schedule(&self.state, &stopped);
        let mut proving = proving::schedule(&self.state, &stopped);
        let shutdown = async {
            shutdown.await;
            // Nobody listens if nothing is pulled.
            let _ = stop.send(true);
        };
        let server = poem::Server::new_with_acceptor(self.acceptor);
        server.run_with_graceful_shutdown(endpoint, shutdown, Some(grace)).await?;
        // What was counted is written or put into a file, however long that takes.
        while measuring.join_next().await.is_some() {}
        while following.join_next().await.is_some() {}
        while looking.join_next().await.is_some() {}
        while proving.join_next().await.is_some() {}
        let ended = async { while jobs.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!("a pull did not end in time; its lease runs out by itself");
        }
        Ok(())
    }
}

/// Serves until interrupted (`SIGINT`, `SIGTERM`).
///
/// # Errors
/// As [`Server::bind`] and [`Server::run`].
pub async fn serve(state: Arc<AppState>) -> Result<(), ServeError> {
    let server = Server::bind(state).await?;
    tracing::info!(url = server.url(), "listening");
    server.run(stop_signal()).await
}

/// Completes when the process is asked to stop. It listens from the call on, not only when it is waited for. Must be called
/// within a runtime.
pub fn stop_signal() -> impl Future<Output = ()> + Send {
    #[cfg(unix)]
    let mut signals = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()).ok(), signal(SignalKind::terminate()).ok())
    };
    async move {
        #[cfg(unix)]
        if let (Some(interrupt), Some(terminate)) = (&mut signals.0, &mut signals.1) {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}
