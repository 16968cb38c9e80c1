//! The page of the dev console, and its data beside the contract of `/_local`: the state of the clock, the faults, the
//! accounts at the fake providers, the dead letters, the log.

use crate::clock::LocalClock;
use crate::console::{Answer, Console, NEW_FOLDER};
use crate::documents::DatabaseError;
use crate::faults::{Fault, OPERATIONS};
use crate::log_lines;
use crate::moved_clock;
use crate::queues::Queue;
use crate::schedules::SCHEDULES;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_domain::user::IdentityProvider;
use tollgate_fake_stripe::{Listed, Stripe};
use tollgate_http::ApiError;

/// The policy of the other pages, and frames for the HTML of mails.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const PAGE: &str = include_str!("../web/console/index.html");

macro_rules! assets {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../web/console/", $name)))),*] };
}

/// The style and the modules of the page, by their paths.
const ASSETS: &[(&str, &str)] = assets![
    "api.js",
    "console.css",
    "forms.js",
    "main.js",
    "parts.js",
    "test-mode.css",
    "views/clock.js",
    "views/faults.js",
    "views/inbox.js",
    "views/log.js",
    "views/mail.js",
    "views/people.js",
    "views/queues.js",
    "views/schedules.js",
    "views/stripe-actions.js",
    "views/stripe-settings.js",
    "views/stripe.js",
    "views/tables.js",
];

/// Its routes.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/_local/assets/{*path}", get(asset))
        .route("/_local/console", get(state))
        .route("/_local/console/clock", get(clock))
        .route("/_local/schedules", get(schedules))
        .route("/_local/queues/{name}/dead", get(dead_letters))
        .route("/_local/faults", get(faults))
        .route(
            "/_local/google/accounts",
            get(async |console: State<Console>| accounts(&console, IdentityProvider::Google)),
        )
        .route(
            "/_local/github/accounts",
            get(async |console: State<Console>| accounts(&console, IdentityProvider::Github)),
        )
        .route("/_local/log", get(log))
}

/// The page: its script reads all data.
pub fn page() -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE)).into_response()
}

async fn asset(Path(path): Path<String>) -> Answer<Response> {
    let (_, text) = ASSETS.iter().find(|(name, _)| *name == path).ok_or(ApiError::NotFound)?;
    let kind = if path.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
    Ok(([(header::CONTENT_TYPE, kind)], *text).into_response())
}

/// The data that every view shows, read every few seconds.
async fn state(State(console): State<Console>) -> Answer {
    let dead: usize = console.fakes.queues.iter().map(Queue::dead_letters).sum();
    Ok(Json(json!({
        "base_url": console.base_url,
        "now": console.clock.now(),
        "ahead": moved_clock::ahead(&console.clock),
        "mails_sent": console.fakes.mails_sent()?,
        "dead_letters": dead,
        "faults": console.fault_injector.faults().len(),
        "delivery_mode": console.stripe.as_ref().map(Stripe::delivery_mode),
        "pending_webhooks": console.stripe.as_ref().map(Stripe::pending),
    })))
}

/// The clock, whether it can go back, and when the next period of a subscription ends.
async fn clock(State(console): State<Console>) -> Answer {
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

async fn schedules(State(console): State<Console>) -> Answer {
    let items = SCHEDULES.iter().map(|(name, minutes)| {
        Ok(json!({"name": name, "every_minutes": minutes, "last_run_at": console.schedules.last_run(name)?}))
    });
    Ok(Json(json!({"items": items.collect::<Result<Vec<_>, DatabaseError>>()?})))
}

async fn dead_letters(State(console): State<Console>, Path(name): Path<String>) -> Answer {
    let queue = console.fakes.queues.iter().find(|queue| queue.name() == name).ok_or(ApiError::NotFound)?;
    Ok(Json(json!({"items": queue.dead(LISTED)})))
}

/// The number of dead letters and of log lines that are shown.
const LISTED: usize = 200;

/// The active faults, and the operations that a fault can name.
async fn faults(State(console): State<Console>) -> Json<Value> {
    let items: Vec<_> =
        console.fault_injector.faults().iter().filter_map(|fault: &Fault| serde_json::to_value(fault).ok()).collect();
    let services: Vec<_> =
        OPERATIONS.iter().map(|(service, operations)| json!({"service": service, "operations": operations})).collect();
    Json(json!({"items": items, "services": services}))
}

fn accounts(console: &Console, provider: IdentityProvider) -> Answer {
    Ok(Json(json!({"items": console.providers.accounts(provider)?})))
}

#[derive(Deserialize)]
struct LogSearch {
    #[serde(default)]
    contains: String,
}

async fn log(Query(LogSearch { contains }): Query<LogSearch>) -> Json<Value> {
    Json(json!({"items": log_lines::newest(contains.trim(), LISTED)}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path as FilePath;

    #[test]
    fn the_console_serves_each_file_of_its_folder() {
        let folder = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("web/console");
        let names = |sub: &str| {
            let entries = std::fs::read_dir(folder.join(sub)).unwrap();
            let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
            files.map(|path| path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let mut there = [names(""), names("views")].concat();
        there.retain(|name| name != "index.html");
        there.sort();
        assert_eq!(there, ASSETS.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    }

    #[test]
    fn the_modules_write_no_html_and_no_style_and_stay_small() {
        for (name, text) in ASSETS {
            assert!(text.lines().count() <= 200, "{name}");
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "style=", "https://", ".style."] {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
    }
}
