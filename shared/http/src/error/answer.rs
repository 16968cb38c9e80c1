//! The answer to an error: its body and headers. The errors of other crates become those of the contract.

use super::Exceeded;
use super::{ApiError, FieldError, RATELIMIT, RATELIMIT_POLICY};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::{Value, json};
use tollgate_domain::RequestId;
use tollgate_guard::GuardError;
use tollgate_store::StoreError;
use tollgate_tokens::keys::KeyError;

/// When to retry after `unavailable`, in seconds.
const RETRY_AFTER_SECONDS: u32 = 2;

impl ApiError {
    /// The wrong fields.
    fn fields(&self) -> Vec<FieldError> {
        let (_, code, message) = self.public();
        let one = |field: &str| vec![FieldError { field: field.to_owned(), code, message }];
        match self {
            Self::Validation(field) => vec![field.clone()],
            Self::Several(errors) => errors.iter().flat_map(Self::fields).collect(),
            Self::InvalidEmail(field) => one(field),
            Self::InvalidUsername => one("username"),
            Self::InvalidProrationDate => one("proration_date"),
            Self::SqlNotAllowed(_) => one("sql"),
            Self::WeakPassword(field, _) => one(field),
            _ => Vec::new(),
        }
    }

    /// The body, `application/problem+json`.
    #[must_use]
    pub fn body(&self, request: &RequestId) -> Value {
        let (status, code, detail) = self.public();
        let mut body = json!({
            "type": format!("/problems/{code}"),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": detail,
            "code": code,
            "request_id": request,
        });
        let fields = self.fields();
        if !fields.is_empty() {
            body["errors"] = json!(fields);
        }
        if let Self::PaymentFailed(invoice_url) | Self::PaymentActionRequired(invoice_url) = self {
            body["invoice_url"] = json!(invoice_url);
        }
        if let (Self::Plan(error), Some(body)) = (self, body.as_object_mut())
            && let Value::Object(members) = error.members()
        {
            body.extend(members);
        }
        body
    }
}

impl IntoResponse for ApiError {
    /// Status and headers; the conventions write the body, which names the request.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        match &self {
            Self::Unauthenticated => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::InvalidClient => {
                let schemes = HeaderValue::from_static("Basic realm=\"services\", Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, schemes);
            }
            Self::Unavailable(_) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
            }
            Self::RateLimited(exceeded) => {
                // draft-ietf-httpapi-ratelimit-headers, since -08: a policy's name, quota and window; the remaining
                // calls, and the reset time.
                let Exceeded { policy, quota, retry_after_seconds } = exceeded;
                let limits = [
                    (RATELIMIT_POLICY, format!("\"{policy}\";q={};w={}", quota.calls, quota.window_seconds)),
                    (RATELIMIT, format!("\"{policy}\";r=0;t={retry_after_seconds}")),
                    (header::RETRY_AFTER, retry_after_seconds.to_string()),
                ];
                for (name, value) in limits {
                    response.headers_mut().extend(HeaderValue::try_from(value).map(|value| (name, value)));
                }
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<GuardError> for ApiError {
    fn from(error: GuardError) -> Self {
        match error {
            GuardError::Unauthenticated => Self::Unauthenticated,
            GuardError::Forbidden => Self::Forbidden,
            GuardError::Internal(cause) => Self::Internal(cause),
            GuardError::Unavailable(cause) => Self::Unavailable(cause),
            GuardError::TierRequired { .. } | GuardError::FeatureRequired { .. } | GuardError::QuotaExceeded { .. } => {
                Self::Plan(error)
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable(cause),
            StoreError::Corrupt { .. } | StoreError::Unexpected(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
