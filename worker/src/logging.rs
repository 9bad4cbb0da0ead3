//! Which log lines are written, and how do they look?

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogFormat;

/// What is written when RUST_LOG says nothing else. Temporal's SDK tells about every connection that comes and goes.
const DEFAULT_FILTER: &str = "info,temporalio_sdk_core=warn,temporalio_client=warn";

/// Begins to write log lines to standard output. To be called once.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    let lines = fmt().with_env_filter(filter).with_target(false);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}
