//! Logs: JSON lines on standard output, one for each request or message. Never an address, a code, a token (S28).

use crate::Env;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts the log of a deployed function. `RUST_LOG` sets the level, also of single modules (`info,tollgate_auth=debug`).
pub fn init() {
    let levels = Env::process().get("RUST_LOG").and_then(|levels| levels.parse().ok());
    // The runtime's span of each request costs more than a line of the log, and no line shows it.
    let default = || Targets::new().with_default(LevelFilter::INFO).with_target("lambda_runtime", LevelFilter::WARN);
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    let _already_set = tracing_subscriber::registry().with(levels.unwrap_or_else(default)).with(lines).try_init();
}
