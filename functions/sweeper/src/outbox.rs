//! The hourly sweep of the outbox: messages that `relay` missed or that were lost are sent to their queues again. A
//! repeated message has no second effect, because of the row's claim.

use crate::state::State;
use crate::swept::{SweepError, Swept};
use jiff::Timestamp;
use tollgate_domain::outbox::{SENT_AGAIN_AFTER, is_sent_again};
use tollgate_outbox::QueueMessage;
use tollgate_store::{OutboxMessage, StoreError};

const NAME: &str = "outbox";

/// Resends old pending messages in order. The next sweep resends those that could not be sent.
pub async fn sweep(state: &State) -> Result<Swept, SweepError> {
    let now = state.clock.now();
    let last = state.store.sweep_position(NAME).await?;
    let older_than = now.saturating_sub(SENT_AGAIN_AFTER).unwrap_or(Timestamp::MIN);
    let mut queue_messages = Vec::new();
    let mut after = None;
    loop {
        let page = state.store.unsent(older_than, now, after.as_deref()).await?;
        queue_messages.extend(page.items.into_iter().filter_map(|message| queue_message_of(message, last, now)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    queue_messages.retain(|message| state.sender.has_queue_for(message));
    queue_messages.sort_unstable();
    let unsent = state.sender.send(&queue_messages).await;
    let handled = queue_messages.len() - unsent.len();
    if handled > 0 {
        tracing::warn!(handled, "messages were missed and are sent again");
    }
    if !unsent.is_empty() {
        return Err(SweepError::NotSent(unsent.len()));
    }
    state.store.store_sweep_position(NAME, now).await?;
    Ok(Swept { handled })
}

/// The queue message of a pending message that is due. An unreadable message does not stop the others.
fn queue_message_of(
    message: Result<OutboxMessage, StoreError>,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Option<QueueMessage> {
    let message = message.inspect_err(|error| tracing::error!(%error, "unreadable message in the outbox")).ok()?;
    if !is_sent_again(message.created_at, last, now) {
        return None;
    }
    let queue_message = QueueMessage::of(message.id, &message.kind, &message.body);
    queue_message.inspect_err(|error| tracing::error!(message_id = %message.id, %error, "unreadable order")).ok()?
}
