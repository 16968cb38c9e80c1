//! The outbox: messages written in the same transaction as the change that causes them. The key of a message is stored
//! for 35 days; its body is removed when it is sent or parked.

use crate::roles::{DeliverMessages, FindMessages, WriteMessages};
use crate::table::client::Tables;
use crate::table::codec::{Item, item, n, read, s};
use crate::table::schema::OUTBOX;
use crate::table::transaction::Refusal;
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure, Update};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::MessageId;
use tollgate_domain::billing::Command;
pub use tollgate_domain::outbox::{COMMAND, DECOY, REPORT, is_command};

/// How long a decoy is stored, in seconds.
pub(crate) const DECOY_SECONDS: i64 = 86_400;
/// How long a message's key is stored, in seconds.
const KEPT_SECONDS: i64 = 35 * 86_400;

/// A message to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// Its id.
    pub id: MessageId,
    /// Its kind, by name.
    pub kind: String,
    /// The message as JSON text; removed after it was handled.
    #[serde(default)]
    pub body: String,
    /// When its cause happened.
    pub created_at: Timestamp,
}

/// How long a claim holds against another SQS message, in milliseconds: longer than any invocation.
const CLAIM_LAPSES_MS: i64 = 15 * 60 * 1000;

impl OutboxMessage {
    /// `command` as a message with this id.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of_command(command: &Command, id: MessageId, now: Timestamp) -> Result<Self, StoreError> {
        Self::of(COMMAND, command, id, now)
    }

    /// A message of a kind, with `body` as JSON.
    ///
    /// # Errors
    /// When `body` cannot be written as JSON.
    pub fn of(kind: &str, body: &impl Serialize, id: MessageId, created_at: Timestamp) -> Result<Self, StoreError> {
        let body = serde_json::to_string(body).map_err(|error| StoreError::Unexpected(error.to_string()))?;
        Ok(Self { id, kind: kind.to_owned(), body, created_at })
    }
}

/// The result of a claim on a message.
#[derive(Debug)]
pub enum Claim {
    /// This receiver must send the message.
    Send(OutboxMessage),
    /// It was sent or parked before.
    AlreadyDone,
    /// Another SQS message holds it.
    HeldByAnother,
}

/// One page of the pending messages.
#[derive(Debug)]
pub struct UnsentPage {
    /// The pending messages; a row that cannot be read is an error of its own.
    pub items: Vec<Result<OutboxMessage, StoreError>>,
    /// The key after which the list continues; `None` at its end.
    pub next: Option<String>,
}

pub(crate) fn outbox_item(message: &OutboxMessage) -> Result<Item, StoreError> {
    let kept_seconds = if message.kind == DECOY { DECOY_SECONDS } else { KEPT_SECONDS };
    let ttl = message.created_at.as_second() + kept_seconds;
    item(message, [("pk", s(message.id.to_string())), ("state", s("pending")), ("ttl", n(ttl))])
}

/// The state of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageState {
    /// Its kind, by name.
    pub kind: String,
    /// `pending`, `claimed`, `sent` or `parked`.
    pub state: String,
    /// When its cause happened.
    pub created_at: Timestamp,
}

impl<R: FindMessages> Store<R> {
    /// The state of a message; its content is not read.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn message_state(&self, id: &MessageId) -> Result<Option<MessageState>, StoreError> {
        let call = self.client.get_item().table_name(self.table(OUTBOX)).key("pk", s(id.to_string()));
        let call = call
            .consistent_read(true)
            .projection_expression("kind, #state, created_at, v")
            .expression_attribute_names("#state", "state");
        let answer = call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        answer.map_err(StoreError::of)?.item.map(|row| read(OUTBOX, row)).transpose()
    }

    /// The messages of at least this age that are neither sent nor parked nor claimed at `now`: the page after this
    /// key. It scans the table, so that no request pays for an index.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn unsent(
        &self,
        older_than: Timestamp,
        now: Timestamp,
        after: Option<&str>,
    ) -> Result<UnsentPage, StoreError> {
        #[expect(clippy::disallowed_methods, reason = "no request's work: the sweeper's, once an hour")]
        let scan = self.client.scan();
        let page = scan
            .table_name(self.table(OUTBOX))
            .projection_expression("id, kind, body, created_at")
            .filter_expression(
                "kind <> :decoy AND created_at <= :older AND (#state = :pending OR (#state = :claimed AND claimed_ms <= :lapsed))",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":decoy", s(DECOY))
            .expression_attribute_values(":older", s(format!("{older_than:.0}")))
            .expression_attribute_values(":pending", s("pending"))
            .expression_attribute_values(":claimed", s("claimed"))
            .expression_attribute_values(":lapsed", n(now.as_millisecond() - CLAIM_LAPSES_MS))
            .set_exclusive_start_key(after.map(|key| Item::from([("pk".to_owned(), s(key))])))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::of)?;
        let items = page.items.unwrap_or_default().into_iter().map(|row| read(OUTBOX, row)).collect();
        let next = page.last_evaluated_key.and_then(|key| key.get("pk")?.as_s().ok().cloned());
        Ok(UnsentPage { items, next })
    }
}

