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
use routes::operations;
use tollgate_http::{Description, RouterOf};
use utoipa::openapi::OpenApi;

/// Every path of this function.
pub fn router(config: Config) -> Router {
    let routes = operations(RouterOf::new(&config.guard)).into_router();
    config.conventions.serve(routes.with_state(config.guard))
}

/// This function's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    operations(Description::default()).into_openapi()
}
