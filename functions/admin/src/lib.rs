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
use tollgate_http::openapi::DescribeLayer;
use tollgate_http::{
    Conventions, EdgeProxy, Guard, Limiter, PublishedKeys, TokenKeys, describe_idempotent, idempotent, routes,
};
use tollgate_platform::bucket::Bucket;
use tollgate_platform::{Clock, Outbound};
use tollgate_store::Store;
use tollgate_store::roles::Admin;
use tollgate_tokens::keys::KeySource;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

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
    let once = once_routes().route_layer(from_fn_with_state(state.clone(), idempotent::<State>));
    let (routes, _) = routes().merge(once).split_for_parts();
    conventions.serve(routes.with_state(state))
}

/// This function's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().merge(once_routes()).into_openapi()
}

fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(stats::stats))
        .routes(routes!(users::list))
        .routes(routes!(user::get, personal_data::delete))
        .routes(routes!(personal_data::export))
        .routes(routes!(user::subscriptions))
        .routes(routes!(user::payments))
        .routes(routes!(user::sessions, sessions::revoke_all))
        .routes(routes!(sessions::revoke))
        .routes(routes!(rights::set_status))
        .routes(routes!(rights::set_role))
        .routes(routes!(rights::verify))
        .routes(routes!(subscriptions::list))
        .routes(routes!(subscriptions::get))
        .routes(routes!(payments::list))
        .routes(routes!(payments::get))
        .routes(routes!(audit_logs::list))
        .routes(routes!(reports::get))
        .routes(routes!(reports::schema))
        .routes(routes!(reports::gallery))
        .routes(routes!(ask::ask))
}

/// Routes whose POST supports `idempotency-key`.
fn once_routes() -> OpenApiRouter<State> {
    OpenApiRouter::default()
        .routes(routes!(reports::list, reports::create))
        .describe_layer_of_posts(describe_idempotent)
}
