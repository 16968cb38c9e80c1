//! The `stripe-events` function: converges the local subscriptions and payments to Stripe's state, one event or command
//! after another. An event is a hint that something changed; only its user is read from it, so the events of one user
//! in a batch lead to one synchronisation.

mod batch;
mod command;
mod config;
mod drift;
mod error;
mod event;
mod state;

pub use config::Config;
pub use state::State;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use std::convert::Infallible;

/// Handles the messages of `event`. A failed one is reported, and so are the later ones of its group: they come back in
/// the same order.
///
/// # Errors
/// Never: failures are reported message by message.
pub async fn handle(event: SqsEvent, state: &State) -> Result<SqsBatchResponse, Infallible> {
    Ok(Box::pin(batch::handle(event, state)).await)
}
