//! Commands: changes at Stripe that another function has written to the outbox.

use crate::error::HandlingError;
use crate::state::State;
use serde::Deserialize;
use tollgate_convergence::Cause;
use tollgate_domain::MessageId;
use tollgate_domain::billing::{Command, PlanCommand, UserCommand};
use tollgate_platform::random_bytes;
use tollgate_store::{Claim, OutboxMessage, Profile};
use tollgate_stripe::GatewayError;

/// The number of pages of the index, of a hundred subscriptions each, that one command handles.
const PAGES: usize = 3;

/// The message that `relay` sends.
#[derive(Deserialize)]
pub struct QueueMessage {
    id: MessageId,
}

/// The progress of a command.
enum Outcome {
    /// It is complete.
    Done,
    /// It is complete, except for a permanent refusal by Stripe: the reason is recorded with the command, which is
    /// closed.
    Refused(String),
    /// It is partly done: the rest is another command.
    Rest(PlanCommand),
}

/// Executes the command of `queue_message`, which arrived in the SQS message `holder`.
pub async fn handle(queue_message: &QueueMessage, holder: &str, state: &State) -> Result<(), HandlingError> {
    let row = match state.store.claim_message(&queue_message.id, holder, state.clock.now()).await? {
        Claim::Send(row) => row,
        Claim::AlreadyDone => return Ok(()),
        Claim::HeldByAnother => return Err(HandlingError::HeldByAnother),
    };
    let done = match serde_json::from_str(&row.body) {
        Ok(Command::User(command)) => execute_for_user(&command, state).await,
        Ok(Command::Plan(command)) => execute_for_plan(command, state).await,
        Err(_) => Err(HandlingError::Unreadable),
    };
    let now = state.clock.now();
    match done {
        Ok(Outcome::Done) => Ok(state.store.mark_sent(&queue_message.id, now).await?),
        Ok(Outcome::Refused(reason)) => Ok(state.store.park_message(&queue_message.id, &reason, now).await?),
        Ok(Outcome::Rest(rest)) => {
            let rest = OutboxMessage::of_command(&Command::Plan(rest), MessageId::new(now, random_bytes()), now)?;
            Ok(state.store.continue_message(&queue_message.id, &rest, now).await?)
        }
        Err(failure) => {
            state.store.release_message(&queue_message.id, holder).await?;
            Err(failure)
        }
    }
}

async fn execute_for_user(command: &UserCommand, state: &State) -> Result<Outcome, HandlingError> {
    let mut refused = None;
    if command.email.is_some()
        && let Some(Profile { email, .. }) = state.store.profile(&command.user_id).await?
        && let Some(customer) = state.store.update_customer_email(&command.user_id, &email).await?
    {
        match state.gateway.update_customer(&customer, &email).await {
            Ok(()) => {}
            // The customer was deleted at Stripe: the sync below handles it.
            Err(error) if error.is_missing() => {}
            // Stripe will refuse it each time. Its answer may contain the address, so it is not logged.
            Err(GatewayError::Refused { status, code, .. }) if matches!(status, 400 | 403) => {
                tracing::error!(
                    user = %command.user_id,
                    customer,
                    status,
                    code,
                    metric = "stripe_refused",
                    "Stripe refuses the user's address for good: the customer keeps the one before"
                );
                refused = Some(format!("Stripe refused the address ({status} {code})"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if command.ends_checkouts
        && let Some(customer) = state.store.customer(&command.user_id).await?
        && let Some(checkout) = customer.checkout
    {
        if let Some(session) = &checkout.session_id {
            match state.gateway.expire_checkout(session).await {
                // Refused: it was paid or has expired. The sync below handles a payment.
                Ok(_) | Err(GatewayError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        state.store.end_checkout(&command.user_id, &checkout.attempt.id).await?;
    }
    state.convergence.sync(&command.user_id, Cause::default()).await?;
    Ok(refused.map_or(Outcome::Done, Outcome::Refused))
}

/// Updates the plan at Stripe, then the access of its subscribers, page by page.
async fn execute_for_plan(command: PlanCommand, state: &State) -> Result<Outcome, HandlingError> {
    let catalogue = state.store.catalogue().await?;
    if command.from.is_none()
        && let Some(plan) = catalogue.plans.iter().find(|plan| plan.id == command.plan_id)
    {
        match state.gateway.show_plan(plan, &catalogue).await {
            Err(error) if error.is_permanent() => tracing::error!(
                plan = %plan.id,
                reason = %error,
                metric = "stripe_refused",
                "Stripe does not accept the plan as it is: its product keeps the text before"
            ),
            other => other?,
        }
    }
    let mut from = command.from.unwrap_or_default();
    for _ in 0..PAGES {
        let page = state.store.subscriptions_of_plan(&command.plan_id, &from).await?;
        for subscription in page.items {
            state.convergence.recompute_access(&subscription.user_id, &catalogue).await?;
        }
        let Some(next) = page.next else { return Ok(Outcome::Done) };
        from = next;
    }
    Ok(Outcome::Rest(PlanCommand { from: Some(from), ..command }))
}
