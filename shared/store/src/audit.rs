//! The audit trail: new items alone, never a change.

use crate::codec::{Item, item, s};
use crate::schema::AUDIT;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use tollgate_domain::audit::AuditEntry;

/// The partition of entries that have no target: sign-ins that failed for an unknown address.
const NO_TARGET: &str = "-";

/// The entry as an item: keyed by target and id, and by month, actor and action in the indexes.
pub(crate) fn audit_item(entry: &AuditEntry) -> Result<Item, StoreError> {
    let target = entry.target_id.as_deref().unwrap_or(NO_TARGET);
    item(entry, [("pk", s(target)), ("sk", s(entry.id.to_string())), ("month", s(month_of(entry.created_at)))])
}

/// The month of `at`, as partitions are named after it: `2026-11`.
pub(crate) fn month_of(at: jiff::Timestamp) -> String {
    at.to_string().chars().take(7).collect()
}

impl Store {
    /// Writes an entry that is not part of a change: a sign-in, or one that failed.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let call = self.client.put_item().table_name(self.table(AUDIT)).set_item(Some(audit_item(entry)?));
        // The id is the entry's own: written again after a lost answer it is the same item.
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }
}
