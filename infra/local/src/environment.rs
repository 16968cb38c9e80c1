//! The environment of the functions: variables, secrets, settings of their AWS clients.

use crate::clock::LocalClock;
use crate::documents::TABLE_PREFIX;
use crate::error::StartError;
use crate::fakes::Fakes;
use crate::faults::FaultInjector;
use crate::{ai, s3};
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use std::net::SocketAddr;
use tollgate_domain::user::IdentityProvider;
use tollgate_platform::aws::Endpoints;
use tollgate_platform::{ConfigError, Env, random_bytes};
use tollgate_tokens::{InvalidSecretError, check_secret};

/// The secrets, created at the first start; those of the environment take precedence (S16).
pub fn seed_secrets(fakes: &Fakes, env: &Env) -> Result<(), StartError> {
    for (variable, name) in [("AUTH_SECRET", "auth"), ("CODES_SECRET", "codes"), ("TRIALS_SECRET", "trials")] {
        if env.is_present(variable) {
            let value = env.get(variable).unwrap_or_default();
            check_secret(value).map_err(|bad: InvalidSecretError| ConfigError::new(variable, bad.to_string()))?;
            fakes.put_secret(name, value)?;
        } else if fakes.secret(name)?.is_none() {
            fakes.put_secret(name, &hex(&random_bytes::<32>()))?;
        }
    }
    // The proxy in front must know it, so none is generated.
    match env.get("EDGE_SECRET") {
        None if env.get("CLIENT_IP_HEADER").is_some() => {
            let expects = "the secret that the proxy in front sends as x-edge-secret, for CLIENT_IP_HEADER";
            return Err(ConfigError::new("EDGE_SECRET", expects).into());
        }
        None => {}
        Some(value) => {
            check_secret(value).map_err(|bad: InvalidSecretError| ConfigError::new("EDGE_SECRET", bad.to_string()))?;
            fakes.put_secret("edge", value)?;
        }
    }
    for provider in IdentityProvider::ALL {
        let prefix = provider.as_str().to_uppercase();
        let (id, secret) = (format!("{prefix}_CLIENT_ID"), format!("{prefix}_CLIENT_SECRET"));
        let given = env.get(&id).filter(|id| *id != UNSET);
        let text = match (given, env.get(&secret)) {
            (Some(_), Some(secret)) => secret.to_owned(),
            (Some(_), None) => return Err(ConfigError::new(&secret, format!("the secret that belongs to {id}")).into()),
            (None, Some(_)) => return Err(ConfigError::new(&id, format!("the id that belongs to {secret}")).into()),
            // The fake has its own.
            (None, None) => hex(&random_bytes::<16>()),
        };
        fakes.put_secret(provider.as_str(), &text)?;
    }
    seed_stripe(fakes, env)?;
    // Without a key the fake model is used, which accepts any.
    let key = env.get(AI_KEY).unwrap_or("local");
    Ok(fakes.put_secret("ai", key)?)
}

/// Stripe's keys: those of the environment, else those of the fake, which are valid nowhere else.
fn seed_stripe(fakes: &Fakes, env: &Env) -> Result<(), StartError> {
    // Without it every event of Stripe would be refused.
    if env.get(STRIPE_KEY).is_some_and(|key| key != UNSET) && env.get(WEBHOOK_SECRET).is_none_or(str::is_empty) {
        let wanted = format!("the signing secret that belongs to {STRIPE_KEY} (`stripe listen` prints it)");
        return Err(ConfigError::new(WEBHOOK_SECRET, wanted).into());
    }
    for (variable, name, prefix) in
        [(STRIPE_KEY, "stripe", "sk_test_local"), (WEBHOOK_SECRET, "stripe-webhook", "whsec_local")]
    {
        match env.get(variable) {
            Some(given) => fakes.put_secret(name, given)?,
            // One from an earlier start is removed.
            None if fakes.secret(name)?.is_none_or(|held| !held.starts_with(prefix)) => {
                fakes.put_secret(name, &format!("{prefix}{}", hex(&random_bytes::<16>())))?;
            }
            None => {}
        }
    }
    Ok(())
}

