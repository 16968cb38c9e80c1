//! Transactions, and the condition that refused one.

use crate::StoreError;
use crate::table::client::Tables;
use crate::table::codec::Item;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{Put, ReturnConsumedCapacity, TransactWriteItem};
use aws_smithy_async::rt::sleep::AsyncSleep;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Writes in one transaction. `L` names the conditions that a caller distinguishes.
pub(crate) struct Transaction<'a, L> {
    tables: &'a Tables,
    items: Vec<(L, Result<TransactWriteItem, StoreError>)>,
}

/// Why a transaction failed.
#[derive(Debug)]
pub(crate) enum Refusal<L> {
    /// The first condition that failed: a business answer.
    Condition(L),
    /// There was no answer.
    Failed(StoreError),
}

/// How often a conflicting transaction is retried, in addition to the SDK's own retries.
const CONFLICT_TRIES: u32 = 4;
/// Half of the longest wait after the first refusal, in milliseconds.
const CONFLICT_PAUSE_MS: u64 = 25;

impl Tables {
    pub(crate) fn transaction<L: Copy>(&self) -> Transaction<'_, L> {
        Transaction { tables: self, items: Vec::new() }
    }

    /// Waits after the `tries`-th conflict: a random part of a doubling time, so that conflicting writers do not
    /// collide again (R8).
    pub(crate) async fn pause(&self, tries: u32) {
        let most = CONFLICT_PAUSE_MS << tries;
        let part = RandomState::new().build_hasher().finish() % most;
        if let Some(sleep) = self.client.config().sleep_impl() {
            sleep.sleep(Duration::from_millis(part)).await;
        }
    }
}

impl<L: Copy> Transaction<'_, L> {
    /// Creates `item` if it does not exist.
    pub fn create(self, label: L, table: &str, item: Item) -> Self {
        self.put(label, table, item, Some("attribute_not_exists(pk)"))
    }

    /// Puts `item` unconditionally.
    pub fn put_any(self, label: L, table: &str, item: Item) -> Self {
        self.put(label, table, item, None)
    }

    fn put(self, label: L, table: &str, item: Item, condition: Option<&str>) -> Self {
        let put = Put::builder().set_item(Some(item)).set_condition_expression(condition.map(str::to_owned));
        self.put_if(label, table, put)
    }

    /// Puts an item with a condition of its own.
    pub fn put_if(mut self, label: L, table: &str, put: PutBuilder) -> Self {
        let put = put.table_name(self.tables.table(table)).build();
        self.items.push((label, built(put).map(|put| TransactWriteItem::builder().put(put).build())));
        self
    }

    /// Changes an item; `update` gives key, expression, condition and values.
    pub fn update(mut self, label: L, table: &str, update: UpdateBuilder) -> Self {
        let update = update.table_name(self.tables.table(table)).build();
        self.items.push((label, built(update).map(|update| TransactWriteItem::builder().update(update).build())));
        self
    }

    /// Deletes an item under a condition.
    pub fn delete(mut self, label: L, table: &str, delete: DeleteBuilder) -> Self {
        let delete = delete.table_name(self.tables.table(table)).build();
        self.items.push((label, built(delete).map(|delete| TransactWriteItem::builder().delete(delete).build())));
        self
    }

    /// Checks a condition without writing.
    pub fn check(mut self, label: L, table: &str, check: ConditionCheckBuilder) -> Self {
        let check = check.table_name(self.tables.table(table)).build();
        self.items.push((label, built(check).map(|check| TransactWriteItem::builder().condition_check(check).build())));
        self
    }

    /// Executes it.
    pub async fn run(self) -> Result<(), Refusal<L>> {
        let mut labels = Vec::with_capacity(self.items.len());
        let mut items = Vec::with_capacity(self.items.len());
        for (label, item) in self.items {
            labels.push(label);
            items.push(item.map_err(Refusal::Failed)?);
        }
        // Its own token makes the SDK's retry after a lost answer the same transaction (R8). A new attempt after a
        // conflict has another token: nothing of the one before was written.
        let call = self
            .tables
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match call.clone().send().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            // The same transaction may still be in progress (`TransactionInProgressException`, after a lost answer):
            // the SDK has repeated it with the same token. A new attempt would be another transaction and fail on the
            // result of this one.
            let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
                return Err(Refusal::Failed(StoreError::of(error)));
            };
            let reasons = canceled.cancellation_reasons();
            let refused =
                reasons.iter().zip(&labels).find(|(reason, _)| reason.code() == Some("ConditionalCheckFailed"));
            if let Some((_, label)) = refused {
                return Err(Refusal::Condition(*label));
            }
            let passing = |code: &str| {
                matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
            };
            let again = reasons.iter().filter_map(|reason| reason.code()).any(passing);
            if again && tries < CONFLICT_TRIES {
                self.tables.pause(tries).await;
                continue;
            }
            let refused = reasons.iter().filter_map(|r| r.code()).any(|code| code == "ValidationError");
            let text = format!("transaction canceled: {:?}", reasons.iter().map(|r| r.code()).collect::<Vec<_>>());
            let error = if refused { StoreError::Unexpected(text) } else { StoreError::Unavailable(text) };
            return Err(Refusal::Failed(error));
        }
    }
}

impl<L: std::fmt::Debug> Refusal<L> {
    /// The error, if no condition of the transaction can fail.
    pub fn unexpected(self) -> StoreError {
        match self {
            Self::Failed(error) => error,
            Self::Condition(label) => StoreError::Unexpected(format!("condition {label:?} failed")),
        }
    }
}

fn built<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, StoreError> {
    result.map_err(|error| StoreError::Unexpected(error.to_string()))
}
