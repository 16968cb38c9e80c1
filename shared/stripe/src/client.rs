//! Calls of Stripe: one attempt with a deadline, an idempotency key for each creation, and errors classified by what is
//! known of the outcome (R16).

use crate::objects::Coupons;
use bytes::Bytes;
use http::{Request, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Arc, OnceLock, RwLock};
use stripe_client_core::{
    CustomizedStripeRequest, IdempotencyKey, RequestBuilder, RequestStrategy, StripeClient, StripeMethod,
};
use tollgate_domain::billing::Attempt;
use tollgate_platform::{Outbound, Secret, random_bytes};
use tollgate_tokens::keys::{KeyError, KeySource};

/// The address of Stripe's API.
pub const STRIPE_API: &str = "https://api.stripe.com";

/// The version of Stripe's API that every call requests.
pub const API_VERSION: &str = "2026-08-26.dahlia";

/// Why there is no usable answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GatewayError {
    /// There is no key: Stripe is not configured.
    #[error("Stripe is not set up")]
    NotConfigured,
    /// The key could not be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Stripe refused, and nothing was created.
    #[error("Stripe refused ({status} {code}): {message}")]
    Refused {
        /// Its HTTP status.
        status: u16,
        /// Its code, else the type of the error.
        code: String,
        /// Its message.
        message: String,
    },
    /// Stripe's 5xx, or a key that was used for another call: the object may have been created, and the same key would
    /// return the same answer.
    #[error("Stripe failed: {0}")]
    Failed(String),
    /// No answer, or a request to retry: the object may have been created, and a retry with the same key shows it.
    #[error("Stripe's answer is not known: {0}")]
    Unknown(String),
}

impl GatewayError {
    /// Whether the object may have been created nevertheless.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Unknown(_))
    }

    /// Whether the object does not exist (any more).
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether Stripe will refuse the same request each time: the object was deleted, the request is not possible, or
    /// the key lacks the permission. A declined card (402) and an invalid key (401) are other cases.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused { status: 400 | 403 | 404, .. })
    }

    /// An answer that is not understood: the object may have been created.
    pub(crate) fn unreadable(what: impl std::fmt::Display) -> Self {
        Self::Unknown(format!("unreadable answer: {what}"))
    }
}

impl stripe_client_core::StripeClientErr for GatewayError {
    fn deserialize_err(error: impl std::fmt::Display) -> Self {
        Self::unreadable(error)
    }
}

/// The parameters of a call without any.
#[derive(Serialize)]
pub(crate) struct NoParams {}

/// The mode of a key at Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Live mode.
    Live,
    /// Test mode.
    Test,
}

/// The connector to Stripe.
#[derive(Clone)]
pub struct Gateway {
    outbound: Outbound,
    keys: Arc<KeySource>,
    base_url: Arc<str>,
    /// Coupons that were read; they never change.
    pub(crate) coupons: Arc<RwLock<Arc<Coupons>>>,
}

impl Gateway {
    /// To the API at `base_url` (`https://api.stripe.com`), with the key of the secret `stripe`.
    #[must_use]
    pub fn new(outbound: Outbound, keys: Arc<KeySource>, base_url: &str) -> Self {
        let base_url = base_url.trim_end_matches('/').into();
        Self { outbound, keys, base_url, coupons: Arc::default() }
    }

    /// The mode of the key.
    ///
    /// # Errors
    /// When there is no key.
    pub async fn mode(&self) -> Result<Mode, GatewayError> {
        let key = self.key().await?;
        let is_live = key.expose().starts_with("sk_live_") || key.expose().starts_with("rk_live_");
        Ok(if is_live { Mode::Live } else { Mode::Test })
    }

    /// Whether Stripe accepts the key: checked by a request that every key with the gateway's permissions may make.
    ///
    /// # Errors
    /// When it does not, or does not answer.
    pub async fn check_key(&self) -> Result<(), GatewayError> {
        #[derive(Serialize)]
        struct One {
            limit: u8,
        }
        self.get::<Value>("/prices", &One { limit: 1 }).await.map(|_| ())
    }

    async fn key(&self) -> Result<Secret<String>, GatewayError> {
        let key = self.keys.stripe().await?;
        (*key).clone().ok_or(GatewayError::NotConfigured)
    }

