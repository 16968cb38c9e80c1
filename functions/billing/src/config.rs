//! The settings of this function.

use std::sync::Arc;
use tollgate_domain::billing::Rules;
use tollgate_http::{ClientIpHeader, Limits};
use tollgate_platform::{ConfigError, Env, Origins};
use tollgate_stripe::STRIPE_API;
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
    /// The address to return to after a paid checkout.
    pub success_url: Arc<str>,
    /// The address to return to from a checkout that was left.
    pub cancel_url: Arc<str>,
    /// The address to return to from Stripe's portal.
    pub portal_return_url: Arc<str>,
    /// The address of Stripe's API.
    pub stripe_url: String,
    /// The rules of billing.
    pub rules: Rules,
    /// The header in which the operator's own proxy names the client, if there is one.
    pub client_ip: Option<ClientIpHeader>,
    /// How often a user may call; `None`: any number of times.
    pub limits: Option<Limits>,
    /// The prefix of table names.
    pub table_prefix: String,
    /// The secrets that this function reads.
    pub secret_ids: SecretIds,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        env.required("APP_URL", "the public address of this service")?;
        let app_url = env.address("APP_URL", String::new)?;
        let frontend_url = env.address("FRONTEND_URL", || format!("{app_url}/account"))?;
        let mut secret_ids = SecretIds::billing(env)?;
        Ok(Self {
            audience: env.get("TOKEN_AUDIENCE").unwrap_or(&app_url).into(),
            success_url: env
                .page_address("CHECKOUT_SUCCESS_URL", || format!("{frontend_url}?checkout=success"))?
                .into(),
            cancel_url: env.page_address("CHECKOUT_CANCEL_URL", || format!("{frontend_url}?checkout=canceled"))?.into(),
            portal_return_url: frontend_url.into(),
            app_url: app_url.into(),
            origins: Origins::from_env(env)?,
            stripe_url: env.address("STRIPE_API_URL", || STRIPE_API.to_owned())?,
            rules: env.billing_rules()?,
            client_ip: ClientIpHeader::from_env(env, &mut secret_ids)?,
            limits: Limits::of_users(env)?,
            table_prefix: env.required("TABLE_PREFIX", "what the names of the tables start with")?.to_owned(),
            secret_ids,
        })
    }
}
