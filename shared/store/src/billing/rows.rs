//! The keys of the table, and reads by them.

use crate::StoreError;
use crate::table::client::Tables;
use crate::table::codec::{Item, s};
use crate::table::listing::all_rows;
use crate::table::schema::BILLING;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use tollgate_domain::UserId;

/// A key of the table.
pub(super) type Key = [(&'static str, AttributeValue); 2];

pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Key {
    [("pk", s(pk)), ("sk", s(sk))]
}

pub(super) fn user_partition(user: &UserId) -> String {
    format!("USER#{user}")
}

impl Tables {
    /// The current items of partition `pk` whose sort key starts with `prefix`.
    pub(super) async fn billing_items(&self, pk: String, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let mut call = self
            .client
            .query()
            .table_name(self.table(BILLING))
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(pk))
            .consistent_read(true);
        if !prefix.is_empty() {
            call = call
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", s(prefix));
        }
        all_rows(call).await
    }

    pub(super) async fn billing_item(&self, [(pk, partition), (sk, sort)]: Key) -> Result<Option<Item>, StoreError> {
        let call = self
            .client
            .get_item()
            .table_name(self.table(BILLING))
            .key(pk, partition)
            .key(sk, sort)
            .consistent_read(true);
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        Ok(answer.item)
    }
}

pub(super) fn yes() -> AttributeValue {
    AttributeValue::Bool(true)
}

pub(super) fn no() -> AttributeValue {
    AttributeValue::Bool(false)
}

/// The type of an item, by its sort key.
pub(super) fn sort_key(item: &Item) -> &str {
    item.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str).unwrap_or_default()
}
