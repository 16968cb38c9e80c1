//! The operations, and one file for each path or for a few that do the same: their requests, answers and handlers.

pub mod change;
pub mod payments;
pub mod plan;
pub mod plans;
pub mod portal;
pub mod renewal;
pub mod subscribe;
pub mod subscription;

use crate::state::State;
use axum::Router;
use axum::middleware::from_fn_with_state;
use tollgate_http::{Routes, describe_idempotent, describe_limit_of_users, idempotent, limit_users, routes};

/// Every operation of this function: router and OpenAPI document follow.
pub(crate) fn operations<R: Routes<State>>(list: R) -> R {
    let limit = |routes: Router<State>, state: &State| {
        routes.route_layer(from_fn_with_state(state.clone(), limit_users::<State>))
    };
    list.group(limited_operations, limit, describe_limit_of_users)
}

/// Operations whose POSTs are limited by user: all.
fn limited_operations<R: Routes<State>>(list: R) -> R {
    let list = routes![list;
        plan::get,
        plan::change,
        plan::archive,
        subscription::mine,
        payments::mine,
        payments::invoice,
        portal::open,
    ];
    let once = |routes: Router<State>, state: &State| {
        routes.route_layer(from_fn_with_state(state.clone(), idempotent::<State>))
    };
    list.group(idempotent_operations, once, describe_idempotent)
}

/// Operations whose POSTs support `idempotency-key`.
fn idempotent_operations<R: Routes<State>>(list: R) -> R {
    routes![list;
        plans::list,
        plans::create,
        subscribe::subscribe,
        change::preview,
        change::upgrade,
        renewal::cancel,
        renewal::resume,
    ]
}