    /// Reads the object at `path`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &impl Serialize) -> Result<T, GatewayError> {
        let request = RequestBuilder::new(StripeMethod::Get, path).query(query);
        self.call(request, RequestStrategy::Once).await
    }

    /// Creates or changes the object at `path`. Only for calls that can be repeated safely. The idempotency key belongs
    /// only to this call: with it the call can be repeated over another connection.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, form: &impl Serialize) -> Result<T, GatewayError> {
        let key = format!("call-{:032x}", u128::from_be_bytes(random_bytes()));
        self.post_with_key(path, form, &key).await
    }

    /// Creates an object at `path` with the idempotency key of `attempt`.
    pub(crate) async fn post_once<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &impl Serialize,
        attempt: &Attempt,
    ) -> Result<T, GatewayError> {
        self.post_with_key(path, form, &attempt.id).await
    }

    async fn post_with_key<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &impl Serialize,
        key: &str,
    ) -> Result<T, GatewayError> {
        let key = IdempotencyKey::new(key).map_err(|error| GatewayError::Unknown(error.to_string()))?;
        let request = RequestBuilder::new(StripeMethod::Post, path).form(form);
        self.call(request, RequestStrategy::Idempotent(key)).await
    }

    /// Deletes the object at `path`.
    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, GatewayError> {
        self.call(RequestBuilder::new(StripeMethod::Delete, path).form(&NoParams {}), RequestStrategy::Once).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        strategy: RequestStrategy,
    ) -> Result<T, GatewayError> {
        let call = Call { gateway: self, answer: OnceLock::new() };
        request.customize::<()>().request_strategy(strategy).send(&call).await?;
        let answer = call.answer.into_inner().unwrap_or_default();
        serde_json::from_slice(&answer).map_err(GatewayError::unreadable)
    }

    async fn send(&self, request: RequestBuilder, key: Option<String>) -> Result<Bytes, GatewayError> {
        let secret = self.key().await?;
        let query =
            request.query.filter(|query| !query.is_empty()).map(|query| format!("?{query}")).unwrap_or_default();
        let method = match request.method {
            StripeMethod::Get => http::Method::GET,
            StripeMethod::Post => http::Method::POST,
            StripeMethod::Delete => http::Method::DELETE,
        };
        let mut call = Request::builder()
            .method(method)
            .uri(format!("{}/v1{}{query}", self.base_url, request.path))
            .header(header::AUTHORIZATION, format!("Bearer {}", secret.expose()))
            .header("stripe-version", API_VERSION)
            .header(header::USER_AGENT, concat!("Tollgate/", env!("CARGO_PKG_VERSION")));
        if let Some(key) = key {
            call = call.header("idempotency-key", key);
        }
        if request.body.is_some() {
            call = call.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let body = request.body.unwrap_or_default().into_bytes();
        let call = call.body(body).map_err(|error| GatewayError::Unknown(error.to_string()))?;
        let answer = self.outbound.send(call).await.map_err(|error| GatewayError::Unknown(error.to_string()))?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(Bytes::from(answer.into_body()));
        }
        Err(refusal(status, answer.body()))
    }
}

/// The error of an unsuccessful answer.
fn refusal(status: u16, body: &[u8]) -> GatewayError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body["error"][name].as_str().map(str::to_owned);
    let message = text("message").unwrap_or_default();
    match status {
        // 409: another call with this key is in progress. 429: not processed.
        409 | 429 => GatewayError::Unknown(format!("{status} {message}")),
        400 if text("type").as_deref() == Some("idempotency_error") => {
            GatewayError::Failed(format!("{status} {message}"))
        }
        500.. => GatewayError::Failed(format!("{status} {message}")),
        _ => GatewayError::Refused { status, code: text("code").or(text("type")).unwrap_or_default(), message },
    }
}

/// One call. It keeps the response body: async-stripe would parse it into its own types.
struct Call<'a> {
    gateway: &'a Gateway,
    answer: OnceLock<Bytes>,
}

impl StripeClient for Call<'_> {
    type Err = GatewayError;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, GatewayError> {
        let (request, settings) = request.into_pieces();
        let key = match settings.request_strategy {
            Some(RequestStrategy::Idempotent(key)) => Some(key.as_str().to_owned()),
            _ => None,
        };
        let answer = self.gateway.send(request, key).await?;
        let _ = self.answer.set(answer);
        Ok(Bytes::from_static(b"null"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R16
    #[test]
    fn an_error_states_whether_the_object_may_have_been_created() {
        let of = |status| refusal(status, br#"{"error":{"type":"card_error","message":"no"}}"#);
        for status in [400, 402, 404] {
            assert!(!of(status).may_have_happened(), "{status}");
        }
        for status in [409, 429, 500, 502, 503] {
            assert!(of(status).may_have_happened(), "{status}");
        }
        let other = refusal(400, br#"{"error":{"type":"idempotency_error","message":"other parameters"}}"#);
        assert!(
            matches!(other, GatewayError::Failed(_)),
            "the first call under the key may have made it: it is looked up"
        );
        assert!(of(404).is_missing() && !of(400).is_missing());
        assert!(matches!(refusal(402, b"<html>"), GatewayError::Refused { status: 402, .. }));
        let GatewayError::Refused { code, message, .. } = of(402) else { panic!("refused") };
        assert_eq!((code.as_str(), message.as_str()), ("card_error", "no"));
    }
}
