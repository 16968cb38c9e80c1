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
mod state;

pub use config::Config;
pub use first_plans::KeyCheckError;
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
