//! The `admin` function: users, subscriptions, payments and the audit trail for those who run the product.

mod assistant;
pub mod changes;
mod config;
mod gallery;
mod routes;
mod state;

pub use changes::ReportRequest;
pub use config::Config;
pub use routes::user::{UserDetails, find_user};
pub use state::State;

use axum::Router;
use axum::middleware::from_fn_with_state;
use routes::*;
use tollgate_http::{Conventions, Description, RouterOf, Routes, describe_idempotent, idempotent, routes};
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