/// The variable of a key for Stripe itself: where it is set, the fake is not used.
pub const STRIPE_KEY: &str = "STRIPE_SECRET_KEY";

/// The variable of the secret with which Stripe itself signs its events.
const WEBHOOK_SECRET: &str = "STRIPE_WEBHOOK_SECRET";

/// The variable of a key for a chat model: where it is set, the fake is not used.
pub const AI_KEY: &str = "GROQ_API_KEY";

/// The variable of the address to which the fake Stripe sends its events, where that belongs to a deployed stack.
pub const STRIPE_WEBHOOK_URL: &str = "STRIPE_WEBHOOK_URL";

/// The client id of a provider that is not set up.
const UNSET: &str = "unset";

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The client that uses an address of a fake provider.
#[derive(Clone, Copy)]
enum UsedBy {
    /// A browser opens it, or it names the provider in a token.
    Public,
    /// A function calls it.
    Function,
}

/// The variable that names an address, who uses it, and its path at the fake.
type ProviderAddress = (&'static str, UsedBy, &'static str);

/// The addresses of the fake Google and GitHub, by the variables that name those of the real ones.
const PROVIDERS: &[(IdentityProvider, &[ProviderAddress])] = &[
    (
        IdentityProvider::Google,
        &[
            ("GOOGLE_AUTH_URL", UsedBy::Public, "/_google/authorize"),
            ("GOOGLE_TOKEN_URL", UsedBy::Function, "/_google/token"),
            ("GOOGLE_ISSUER", UsedBy::Public, "/_google"),
            ("GOOGLE_JWKS_URL", UsedBy::Function, "/_google/certs"),
        ],
    ),
    (
        IdentityProvider::Github,
        &[
            ("GITHUB_AUTHORIZE_URL", UsedBy::Public, "/_github/login/oauth/authorize"),
            ("GITHUB_TOKEN_URL", UsedBy::Function, "/_github/login/oauth/access_token"),
            ("GITHUB_USER_API", UsedBy::Function, "/_github/user"),
            ("GITHUB_EMAILS", UsedBy::Function, "/_github/user/emails"),
        ],
    ),
];

/// The addresses of a stack.
pub struct Addresses<'a> {
    /// Its public address: in links, tokens and redirects.
    pub public_url: &'a str,
    /// Where its gateway listens.
    pub origin: &'a str,
    /// The address of the tables.
    pub tables: SocketAddr,
    /// The address of the other fakes of AWS.
    pub aws: SocketAddr,
}

/// The environment of the functions.
pub fn environment(addresses: &Addresses<'_>, over: Vec<(String, String)>) -> Env {
    let Addresses { public_url, origin, tables, aws } = addresses;
    let localhost = origin.replace("127.0.0.1", "localhost");
    let own = [
        ("APP_ENV", "local".to_owned()),
        ("APP_URL", (*public_url).to_owned()),
        ("CORS_ORIGINS", localhost.clone()),
        ("TABLE_PREFIX", TABLE_PREFIX.to_owned()),
        ("AUTH_SECRET_ID", "auth".to_owned()),
        ("CODES_SECRET_ID", "codes".to_owned()),
        ("TRIALS_SECRET_ID", "trials".to_owned()),
        ("EDGE_SECRET_ID", "edge".to_owned()),
        ("MAIL_QUEUE_URL", format!("http://{aws}/000000000000/mail")),
        ("STRIPE_QUEUE_URL", format!("http://{aws}/000000000000/stripe.fifo")),
        ("REPORTS_QUEUE_URL", format!("http://{aws}/000000000000/reports")),
        ("REPORTS_BUCKET", s3::BUCKET.to_owned()),
        ("AWS_ENDPOINT_URL_S3", format!("{origin}{}", s3::PATH)),
        ("AI_SECRET_ID", "ai".to_owned()),
        ("STRIPE_SECRET_ID", "stripe".to_owned()),
        ("STRIPE_WEBHOOK_SECRET_ID", "stripe-webhook".to_owned()),
        ("MAIL_FROM", "Tollgate <no-reply@localhost.test>".to_owned()),
        ("SES_CONFIGURATION_SET", "tollgate".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{tables}")),
        ("AWS_ENDPOINT_URL_SQS", format!("http://{aws}")),
        ("AWS_ENDPOINT_URL_SES", format!("http://{aws}")),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://{aws}")),
    ];
    let mut own: Vec<_> = own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (provider, variables) in PROVIDERS {
        let prefix = provider.as_str().to_uppercase();
        let id = format!("{prefix}_CLIENT_ID");
        own.push((format!("{prefix}_SECRET_ID"), provider.as_str().to_owned()));
        // Another client id is one at the real provider.
        if !over.iter().any(|(name, value)| *name == id && !value.is_empty()) {
            own.push((id, format!("tollgate-local-{}", provider.as_str())));
            own.extend(variables.iter().map(|(name, used_by, path)| {
                let base = match used_by {
                    UsedBy::Public => public_url,
                    UsedBy::Function => origin,
                };
                ((*name).to_owned(), format!("{base}{path}"))
            }));
        }
    }
    if !over.iter().any(|(name, value)| name == STRIPE_KEY && !value.is_empty()) {
        own.push(("STRIPE_API_URL".to_owned(), format!("{origin}/_stripe")));
    }
    if !over.iter().any(|(name, value)| name == AI_KEY && !value.is_empty()) {
        own.push(("GROQ_BASE_URL".to_owned(), format!("{origin}{}", ai::PATH)));
    }
    let over = over.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| match name.as_str() {
        // The browser's other name of this machine is always allowed.
        "CORS_ORIGINS" => (name, format!("{value},{localhost}")),
        _ => (name, value),
    });
    Env::from_pairs(own.into_iter().chain(over))
}

