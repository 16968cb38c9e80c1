//! The `auth` function: registration, sign-in, sessions, verification, passwords, public keys.

mod config;
mod devices;
mod first_admin;
mod mailed_codes;
mod mails;
mod pages;
mod passwords;
mod providers;
mod reauthentication;
mod routes;
mod sign_in;

pub use config::Config;
pub use providers::ProviderClients;

use aws_config::SdkConfig;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
use passwords::Hasher;
use routes::*;
use std::sync::Arc;
use tollgate_http::{Conventions, Guard, Limiter, limit_posts, limit_redirects};
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
    /// The clients of Google and GitHub.
    pub providers: ProviderClients,
    limiter: Limiter,
    hasher: Hasher,
}

impl State {
    /// Puts the clients together. No call is made.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, providers: ProviderClients, clock: Clock) -> Self {
        let store = Store::new(sdk, &config.table_prefix);
        Self {
            limiter: Limiter::new(store.clone(), config.rate_limit),
            providers,
            store,
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
    let limited = Router::new()
        .route("/register", post(register::register))
        .route("/login", post(login::login))
        .route("/login/code", post(login_code::login_code))
        .route("/verify", get(verify::page).post(verify::verify))
        .route("/request/verify", post(request_mail::request_verify))
        .route("/request/login-code", post(request_mail::request_login_code))
        .route("/forget-password", post(request_mail::forget_password))
        .route("/new-password", get(new_password::page).post(new_password::new_password))
        .route("/change-password", post(change_password::change_password))
        .route("/change-email", post(change_email::change_email))
        .route("/deactivate", post(deactivate::deactivate))
        .route("/me/links/{provider}", post(links::link).delete(links::unlink))
        .route_layer(from_fn_with_state(state.limiter.clone(), limit_posts));
    let redirects = Router::new()
        .route("/google/login", get(oauth::google_login))
        .route("/github/login", get(oauth::github_login))
        .route("/auth/social/callback/google", get(oauth::google_callback))
        .route("/auth/social/callback/github", get(oauth::github_callback))
        .route_layer(from_fn_with_state(state.limiter.clone(), limit_redirects));
    let routes = Router::new()
        .route("/refresh-token", post(refresh_token::refresh_token))
        .route("/logout", post(logout::logout))
        .route("/me", get(me::me))
        .route("/sessions", get(sessions::list))
        .route("/sessions/{id}", delete(sessions::revoke))
        .route("/.well-known/jwks.json", get(jwks::jwks))
        .route("/healthz", get(healthz::healthz));
    conventions.serve(routes.merge(limited).merge(redirects).with_state(state))
}
