//! The state that the handlers share: the tables, the keys, and the clients of other services.

use crate::assistant::Assistant;
use crate::config::Config;
use aws_config::SdkConfig;
use axum::extract::FromRef;
use std::sync::Arc;
use tollgate_http::{EdgeProxy, Guard, Limiter, PublishedKeys, TokenKeys};
use tollgate_platform::bucket::Bucket;
use tollgate_platform::{Clock, Outbound};
use tollgate_store::Store;
use tollgate_store::roles::Admin;
use tollgate_tokens::keys::KeySource;

/// The state that handlers share.
#[derive(Clone)]
pub struct State {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store<Admin>,
    pub(crate) guard: Guard,
    pub(crate) clock: Clock,
    pub(crate) proxy: Option<EdgeProxy>,
    pub(crate) limiter: Limiter,
    pub(crate) bucket: Bucket,
    pub(crate) assistant: Assistant,
}

impl State {
    /// Creates the clients; `to_model` leads to the endpoint of the chat model. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, to_model: Outbound, clock: Clock) -> Self {
        let store: Store<Admin> = Store::new(sdk, &config.table_prefix);
        let secrets = Arc::new(KeySource::new(config.secret_ids.clone(), sdk, clock.clone()));
        let proxy = EdgeProxy::new(config.client_ip.as_ref(), &secrets);
        let keys = TokenKeys::Published(PublishedKeys::new(store.narrow()));
        let (issuer, audience) = (Arc::clone(&config.app_url), Arc::clone(&config.audience));
        Self {
            guard: Guard::new(keys, store.narrow(), issuer, audience, clock.clone()),
            limiter: Limiter::new(store.narrow(), config.limits),
            bucket: Bucket::new(config.bucket.clone(), sdk),
            assistant: Assistant::new(to_model, secrets, config.model.clone()),
            config: Arc::new(config),
            store,
            clock,
            proxy,
        }
    }
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        state.guard.clone()
    }
}

impl FromRef<State> for Limiter {
    fn from_ref(state: &State) -> Self {
        state.limiter.clone()
    }
}
