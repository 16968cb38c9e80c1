//! The `stripe-webhook` function: verifies the signature of the raw bytes, queues them, and answers 200. It reads no
//! table and calls only the queue: an acknowledged event is stored, and Stripe resends one that could not be queued.
//!
//! It cannot name the tables, because its manifest has no store:
//!
//! ```
//! use tollgate_http::Conventions;
//! ```
//!
//! ```compile_fail
//! use tollgate_store::Store;
//! ```

mod hint;
mod signature;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_smithy_types::error::display::DisplayErrorContext;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::routing::post;
use hint::Hint;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use tollgate_http::{ApiError, Conventions, Description, RequestContext, RouterOf, Routes, errors, routes};
use tollgate_platform::{Clock, ConfigError, Env, Origins};
use tollgate_tokens::keys::{KeySource, SecretIds};
use utoipa::openapi::OpenApi;

/// The largest event, in bytes: the limit of a queue message.
const MAX_EVENT_BYTES: usize = 256 * 1024;

/// The settings of this function.
#[derive(Debug, Clone)]
pub struct Config {
    queue_url: Arc<str>,
    secret_ids: SecretIds,
}

impl Config {
    /// # Errors
    /// With the name of the first variable that is missing.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let secret = env.required("STRIPE_WEBHOOK_SECRET_ID", "the name of the secret `stripe-webhook`")?;
        Ok(Self {
            queue_url: env.required("STRIPE_QUEUE_URL", "the address of the queue of Stripe's events")?.into(),
            secret_ids: SecretIds { stripe_webhook: Some(secret.to_owned()), ..SecretIds::default() },
        })
    }
}

/// The state that invocations share.
#[derive(Clone)]
pub struct State {
    /// The signing secret.
    pub keys: Arc<KeySource>,
    config: Config,
    sqs: Client,
    clock: Clock,
}

impl State {
    /// Creates the clients. It makes no call.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, clock: Clock) -> Self {
        let keys = KeySource::new(config.secret_ids.clone(), sdk, clock.clone());
        Self { keys: Arc::new(keys), config, sqs: Client::new(sdk), clock }
    }
}

/// The path behind the gateway, and any path at the function's own address.
pub fn router(state: State) -> Router {
    let conventions = Conventions { origins: Origins::of([]), clock: state.clock.clone(), proxy: None };
    let routes = operations(RouterOf::new(&state)).into_router();
    let routes = routes.route("/", post(webhook)).route("/{*path}", post(webhook));
    conventions.serve(routes.layer(DefaultBodyLimit::max(MAX_EVENT_BYTES)).with_state(state))
}

/// This function's part of the OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    operations(Description::default()).into_openapi()
}

fn operations<R: Routes<State>>(list: R) -> R {
    routes![list; webhook]
}

errors! {
    /// Why an event is not accepted.
    WebhookErrors = [
        ApiError::InvalidSignature,
        ApiError::InvalidEvent,
        ApiError::BodyTooLarge,
        ApiError::StripeNotConfigured,
    ]
}

/// Accepts an event of Stripe. It is handled after the answer: an acknowledged event is queued.
#[utoipa::path(
    post, path = "/billing/stripe/webhook", operation_id = "stripe_webhook", tag = "Billing",
    request_body(content = String, content_type = "application/json", description = "Stripe's event, byte for byte"),
    params(("stripe-signature" = String, Header, description = "Stripe's signature of the body")),
    responses((status = 200, description = "It is queued"), WebhookErrors)
)]
async fn webhook(
    Shared(state): Shared<State>,
    context: RequestContext,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge,
        _ => ApiError::InvalidSignature,
    })?;
    let secret = state.keys.stripe_webhook().await?;
    let secret = (*secret).as_ref().ok_or(ApiError::StripeNotConfigured)?;
    let signature = headers.get("stripe-signature").and_then(|text| text.to_str().ok()).unwrap_or_default();
    signature::check(&body, signature, secret, context.now).map_err(|_| ApiError::InvalidSignature)?;
    let hint = Hint::of(&body).ok_or(ApiError::InvalidEvent)?;
    let text = String::from_utf8(body.to_vec()).map_err(|_| ApiError::InvalidEvent)?;
    queue(&state, &hint, text).await?;
    tracing::info!(event = hint.id, kind = hint.kind, "queued");
    Ok(StatusCode::OK)
}

/// Puts the event on the queue, in the group of its customer.
async fn queue(state: &State, hint: &Hint, text: String) -> Result<(), ApiError> {
    let sent = state
        .sqs
        .send_message()
        .queue_url(&*state.config.queue_url)
        .message_body(text)
        .message_group_id(&hint.group)
        .message_deduplication_id(&hint.id)
        .send()
        .await;
    sent.map_err(|error| ApiError::Unavailable(format!("{}: {}", hint.id, DisplayErrorContext(&error))))?;
    Ok(())
}
