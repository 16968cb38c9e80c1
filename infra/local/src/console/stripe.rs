//! The Stripe part of the dev console: the data of Stripe's dashboard, and the actions of people there.

use super::body::{body, done};
use super::error::Answer;
use super::state::Console;
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_fake_stripe::{API_VERSION, Listed, Mode, Outcome};
use tollgate_http::ApiError;

/// Its routes.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/_local/stripe", get(overview))
        .route("/_local/stripe/{list}", get(list))
        .route("/_local/stripe/delivery", get(show_delivery).post(delivery))
        .route("/_local/stripe/subscriptions/{id}/renew", post(renew))
        .route("/_local/stripe/subscriptions/{id}/cancel", post(cancel))
        .route("/_local/stripe/customers/{id}/delete", post(delete_customer))
        .route("/_local/stripe/invoices/{id}/refund", post(refund))
        .route("/_local/stripe/invoices/{id}/dispute", post(dispute))
        .route("/_local/stripe/events/{id}/resend", post(resend))
}

async fn overview(State(console): State<Console>) -> Answer {
    console.stripe()?;
    let webhook_secret = console.fakes.secret("stripe-webhook")?;
    let secret_key = console.fakes.secret("stripe")?;
    let about = json!({"webhook_secret": webhook_secret, "secret_key": secret_key, "api_version": API_VERSION});
    Ok(Json(about))
}

#[derive(Deserialize)]
struct Limit {
    limit: Option<usize>,
}

async fn list(State(console): State<Console>, Path(name): Path<String>, Query(limit): Query<Limit>) -> Answer {
    let listed = match name.as_str() {
        "customers" => Listed::Customers,
        "subscriptions" => Listed::Subscriptions,
        "invoices" => Listed::Invoices,
        "charges" => Listed::Charges,
        "disputes" => Listed::Disputes,
        "schedules" => Listed::Schedules,
        "events" => Listed::Events,
        _ => return Err(ApiError::NotFound.into()),
    };
    let mut items = console.stripe()?.list(listed);
    items.truncate(limit.limit.unwrap_or(usize::MAX));
    Ok(Json(json!({"items": items})))
}

async fn show_delivery(State(console): State<Console>) -> Answer {
    let stripe = console.stripe()?;
    Ok(Json(json!({"mode": stripe.delivery_mode(), "pending": stripe.pending(), "held": stripe.held()})))
}

#[derive(Deserialize)]
struct Delivery {
    mode: Mode,
}

async fn delivery(State(console): State<Console>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let Delivery { mode } = body(&headers, &bytes)?;
    console.stripe()?.set_delivery(mode);
    Ok(done(&headers, json!({"mode": mode})))
}

#[derive(Deserialize)]
struct Renewal {
    outcome: Outcome,
}

async fn renew(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let Renewal { outcome } = body(&headers, &bytes)?;
    Ok(done(&headers, console.stripe()?.renew(&id, outcome)?))
}

async fn cancel(State(console): State<Console>, Path(id): Path<String>, headers: HeaderMap) -> Answer<Response> {
    Ok(done(&headers, console.stripe()?.cancel(&id)?))
}

async fn delete_customer(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    Ok(done(&headers, console.stripe()?.delete_customer(&id)?))
}

#[derive(Deserialize)]
struct Refund {
    amount_cents: Option<i64>,
}

async fn refund(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let Refund { amount_cents } = body(&headers, &bytes)?;
    Ok(done(&headers, console.stripe()?.refund(&id, amount_cents)?))
}

async fn dispute(State(console): State<Console>, Path(id): Path<String>, headers: HeaderMap) -> Answer<Response> {
    Ok(done(&headers, console.stripe()?.dispute(&id)?))
}

async fn resend(State(console): State<Console>, Path(id): Path<String>) -> Answer<(StatusCode, Json<Value>)> {
    if console.stripe()?.resend(&id) {
        Ok((StatusCode::OK, Json(json!({"id": id}))))
    } else {
        Err(ApiError::NotFound.into())
    }
}
