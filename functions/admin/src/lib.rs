//! The `admin` function: users, subscriptions, payments and the audit trail for those who run the product.

mod assistant;
pub mod changes;
mod config;
mod gallery;
mod routes;
mod state;

pub use changes::ReportRequest;
pub use config::Config;
pub use routes::user::{UserDetails, find_user};
pub use state::State;

use axum::Router;
use routes::operations;
use tollgate_http::{Conventions, Description, RouterOf};
use utoipa::openapi::OpenApi;

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
