//! Orders: what another function left in the outbox to be done at Stripe.

use crate::{Failure, State};
use serde::Deserialize;
use tollgate_convergence::Cause;
use tollgate_domain::MessageId;
use tollgate_domain::billing::{Order, PlanOrder, UserOrder};
use tollgate_platform::random_bytes;
use tollgate_store::{Claim, Outgoing, Profile};
use tollgate_stripe::GatewayError;

/// One order looks at so many pages of the index of what is due, of a hundred subscriptions each.
const PAGES: usize = 3;

/// What the relay puts on the queue.
#[derive(Deserialize)]
pub struct Ticket {
    id: MessageId,
}

/// How far a command came.
enum Outcome {
    /// To its end.
    Done,
    /// To its end, except what Stripe refuses for good, for this reason: it is recorded with the command, which is closed.
    Refused(String),
    /// So far: the rest is a command of its own.
    Rest(PlanOrder),
}

/// Carries out the order behind `ticket`, which the SQS message `holder` brought.
pub async fn handle(ticket: &Ticket, holder: &str, state: &State) -> Result<(), Failure> {
    let row = match state.store.claim_message(&ticket.id, holder, state.clock.now()).await? {
        Claim::Send(row) => row,
        Claim::AlreadyDone => return Ok(()),
        Claim::HeldByAnother => return Err(Failure::HeldByAnother),
    };
    let done = match serde_json::from_str(&row.body) {
        Ok(Order::User(order)) => for_user(&order, state).await,
        Ok(Order::Plan(order)) => for_plan(order, state).await,
        Err(_) => Err(Failure::Unreadable),
    };
    let now = state.clock.now();
    match done {
        Ok(Outcome::Done) => Ok(state.store.mark_sent(&ticket.id, now).await?),
        Ok(Outcome::Refused(reason)) => Ok(state.store.park_message(&ticket.id, &reason, now).await?),
        Ok(Outcome::Rest(rest)) => {
            let rest = Outgoing::of_order(&Order::Plan(rest), MessageId::new(now, random_bytes()), now)?;
            Ok(state.store.pass_on_message(&ticket.id, &rest, now).await?)
        }
        Err(failure) => {
            state.store.release_message(&ticket.id, holder).await?;
            Err(failure)
        }
    }
}

async fn for_user(order: &UserOrder, state: &State) -> Result<Outcome, Failure> {
    let mut refused = None;
    if order.email.is_some()
        && let Some(Profile { email, .. }) = state.store.profile(&order.user_id).await?
        && let Some(customer) = state.store.rename_customer(&order.user_id, &email).await?
    {
        match state.gateway.update_customer(&customer, &email).await {
            Ok(()) => {}
            // One who is no more at Stripe: what that means is seen below.
            Err(error) if error.is_missing() => {}
            // Stripe will refuse it each time. The address may be in its answer, which is not logged.
            Err(GatewayError::Refused { status, code, .. }) if matches!(status, 400 | 403) => {
                tracing::error!(
                    user = %order.user_id,
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
    if order.ends_checkouts
        && let Some(customer) = state.store.customer(&order.user_id).await?
        && let Some(checkout) = customer.checkout
    {
        if let Some(session) = &checkout.session_id {
            match state.gateway.expire_checkout(session).await {
                // Refused: it is paid or expired already. What was paid for is seen below.
                Ok(_) | Err(GatewayError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        state.store.end_checkout(&order.user_id, &checkout.attempt.id).await?;
    }
    state.convergence.follow(&order.user_id, Cause::default()).await?;
    Ok(refused.map_or(Outcome::Done, Outcome::Refused))
}

/// Shows the plan at Stripe, then gives its subscribers what it gives, so many at a time.
async fn for_plan(order: PlanOrder, state: &State) -> Result<Outcome, Failure> {
    let catalogue = state.store.catalogue().await?;
    if order.from.is_none()
        && let Some(plan) = catalogue.plans.iter().find(|plan| plan.id == order.plan_id)
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
    let mut from = order.from.unwrap_or_default();
    for _ in 0..PAGES {
        let page = state.store.subscriptions_of_plan(&order.plan_id, &from).await?;
        for subscription in page.items {
            state.convergence.regrade(&subscription.user_id, &catalogue).await?;
        }
        let Some(next) = page.next else { return Ok(Outcome::Done) };
        from = next;
    }
    Ok(Outcome::Rest(PlanOrder { from: Some(from), ..order }))
}