/// The settings that `tollgate-ops` reads from a running stack. None is a secret.
pub const OPERATOR_SETTINGS: &[&str] = &[
    "AI_SECRET_ID",
    "APP_URL",
    "AUTH_SECRET_ID",
    "AWS_ENDPOINT_URL_S3",
    "BILLING",
    "BILLING_GRACE_DAYS",
    "CODES_SECRET_ID",
    "EDGE_SECRET_ID",
    "GITHUB_CLIENT_ID",
    "GITHUB_SECRET_ID",
    "GOOGLE_CLIENT_ID",
    "GOOGLE_SECRET_ID",
    "MAIL_QUEUE_URL",
    "REFUND_ON_DELETION",
    "REPORTS_BUCKET",
    "REPORTS_QUEUE_URL",
    "STRIPE_API_URL",
    "STRIPE_QUEUE_URL",
    "STRIPE_SECRET_ID",
    "STRIPE_WEBHOOK_SECRET_ID",
    "TABLE_PREFIX",
    "TRIALS_SECRET_ID",
];

/// The name of the file of the functions' logs in the data folder.
pub const LOG: &str = "log.jsonl";

/// The SDKs' settings: the endpoints of the environment, the fault injector in between, the time of the local clock.
pub fn sdk(env: &Env, fault_injector: &FaultInjector, clock: &LocalClock) -> SdkConfig {
    // The access key tells the fake S3 which function signed a download address.
    let credentials =
        Credentials::new(fault_injector.function().unwrap_or("local"), s3::SECRET_KEY, None, None, "local");
    let builder = SdkConfig::builder()
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .service_config(Endpoints(env.clone()))
        .http_client(fault_injector.clone())
        .sleep_impl(SharedAsyncSleep::new(clock.clone()))
        .time_source(SharedTimeSource::new(clock.clone()));
    tollgate_platform::aws::defaults(builder).build()
}

/// Options of `cargo run` itself, which no function reads.
const OPTIONS: [&str; 4] = ["PORT", "TOLLGATE_DATA", "TOLLGATE_ADMIN_EMAIL", "TOLLGATE_ADMIN_PASSWORD"];

/// The settings of the functions that may be set from outside (in the environment or `.env`), which are those of
/// `.env.example`; the stack sets the others.
pub fn settings() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("../../../.env.example").lines();
    let names = lines.filter_map(|line| Some(line.strip_prefix('#')?.split_once('=')?.0));
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    names.filter(is_name).filter(|name| !OPTIONS.contains(name))
}
