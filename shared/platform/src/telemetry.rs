//! Logs: JSON lines on standard output, one for each request or message. Never an address, a code, a token (S28).

use tracing_subscriber::EnvFilter;

/// Starts the log of a deployed function; `RUST_LOG` sets the level (default `info`).
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let _already_set = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .try_init();
}
