//! The `auth` function: registration, sign-in, sessions, verification, passwords, public keys.

mod config;
mod first_admin;
mod mails;
mod pages;
mod passwords;
mod reauthentication;
mod routes;
mod sign_in;

pub use config::Config;

use aws_config::SdkConfig;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get, post};
use passwords::Hasher;
use routes::*;
use std::sync::Arc;
use tollgate_http::{Conventions, Guard};
use tollgate_platform::Clock;
use tollgate_platform::keys::KeySource;
use tollgate_store::Store;

/// What every handler shares.
#[derive(Clone)]
pub struct State {
    /// The settings.
    pub config: Arc<Config>,
    /// The tables.
    pub store: Store,
    /// The keys.
    pub keys: Arc<KeySource>,
    /// The present.
    pub clock: Clock,
    hasher: Hasher,
}

impl State {
    /// Puts the clients together. No call is made.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Self {
        Self {
            store: Store::new(sdk, &config.table_prefix),
            keys: Arc::new(KeySource::new(config.secret_ids.clone(), sdk, clock.clone())),
            config: Arc::new(config),
            clock,
            hasher: Hasher::new(),
        }
    }
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        Self {
            keys: Arc::clone(&state.keys),
            store: state.store.clone(),
            issuer: Arc::clone(&state.config.app_url),
            audience: Arc::clone(&state.config.audience),
        }
    }
}

/// Every path of this function, as the contract has it.
pub fn router(state: State) -> Router {
    let conventions = Conventions { origins: state.config.origins.clone(), clock: state.clock.clone() };
    let routes = Router::new()
        .route("/register", post(register::register))
        .route("/login", post(login::login))
        .route("/refresh-token", post(refresh_token::refresh_token))
        .route("/logout", post(logout::logout))
        .route("/verify", get(verify::page).post(verify::verify))
        .route("/request/verify", post(request_verify::request_verify))
        .route("/forget-password", post(forget_password::forget_password))
        .route("/new-password", get(new_password::page).post(new_password::new_password))
        .route("/change-password", post(change_password::change_password))
        .route("/deactivate", post(deactivate::deactivate))
        .route("/me", get(me::me))
        .route("/sessions", get(sessions::list))
        .route("/sessions/{id}", delete(sessions::revoke))
        .route("/.well-known/jwks.json", get(jwks::jwks))
        .route("/healthz", get(healthz::healthz));
    conventions.serve(routes.with_state(state))
}
