//! The settings of this function.

use crate::assistant::Model;
use std::sync::Arc;
use tollgate_domain::billing::Grace;
use tollgate_http::{ClientIpHeader, Limits};
use tollgate_platform::bucket::BucketAddress;
use tollgate_platform::{ConfigError, Env, Origins};
use tollgate_tokens::keys::SecretIds;

/// All settings, parsed once.
#[derive(Debug, Clone)]
pub struct Config {
    /// This service's public address, which issues tokens.
    pub app_url: Arc<str>,
    /// The audience of access tokens.
    pub audience: Arc<str>,
    /// The origins from which browsers may call.
    pub origins: Origins,
    /// The header in which the operator's own proxy names the client, if there is one.
    pub client_ip: Option<ClientIpHeader>,
    /// How long access continues after a failed payment.
    pub grace: Grace,
    /// The prefix of table names.
    pub table_prefix: String,
    /// How often an admin may ask the assistant; `None`: any number of times.
    pub limits: Option<Limits>,
    /// The bucket of report files.
    pub bucket: BucketAddress,
    /// The chat model of the assistant.
    pub model: Model,
    /// The secrets that this function reads: `ai`, the key for the model, and `edge`, if there is such a proxy.
    pub secret_ids: SecretIds,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        env.required("APP_URL", "the public address of this service")?;
        let app_url = env.address("APP_URL", String::new)?;
        let mut secret_ids = SecretIds::ai(env)?;
        Ok(Self {
            audience: env.get("TOKEN_AUDIENCE").unwrap_or(&app_url).into(),
            app_url: app_url.into(),
            origins: Origins::from_env(env)?,
            client_ip: ClientIpHeader::from_env(env, &mut secret_ids)?,
            grace: env.grace()?,
            table_prefix: env.required("TABLE_PREFIX", "what the names of the tables start with")?.to_owned(),
            limits: Limits::of_users(env)?,
            bucket: BucketAddress::from_env(env)?,
            model: Model::from_env(env)?,
            secret_ids,
        })
    }
}
