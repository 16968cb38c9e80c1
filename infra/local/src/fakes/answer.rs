//! A call of a fake, and its answer.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::Value;

/// The header that names the service and its operation.
pub const TARGET: &str = "x-amz-target";

/// An answer of a fake.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self { status, content_type: "application/x-amz-json-1.1", body: body.to_string() }
    }

    pub(super) fn xml(status: StatusCode, body: String) -> Self {
        Self { status, content_type: "text/xml", body }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, [(header::CONTENT_TYPE, self.content_type)], self.body).into_response()
    }
}
