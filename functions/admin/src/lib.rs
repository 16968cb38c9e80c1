//! The `admin` function: users, subscriptions, payments and the audit trail for those who run the product.

mod assistant;
pub mod changes;
mod config;
mod gallery;
mod routes;

pub use changes::ReportRequest;
pub use config::Config;
pub use routes::user::{UserDetails, find_user};

use assistant::Assistant;
use aws_config::SdkConfig;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use routes::*;
use std::sync::Arc;
use tollgate_http::{
    Conventions, Description, EdgeProxy, Guard, Limiter, PublishedKeys, RouterOf, Routes, TokenKeys,
    describe_idempotent, idempotent, routes,
};
use tollgate_platform::bucket::Bucket;
use tollgate_platform::{Clock, Outbound};
use tollgate_store::Store;
use tollgate_store::roles::Admin;
use tollgate_tokens::keys::KeySource;
use utoipa::openapi::OpenApi;

/// The state that handlers share.
#[derive(Clone)]
pub struct State {
    config: Arc<Config>,
    store: Store<Admin>,
    keys: Arc<PublishedKeys>,
    clock: Clock,
    proxy: Option<EdgeProxy>,
    limiter: Limiter,
    bucket: Bucket,
    assistant: Assistant,
}

impl State {
    /// Creates the clients; `to_model` leads to the endpoint of the chat model. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, to_model: Outbound, clock: Clock) -> Self {
        let store: Store<Admin> = Store::new(sdk, &config.table_prefix);
        let secrets = Arc::new(KeySource::new(config.secret_ids.clone(), sdk, clock.clone()));
        let proxy = EdgeProxy::new(config.client_ip.as_ref(), &secrets);
        Self {
            limiter: Limiter::new(store.narrow(), config.limits),
            bucket: Bucket::new(config.bucket.clone(), sdk),
            assistant: Assistant::new(to_model, secrets, config.model.clone()),
            config: Arc::new(config),
            keys: PublishedKeys::new(store.narrow()),
            store,
            clock,
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
    let list = routes![list;
        stats::stats,
        users::list,
        user::get,
        personal_data::delete,
        personal_data::export,
        user::subscriptions,
        user::payments,
        user::sessions,
        sessions::revoke_all,
        sessions::revoke,
        rights::set_status,
        rights::set_role,
        rights::verify,
        subscriptions::list,
        subscriptions::get,
        payments::list,
        payments::get,
        audit_logs::list,
        reports::get,
        reports::schema,
        reports::gallery,
        ask::ask,
    ];
    let once = |routes: Router<State>, state: &State| {
        routes.route_layer(from_fn_with_state(state.clone(), idempotent::<State>))
    };
    list.group(idempotent_operations, once, describe_idempotent)
}

/// Operations whose POST supports `idempotency-key`.
fn idempotent_operations<R: Routes<State>>(list: R) -> R {
    routes![list; reports::list, reports::create]
}
