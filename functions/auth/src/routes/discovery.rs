//! `GET /.well-known/openid-configuration` and `GET /.well-known/oauth-authorization-server`: the metadata with which a
//! library or a gateway verifies access tokens. Only endpoints that exist are named: there is no OAuth authorization or
//! token endpoint.

use crate::state::State;
use axum::Json;
use axum::extract::State as Shared;
use axum::response::IntoResponse;
use http::header;
use serde::Serialize;
use tollgate_tokens::TokenAlgorithm;
use utoipa::ToSchema;

/// The metadata of RFC 8414 and OpenID Connect Discovery.
#[derive(Serialize, ToSchema)]
pub struct Metadata {
    /// The `iss` of access tokens.
    issuer: String,
    /// The public keys.
    jwks_uri: String,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    /// Required by both standards; empty, because there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    /// Empty: without it a reader would assume those of the authorization endpoint.
    grant_types_supported: [&'static str; 0],
    subject_types_supported: [&'static str; 1],
    /// The algorithms of the published keys, which sign access tokens; there are no ID tokens.
    id_token_signing_alg_values_supported: [&'static str; 2],
    claims_supported: [&'static str; 12],
    service_documentation: String,
}

const CLAIMS: [&str; 12] =
    ["iss", "aud", "sub", "exp", "iat", "jti", "sid", "auth_time", "amr", "tier", "is_admin", "features"];

/// OpenID Connect Discovery. There are no ID tokens: the fields about their algorithms apply to access tokens.
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", tag = "Service",
    responses((status = 200, description = "OpenID Connect Discovery 1.0", body = Metadata))
)]
pub async fn openid_configuration(state: Shared<State>) -> impl IntoResponse {
    metadata(&state)
}

/// The same metadata at the path of RFC 8414.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "Service",
    responses((status = 200, description = "RFC 8414", body = Metadata))
)]
pub async fn oauth_authorization_server(state: Shared<State>) -> impl IntoResponse {
    metadata(&state)
}

fn metadata(state: &State) -> impl IntoResponse + use<> {
    let at = |path: &str| format!("{}{path}", state.config.app_url);
    let metadata = Metadata {
        issuer: state.config.app_url.to_string(),
        jwks_uri: at("/.well-known/jwks.json"),
        introspection_endpoint: at("/introspect"),
        introspection_endpoint_auth_methods_supported: ["client_secret_basic", "Bearer"],
        response_types_supported: [],
        grant_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: TokenAlgorithm::ALL.map(TokenAlgorithm::name),
        claims_supported: CLAIMS,
        service_documentation: at("/docs"),
    };
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(metadata))
}