impl<R: WriteMessages> Store<R> {
    /// Whether there is, or was within 35 days, a message with this id.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn is_message_known(&self, id: &MessageId) -> Result<bool, StoreError> {
        let call = self.client.get_item().table_name(self.table(OUTBOX)).key("pk", s(id.to_string()));
        let call = call.consistent_read(true).projection_expression("pk");
        let answer = call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await;
        Ok(answer.map_err(StoreError::of)?.item.is_some())
    }

    /// Adds a message, unless there is or was one with its id.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn put_message_once(&self, message: &OutboxMessage) -> Result<(), StoreError> {
        match self.transaction().create((), OUTBOX, outbox_item(message)?).run().await {
            Ok(()) | Err(Refusal::Condition(())) => Ok(()),
            Err(other) => Err(other.unexpected()),
        }
    }
}

impl<R: DeliverMessages> Store<R> {
    /// Claims message `id` for the SQS message `holder`. A later receive of the same SQS message takes the claim over;
    /// another one does when the claim has lapsed (a redrive gives a message a new id).
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn claim_message(&self, id: &MessageId, holder: &str, now: Timestamp) -> Result<Claim, StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(self.table(OUTBOX))
            .key("pk", s(id.to_string()))
            .update_expression("SET #state = :claimed, claimed_by = :holder, claimed_ms = :now")
            .condition_expression(
                "attribute_exists(pk) AND (#state = :pending OR (#state = :claimed AND (claimed_by = :holder OR claimed_ms <= :lapsed)))",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":claimed", s("claimed"))
            .expression_attribute_values(":pending", s("pending"))
            .expression_attribute_values(":holder", s(holder))
            .expression_attribute_values(":now", n(now.as_millisecond()))
            .expression_attribute_values(":lapsed", n(now.as_millisecond() - CLAIM_LAPSES_MS))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match conditional(call).await? {
            Updated::Done(row) => Ok(Claim::Send(read(OUTBOX, row)?)),
            Updated::Refused(row) => {
                let held = row.get("state").and_then(|state| state.as_s().ok());
                Ok(if held.is_some_and(|state| state == "claimed") { Claim::HeldByAnother } else { Claim::AlreadyDone })
            }
        }
    }

    /// Releases a claim: the attempt has failed, and the next receiver may retry at once.
    ///
    /// # Errors
    /// When DynamoDB does not answer; the claim lapses by itself then.
    pub async fn release_message(&self, id: &MessageId, holder: &str) -> Result<(), StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(self.table(OUTBOX))
            .key("pk", s(id.to_string()))
            .update_expression("SET #state = :pending REMOVE claimed_by, claimed_ms")
            .condition_expression("#state = :claimed AND claimed_by = :holder")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":claimed", s("claimed"))
            .expression_attribute_values(":pending", s("pending"))
            .expression_attribute_values(":holder", s(holder));
        conditional(call).await.map(|_| ())
    }

    /// Marks message `id` as sent and removes its content.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn mark_sent(&self, id: &MessageId, now: Timestamp) -> Result<(), StoreError> {
        self.close_message(id, "sent", None, now).await
    }

    /// Marks message `id` as sent and writes `next` for the remaining work, in one transaction.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn continue_message(
        &self,
        id: &MessageId,
        next: &OutboxMessage,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sent = Update::builder()
            .key("pk", s(id.to_string()))
            .update_expression("SET #state = :sent, closed_at = :now REMOVE body, claimed_by, claimed_ms")
            .condition_expression("#state = :claimed")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":claimed", s("claimed"))
            .expression_attribute_values(":sent", s("sent"))
            .expression_attribute_values(":now", s(now.to_string()));
        let transaction = self.transaction().update("claim", OUTBOX, sent).create("next", OUTBOX, outbox_item(next)?);
        match transaction.run().await {
            Ok(()) => Ok(()),
            // Another receiver has taken it over and finished it.
            Err(Refusal::Condition("claim")) => Ok(()),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Marks message `id` as never to be sent, with the reason, and removes its content.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn park_message(&self, id: &MessageId, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        self.close_message(id, "parked", Some(reason), now).await
    }
}

impl Tables {
    async fn close_message(
        &self,
        id: &MessageId,
        state: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut call = self
            .client
            .update_item()
            .table_name(self.table(OUTBOX))
            .key("pk", s(id.to_string()))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", s(state))
            .expression_attribute_values(":now", s(now.to_string()));
        call = match reason {
            None => call.update_expression("SET #state = :state, closed_at = :now REMOVE body, claimed_by, claimed_ms"),
            Some(reason) => call
                .update_expression(
                    "SET #state = :state, closed_at = :now, reason = :reason REMOVE body, claimed_by, claimed_ms",
                )
                .expression_attribute_values(":reason", s(reason)),
        };
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }
}
