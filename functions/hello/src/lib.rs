//! The `hello` function.

mod config;
mod routes;

pub use config::Config;

use axum::Router;
use tollgate_http::{Conventions, Description, RouterOf, Routes, routes};
use tollgate_platform::Clock;
use utoipa::openapi::OpenApi;

/// Every path of this function.
pub fn router(config: Config, clock: Clock) -> Router {
    let routes = operations(RouterOf::new(&())).into_router();
    Conventions { origins: config.origins, clock, proxy: None }.serve(routes)
}

/// This function's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    operations(Description::default()).into_openapi()
}

fn operations<R: Routes<()>>(list: R) -> R {
    routes![list; routes::hello]
}
