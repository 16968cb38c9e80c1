//! The state that the handlers share: the tables, the keys, and the clients of the providers.

use crate::config::Config;
use crate::held_services::HeldServices;
use crate::passwords::Hasher;
use crate::providers::ProviderClients;
use aws_config::SdkConfig;
use axum::extract::FromRef;
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_http::{ApiError, EdgeProxy, FreePlan, Guard, Limiter, OwnStore, TokenKeys};
use tollgate_platform::Clock;
use tollgate_store::Store;
use tollgate_store::roles::Auth;
use tollgate_tokens::TokenAlgorithm;
use tollgate_tokens::keys::KeySource;

/// The state that handlers share.
#[derive(Clone)]
pub struct State {
    /// The settings.
    pub config: Arc<Config>,
    /// The tables.
    pub store: Store<Auth>,
    /// The keys.
    pub keys: Arc<KeySource>,
    /// The current time.
    pub clock: Clock,
    /// The clients of Google and GitHub.
    pub providers: ProviderClients,
    pub(crate) limiter: Limiter,
    pub(crate) proxy: Option<EdgeProxy>,
    pub(crate) hasher: Hasher,
    pub(crate) free_plan: FreePlan,
    pub(crate) services: HeldServices,
    /// The key set that this process published last.
    published: Arc<Mutex<Option<Published>>>,
}

/// A key set that this process has published.
#[derive(Clone)]
struct Published {
    jwks: String,
    /// The earliest time since when all other functions and services can have read a key of ES256.
    es256_since: Timestamp,
}

impl State {
    /// Creates the clients. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, providers: ProviderClients, clock: Clock) -> Self {
        let store: Store<Auth> = Store::new(sdk, &config.table_prefix);
        let keys = Arc::new(KeySource::new(config.secret_ids.clone(), sdk, clock.clone()));
        Self {
            proxy: EdgeProxy::new(config.client_ip.as_ref(), &keys),
            limiter: Limiter::new(store.narrow(), config.limits),
            free_plan: FreePlan::new(store.narrow()),
            services: HeldServices::default(),
            providers,
            store,
            keys,
            hasher: Hasher::new(config.password_cost),
            config: Arc::new(config),
            clock,
            published: Arc::default(),
        }
    }

    /// Reads the secrets and publishes the keys. A step that fails now is repeated at the call that needs it.
    pub async fn warm(&self) {
        self.keys.warm().await;
        if let Err(error) = self.publish_keys(self.clock.now()).await {
            tracing::error!(cause = error.cause(), "public keys not published");
        }
    }

    /// Publishes the public keys for the other functions, unless this process has published them, and returns the
    /// algorithm that may sign a token now. It is called before every token is issued.
    pub(crate) async fn publish_keys(&self, now: Timestamp) -> Result<TokenAlgorithm, ApiError> {
        let keys = self.keys.auth().await?;
        let jwks = keys.jwks(now).to_string();
        let held = self.published.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let published = match held.filter(|held| held.jwks == jwks) {
            Some(held) => held,
            None => {
                // An earlier version published EdDSA keys only. In a new stack no function holds an older set.
                let es256_since = match self.store.public_keys().await? {
                    None => Timestamp::UNIX_EPOCH,
                    Some(set) => set.es256_since.unwrap_or(now),
                };
                self.store.publish_keys(&jwks, keys.newest(), es256_since).await?;
                let published = Published { jwks, es256_since };
                *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(published.clone());
                published
            }
        };
        Ok(self.config.token_algorithm.once_published(published.es256_since, now))
    }
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        let (issuer, audience) = (Arc::clone(&state.config.app_url), Arc::clone(&state.config.audience));
        let keys = TokenKeys::Own(Arc::clone(&state.keys));
        Self::new(keys, state.store.narrow(), issuer, audience, state.clock.clone())
    }
}

impl OwnStore for State {
    type Role = Auth;

    fn store(&self) -> &Store<Auth> {
        &self.store
    }
}
