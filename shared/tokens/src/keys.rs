//! The key ring. Every key is derived by HKDF from one of the random strings `auth`, `codes` and `trials`, by purpose
//! and generation; rotation appends a string. The strings are in Secrets Manager; a warm function continues with its
//! cached ones during an outage (R17).

use crate::auth_keys::AuthKeys;
use crate::codes::Codes;
use crate::edge::EdgeKeys;
use crate::generation::{InvalidSecretError, parse_generations};
use crate::trials::TrialKeys;
use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, RwLock};
use tollgate_domain::user::IdentityProvider;
use tollgate_platform::{Clock, ConfigError, Env, Secret};

/// How long the secrets are cached.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);
/// Why there are no keys.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// Secrets Manager did not answer, and nothing is cached.
    #[error("secret {0} could not be read: {1}")]
    Unavailable(&'static str, String),
    /// The secret is not valid. The name is that of its variable.
    #[error("{0}: expected {1}")]
    Unusable(&'static str, InvalidSecretError),
}

/// The keys of this function, read again when they are old.
pub struct KeySource {
    client: aws_sdk_secretsmanager::Client,
    clock: Clock,
    auth: Option<Cached<AuthKeys>>,
    codes: Option<Cached<Codes>>,
    google: Option<Cached<ClientSecret>>,
    github: Option<Cached<ClientSecret>>,
    stripe: Option<Cached<ClientSecret>>,
    stripe_webhook: Option<Cached<ClientSecret>>,
    trials: Option<Cached<TrialKeys>>,
    edge: Option<Cached<EdgeKeys>>,
    ai: Option<Cached<ClientSecret>>,
}

/// The client secret at a provider; `None` where the secret is `unset`.
pub type ClientSecret = Option<Secret<String>>;

/// The text of a secret that is not configured.
const UNSET: &str = "unset";

struct Cached<T> {
    variable: &'static str,
    secret_id: String,
    held: RwLock<Option<(Timestamp, Arc<T>)>>,
}

/// The names of the secrets that a function may read.
#[derive(Debug, Clone, Default)]
pub struct SecretIds {
    /// `AUTH_SECRET_ID`.
    pub auth: Option<String>,
    /// `CODES_SECRET_ID`.
    pub codes: Option<String>,
    /// `GOOGLE_SECRET_ID`: the client secret.
    pub google: Option<String>,
    /// `GITHUB_SECRET_ID`: the client secret.
    pub github: Option<String>,
    /// `STRIPE_SECRET_ID`: the secret key of Stripe's API.
    pub stripe: Option<String>,
    /// `STRIPE_WEBHOOK_SECRET_ID`: the secret with which Stripe signs its events.
    pub stripe_webhook: Option<String>,
    /// `TRIALS_SECRET_ID`: the key of the hashes in the ledger of trials.
    pub trials: Option<String>,
    /// `EDGE_SECRET_ID`: the secret that the operator's own proxy sends.
    pub edge: Option<String>,
    /// `AI_SECRET_ID`: the key for the chat model.
    pub ai: Option<String>,
}

impl SecretIds {
    /// Both, from `AUTH_SECRET_ID` and `CODES_SECRET_ID`.
    ///
    /// # Errors
    /// When one is not set.
    pub fn both(env: &Env) -> Result<Self, ConfigError> {
        let auth = env.required("AUTH_SECRET_ID", "the name of the secret `auth`")?.to_owned();
        Ok(Self { auth: Some(auth), ..Self::codes(env)? })
    }

    /// The secrets of billing, from `STRIPE_SECRET_ID` and `TRIALS_SECRET_ID`.
    ///
    /// # Errors
    /// When one is not set.
    pub fn billing(env: &Env) -> Result<Self, ConfigError> {
        let stripe = env.required("STRIPE_SECRET_ID", "the name of the secret `stripe`")?.to_owned();
        let trials = env.required("TRIALS_SECRET_ID", "the name of the secret `trials`")?.to_owned();
        Ok(Self { stripe: Some(stripe), trials: Some(trials), ..Self::default() })
    }

    /// Only `AI_SECRET_ID`.
    ///
    /// # Errors
    /// When it is not set.
    pub fn ai(env: &Env) -> Result<Self, ConfigError> {
        let ai = env.required("AI_SECRET_ID", "the name of the secret `ai`")?.to_owned();
        Ok(Self { ai: Some(ai), ..Self::default() })
    }

    /// Only `CODES_SECRET_ID`.
    ///
    /// # Errors
    /// When it is not set.
    pub fn codes(env: &Env) -> Result<Self, ConfigError> {
        let codes = env.required("CODES_SECRET_ID", "the name of the secret `codes`")?.to_owned();
        Ok(Self { codes: Some(codes), ..Self::default() })
    }
}

impl KeySource {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(ids: SecretIds, sdk: &SdkConfig, clock: Clock) -> Self {
        let client = aws_sdk_secretsmanager::Client::new(sdk);
        Self {
            client,
            clock,
            auth: ids.auth.map(|id| Cached::new("AUTH_SECRET_ID", id)),
            codes: ids.codes.map(|id| Cached::new("CODES_SECRET_ID", id)),
            google: ids.google.map(|id| Cached::new("GOOGLE_SECRET_ID", id)),
            github: ids.github.map(|id| Cached::new("GITHUB_SECRET_ID", id)),
            stripe: ids.stripe.map(|id| Cached::new("STRIPE_SECRET_ID", id)),
            stripe_webhook: ids.stripe_webhook.map(|id| Cached::new("STRIPE_WEBHOOK_SECRET_ID", id)),
            trials: ids.trials.map(|id| Cached::new("TRIALS_SECRET_ID", id)),
            edge: ids.edge.map(|id| Cached::new("EDGE_SECRET_ID", id)),
            ai: ids.ai.map(|id| Cached::new("AI_SECRET_ID", id)),
        }
    }

    /// Reads the secrets that are not cached. A secret that cannot be read is requested again when it is needed.
    pub async fn warm(&self) {
        if self.auth.is_some() {
            let _logged = self.auth().await;
        }
        if self.codes.is_some() {
            let _logged = self.codes().await;
        }
        if self.stripe_webhook.is_some() {
            let _logged = self.stripe_webhook().await;
        }
    }

    /// The keys of access and refresh tokens.
    ///
    /// # Errors
    /// When none are cached and none can be read.
    pub async fn auth(&self) -> Result<Arc<AuthKeys>, KeyError> {
        let build = |text: &str| Ok(AuthKeys::new(parse_generations(text)?));
        self.read(self.auth.as_ref(), "AUTH_SECRET_ID", build).await
    }

    /// The keys of mailed codes and links.
    ///
    /// # Errors
    /// When none are cached and none can be read.
    pub async fn codes(&self) -> Result<Arc<Codes>, KeyError> {
        let build = |text: &str| Ok(Codes::new(parse_generations(text)?));
        self.read(self.codes.as_ref(), "CODES_SECRET_ID", build).await
    }

    /// The keys of the ledger of trials.
    ///
    /// # Errors
    /// When none are cached and none can be read.
    pub async fn trials(&self) -> Result<Arc<TrialKeys>, KeyError> {
        let build = |text: &str| Ok(TrialKeys::new(&parse_generations(text)?));
        self.read(self.trials.as_ref(), "TRIALS_SECRET_ID", build).await
    }

    /// The secret that the operator's own proxy sends.
    ///
    /// # Errors
    /// When none is cached and none can be read.
    pub async fn edge(&self) -> Result<Arc<EdgeKeys>, KeyError> {
        let build = |text: &str| Ok(EdgeKeys::new(parse_generations(text)?));
        self.read(self.edge.as_ref(), "EDGE_SECRET_ID", build).await
    }

    /// The client secret of a provider.
    ///
    /// # Errors
    /// When it is not cached and cannot be read.
    pub async fn client_secret(&self, provider: IdentityProvider) -> Result<Arc<ClientSecret>, KeyError> {
        match provider {
            IdentityProvider::Google => self.read(self.google.as_ref(), "GOOGLE_SECRET_ID", configured).await,
            IdentityProvider::Github => self.read(self.github.as_ref(), "GITHUB_SECRET_ID", configured).await,
        }
    }

    /// The secret key of Stripe's API.
    ///
    /// # Errors
    /// When it is not cached and cannot be read.
    pub async fn stripe(&self) -> Result<Arc<ClientSecret>, KeyError> {
        self.read(self.stripe.as_ref(), "STRIPE_SECRET_ID", configured).await
    }

    /// The secret with which Stripe signs its events.
    ///
    /// # Errors
    /// When it is not cached and cannot be read.
    pub async fn stripe_webhook(&self) -> Result<Arc<ClientSecret>, KeyError> {
        self.read(self.stripe_webhook.as_ref(), "STRIPE_WEBHOOK_SECRET_ID", configured).await
    }

    /// The key for the chat model.
    ///
    /// # Errors
    /// When it is not cached and cannot be read.
    pub async fn ai(&self) -> Result<Arc<ClientSecret>, KeyError> {
        self.read(self.ai.as_ref(), "AI_SECRET_ID", configured).await
    }

    async fn read<T>(
        &self,
        cached: Option<&Cached<T>>,
        variable: &'static str,
        build: impl Fn(&str) -> Result<T, InvalidSecretError>,
    ) -> Result<Arc<T>, KeyError> {
        let cached =
            cached.ok_or_else(|| KeyError::Unavailable(variable, "this function has no such secret".into()))?;
        let now = self.clock.now();
        let held = cached.held();
        if let Some((read_at, keys)) = &held
            && now.duration_since(*read_at).abs() < MAX_AGE
        {
            return Ok(Arc::clone(keys));
        }
        let built = |bad| KeyError::Unusable(cached.variable, bad);
        let read = self.fetch(cached.variable, &cached.secret_id).await;
        let read = match read.and_then(|text| build(text.expose()).map_err(built)) {
            Ok(keys) => Arc::new(keys),
            Err(error) => {
                tracing::error!(variable = cached.variable, error = %error, held = held.is_some(), "secret not read");
                // A warm function continues; it tries again after the next MAX_AGE.
                held.map(|(_, keys)| keys).ok_or(error)?
            }
        };
        cached.hold(now, &read);
        Ok(read)
    }

    async fn fetch(&self, variable: &'static str, secret_id: &str) -> Result<Secret<String>, KeyError> {
        let answer = self.client.get_secret_value().secret_id(secret_id).send().await;
        let answer = answer.map_err(|error| {
            KeyError::Unavailable(variable, aws_smithy_types::error::display::DisplayErrorContext(error).to_string())
        })?;
        Ok(Secret::new(answer.secret_string.unwrap_or_default()))
    }
}

/// The text of a secret that an operator sets; `None` if it is not set.
fn configured(text: &str) -> Result<ClientSecret, InvalidSecretError> {
    let text = text.trim();
    Ok((!text.is_empty() && text != UNSET).then(|| Secret::new(text.to_owned())))
}

impl<T> Cached<T> {
    fn new(variable: &'static str, secret_id: String) -> Self {
        Self { variable, secret_id, held: RwLock::new(None) }
    }

    fn held(&self) -> Option<(Timestamp, Arc<T>)> {
        self.held.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn hold(&self, now: Timestamp, keys: &Arc<T>) {
        *self.held.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((now, Arc::clone(keys)));
    }
}
