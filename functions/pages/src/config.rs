//! The settings of this function.

use crate::offer::Offer;
use tollgate_platform::{ConfigError, Env, Origins};

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) origins: Origins,
    /// The product's front end, if it has an address of its own.
    pub(crate) front_end: Option<String>,
    pub(crate) offer: Offer,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let own = env.address("APP_URL", String::new)? + "/account";
        let front_end = env.address("FRONTEND_URL", || own.clone())?;
        Ok(Self {
            origins: Origins::from_env(env)?,
            front_end: Some(front_end).filter(|address| *address != own),
            offer: Offer::from_env(env)?,
        })
    }
}
