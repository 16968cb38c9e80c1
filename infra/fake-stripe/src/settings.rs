//! The settings of the fake, and what it takes from its surroundings.

use jiff::Timestamp;
use std::sync::Arc;

/// The version of the API whose shapes it uses.
pub const API_VERSION: &str = "2026-08-26.dahlia";

/// Its configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of its pages, without a slash at the end.
    pub base_url: String,
    /// The key that calls must carry.
    pub secret_key: String,
    /// The secret that signs events.
    pub webhook_secret: String,
    /// Where events are sent.
    pub webhook_url: String,
}

/// The current time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Called when there is an event to send.
pub type Wake = Arc<dyn Fn() + Send + Sync>;
