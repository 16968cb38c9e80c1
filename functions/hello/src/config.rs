//! The settings of this function.

use tollgate_platform::{ConfigError, Env, Origins};

/// All settings, parsed once.
#[derive(Debug, Clone)]
pub struct Config {
    /// The origins from which browsers may call.
    pub origins: Origins,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { origins: Origins::from_env(env)? })
    }
}
