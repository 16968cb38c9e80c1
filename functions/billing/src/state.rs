//! The state that the handlers share: the tables, the keys, Stripe, and the published plans.

use crate::config::Config;
use crate::held_plans::HeldPlans;
use aws_config::SdkConfig;
use axum::extract::FromRef;
use std::sync::Arc;
use tollgate_convergence::Convergence;
use tollgate_domain::billing::{ShownSubscription, Subscription};
use tollgate_http::{EdgeProxy, Guard, Limiter, OwnStore, PublishedKeys, TokenKeys};
use tollgate_platform::{Clock, Outbound};
use tollgate_store::Store;
use tollgate_store::roles::Billing;
use tollgate_stripe::Gateway;
use tollgate_tokens::keys::KeySource;

/// The state that handlers share.
#[derive(Clone)]
pub struct State {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store<Billing>,
    pub(crate) plans: HeldPlans,
    pub(crate) guard: Guard,
    pub(crate) gateway: Gateway,
    pub(crate) convergence: Convergence,
    pub(crate) clock: Clock,
    pub(crate) limiter: Limiter,
    pub(crate) proxy: Option<EdgeProxy>,
}

impl State {
    /// Creates the clients; `outbound` leads to Stripe. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, outbound: Outbound, clock: Clock) -> Self {
        let store: Store<Billing> = Store::new(sdk, &config.table_prefix);
        let keys = Arc::new(KeySource::new(config.secret_ids.clone(), sdk, clock.clone()));
        let proxy = EdgeProxy::new(config.client_ip.as_ref(), &keys);
        let gateway = Gateway::new(outbound, Arc::clone(&keys), &config.stripe_url);
        let convergence = Convergence::new(store.narrow(), gateway.clone(), keys, clock.clone(), config.rules);
        let limiter = Limiter::new(store.narrow(), config.limits);
        let keys = TokenKeys::Published(PublishedKeys::new(store.narrow()));
        let (issuer, audience) = (Arc::clone(&config.app_url), Arc::clone(&config.audience));
        Self {
            guard: Guard::new(keys, store.narrow(), issuer, audience, clock.clone()),
            config: Arc::new(config),
            store,
            plans: HeldPlans::default(),
            gateway,
            convergence,
            clock,
            limiter,
            proxy,
        }
    }
}

impl State {
    /// `subscription` as its user sees it.
    pub(crate) fn shown(&self, subscription: &Subscription) -> ShownSubscription {
        ShownSubscription::of(subscription, self.config.rules.grace)
    }
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        state.guard.clone()
    }
}

impl OwnStore for State {
    type Role = Billing;

    fn store(&self) -> &Store<Billing> {
        &self.store
    }
}

impl FromRef<State> for Limiter {
    fn from_ref(state: &State) -> Self {
        state.limiter.clone()
    }
}
