//! The settings of this function.

use tollgate_mail::{Mailbox, brand};
use tollgate_platform::{ConfigError, Env};
use tollgate_tokens::keys::SecretIds;

/// All settings, parsed once.
#[derive(Debug, Clone)]
pub struct Config {
    /// The product's name in mails; the brand's name if it is not set.
    pub app_name: String,
    /// This service's public address.
    pub app_url: String,
    /// The page that a verification link leads to.
    pub verify_page_url: String,
    /// The page that a reset link leads to.
    pub reset_page_url: String,
    /// The sender of mails; SES must have verified the address.
    pub mail_from: Mailbox,
    /// SES's configuration set, which counts bounces.
    pub configuration_set: Option<String>,
    /// The queue that calls this function.
    pub queue_url: String,
    /// The prefix of table names.
    pub table_prefix: String,
    /// The secret that this function reads.
    pub secret_ids: SecretIds,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        env.required("APP_URL", "the public address of this service")?;
        let app_url = env.address("APP_URL", String::new)?;
        let app_name = env.get("APP_NAME").unwrap_or(&brand().name).to_owned();
        if app_name.chars().any(char::is_control) || app_name.chars().count() > 100 {
            return Err(ConfigError::new("APP_NAME", "a name of at most 100 characters on one line"));
        }
        let mail_from = Mailbox::parse(env.required("MAIL_FROM", "the address that mails come from")?)
            .map_err(|_| ConfigError::new("MAIL_FROM", "an address such as Tollgate <no-reply@example.com>"))?;
        Ok(Self {
            verify_page_url: env.address("VERIFY_PAGE_URL", || format!("{app_url}/verify"))?,
            reset_page_url: env.address("RESET_PAGE_URL", || format!("{app_url}/new-password"))?,
            configuration_set: env.get("SES_CONFIGURATION_SET").map(str::to_owned),
            queue_url: env.required("MAIL_QUEUE_URL", "the address of the mail queue")?.to_owned(),
            table_prefix: env.required("TABLE_PREFIX", "what the names of the tables start with")?.to_owned(),
            secret_ids: SecretIds::codes(env)?,
            app_name,
            app_url,
            mail_from,
        })
    }
}
