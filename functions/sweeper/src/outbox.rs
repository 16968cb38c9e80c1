//! The hourly look at the outbox: what `relay` missed, or what was lost on its way, is put on its queue again. Sent twice it
//! does no harm: the row's claim makes one of it.

use crate::{State, SweepError, Swept};
use jiff::Timestamp;
use tollgate_domain::outbox::{SENT_AGAIN_AFTER, is_sent_again};
use tollgate_outgoing::Ticket;
use tollgate_store::{Outgoing, StoreError};

const NAME: &str = "outbox";

/// Sends again what waits for too long, in the order in which it came. What could not be sent is left to the next sweep.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let now = state.clock.now();
    let last = state.store.sweep_place(NAME).await?;
    let older_than = now.saturating_sub(SENT_AGAIN_AFTER).unwrap_or(Timestamp::MIN);
    let mut tickets = Vec::new();
    let mut after = None;
    loop {
        let page = state.store.unsent(older_than, now, after.as_deref()).await?;
        tickets.extend(page.items.into_iter().filter_map(|message| ticket_of(message, last, now)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    tickets.sort_unstable();
    let left = state.sender.send(&tickets).await;
    let handled = tickets.len() - left.len();
    if handled > 0 {
        tracing::warn!(handled, "messages were missed and are sent again");
    }
    if !left.is_empty() {
        return Err(SweepError::NotSent(left.len()));
    }
    state.store.keep_sweep_place(NAME, now).await?;
    Ok(Swept { handled })
}

/// What is to be sent for a message, if anything now. One that cannot be read stops no other.
fn ticket_of(message: Result<Outgoing, StoreError>, last: Option<Timestamp>, now: Timestamp) -> Option<Ticket> {
    let message = message.inspect_err(|error| tracing::error!(%error, "unreadable message in the outbox")).ok()?;
    if !is_sent_again(message.created_at, last, now) {
        return None;
    }
    let ticket = Ticket::of(message.id, &message.kind, &message.body);
    ticket.inspect_err(|error| tracing::error!(message_id = %message.id, %error, "unreadable order")).ok()?
}
