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
use axum::middleware::from_fn_with_state;
use routes::*;
use tollgate_http::{
    Conventions, Description, RouterOf, Routes, describe_idempotent, describe_limit_of_users, idempotent, limit_users,
    routes,
};
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

fn operations<R: Routes<State>>(list: R) -> R {
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
