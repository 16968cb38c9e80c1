//! Input, parsed once at the edge.

use crate::{ApiError, FieldError};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// A JSON body.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// A JSON body, or none at all, which counts as `{}`.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

/// A JSON body, or the form of this service's own page.
#[derive(Debug)]
pub struct Input<T> {
    /// What it says.
    pub value: T,
    /// Where it came from.
    pub form: Form,
}

/// Where an [`Input`] came from, and so what it is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// From a program: JSON.
    Json,
    /// From a page's form: a page.
    Page,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = has_type(request.headers(), "application/json");
        let bytes = read(request, state).await?;
        if is_json { parse(&bytes).map(Self) } else { Err(ApiError::UnsupportedMediaType) }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = has_type(request.headers(), "application/json");
        let bytes = read(request, state).await?;
        match (bytes.is_empty(), is_json) {
            (true, _) => parse(b"{}").map(Self),
            (false, true) => parse(&bytes).map(Self),
            (false, false) => Err(ApiError::UnsupportedMediaType),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !has_type(request.headers(), "application/x-www-form-urlencoded") {
            let JsonBody(value) = JsonBody::from_request(request, state).await?;
            return Ok(Self { value, form: Form::Json });
        }
        let axum::Form(fields) = axum::Form::<serde_json::Map<String, serde_json::Value>>::from_request(request, state)
            .await
            .map_err(|_| ApiError::Validation(FieldError::new("", "The form could not be read.")))?;
        Ok(Self { value: parse_value(fields.into())?, form: Form::Page })
    }
}

fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge,
        _ => ApiError::InvalidJson,
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    parse_value(serde_json::from_slice(bytes).map_err(|_| ApiError::InvalidJson)?)
}

/// The value as `T`; the first field that is missing or wrong is named, its content never repeated.
fn parse_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let text = error.inner().to_string();
        let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        ApiError::Validation(match missing {
            Some(field) => FieldError::new(field, format!("{field} is missing.")),
            None => match error.path().to_string() {
                path if path == "." => FieldError::new("", "The body must be a JSON object."),
                path => FieldError::new(path.clone(), format!("{path} is not of the expected kind.")),
            },
        })
    })
}

/// An id in the path. A malformed one is an object that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct PathId<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiError::NotFound)?;
        text.parse().map(Self).map_err(|_| ApiError::NotFound)
    }
}
