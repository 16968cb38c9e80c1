//! The settings of this function.

use aws_config::SdkConfig;
use tollgate_guard::Guard;
use tollgate_http::Conventions;
use tollgate_platform::{Clock, ConfigError, Env, Origins};

/// All settings, parsed once.
#[derive(Clone)]
pub struct Config {
    /// The guard.
    pub guard: Guard,
    /// The settings of the routes.
    pub conventions: Conventions,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env, sdk: &SdkConfig, clock: Clock) -> Result<Self, ConfigError> {
        Ok(Self {
            guard: Guard::from_env(env, sdk, clock.clone())?,
            conventions: Conventions { origins: Origins::from_env(env)?, clock, proxy: None },
        })
    }
}
