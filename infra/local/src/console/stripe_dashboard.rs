//! The part of the dev console that stands for Stripe's dashboard: changes of a subscription, refusals by Stripe, and
//! changes by other applications in the same account.

use super::body::{body, done};
use super::error::{Answer, ConsoleError};
use super::state::Console;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_fake_stripe::{Foreign, NewDiscount, Refusal};
use tollgate_http::{ApiError, FieldError};

/// Its routes.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/_local/stripe/subscriptions/{id}/items", post(items))
        .route("/_local/stripe/subscriptions/{id}/discount", post(discount))
        .route("/_local/stripe/subscriptions/{id}/tax_rate", post(tax_rate))
        .route("/_local/stripe/subscriptions/{id}/pause", post(pause))
        .route("/_local/stripe/subscriptions/{id}/remove_card", post(remove_card))
        .route("/_local/stripe/subscriptions/{id}/cancel_at", post(cancel_at))
        .route("/_local/stripe/subscriptions/{id}/schedule", post(schedule))
        .route("/_local/stripe/invoices/{id}/pay", post(pay))
        .route("/_local/stripe/invoices/{id}/credit_note", post(credit_note))
        .route("/_local/stripe/disputes/{id}/close", post(close_dispute))
        .route("/_local/stripe/events/{id}/delivery", get(delivery))
        .route("/_local/stripe/foreign", post(foreign))
        .route("/_local/stripe/refusals", get(refusals).post(add_refusal).delete(clear_refusals))
        .route("/_local/stripe/portal", post(portal))
}

fn wrong(field: &'static str, message: impl Into<String>) -> ConsoleError {
    ApiError::Validation(FieldError::new(field, message.into())).into()
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    price: Option<String>,
    #[serde(default)]
    quantity: Option<i64>,
}

async fn items(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let Item { price, quantity } = body(&headers, &bytes)?;
    let price = price.filter(|price| !price.is_empty());
    Ok(done(&headers, console.stripe()?.change_items(&id, price.as_deref(), quantity)?))
}

async fn discount(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let given: NewDiscount = body(&headers, &bytes)?;
    Ok(done(&headers, console.stripe()?.give_discount(&id, given)?))
}

#[derive(Deserialize)]
struct TaxRate {
    percentage: f64,
    #[serde(default)]
    inclusive: bool,
}

async fn tax_rate(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let TaxRate { percentage, inclusive } = body(&headers, &bytes)?;
    if !(0.0..=100.0).contains(&percentage) {
        return Err(wrong("percentage", "percentage is a number from 0 to 100."));
    }
    Ok(done(&headers, console.stripe()?.give_tax_rate(&id, percentage, inclusive)?))
}

#[derive(Deserialize)]
struct Pause {
    #[serde(default)]
    behavior: Option<String>,
}

async fn pause(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let Pause { behavior } = body(&headers, &bytes)?;
    let behavior = behavior.filter(|behavior| !behavior.is_empty());
    Ok(done(&headers, console.stripe()?.pause(&id, behavior.as_deref())?))
}

async fn remove_card(State(console): State<Console>, Path(id): Path<String>, headers: HeaderMap) -> Answer<Response> {
    Ok(done(&headers, console.stripe()?.remove_card(&id)?))
}

#[derive(Deserialize)]
struct End {
    time: Timestamp,
}

async fn cancel_at(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let End { time } = body(&headers, &bytes)?;
    Ok(done(&headers, console.stripe()?.cancel_at(&id, time.as_second())?))
}

#[derive(Deserialize)]
struct Phases {
    phases: Vec<Value>,
}

async fn schedule(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let Phases { phases } = body(&headers, &bytes)?;
    Ok(done(&headers, console.stripe()?.schedule(&id, &phases)?))
}

#[derive(Deserialize)]
struct Amount {
    #[serde(default)]
    amount_cents: Option<i64>,
}

async fn pay(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let Amount { amount_cents } = body(&headers, &bytes)?;
    let cents = amount_cents.ok_or_else(|| wrong("amount_cents", "amount_cents is missing."))?;
    Ok(done(&headers, console.stripe()?.pay_part(&id, cents)?))
}

async fn credit_note(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let Amount { amount_cents } = body(&headers, &bytes)?;
    Ok(done(&headers, console.stripe()?.credit(&id, amount_cents)?))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DisputeOutcome {
    Won,
    Lost,
}

#[derive(Deserialize)]
struct Closing {
    status: DisputeOutcome,
}

async fn close_dispute(
    State(console): State<Console>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<Response> {
    let Closing { status } = body(&headers, &bytes)?;
    Ok(done(&headers, console.stripe()?.close_dispute(&id, matches!(status, DisputeOutcome::Won))?))
}

/// An event's delivery as it would be now: its address, its bytes and their signature.
async fn delivery(State(console): State<Console>, Path(id): Path<String>) -> Answer {
    let delivery = console.stripe()?.delivery(&id).ok_or(ApiError::NotFound)?;
    Ok(Json(json!({"url": delivery.url, "body": delivery.body, "signature": delivery.signature})))
}

async fn foreign(
    State(console): State<Console>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer<(StatusCode, Json<Value>)> {
    let made: Foreign = body(&headers, &bytes)?;
    Ok((StatusCode::CREATED, Json(console.stripe()?.make_foreign(made)?)))
}

async fn refusals(State(console): State<Console>) -> Answer {
    Ok(Json(json!({"items": console.stripe()?.refusals()})))
}

async fn add_refusal(State(console): State<Console>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let refusal: Refusal = body(&headers, &bytes)?;
    if !refusal.is_valid() {
        return Err(wrong("operation", "operation is a method and a path of Stripe's, status one from 400 to 599."));
    }
    console.stripe()?.refuse(refusal.clone());
    Ok(done(&headers, json!(refusal)))
}

async fn clear_refusals(State(console): State<Console>) -> Answer<StatusCode> {
    console.stripe()?.clear_refusals();
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Portal {
    configured: bool,
}

async fn portal(State(console): State<Console>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let Portal { configured } = body(&headers, &bytes)?;
    console.stripe()?.set_portal_configured(configured);
    Ok(done(&headers, json!({"configured": configured})))
}
