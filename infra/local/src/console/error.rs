//! The errors of the dev console, as problem documents.

use crate::documents::DatabaseError;
use crate::event_sources::EventSourceError;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header;
use jiff::Timestamp;
use serde_json::Value;
use tollgate_domain::RequestId;
use tollgate_fake_stripe::ControlError;
use tollgate_http::{ApiError, FieldError};
use tollgate_platform::random_bytes;

/// An error of the dev console, as a problem document.
pub struct ConsoleError(pub ApiError);

impl IntoResponse for ConsoleError {
    fn into_response(self) -> Response {
        let request = RequestId::new(Timestamp::UNIX_EPOCH, random_bytes());
        if let Some(cause) = self.0.cause() {
            tracing::error!(cause, "request to the dev console failed");
        }
        let body = self.0.body(&request).to_string();
        (self.0.status(), [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

impl From<ApiError> for ConsoleError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<DatabaseError> for ConsoleError {
    fn from(error: DatabaseError) -> Self {
        Self(ApiError::Internal(error.to_string()))
    }
}

impl From<EventSourceError> for ConsoleError {
    fn from(error: EventSourceError) -> Self {
        Self(ApiError::Internal(error.to_string()))
    }
}

impl From<ControlError> for ConsoleError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::NotFound => ApiError::NotFound.into(),
            ControlError::Refused(why) => ApiError::Validation(FieldError::new("id", why)).into(),
        }
    }
}

/// What a handler of the dev console answers.
pub type Answer<T = Json<Value>> = Result<T, ConsoleError>;
