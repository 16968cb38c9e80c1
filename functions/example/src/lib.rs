//! The `example` function: a product's own endpoints, protected by the plans of Tollgate. Copy it for yours.
//!
//! It reads the gate and counts uses through its guards, and cannot name the store, so it reads no profile:
//!
//! ```
//! use tollgate_http::Conventions;
//! ```
//!
//! ```compile_fail
//! use tollgate_store::ProfileOf;
//! ```

mod config;
mod routes;

pub use config::Config;

use axum::Router;
use tollgate_guard::Guard;
use tollgate_http::routes;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// Every path of this function.
pub fn router(config: Config) -> Router {
    let (routes, _) = routes().split_for_parts();
    config.conventions.serve(routes.with_state(config.guard))
}

/// This function's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Guard> {
    OpenApiRouter::default()
        .routes(routes!(routes::me))
        .routes(routes!(routes::tier))
        .routes(routes!(routes::feature))
        .routes(routes!(routes::quota))
}
