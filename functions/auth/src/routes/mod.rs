//! The operations, and one file for each path or for a few that do the same: their requests, answers and handlers.

pub mod admin_mail;
pub mod change_email;
pub mod change_password;
pub mod closing;
pub mod discovery;
pub mod export;
pub mod healthz;
pub mod introspect;
pub mod invitations;
pub mod jwks;
pub mod links;
pub mod login;
pub mod login_code;
pub mod logout;
pub mod me;
pub mod new_password;
pub mod oauth;
pub mod refresh_token;
pub mod register;
pub mod request_mail;
pub mod service_credentials;
pub mod sessions;
pub mod verify;

use crate::state::State;
use axum::Router;
use axum::middleware::from_fn_with_state;
use tollgate_http::{
    Routes, count_posts, describe_limit_of_posts, describe_limit_of_redirects, limit_posts, limit_redirects, routes,
};

/// Every operation of this function: router and OpenAPI document follow.
pub(crate) fn operations<R: Routes<State>>(list: R) -> R {
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
