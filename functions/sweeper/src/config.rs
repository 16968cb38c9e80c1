//! The settings of this function.

use tollgate_domain::billing::Rules;
use tollgate_outbox::Queues;
use tollgate_platform::{ConfigError, Env};
use tollgate_stripe::STRIPE_API;
use tollgate_tokens::keys::SecretIds;

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) table_prefix: String,
    pub(crate) stripe_url: String,
    pub(crate) rules: Rules,
    pub(crate) queues: Queues,
    pub(crate) secret_ids: SecretIds,
    pub(crate) has_billing: bool,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let has_billing = env.has_billing()?;
        Ok(Self {
            table_prefix: env.required("TABLE_PREFIX", "what the names of the tables start with")?.to_owned(),
            stripe_url: env.address("STRIPE_API_URL", || STRIPE_API.to_owned())?,
            rules: env.billing_rules()?,
            queues: Queues::from_env(env)?,
            secret_ids: if has_billing { SecretIds::billing(env)? } else { SecretIds::default() },
            has_billing,
        })
    }
}
