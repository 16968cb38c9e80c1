//! The page of the dev console, what its head shows, and the log.

use super::error::Answer;
use super::state::Console;
use crate::documents::TABLE_PREFIX;
use crate::queues::Queue;
use crate::{log_lines, moved_clock, s3};
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_fake_stripe::Stripe;
use tollgate_http::ApiError;

/// The policy of the other pages, and frames for the HTML of mails.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const PAGE: &str = include_str!("../../web/console/index.html");

macro_rules! assets {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../web/console/", $name)))),*] };
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
        .route("/_local", get(overview))
        .route("/_local/assets/{*path}", get(asset))
        .route("/_local/console", get(state))
        .route("/_local/log", get(log))
}

/// The page for a browser; for a program, the addresses and settings of the stack.
async fn overview(State(console): State<Console>, headers: HeaderMap) -> Answer<Response> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.starts_with("application/json") {
        let now = console.clock.now();
        let emails = console.fakes.mail_count()?;
        let about = json!({
            "now": now, "emails": emails, "queues": console.depths(), "tables_url": console.tables_url, "aws_url": console.aws_url,
            "table_prefix": TABLE_PREFIX, "environment": *console.environment, "files": s3::admin_credentials(),
            "log": console.log,
        });
        return Ok(Json(about).into_response());
    }
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE)).into_response())
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

/// The number of log lines that are shown.
const LISTED: usize = 200;

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
