//! The gateway's own log: structured, on standard error.

use std::io::{self, IsTerminal as _};

use policy::LogFormat;
use tracing_subscriber::EnvFilter;

/// The environment variable that overrides the configured level, with tracing's filter syntax
/// (`debug`, `weir=trace,info`).
pub const ENVIRONMENT: &str = "WEIR_LOG";

/// What can go wrong with the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A filter is not one.
    #[error(
        "{origin} {value:?} is not a log filter: use error, warn, info, debug, trace or \
         module=level pairs"
    )]
    Filter {
        /// Where it stands: the variable, or the configuration's key.
        origin: &'static str,
        /// What it says.
        value: String,
    },
}

/// Starts the log of this process; `level` is the configuration's, the environment overrides it.
///
/// A second call keeps what the first one set up.
///
/// # Errors
///
/// The filter can't be parsed.
pub fn start(level: &str, format: LogFormat) -> Result<(), LogError> {
    let (origin, value) = match std::env::var(ENVIRONMENT) {
        Ok(value) => (ENVIRONMENT, value),
        Err(_) => ("[log] level", level.to_owned()),
    };
    let filter: EnvFilter = match value.parse() {
        Ok(filter) => filter,
        Err(_) => return Err(LogError::Filter { origin, value }),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    let outcome = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    if outcome.is_err() {
        tracing::debug!("the log was set up before");
    }
    Ok(())
}
