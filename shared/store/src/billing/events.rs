//! Handled events of Stripe: stored for 35 days, longer than Stripe resends one.

use super::rows::{Key, key};
use crate::roles::Converge;
use crate::table::codec::{Item, item, n};
use crate::table::schema::BILLING;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const KEPT_SECONDS: i64 = 35 * 86_400;

/// The stored record of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Stripe's id.
    pub id: String,
    /// Stripe's type of the event.
    pub kind: String,
    /// The object, by Stripe's id.
    pub object_id: Option<String>,
    /// The outcome as text.
    pub outcome: String,
    /// When Stripe created it.
    pub created_at: Timestamp,
    /// When it was handled.
    pub handled_at: Timestamp,
}

fn event_key(id: &str) -> Key {
    key(format!("EVENT#{id}"), "EVENT")
}

pub(super) fn event_item(event: &EventRow) -> Result<Item, StoreError> {
    let mut row = item(event, event_key(&event.id))?;
    row.insert("ttl".to_owned(), n(event.handled_at.as_second() + KEPT_SECONDS));
    Ok(row)
}

impl<R: Converge> Store<R> {
    /// Whether the event was handled before.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn is_event_handled(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.billing_item(event_key(id)).await?.is_some())
    }

    /// Stores an event that changed nothing.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn store_event(&self, event: &EventRow) -> Result<(), StoreError> {
        let call = self.client.put_item().table_name(self.table(BILLING)).set_item(Some(event_item(event)?));
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }
}
