//! `/_local`: the dev console, in which people (HTML) and tests (JSON) inspect the stack and change its state.

mod body;
mod clock;
pub mod error;
mod faults;
mod files;
mod inbox;
mod own_machine;
mod page;
mod people;
mod queues;
pub mod state;
mod stripe;
mod stripe_dashboard;
mod tables;

use crate::{ai, moved_clock, s3};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, post};
use error::ConsoleError;
use state::Console;
use tollgate_http::ApiError;

/// All that the stack serves beside the gateway: the dev console, the pages of the providers, the chat model, files, the fake Stripe.
pub fn router(console: Console) -> Router {
    let providers = console.providers.clone().router();
    let fake_stripe = console.stripe.clone();
    let shows_clock = from_fn_with_state(console.clock.clone(), moved_clock::show);
    let model = Router::new().route("/chat/completions", post(ai::complete)).with_state(console.model.clone());
    // S3 takes files of any size that a report can have.
    let files = Router::new().fallback(files::file).layer(DefaultBodyLimit::disable()).with_state(console.clone());
    let pages = Router::new()
        .merge(clock::routes())
        .merge(faults::routes())
        .merge(inbox::routes())
        .merge(page::routes())
        .merge(people::routes())
        .merge(queues::routes())
        .merge(stripe::routes())
        .merge(stripe_dashboard::routes())
        .merge(tables::routes())
        .route("/_local/{*path}", any(nothing))
        .method_not_allowed_fallback(async || ConsoleError(ApiError::MethodNotAllowed))
        .with_state(console)
        .merge(providers)
        .layer(from_fn(own_machine::guard))
        // Functions and browsers call these; they are not part of the console.
        .nest(ai::PATH, model)
        .nest_service(s3::PATH, files);
    let all = match fake_stripe {
        // The functions' Stripe endpoint, and Stripe's pages: they are not part of the dev console.
        Some(stripe) => pages.nest_service("/_stripe", stripe.pages().fallback_service(stripe.api())),
        None => pages,
    };
    all.layer(shows_clock)
}

async fn nothing() -> ConsoleError {
    ConsoleError(ApiError::NotFound)
}
