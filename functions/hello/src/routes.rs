//! The endpoint.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// A greeting.
#[derive(Serialize, ToSchema)]
pub struct Greeting {
    /// Its text.
    text: &'static str,
}

/// Greets.
#[utoipa::path(get, path = "/hello", tag = "Service", responses((status = 200, body = Greeting)))]
pub async fn hello() -> Json<Greeting> {
    Json(Greeting { text: "hello" })
}
