//! Listening, serving, stopping.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::AppState;

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
    /// The listener failed while serving.
    #[error("serving failed: {0}")]
    Io(#[from] std::io::Error),
}

/// A server that listens already and does not answer yet.
pub struct Server {
    address: SocketAddr,
    state: Arc<AppState>,
}

impl Server {
    /// Listens on the configured address.
    ///
    /// # Errors
    /// If the address is taken or not allowed, or the TLS files cannot be used.
    #[expect(clippy::unused_async, reason = "binding is asynchronous")]
    pub async fn bind(state: Arc<AppState>) -> Result<Self, ServeError> {
        Ok(Self { address: state.config.server.listen, state })
    }

    /// The address listened on, with the port that was chosen if port 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address as people type it, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        let tls = &self.state.config.tls;
        let scheme = if tls.self_signed || tls.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `shutdown` completes, then lets running requests finish.
    ///
    /// # Errors
    /// If the listener fails.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        shutdown.await;
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

/// Completes when the process is asked to stop.
pub async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
        return;
    }
    let _ = interrupt.await;
}
