//! The settings of this function.

use crate::offer::Offer;
use crate::passwords::PasswordCost;
use crate::providers::Providers;
use std::sync::Arc;
use tollgate_domain::billing::Grace;
use tollgate_domain::password::PasswordPolicy;
use tollgate_domain::session::Lifetimes;
use tollgate_http::{ClientIpHeader, CookieSettings, Limits};
use tollgate_platform::{ConfigError, Env, Origins};
use tollgate_tokens::TokenAlgorithm;
use tollgate_tokens::keys::SecretIds;

/// All settings, parsed once.
#[derive(Debug, Clone)]
pub struct Config {
    /// This service's public address: `iss`, and the address of its pages.
    pub app_url: Arc<str>,
    /// The audience of access tokens.
    pub audience: Arc<str>,
    /// The default address to which a sign-in at a provider returns.
    pub frontend_url: Arc<str>,
    /// The origins from which browsers may call.
    pub origins: Origins,
    /// The header in which the operator's own proxy names the client, if there is one.
    pub client_ip: Option<ClientIpHeader>,
    /// The limits of clients; `None` for no limits.
    pub limits: Option<Limits>,
    /// What this deployment offers.
    pub offer: Offer,
    /// The configured providers.
    pub providers: Providers,
    /// The algorithm that signs access tokens.
    pub token_algorithm: TokenAlgorithm,
    /// The settings of cookies.
    pub cookies: CookieSettings,
    /// The lifetimes of sessions and their tokens.
    pub lifetimes: Lifetimes,
    /// How long the link of a verification mail is valid, in seconds.
    pub verify_link_seconds: u32,
    /// The rules of passwords.
    pub passwords: PasswordPolicy,
    /// What a new password hash costs.
    pub password_cost: PasswordCost,
    /// How long access continues after a failed payment.
    pub grace: Grace,
    /// The prefix of table names.
    pub table_prefix: String,
    /// The secrets that this function reads.
    pub secret_ids: SecretIds,
}

/// The lifetime of the link in a reset mail, in seconds.
pub(crate) const RESET_LINK_SECONDS: u32 = 3600;
/// The lifetime of a flow to a provider and back, in seconds.
pub(crate) const FLOW_SECONDS: u32 = 10 * 60;
/// The lifetime of a mailed code, in seconds.
pub(crate) const CODE_SECONDS: u32 = 15 * 60;

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        env.required("APP_URL", "the public address of this service")?;
        let app_url = env.address("APP_URL", String::new)?;
        let min_chars = env.parse("PASSWORD_MIN_LENGTH", 8, "a number of characters from 8 to 64")?;
        if !(8..=64).contains(&min_chars) {
            return Err(ConfigError::new("PASSWORD_MIN_LENGTH", "a number of characters from 8 to 64"));
        }
        let mut secret_ids = SecretIds::both(env)?;
        Ok(Self {
            frontend_url: env.address("FRONTEND_URL", || format!("{app_url}/account"))?.into(),
            client_ip: ClientIpHeader::from_env(env, &mut secret_ids)?,
            limits: Limits::of_strangers(env)?,
            offer: Offer::from_env(env)?,
            providers: Providers::from_env(env, &mut secret_ids)?,
            audience: env.get("TOKEN_AUDIENCE").unwrap_or(&app_url).into(),
            app_url: app_url.into(),
            origins: Origins::from_env(env)?,
            token_algorithm: env.parse("ACCESS_TOKEN_ALG", TokenAlgorithm::default(), "ES256 or EdDSA")?,
            cookies: CookieSettings::from_env(env)?,
            lifetimes: Lifetimes {
                access_seconds: env.seconds("ACCESS_TOKEN_EXPIRE", 15 * 60)?,
                idle_seconds: env.seconds("REFRESH_TOKEN_EXPIRE", 30 * 86_400)?,
                absolute_seconds: env.seconds("SESSION_EXPIRE", 90 * 86_400)?,
            },
            verify_link_seconds: env.seconds("VALIDATION_TOKEN_EXPIRE", 86_400)?,
            passwords: PasswordPolicy { min_chars },
            password_cost: PasswordCost::OWASP,
            grace: env.grace()?,
            table_prefix: env.required("TABLE_PREFIX", "what the names of the tables start with")?.to_owned(),
            secret_ids,
        })
    }
}
