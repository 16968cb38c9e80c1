//! The state that the handlers share: the tables, the keys, and the clients of the providers.

use crate::config::Config;
use crate::held_services::HeldServices;
use crate::passwords::Hasher;
use crate::providers::ProviderClients;
use aws_config::SdkConfig;
use axum::extract::FromRef;
use jiff::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_http::{ApiError, EdgeProxy, Guard, Limiter, OwnStore, TokenKeys};
use tollgate_platform::Clock;
use tollgate_store::roles::Auth;
use tollgate_store::{CurrentKeySet, FreeFeatures, PublishedKeySet, Store};
use tollgate_tokens::keys::KeySource;
use tollgate_tokens::{AuthKeys, TokenAlgorithm};

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
    pub(crate) guard: Guard,
    pub(crate) limiter: Limiter,
    pub(crate) proxy: Option<EdgeProxy>,
    pub(crate) hasher: Hasher,
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
        let (issuer, audience) = (Arc::clone(&config.app_url), Arc::clone(&config.audience));
        let own = TokenKeys::Own(Arc::clone(&keys));
        Self {
            guard: Guard::new(own, store.narrow(), issuer, audience, clock.clone()),
            proxy: EdgeProxy::new(config.client_ip.as_ref(), &keys),
            limiter: Limiter::new(store.narrow(), config.limits),
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

    /// Reads the secrets and, at the same time, the key set that is published and the features of the free plan; then
    /// publishes the keys. A step that fails now is repeated at the call that needs it.
    pub async fn warm(&self) {
        let now = self.clock.now();
        let ((), found) = tokio::join!(self.keys.warm(), self.store.look_up(&(CurrentKeySet, FreeFeatures)));
        let published = async {
            let (stored, features) = found?;
            // The plans of a new deployment may still be created: an empty result is not cached.
            if !features.is_empty() {
                self.guard.free_plan.hold(features, now);
            }
            let keys = self.keys.auth().await?;
            self.publish(&keys, keys.jwks(now).to_string(), stored, now).await
        };
        if let Err(error) = published.await {
            tracing::error!(cause = error.cause(), "free plan not read or public keys not published");
        }
    }

    /// Publishes the public keys for the other functions, unless this process has published them, and returns the
    /// algorithm that may sign a token now. It is called before every token is issued.
    pub(crate) async fn publish_keys(&self, now: Timestamp) -> Result<TokenAlgorithm, ApiError> {
        let keys = self.keys.auth().await?;
        let jwks = keys.jwks(now).to_string();
        let held = self.published.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let es256_since = match held.filter(|held| held.jwks == jwks) {
            Some(held) => held.es256_since,
            None => self.publish(&keys, jwks, self.store.look_up(&CurrentKeySet).await?, now).await?,
        };
        Ok(self.config.token_algorithm.once_published(es256_since, now))
    }

    /// Publishes `jwks` unless it is the `stored` set, and returns since when keys of ES256 are published.
    async fn publish(
        &self,
        keys: &AuthKeys,
        jwks: String,
        stored: Option<PublishedKeySet>,
        now: Timestamp,
    ) -> Result<Timestamp, ApiError> {
        let es256_since = match stored {
            Some(PublishedKeySet { jwks: stored, es256_since: Some(since) }) if stored == jwks => since,
            stored => {
                // An earlier version published EdDSA keys only. In a new stack no function holds an older set.
                let since = stored.map_or(Timestamp::UNIX_EPOCH, |set| set.es256_since.unwrap_or(now));
                self.store.publish_keys(&jwks, keys.newest(), since).await?;
                since
            }
        };
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(Published { jwks, es256_since });
        Ok(es256_since)
    }
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        state.guard.clone()
    }
}

impl OwnStore for State {
    type Role = Auth;

    fn store(&self) -> &Store<Auth> {
        &self.store
    }
}
