//! Why a guard refuses a request, as a problem (RFC 9457) that a front end can act on.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_store::StoreError;
use tollgate_tokens::keys::KeyError;

/// When to retry a request that could not be decided, in seconds.
const RETRY_AFTER_SECONDS: u32 = 2;

/// Why a guard refuses a request.
#[derive(Debug, Clone)]
pub enum GuardError {
    /// No access token, one that is not valid, or one of a session that has ended.
    Unauthenticated,
    /// The user is not an admin.
    Forbidden,
    /// The user's tier is too low.
    TierRequired {
        /// The lowest tier that is accepted.
        required_tier: u32,
        /// The user's tier now.
        tier: u32,
        /// Where to get another plan.
        upgrade_url: Arc<str>,
    },
    /// The user's plan does not have this feature.
    FeatureRequired {
        /// Its name.
        feature: &'static str,
        /// Where to get another plan.
        upgrade_url: Arc<str>,
    },
    /// All uses of this month are used up, or the plan gives none.
    QuotaExceeded {
        /// The uses that the plan gives in a month.
        limit: u64,
        /// The uses counted in this month.
        used: u64,
        /// When counting starts again.
        resets_at: Timestamp,
        /// Where to get another plan.
        upgrade_url: Arc<str>,
    },
    /// Something unexpected happened. The text is for the log.
    Internal(String),
    /// Tables or keys cannot be read. The text is for the log.
    Unavailable(String),
}

impl GuardError {
    /// The status, the stable code, and the sentence for a reader.
    #[must_use]
    pub fn public(&self) -> (StatusCode, &'static str, String) {
        use StatusCode as S;
        let (status, code, detail) = match self {
            Self::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated", "A valid access token is needed."),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "You may not do this."),
            Self::TierRequired { .. } => (S::FORBIDDEN, "tier_required", "Your plan does not include this."),
            Self::FeatureRequired { .. } => (S::FORBIDDEN, "feature_required", "Your plan does not include this."),
            Self::QuotaExceeded { limit: 0, .. } => {
                (S::PAYMENT_REQUIRED, "quota_exceeded", "Your plan does not include this.")
            }
            Self::QuotaExceeded { .. } => {
                (S::PAYMENT_REQUIRED, "quota_exceeded", "You have used all that your plan includes this month.")
            }
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side."),
            Self::Unavailable(_) => (S::SERVICE_UNAVAILABLE, "unavailable", "Try again in a moment."),
        };
        (status, code, detail.to_owned())
    }

    /// The cause, for the log only.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal(cause) | Self::Unavailable(cause) => Some(cause),
            _ => None,
        }
    }

    /// The members of the problem besides those that every problem has; an empty object for none.
    #[must_use]
    pub fn members(&self) -> Value {
        match self {
            Self::TierRequired { required_tier, tier, upgrade_url } => {
                json!({"required_tier": required_tier, "tier": tier, "upgrade_url": upgrade_url.as_ref()})
            }
            Self::FeatureRequired { feature, upgrade_url } => {
                json!({"feature": feature, "upgrade_url": upgrade_url.as_ref()})
            }
            Self::QuotaExceeded { limit, used, resets_at, upgrade_url } => {
                let upgrade_url = upgrade_url.as_ref();
                json!({"limit": limit, "used": used, "resets_at": resets_at, "upgrade_url": upgrade_url})
            }
            _ => json!({}),
        }
    }

    /// The body, `application/problem+json`.
    #[must_use]
    pub fn body(&self) -> Value {
        let (status, code, detail) = self.public();
        let mut body = self.members();
        body["type"] = json!(format!("/problems/{code}"));
        body["title"] = json!(status.canonical_reason());
        body["status"] = json!(status.as_u16());
        body["detail"] = json!(detail);
        body["code"] = json!(code);
        body
    }
}

impl IntoResponse for GuardError {
    /// The problem. The error is in the response's extensions, for a layer that logs its cause.
    fn into_response(self) -> Response {
        let mut response = (self.public().0, self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Unavailable(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for GuardError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable(cause),
            StoreError::Corrupt { .. } | StoreError::Unexpected(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<KeyError> for GuardError {
    fn from(error: KeyError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
