//! The dev console answers only programs and pages of its own machine.

use super::error::ConsoleError;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use std::net::Ipv4Addr;
use tollgate_http::ApiError;

/// Whether `authority` is this machine, by name or address.
fn is_this_machine(authority: &str) -> bool {
    let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
    name == "localhost" || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a request comes from this machine only: from no site that pointed its own name at this address (DNS
/// rebinding), and from no page of another site whose form is sent here. A page without a referrer sends forms without
/// an origin; then `sec-fetch-site` decides.
fn is_own(headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let from_here = match header("origin") {
        None => true,
        Some("null") => header("sec-fetch-site") == Some("same-origin"),
        Some(origin) => origin.strip_prefix("http://").is_some_and(is_this_machine),
    };
    header("host").is_some_and(is_this_machine) && from_here
}

/// Refuses every other request, and sets the security headers of the dev console.
pub async fn guard(request: Request, next: Next) -> Response {
    if !is_own(request.headers()) {
        return ConsoleError(ApiError::Forbidden).into_response();
    }
    let policy = match request.uri().path().starts_with("/_local") {
        true => tollgate_http::CONTENT_SECURITY_POLICY,
        // A provider's form leads to the callback, which redirects to the front end.
        false => "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'",
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    response
}
