//! Stripe's error objects.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use std::borrow::Cow;

/// An answer that reports an error.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub status: u16,
    pub kind: &'static str,
    pub code: Option<Cow<'static, str>>,
    pub message: String,
    pub param: Option<String>,
}

impl ApiError {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { status: 400, kind: "invalid_request_error", code: None, message: message.into(), param: None }
    }

    pub fn missing(what: &str, id: &str) -> Self {
        Self {
            status: 404,
            code: Some("resource_missing".into()),
            param: Some("id".to_owned()),
            ..Self::invalid(format!("No such {what}: '{id}'"))
        }
    }

    pub fn code(mut self, code: impl Into<Cow<'static, str>>, param: &str) -> Self {
        self.code = Some(code.into());
        self.param = Some(param.to_owned());
        self
    }

    pub fn body(&self) -> Value {
        let mut error = json!({"type": self.kind, "message": self.message});
        if let Some(code) = &self.code {
            error["code"] = json!(code);
        }
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        json!({"error": error})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, Json(self.body())).into_response()
    }
}
