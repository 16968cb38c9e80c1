//! Orders: what another function left in the outbox to be done at Stripe.

use crate::{Failure, State};
use serde::Deserialize;
use tollgate_convergence::Cause;
use tollgate_domain::MessageId;
use tollgate_domain::billing::Order;
use tollgate_store::Claim;

/// What the relay puts on the queue.
#[derive(Deserialize)]
pub struct Ticket {
    id: MessageId,
}

/// Carries out the order behind `ticket`, which the SQS message `holder` brought.
pub async fn handle(ticket: &Ticket, holder: &str, state: &State) -> Result<(), Failure> {
    let row = match state.store.claim_message(&ticket.id, holder, state.clock.now()).await? {
        Claim::Send(row) => row,
        Claim::AlreadyDone => return Ok(()),
        Claim::HeldByAnother => return Err(Failure::HeldByAnother),
    };
    let done = match serde_json::from_str::<Order>(&row.body) {
        Ok(order) => carry_out(&order, state).await,
        Err(_) => Err(Failure::Unreadable),
    };
    match done {
        Ok(()) => Ok(state.store.mark_sent(&ticket.id, state.clock.now()).await?),
        Err(failure) => {
            state.store.release_message(&ticket.id, holder).await?;
            Err(failure)
        }
    }
}

async fn carry_out(order: &Order, state: &State) -> Result<(), Failure> {
    if let Some(email) = &order.email
        && let Some(customer) = state.store.rename_customer(&order.user_id, email).await?
    {
        state.gateway.update_customer(&customer, email).await?;
    }
    if order.ends_checkouts
        && let Some(customer) = state.store.customer(&order.user_id).await?
        && let Some(checkout) = customer.checkout
    {
        if let Some(session) = &checkout.session_id {
            match state.gateway.expire_checkout(session).await {
                // Refused: it is paid or expired already. What was paid for is seen below.
                Ok(_) | Err(tollgate_stripe::GatewayError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        state.store.end_checkout(&order.user_id, &checkout.attempt.id).await?;
    }
    state.convergence.follow(&order.user_id, Cause::default()).await?;
    Ok(())
}
