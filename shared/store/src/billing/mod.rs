//! The `billing` table. One partition holds the plans and their lookup rows; one holds all rows of a user: the
//! customer, the subscriptions, the payments. One item leads from Stripe's customer to the user; there is one for each
//! handled event and for each trial.

mod checkouts;
mod customers;
mod due;
mod events;
mod lists;
mod plans;
mod trials;
mod writes;

pub use checkouts::CheckoutReservation;
pub use customers::{CustomerVersion, VersionPage, VersionPlace};
pub use due::{Due, DuePage};
pub use events::EventRow;
pub use lists::{BillingFilter, Owned};
pub use plans::{PlanReservation, PlanWrite};
pub use trials::TrialEntry;
pub use writes::AccountWrite;

use crate::StoreError;
use crate::table::client::Tables;
use crate::table::codec::{Item, s};
use crate::table::listing::all_rows;
use crate::table::schema::BILLING;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use tollgate_domain::UserId;

/// A key of the table.
type Key = [(&'static str, AttributeValue); 2];

fn key(pk: impl Into<String>, sk: impl Into<String>) -> Key {
    [("pk", s(pk)), ("sk", s(sk))]
}

fn user_partition(user: &UserId) -> String {
    format!("USER#{user}")
}

impl Tables {
    /// The current items of partition `pk` whose sort key starts with `prefix`.
    async fn billing_items(&self, pk: String, prefix: &str) -> Result<Vec<Item>, StoreError> {
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

    async fn billing_item(&self, [(pk, partition), (sk, sort)]: Key) -> Result<Option<Item>, StoreError> {
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

fn yes() -> AttributeValue {
    AttributeValue::Bool(true)
}

fn no() -> AttributeValue {
    AttributeValue::Bool(false)
}

/// The type of an item, by its sort key.
fn sort_key(item: &Item) -> &str {
    item.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str).unwrap_or_default()
}
