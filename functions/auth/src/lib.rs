//! The `auth` function: registration, sign-in, sessions, verification, passwords, public keys.

mod config;
mod devices;
mod first_admin;
mod identities;
mod invited;
mod link_texts;
mod mailed_codes;
mod mails;
mod offer;
mod pages;
mod passwords;
mod providers;
mod reauthentication;
mod registered;
mod routes;
mod service_clients;
mod sign_in;

pub use config::Config;
pub use passwords::PasswordCost;
pub use providers::ProviderClients;

use aws_config::SdkConfig;
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use jiff::Timestamp;
use offer::refuse_left_out;
use passwords::Hasher;
use routes::*;
use service_clients::ServiceClients;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_http::{
    ApiError, Conventions, Description, EdgeProxy, FreePlan, Guard, Limiter, OwnStore, RouterOf, Routes, TokenKeys,
    count_posts, describe_limit_of_posts, describe_limit_of_redirects, limit_posts, limit_redirects, routes,
};
use tollgate_platform::Clock;
use tollgate_store::Store;
use tollgate_store::roles::Auth;
use tollgate_tokens::TokenAlgorithm;
use tollgate_tokens::keys::KeySource;
use utoipa::openapi::OpenApi;

/// The state that handlers share.
#[derive(Clone)]
pub struct State {
    /// The settings.
    pub config: Arc<Config>,
    /// The tables.
    pub store: Store<Auth>,
    /// The keys.
    pub keys: Arc<KeySource>,
    /// The current time.
    pub clock: Clock,
    /// The clients of Google and GitHub.
    pub providers: ProviderClients,
    limiter: Limiter,
    proxy: Option<EdgeProxy>,
    hasher: Hasher,
    free_plan: FreePlan,
    services: ServiceClients,
    /// The key set that this process published last.
    published: Arc<Mutex<Option<Published>>>,
}

/// A key set that this process has published.
#[derive(Clone)]
struct Published {
    jwks: String,
    /// The earliest time since when all other functions and services can have read a key of ES256.
    es256_since: Timestamp,
}

impl State {
    /// Creates the clients. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, providers: ProviderClients, clock: Clock) -> Self {
        let store: Store<Auth> = Store::new(sdk, &config.table_prefix);
        let keys = Arc::new(KeySource::new(config.secret_ids.clone(), sdk, clock.clone()));
        Self {
            proxy: EdgeProxy::new(config.client_ip.as_ref(), &keys),
            limiter: Limiter::new(store.narrow(), config.limits),
            free_plan: FreePlan::new(store.narrow()),
            services: ServiceClients::default(),
            providers,
            store,
            keys,
            hasher: Hasher::new(config.password_cost),
            config: Arc::new(config),
            clock,
            published: Arc::default(),
        }
    }

    /// Reads the secrets and publishes the keys. A step that fails now is repeated at the call that needs it.
    pub async fn warm(&self) {
        self.keys.warm().await;
        if let Err(error) = self.publish_keys(self.clock.now()).await {
            tracing::error!(cause = error.cause(), "public keys not published");
        }
    }

    /// Publishes the public keys for the other functions, unless this process has published them, and returns the
    /// algorithm that may sign a token now. It is called before every token is issued.
    async fn publish_keys(&self, now: Timestamp) -> Result<TokenAlgorithm, ApiError> {
        let keys = self.keys.auth().await?;
        let jwks = keys.jwks(now).to_string();
        let held = self.published.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let published = match held.filter(|held| held.jwks == jwks) {
            Some(held) => held,
            None => {
                // An earlier version published EdDSA keys only. In a new stack no function holds an older set.
                let es256_since = match self.store.public_keys().await? {
                    None => Timestamp::UNIX_EPOCH,
                    Some(set) => set.es256_since.unwrap_or(now),
                };
                self.store.publish_keys(&jwks, keys.newest(), es256_since).await?;
                let published = Published { jwks, es256_since };
                *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(published.clone());
                published
            }
        };
        Ok(self.config.token_algorithm.once_published(published.es256_since, now))
    }
}

impl FromRef<State> for Guard {
    fn from_ref(state: &State) -> Self {
        let (issuer, audience) = (Arc::clone(&state.config.app_url), Arc::clone(&state.config.audience));
        let keys = TokenKeys::Own(Arc::clone(&state.keys));
        Self::new(keys, state.store.narrow(), issuer, audience, state.clock.clone())
    }
}

impl OwnStore for State {
    type Role = Auth;

    fn store(&self) -> &Store<Auth> {
        &self.store
    }
}

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

fn operations<R: Routes<State>>(list: R) -> R {
    let list = routes![list;
        refresh_token::refresh_token,
        logout::logout,
        me::me,
        me::change,
        export::export,
        export::export_with_password,
        sessions::list,
        sessions::revoke_all,
        sessions::revoke,
        admin_mail::send,
        service_credentials::list,
        service_credentials::create,
        service_credentials::delete,
        invitations::list,
        invitations::create,
        invitations::revoke,
        jwks::jwks,
        discovery::openid_configuration,
        discovery::oauth_authorization_server,
        introspect::introspect,
        healthz::healthz,
    ];
    let count = |routes: Router<State>, state: &State| {
        routes.route_layer(from_fn_with_state(state.limiter.clone(), count_posts))
    };
    let limit = |routes: Router<State>, state: &State| {
        routes.route_layer(from_fn_with_state(state.limiter.clone(), limit_posts))
    };
    let limit_redirects = |routes: Router<State>, state: &State| {
        routes.route_layer(from_fn_with_state(state.limiter.clone(), limit_redirects))
    };
    list.group(counting_operations, count, describe_limit_of_posts)
        .group(limited_operations, limit, describe_limit_of_posts)
        .group(redirects, limit_redirects, describe_limit_of_redirects)
}

/// POSTs that are limited by client, while their handlers read the first items.
fn counting_operations<R: Routes<State>>(list: R) -> R {
    routes![list;
        register::register,
        login::login,
        login_code::login_code,
        request_mail::request_verify,
        request_mail::request_login_code,
        request_mail::forget_password,
    ]
}

/// POSTs that are limited by client; handlers apply the limit by account once they know the account.
fn limited_operations<R: Routes<State>>(list: R) -> R {
    routes![list;
        verify::page,
        verify::verify,
        new_password::page,
        new_password::new_password,
        change_password::change_password,
        change_email::change_email,
        closing::deactivate,
        closing::delete,
        links::link,
        links::unlink,
    ]
}

/// Operations that a browser opens.
fn redirects<R: Routes<State>>(list: R) -> R {
    routes![list;
        oauth::google_login,
        oauth::github_login,
        oauth::google_callback,
        oauth::github_callback,
    ]
}
