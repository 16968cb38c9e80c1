//! The gate's items: the only thing that an authenticated request reads.

use crate::audit::audit_item;
use crate::codec::{Item, item, n, read, s};
use crate::schema::{AUDIT, GATE};
use crate::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue, Update};
use jiff::Timestamp;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::gate::Gate;
use tollgate_domain::session::MAX_SESSIONS;
use tollgate_domain::{SessionId, UserId};

/// The item that counts the active admins.
pub(crate) const ADMINS: &str = "ADMINS";

pub(crate) fn gate_key(user: &UserId) -> AttributeValue {
    s(format!("USER#{user}"))
}

pub(crate) fn gate_item(gate: &Gate) -> Result<Item, StoreError> {
    item(gate, [("pk", gate_key(&gate.user_id))])
}

impl Store {
    /// Whether there has ever been an admin.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn has_admins(&self) -> Result<bool, StoreError> {
        Ok(self.get(GATE, s(ADMINS)).await?.is_some())
    }

    /// The gate of `user`, as it is now (a consistent read, one unit); `None` for one who was never there.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn gate(&self, user: &UserId) -> Result<Option<Gate>, StoreError> {
        let call = self.client.get_item().table_name(self.table(GATE)).key("pk", gate_key(user)).consistent_read(true);
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        answer.item.map(|item| read(GATE, item)).transpose()
    }

    /// Adds `session` to the gate of `user`, ending those that `ended` names, on condition that the user is active and,
    /// with `password_version`, that it is still that. `None` when it is not: whatever raced this sign-in has won.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn admit_session(
        &self,
        user: &UserId,
        session: (&SessionId, Timestamp),
        password_version: Option<u64>,
        ended: &[SessionId],
    ) -> Result<Option<Gate>, StoreError> {
        let mut update = "SET sessions.#new = :end".to_owned();
        let mut condition = "is_active = :true AND size(sessions) < :cap".to_owned();
        let mut call = self
            .client
            .update_item()
            .table_name(self.table(GATE))
            .key("pk", gate_key(user))
            .expression_attribute_names("#new", session.0.to_string())
            .expression_attribute_values(":end", s(session.1.to_string()))
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":cap", n(MAX_SESSIONS + ended.len()));
        for (index, id) in ended.iter().enumerate() {
            update.push_str(if index == 0 { " REMOVE " } else { ", " });
            update.push_str(&format!("sessions.#e{index}"));
            call = call.expression_attribute_names(format!("#e{index}"), id.to_string());
        }
        if let Some(version) = password_version {
            condition.push_str(" AND password_version = :version");
            call = call.expression_attribute_values(":version", n(version));
        }
        let answer = call
            .update_expression(update)
            .condition_expression(condition)
            .return_values(ReturnValue::AllNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        match answer {
            Ok(done) => read(GATE, done.attributes.unwrap_or_default()).map(Some),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(StoreError::of(error)),
            },
        }
    }

    /// Ends one session, with its audit entry; `false` when it did not live.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn end_session(
        &self,
        user: &UserId,
        session: &SessionId,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let remove = Update::builder()
            .key("pk", gate_key(user))
            .update_expression("REMOVE sessions.#id")
            .condition_expression("attribute_exists(sessions.#id)")
            .expression_attribute_names("#id", session.to_string());
        let done =
            self.transaction().update("gate", GATE, remove).put_any("audit", AUDIT, audit_item(entry)?).run().await;
        match done {
            Ok(()) => Ok(true),
            Err(Refusal::Condition("gate")) => Ok(false),
            Err(other) => Err(other.unexpected()),
        }
    }
}

/// An update of the count of active admins by one; lowering it is refused for the last one.
pub(crate) fn count_admins(up: bool) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
    let update = Update::builder().key("pk", s(ADMINS)).expression_attribute_names("#count", "count");
    if up {
        update.update_expression("ADD #count :one SET v = :one").expression_attribute_values(":one", n(1))
    } else {
        update
            .update_expression("SET #count = #count - :one")
            .condition_expression("#count > :one")
            .expression_attribute_values(":one", n(1))
    }
}
