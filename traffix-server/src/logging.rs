//! Log lines: text on a terminal, one JSON object a line elsewhere.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{Log, LogFormat};

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoggingError {
    /// The filter is not of the form `level` or `module=level,…`.
    #[error("log.filter: {0}; write for example \"info\" or \"info,sqlx=warn\"")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Another part of the program logs already.
    #[error("logging is set up already: {0}")]
    Twice(#[from] TryInitError),
}

/// Starts logging to standard output.
///
/// # Errors
/// If the filter cannot be read or logging was started before.
pub fn start(config: &Log) -> Result<(), LoggingError> {
    let json = match config.format {
        LogFormat::Auto => !std::io::stdout().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let base = tracing_subscriber::registry().with(EnvFilter::try_new(&config.filter)?);
    if json {
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
        base.with(layer).try_init()?;
    } else {
        base.with(tracing_subscriber::fmt::layer().with_target(false)).try_init()?;
    }
    Ok(())
}
