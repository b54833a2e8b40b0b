//! Starts the log of this process.

use tracing::Level;

use super::level::LogLevel;

/// The environment variable that names the level.
const LEVEL_VARIABLE: &str = "ONEWORKER_LOG";

/// Starts the log of this process. `level`: the least important line that is logged. Default: what
/// the environment says.
///
/// An unknown level in the environment must not stop a worker: it causes a warning.
pub(crate) fn start(level: Option<LogLevel>) {
    let wanted = std::env::var(LEVEL_VARIABLE).unwrap_or_default();
    let (chosen, mistake) = match level.map_or_else(|| wanted.parse(), Ok) {
        Ok(level) => (level, None),
        Err(_) if wanted.is_empty() => (LogLevel::default(), None),
        Err(mistake) => (LogLevel::default(), Some(mistake)),
    };
    let max = match chosen {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    // It fails only if a program that embeds the worker has started a log: then that log is used.
    let _ = tracing_subscriber::fmt()
        .with_max_level(max)
        .with_target(false)
        .with_writer(|| crate::stderr::LogLines)
        .try_init();
    if let Some(mistake) = mistake {
        tracing::warn!("{LEVEL_VARIABLE}: {mistake}");
    }
}
