//! The clock of the stack, and the schedules that follow it.

use super::body::{body, done};
use super::error::{Answer, ConsoleError};
use super::state::Console;
use crate::clock::LocalClock;
use crate::documents::TABLE_PREFIX;
use crate::documents::{DatabaseError, each_page, request_of};
use crate::moved_clock;
use crate::schedules::SCHEDULES;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_fake_stripe::{Listed, Stripe};
use tollgate_http::{ApiError, FieldError};
use tollgate_store::schema::TABLES;

/// Its routes.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/_local/clock", get(clock).post(move_clock))
        .route("/_local/clock/back", post(go_back))
        .route("/_local/console/clock", get(show_clock))
        .route("/_local/schedules", get(schedules))
        .route("/_local/schedules/{name}/run", post(run_schedule))
}

async fn clock(State(console): State<Console>) -> Json<Value> {
    Json(json!({"now": console.clock.now(), "ahead_seconds": console.clock.offset().as_secs()}))
}

/// The clock, whether it can go back, and when the next period of a subscription ends.
async fn show_clock(State(console): State<Console>) -> Answer {
    let ahead = moved_clock::ahead(&console.clock);
    let can_go_back = match &ahead {
        Some(_) => !moved_clock::is_relied_on(&console.database, &console.clock)?,
        None => false,
    };
    let blocked = (ahead.is_some() && !can_go_back).then_some(NEW_FOLDER);
    let next_renewal = console.stripe.as_ref().and_then(|stripe| next_renewal(stripe, &console.clock));
    Ok(Json(json!({
        "now": console.clock.now(), "ahead": ahead, "can_go_back": can_go_back, "blocked": blocked,
        "next_renewal": next_renewal,
    })))
}

/// The earliest end of a subscription's period in the future.
fn next_renewal(stripe: &Stripe, clock: &LocalClock) -> Option<Timestamp> {
    let now = clock.now().as_second();
    let subscriptions = stripe.list(Listed::Subscriptions);
    let running = subscriptions.iter().filter(|subscription| subscription["ended_at"].is_null());
    let items = running.flat_map(|subscription| subscription["items"]["data"].as_array().into_iter().flatten());
    let ends = items.filter_map(|item| item["current_period_end"].as_i64()).filter(|end| *end > now);
    ends.min().and_then(|end| Timestamp::from_second(end).ok())
}

/// The instruction when the clock cannot be reset.
pub const NEW_FOLDER: &str = "What is stored relies on the moved clock. To be at the machine's own time again, start with a new \
                          data folder: cargo run -- --data .tollgate-now";

impl Console {
    fn can_go_back(&self) -> Result<bool, ConsoleError> {
        Ok(!moved_clock::is_relied_on(&self.database, &self.clock)?)
    }
}

/// Resets the clock, unless stored data depend on it.
async fn go_back(State(console): State<Console>, headers: HeaderMap) -> Answer<Response> {
    if !console.can_go_back()? {
        return Ok((StatusCode::CONFLICT, Json(json!({"detail": NEW_FOLDER}))).into_response());
    }
    console.clock.go_back();
    console.fakes.documents.delete("stack", "clock")?;
    console.schedules.begin_anew()?;
    console.schedules.count_before_next_read();
    Ok(done(&headers, json!({"now": console.clock.now()})))
}

#[derive(Deserialize)]
struct Move {
    advance_seconds: i64,
}

async fn move_clock(State(console): State<Console>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let Move { advance_seconds } = body(&headers, &bytes)?;
    let farthest = SignedDuration::from_hours(24 * 3660).as_secs();
    if !(0..=farthest).contains(&advance_seconds) {
        let field = FieldError::new("advance_seconds", "advance_seconds is a number of seconds from 0 to ten years.");
        return Err(ApiError::Validation(field).into());
    }
    console.clock.advance(SignedDuration::from_secs(advance_seconds));
    console.fakes.documents.put("stack", "clock", &console.clock.offset().as_secs())?;
    if let Some(stripe) = &console.stripe {
        stripe.tick();
    }
    console.schedules.catch_up().await;
    for table in TABLES {
        if let Some(ttl) = table.ttl {
            console.expire(table.name, ttl)?;
        }
    }
    Ok(done(&headers, json!({"now": console.clock.now()})))
}

impl Console {
    /// Does what DynamoDB does within days: removes the items whose time to live has passed.
    fn expire(&self, table: &str, ttl: &str) -> Result<(), ConsoleError> {
        let spec = TABLES.iter().find(|spec| spec.name == table).ok_or(ApiError::NotFound)?;
        let now = self.clock.now().as_second();
        each_page(&self.database, table, |items| {
            for item in items {
                let end =
                    item.pointer(&format!("/{ttl}/N")).and_then(Value::as_str).and_then(|end| end.parse::<i64>().ok());
                if end.is_some_and(|end| end < now) {
                    let mut key = json!({spec.partition_key: item[spec.partition_key]});
                    if let Some(sort_key) = spec.sort_key {
                        key[sort_key] = item[sort_key].clone();
                    }
                    let request = request_of(json!({"TableName": format!("{TABLE_PREFIX}{table}"), "Key": key}))?;
                    self.database
                        .delete_item(request)
                        .map_err(|error| ConsoleError(ApiError::Internal(error.to_string())))?;
                }
            }
            Ok(())
        })
    }
}

async fn schedules(State(console): State<Console>) -> Answer {
    let items = SCHEDULES.iter().map(|(name, minutes)| {
        Ok(json!({"name": name, "every_minutes": minutes, "last_run_at": console.schedules.last_run(name)?}))
    });
    Ok(Json(json!({"items": items.collect::<Result<Vec<_>, DatabaseError>>()?})))
}

async fn run_schedule(
    State(console): State<Console>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    if !SCHEDULES.iter().any(|(known, _)| *known == name) {
        return Err(ApiError::NotFound.into());
    }
    Ok(done(&headers, console.schedules.run(&name).await.map_err(ApiError::Internal)?))
}
