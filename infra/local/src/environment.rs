//! What the functions find around them: their variables, their secrets, the settings of their AWS clients.

use crate::TABLE_PREFIX;
use crate::clock::LocalClock;
use crate::error::StartError;
use crate::faults::Wire;
use crate::standins::Standins;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use std::net::SocketAddr;
use tollgate_platform::{BadSecret, ConfigError, Env, check_secret, random_bytes};

/// The secrets, made at the first start; those of the environment go before them (S16).
pub fn seed_secrets(standins: &Standins, env: &Env) -> Result<(), StartError> {
    for (variable, name) in [("AUTH_SECRET", "auth"), ("CODES_SECRET", "codes")] {
        if env.is_present(variable) {
            let value = env.get(variable).unwrap_or_default();
            check_secret(value).map_err(|bad: BadSecret| ConfigError::new(variable, bad.to_string()))?;
            standins.put_secret(name, value)?;
        } else if standins.secret(name)?.is_none() {
            let random = random_bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            standins.put_secret(name, &random)?;
        }
    }
    Ok(())
}

/// What the functions find in their environment.
pub fn environment(base_url: &str, tables: SocketAddr, aws: SocketAddr, over: Vec<(String, String)>) -> Env {
    let localhost = base_url.replace("127.0.0.1", "localhost");
    let own = [
        ("APP_ENV", "local".to_owned()),
        ("APP_URL", base_url.to_owned()),
        ("CORS_ORIGINS", localhost.clone()),
        ("TABLE_PREFIX", TABLE_PREFIX.to_owned()),
        ("AUTH_SECRET_ID", "auth".to_owned()),
        ("CODES_SECRET_ID", "codes".to_owned()),
        ("MAIL_QUEUE_URL", format!("http://{aws}/000000000000/mail")),
        ("MAIL_FROM", "Tollgate <no-reply@localhost.test>".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{tables}")),
        ("AWS_ENDPOINT_URL_SQS", format!("http://{aws}")),
        ("AWS_ENDPOINT_URL_SES", format!("http://{aws}")),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://{aws}")),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    let over = over.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| match name.as_str() {
        // The browser's other name of this machine is allowed whatever else is.
        "CORS_ORIGINS" => (name, format!("{value},{localhost}")),
        _ => (name, value),
    });
    Env::from_pairs(own.chain(over))
}

/// The SDKs' settings: the endpoints of the environment, the wire in between, time by the local clock.
pub fn sdk(env: &Env, wire: &Wire, clock: &LocalClock) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "local");
    let builder = SdkConfig::builder()
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .service_config(Endpoints(env.clone()))
        .http_client(wire.clone())
        .sleep_impl(SharedAsyncSleep::new(clock.clone()))
        .time_source(SharedTimeSource::new(clock.clone()));
    tollgate_platform::aws::defaults(builder).build()
}

/// `AWS_ENDPOINT_URL_<SERVICE>`, as the SDKs' own loader reads it.
#[derive(Debug)]
struct Endpoints(Env);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        self.0.get(&format!("{}_{service}", key.env())).map(str::to_owned)
    }
}

/// The settings of the functions that may be set from outside (in the environment or `.env`); the stack sets the others.
pub const SETTINGS: &[&str] = &[
    "APP_NAME",
    "APP_URL",
    "FRONTEND_URL",
    "CORS_ORIGINS",
    "COOKIE_SAMESITE",
    "ACCESS_TOKEN_EXPIRE",
    "REFRESH_TOKEN_EXPIRE",
    "SESSION_EXPIRE",
    "VALIDATION_TOKEN_EXPIRE",
    "PASSWORD_MIN_LENGTH",
    "TOKEN_AUDIENCE",
    "VERIFY_PAGE_URL",
    "RESET_PAGE_URL",
    "MAIL_FROM",
    "AUTH_SECRET",
    "CODES_SECRET",
];
