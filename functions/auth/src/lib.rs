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
use routes::*;
use tollgate_http::{
    Conventions, Description, RouterOf, Routes, count_posts, describe_limit_of_posts, describe_limit_of_redirects,
    limit_posts, limit_redirects, routes,
};
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
