//! The desk's part of Stripe: what its dashboard shows, and what people do there.

use crate::desk::{Answer, Desk, Refused, body, done};
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_http::{ApiError, FieldError};
use tollgate_stripe_standin::{API_VERSION, DeskError, Listed, Mode, Outcome, Stripe};

/// Its routes.
pub fn routes() -> Router<Desk> {
    Router::new()
        .route("/_local/stripe", get(overview))
        .route("/_local/stripe/{list}", get(list))
        .route("/_local/stripe/delivery", post(delivery))
        .route("/_local/stripe/subscriptions/{id}/renew", post(renew))
        .route("/_local/stripe/subscriptions/{id}/cancel", post(cancel))
        .route("/_local/stripe/customers/{id}/delete", post(delete_customer))
        .route("/_local/stripe/invoices/{id}/refund", post(refund))
        .route("/_local/stripe/invoices/{id}/dispute", post(dispute))
        .route("/_local/stripe/events/{id}/resend", post(resend))
}

impl From<DeskError> for Refused {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NotFound => ApiError::NotFound.into(),
            DeskError::Refused(why) => ApiError::Validation(FieldError::new("id", why)).into(),
        }
    }
}

/// Stripe, where it is the fake.
pub fn stripe(desk: &Desk) -> Result<&Stripe, Refused> {
    desk.stripe.as_ref().ok_or_else(|| ApiError::NotFound.into())
}

async fn overview(State(desk): State<Desk>) -> Answer {
    stripe(&desk)?;
    let webhook_secret = desk.standins.secret("stripe-webhook")?;
    let secret_key = desk.standins.secret("stripe")?;
    let about = json!({"webhook_secret": webhook_secret, "secret_key": secret_key, "api_version": API_VERSION});
    Ok(Json(about))
}

async fn list(State(desk): State<Desk>, Path(name): Path<String>) -> Answer {
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
    Ok(Json(json!({"items": stripe(&desk)?.list(listed)})))
}

#[derive(Deserialize)]
struct Delivery {
    mode: Mode,
}

async fn delivery(State(desk): State<Desk>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let Delivery { mode } = body(&headers, &bytes)?;
    stripe(&desk)?.set_delivery(mode);
    Ok(done(&headers, json!({"mode": mode})))
}

#[derive(Deserialize)]
struct Renewal {
    outcome: Outcome,
}

async fn renew(State(desk): State<Desk>, Path(id): Path<String>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let Renewal { outcome } = body(&headers, &bytes)?;
    Ok(done(&headers, stripe(&desk)?.renew(&id, outcome)?))
}

async fn cancel(State(desk): State<Desk>, Path(id): Path<String>, headers: HeaderMap) -> Answer<Response> {
    Ok(done(&headers, stripe(&desk)?.cancel(&id)?))
}

async fn delete_customer(State(desk): State<Desk>, Path(id): Path<String>, headers: HeaderMap) -> Answer<Response> {
    Ok(done(&headers, stripe(&desk)?.delete_customer(&id)?))
}

#[derive(Deserialize)]
struct Refund {
    amount_cents: Option<i64>,
}

async fn refund(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let Refund { amount_cents } = body(&headers, &bytes)?;
    Ok(done(&headers, stripe(&desk)?.refund(&id, amount_cents)?))
}

async fn dispute(State(desk): State<Desk>, Path(id): Path<String>, headers: HeaderMap) -> Answer<Response> {
    Ok(done(&headers, stripe(&desk)?.dispute(&id)?))
}

async fn resend(State(desk): State<Desk>, Path(id): Path<String>) -> Answer<(StatusCode, Json<Value>)> {
    if stripe(&desk)?.resend(&id) {
        Ok((StatusCode::OK, Json(json!({"id": id}))))
    } else {
        Err(ApiError::NotFound.into())
    }
}
