//! The rows of mailed links and codes, which expire, and the decoys in their place.

use crate::identity::Condition;
use crate::outbox::{DECOY_SECONDS, OutboxMessage, outbox_item};
use crate::roles::UseSecrets;
use crate::sessions::keys::{KEPT_SECONDS, partition, pending_key};
use crate::table::codec::{Item, item, n, read, s};
use crate::table::schema::{OUTBOX, SESSIONS};
use crate::table::transaction::Refusal;
use crate::table::update::{Updated, conditional, is_of, write_id};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure, Update,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::onetime::{MAX_TRIES, OneTimeRow, Purpose};
use tollgate_domain::{Email, MessageId, RequestId, UserId};

/// The pointer to the row of a pending change of address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingChange {
    /// The account that requested the address.
    pub user_id: UserId,
    /// The row.
    pub row_id: String,
}

pub(crate) fn onetime_key(user: &UserId, purpose: Purpose, row_id: &str) -> [(&'static str, AttributeValue); 2] {
    [("pk", partition(user)), ("sk", s(format!("OTP#{}#{row_id}", purpose.as_str())))]
}

pub(crate) fn onetime_item(row: &OneTimeRow) -> Result<Item, StoreError> {
    let [pk, sk] = onetime_key(&row.user_id, row.purpose, &row.id);
    item(row, [pk, sk, ("ttl", n(row.expires_at.as_second() + KEPT_SECONDS))])
}

/// The update that uses a row up by setting `field`, once.
pub(crate) fn use_up(row: &OneTimeRow, field: &str, now: Timestamp) -> UpdateBuilder {
    let [(pk, user), (sk, id)] = onetime_key(&row.user_id, row.purpose, &row.id);
    Update::builder()
        .key(pk, user)
        .key(sk, id)
        .update_expression("SET #field = :now")
        .condition_expression("attribute_exists(pk) AND attribute_not_exists(#field)")
        .expression_attribute_names("#field", field)
        .expression_attribute_values(":now", s(now.to_string()))
}

/// The key that finds the code for a new address, which no account has yet.
pub(crate) fn pending_item(address: &Email, row: &OneTimeRow) -> Result<Item, StoreError> {
    let pending = PendingChange { user_id: row.user_id, row_id: row.id.clone() };
    let [pk, sk] = pending_key(address);
    item(&pending, [pk, sk, ("ttl", n(row.expires_at.as_second() + KEPT_SECONDS))])
}

impl<R: UseSecrets> Store<R> {
    /// Puts a mailed secret's row together with its mail.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn put_onetime(&self, row: &OneTimeRow, mail: &OutboxMessage) -> Result<(), StoreError> {
        let mut transaction = self.transaction().create(Condition::Invariant, SESSIONS, onetime_item(row)?);
        if let Some(address) = &row.new_email {
            transaction = transaction.put_any(Condition::Invariant, SESSIONS, pending_item(address, row)?);
        }
        transaction.create(Condition::Invariant, OUTBOX, outbox_item(mail)?).run().await.map_err(Refusal::unexpected)
    }

    /// The same work as [`Store::put_onetime`] without a secret: `rows` decoys, and `mail`, which is a decoy or another
    /// mail (S6).
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn put_decoys(&self, mail: &OutboxMessage, rows: usize, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.transaction().create(Condition::Invariant, OUTBOX, outbox_item(mail)?);
        for row in 0..rows {
            transaction = transaction.create(Condition::Invariant, SESSIONS, decoy_item(&mail.id, row, 400, now)?);
        }
        transaction.run().await.map_err(Refusal::unexpected)
    }

    /// The row behind a link.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn onetime(
        &self,
        user: &UserId,
        purpose: Purpose,
        row_id: &str,
    ) -> Result<Option<OneTimeRow>, StoreError> {
        let [(pk, user), (sk, row)] = onetime_key(user, purpose, row_id);
        let call =
            self.client.get_item().table_name(self.table(SESSIONS)).key(pk, user).key(sk, row).consistent_read(true);
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        answer.item.map(|item| read(SESSIONS, item)).transpose()
    }

    /// The newest row of `purpose`: a new code replaces the old.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn newest_onetime(&self, user: &UserId, purpose: Purpose) -> Result<Option<OneTimeRow>, StoreError> {
        let newest = self
            .client
            .query()
            .table_name(self.table(SESSIONS))
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", partition(user))
            .expression_attribute_values(":prefix", s(format!("OTP#{}#", purpose.as_str())))
            .scan_index_forward(false)
            .limit(1)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::of)?;
        newest.items.unwrap_or_default().pop().map(|item| read(SESSIONS, item)).transpose()
    }

    /// Counts an attempt at the code of `row` before it is compared (S11); at most [`MAX_TRIES`] are counted. `None`
    /// where there is no row, or its code is used up, blocked or expired; without a row the same write is made on a
    /// decoy (S6).
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn count_try(
        &self,
        row: Option<OneTimeRow>,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<Option<OneTimeRow>, StoreError> {
        let row = row.filter(|row| row.takes_tries(now));
        let by = write_id(request);
        let update = self.client.update_item().table_name(self.table(SESSIONS));
        let update = match &row {
            Some(row) => {
                let [(pk, user), (sk, id)] = onetime_key(&row.user_id, row.purpose, &row.id);
                let alive = "tries < :max AND attribute_not_exists(used_at) AND attribute_not_exists(code_used_at) \
                             AND (attribute_not_exists(#by) OR #by <> :by)";
                update
                    .key(pk, user)
                    .key(sk, id)
                    .update_expression("SET #by = :by ADD tries :one")
                    .condition_expression(alive)
                    .expression_attribute_names("#by", "by")
                    .expression_attribute_values(":by", s(&by))
                    .expression_attribute_values(":max", n(MAX_TRIES))
                    .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            }
            None => update
                .key("pk", s(format!("DECOY#{request}")))
                .key("sk", s("try"))
                .update_expression("SET #ttl = :ttl ADD tries :one")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", n(now.as_second() + KEPT_SECONDS)),
        };
        let update = update.expression_attribute_values(":one", n(1)).return_values(ReturnValue::AllNew);
        match conditional(update).await? {
            Updated::Done(counted) if row.is_some() => read(SESSIONS, counted).map(Some),
            // This request has counted it: the answer to its first attempt was lost (R8).
            Updated::Refused(counted) if is_of(&counted, &by) => read(SESSIONS, counted).map(Some),
            Updated::Done(_) | Updated::Refused(_) => Ok(None),
        }
    }

    /// The newest row of a pending change to `address`, an address that no account has.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn pending_change(&self, address: &Email) -> Result<Option<PendingChange>, StoreError> {
        let [(pk, address), (sk, change)] = pending_key(address);
        let call = self
            .client
            .get_item()
            .table_name(self.table(SESSIONS))
            .key(pk, address)
            .key(sk, change)
            .consistent_read(true);
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        answer.item.map(|item| read(SESSIONS, item)).transpose()
    }
}

pub(crate) fn decoy_item(id: &MessageId, index: usize, bytes: usize, now: Timestamp) -> Result<Item, StoreError> {
    #[derive(Serialize)]
    struct Decoy {
        pad: String,
    }
    let ttl = n(now.as_second() + DECOY_SECONDS);
    item(
        &Decoy { pad: "-".repeat(bytes) },
        [("pk", s(format!("DECOY#{id}"))), ("sk", s(index.to_string())), ("ttl", ttl)],
    )
}
