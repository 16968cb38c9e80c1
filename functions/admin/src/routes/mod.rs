//! The operations, and one file for each path or for a few that do the same: their requests, answers and handlers.

pub mod ask;
pub mod audit_logs;
pub mod payments;
pub mod personal_data;
pub mod reports;
pub mod rights;
pub mod sessions;
pub mod stats;
pub mod subscriptions;
pub mod user;
pub mod users;

use crate::state::State;
use axum::Router;
use axum::middleware::from_fn_with_state;
use tollgate_http::{Routes, describe_idempotent, idempotent, routes};

/// Every operation of this function: router and OpenAPI document follow.
pub(crate) fn operations<R: Routes<State>>(list: R) -> R {
    let list = routes![list;
        stats::stats,
        users::list,
        user::get,
        personal_data::delete,
        personal_data::export,
        user::subscriptions,
        user::payments,
        user::sessions,
        sessions::revoke_all,
        sessions::revoke,
        rights::set_status,
        rights::set_role,
        rights::verify,
        subscriptions::list,
        subscriptions::get,
        payments::list,
        payments::get,
        audit_logs::list,
        reports::get,
        reports::schema,
        reports::gallery,
        ask::ask,
    ];
    let once = |routes: Router<State>, state: &State| {
        routes.route_layer(from_fn_with_state(state.clone(), idempotent::<State>))
    };
    list.group(idempotent_operations, once, describe_idempotent)
}

/// Operations whose POST supports `idempotency-key`.
fn idempotent_operations<R: Routes<State>>(list: R) -> R {
    routes![list; reports::list, reports::create]
}
