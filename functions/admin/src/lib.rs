//! The `admin` function: users, subscriptions, payments and the audit trail for those who run the product.

mod config;
mod routes;

pub use config::Config;

use aws_config::SdkConfig;
use axum::Router;
use axum::extract::FromRef;
use routes::*;
use std::sync::Arc;
use tollgate_http::{Conventions, EdgeProxy, Guard, PublishedKeys, TokenKeys, routes};
use tollgate_platform::Clock;
use tollgate_platform::keys::KeySource;
use tollgate_store::Store;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// What every handler shares.
#[derive(Clone)]
pub struct State {
    config: Arc<Config>,
    store: Store,
    keys: Arc<PublishedKeys>,
    clock: Clock,
    proxy: Option<EdgeProxy>,
}

impl State {
    /// Puts the clients together. No call is made.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Self {
        let store = Store::new(sdk, &config.table_prefix);
        let secrets = Arc::new(KeySource::new(config.secret_ids.clone(), sdk, clock.clone()));
        let proxy = EdgeProxy::new(config.client_ip.as_ref(), &secrets);
        Self { config: Arc::new(config), keys: PublishedKeys::new(store.clone()), store, clock, proxy }
    }
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        Self {
            keys: TokenKeys::Published(Arc::clone(&state.keys)),
            store: state.store.clone(),
            issuer: Arc::clone(&state.config.app_url),
            audience: Arc::clone(&state.config.audience),
        }
    }
}

/// Every path of this function, as the contract has it.
pub fn router(state: State) -> Router {
    let conventions =
        Conventions { origins: state.config.origins.clone(), clock: state.clock.clone(), proxy: state.proxy.clone() };
    let (routes, _) = routes().split_for_parts();
    conventions.serve(routes.with_state(state))
}

/// This function's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(stats::stats))
        .routes(routes!(users::list))
        .routes(routes!(user::get))
        .routes(routes!(user::subscriptions))
        .routes(routes!(user::payments))
        .routes(routes!(user::sessions))
        .routes(routes!(rights::set_status))
        .routes(routes!(rights::set_role))
        .routes(routes!(rights::verify))
        .routes(routes!(subscriptions::list))
        .routes(routes!(subscriptions::get))
        .routes(routes!(payments::list))
        .routes(routes!(payments::get))
        .routes(routes!(audit_logs::list))
}
