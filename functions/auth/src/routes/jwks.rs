//! `GET /.well-known/jwks.json`.

use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use axum::response::IntoResponse;
use http::header;
use tollgate_http::{ApiError, RequestContext};

/// The public keys of access tokens.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "Service", 
    responses((status = 200, description = "RFC 7517", body = serde_json::Value))
)]
pub async fn jwks(Shared(state): Shared<State>, context: RequestContext) -> Result<impl IntoResponse, ApiError> {
    let keys = state.keys.auth().await?.jwks(context.now);
    Ok(([(header::CACHE_CONTROL, "public, max-age=300")], Json(keys)))
}
