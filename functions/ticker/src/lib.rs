//! The `ticker` function.

use aws_config::SdkConfig;
use serde::{Deserialize, Serialize};
use tollgate_platform::{Clock, ConfigError, Env};

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    name: String,
}

impl Config {
    /// # Errors
    /// None.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { name: env.get("APP_NAME").unwrap_or("tick").to_owned() })
    }
}

/// The state that invocations share.
#[derive(Debug, Clone)]
pub struct State(Config);

impl State {
    /// Makes no call.
    #[must_use]
    pub fn new(config: Config, _: &SdkConfig, _: Clock) -> Self {
        Self(config)
    }
}

/// A schedule's event.
#[derive(Deserialize)]
pub struct Event {
    schedule: String,
}

/// The answer.
#[derive(Serialize)]
pub struct Ticked {
    schedule: String,
}

/// Ticks.
///
/// # Errors
/// None.
pub async fn handle(event: Event, state: &State) -> Result<Ticked, std::io::Error> {
    tracing::info!(name = state.0.name, "tick");
    Ok(Ticked { schedule: event.schedule })
}
