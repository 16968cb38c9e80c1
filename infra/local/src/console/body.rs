//! The bodies of the dev console: JSON of programs, forms of the pages.

use super::error::ConsoleError;
use axum::Json;
use axum::body::Bytes;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tollgate_http::{ApiError, FieldError};

/// The body as JSON or as the page's own form; an empty one counts as `{}`.
pub fn body<T: DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Result<T, ConsoleError> {
    let wrong = |text: String| ConsoleError(ApiError::Validation(FieldError::new("", text)));
    if is_form(headers) {
        return serde_urlencoded::from_bytes(bytes).map_err(|error| wrong(error.to_string()));
    }
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    let value: Value = serde_json::from_slice(text).map_err(|_| ConsoleError(ApiError::InvalidJson))?;
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
}

/// JSON for a program; a redirect to the dev console for a person's button.
pub fn done(headers: &HeaderMap, value: Value) -> Response {
    if is_form(headers) { Redirect::to("/_local").into_response() } else { Json(value).into_response() }
}
