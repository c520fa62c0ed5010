//! The gateway's own log: structured, on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

/// The environment variable that overrides the configured level, with tracing's filter syntax
/// (`debug`, `weir=trace,info`).
pub const ENVIRONMENT: &str = "WEIR_LOG";

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people, on one line.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What can go wrong with the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter of the environment is not one.
    #[error(
        "{ENVIRONMENT}={value:?} is not a log filter: use error, warn, info, debug, trace or \
         module=level pairs"
    )]
    Filter {
        /// What the variable held.
        value: String,
    },
}

/// Starts the log of this process; `level` is the configuration's, the environment overrides it.
///
/// A second call keeps what the first one set up.
///
/// # Errors
///
/// The environment's filter can't be parsed.
pub fn start(level: &str, format: Format) -> Result<(), LogError> {
    let filter = match std::env::var(ENVIRONMENT) {
        Ok(value) => value.parse().map_err(|_| LogError::Filter { value })?,
        Err(_) => EnvFilter::new(level),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    let outcome = match format {
        Format::Text => log.try_init(),
        Format::Json => log.json().flatten_event(true).try_init(),
    };
    if outcome.is_err() {
        tracing::debug!("the log was set up before");
    }
    Ok(())
}
