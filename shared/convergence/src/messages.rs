//! Mails as they wait in the outbox, and the ids of those that are written once.

use jiff::Timestamp;
use tollgate_domain::MessageId;
use tollgate_domain::billing::{Customer, Payment};
use tollgate_mail::{Addressed, Message};
use tollgate_platform::ten_bytes;
use tollgate_store::{OutboxMessage, StoreError};

/// A mail as a row of the outbox.
pub fn outbox_message(
    mail: impl Into<Message>,
    customer: &Customer,
    id: MessageId,
    now: Timestamp,
) -> Result<OutboxMessage, StoreError> {
    let message = mail.into();
    OutboxMessage::of(message.kind(), &Addressed { locale: customer.locale.clone(), message }, id, now)
}

/// The id of the mail about a payment to confirm.
pub fn consent_id(payment: &Payment) -> MessageId {
    message_id(payment.created_at, &format!("action_required {}", payment.id))
}

/// The id of a mail that is written once for each `key`; `at` is the moment that it is about.
pub fn message_id(at: Timestamp, key: &str) -> MessageId {
    MessageId::new(at, ten_bytes(key))
}
