//! The `auth` function: registration, sign-in, sessions, verification, passwords, public keys.

mod config;
mod devices;
mod first_admin;
mod held_services;
mod identities;
mod invited;
mod link_texts;
mod mailed_codes;
mod mails;
mod named_account;
mod offer;
mod pages;
mod passwords;
mod providers;
mod reauthentication;
mod registered;
mod routes;
mod service_clients;
mod sign_in;
mod state;

pub use config::Config;
pub use passwords::PasswordCost;
pub use providers::ProviderClients;
pub use state::State;

use axum::Router;
use axum::middleware::from_fn_with_state;
use offer::refuse_left_out;
use routes::operations;
use tollgate_http::{Conventions, Description, RouterOf};
use utoipa::openapi::OpenApi;

/// Every path of this function, as the contract lists it.
pub fn router(state: State) -> Router {
    let conventions =
        Conventions { origins: state.config.origins.clone(), clock: state.clock.clone(), proxy: state.proxy.clone() };
    let routes = operations(RouterOf::new(&state)).into_router();
    let routes = routes.layer(from_fn_with_state(state.config.offer, refuse_left_out));
    conventions.serve(routes.with_state(state))
}

/// This function's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    operations(Description::default()).into_openapi()
}
