//! The `billing` function: plans, checkouts, the caller's subscription and payments.

mod catalogue;
mod checkout;
mod config;
mod current;
mod customer;
mod error;
mod first_plans;
mod held_plans;
mod plan_change;
mod routes;

pub use config::Config;
pub use first_plans::KeyCheckError;

use aws_config::SdkConfig;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use held_plans::HeldPlans;
use routes::*;
use std::sync::Arc;
use tollgate_convergence::Convergence;
use tollgate_http::{
    Conventions, Description, EdgeProxy, Guard, Limiter, PublishedKeys, RouterOf, Routes, TokenKeys,
    describe_idempotent, describe_limit_of_users, idempotent, limit_users, routes,
};
use tollgate_platform::{Clock, Outbound};
use tollgate_store::Store;
use tollgate_store::roles::Billing;
use tollgate_stripe::Gateway;
use tollgate_tokens::keys::KeySource;
use utoipa::openapi::OpenApi;

/// The state that handlers share.
#[derive(Clone)]
pub struct State {
    config: Arc<Config>,
    store: Store<Billing>,
    plans: HeldPlans,
    keys: Arc<PublishedKeys>,
    gateway: Gateway,
    convergence: Convergence,
    clock: Clock,
    limiter: Limiter,
    proxy: Option<EdgeProxy>,
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
        let keys = PublishedKeys::new(store.narrow());
        Self {
            config: Arc::new(config),
            keys,
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

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        let (issuer, audience) = (Arc::clone(&state.config.app_url), Arc::clone(&state.config.audience));
        let keys = TokenKeys::Published(Arc::clone(&state.keys));
        Self::new(keys, state.store.narrow(), issuer, audience, state.clock.clone())
    }
}

impl FromRef<State> for Limiter {
    fn from_ref(state: &State) -> Self {
        state.limiter.clone()
    }
}

/// Every path of this function, as the contract lists it.
pub fn router(state: State) -> Router {
    let conventions =
        Conventions { origins: state.config.origins.clone(), clock: state.clock.clone(), proxy: state.proxy.clone() };
    let routes = operations(RouterOf::new(&state)).into_router();
    conventions.serve(routes.with_state(state))
}

/// This function's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    operations(Description::default()).into_openapi()
}

fn operations<R: Routes<State>>(list: R) -> R {
    let limit = |routes: Router<State>, state: &State| {
        routes.route_layer(from_fn_with_state(state.clone(), limit_users::<State>))
    };
    list.group(limited_operations, limit, describe_limit_of_users)
}

/// Operations whose POSTs are limited by user: all.
fn limited_operations<R: Routes<State>>(list: R) -> R {
    let list = routes![list;
        plan::get,
        plan::change,
        plan::archive,
        subscription::mine,
        payments::mine,
        payments::invoice,
        portal::open,
    ];
    let once = |routes: Router<State>, state: &State| {
        routes.route_layer(from_fn_with_state(state.clone(), idempotent::<State>))
    };
    list.group(idempotent_operations, once, describe_idempotent)
}

/// Operations whose POSTs support `idempotency-key`.
fn idempotent_operations<R: Routes<State>>(list: R) -> R {
    routes![list;
        plans::list,
        plans::create,
        subscribe::subscribe,
        change::preview,
        change::upgrade,
        renewal::cancel,
        renewal::resume,
    ]
}
