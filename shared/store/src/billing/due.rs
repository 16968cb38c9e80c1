//! The index of due subscriptions: by the time of their next sync, sharded by id. A handled one has a later time or is
//! removed, so that the index itself is the position of the sweep.

use super::customers::SUBSCRIPTION;
use super::rows::{key, user_partition};
use crate::roles::{ReadDue, SweepBilling};
use crate::table::client::Tables;
use crate::table::codec::{Item, read, s};
use crate::table::schema::BILLING;
use crate::table::update::conditional;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tollgate_domain::billing::{DuePlace, Grace, Status, Subscription};
use tollgate_domain::{PlanId, SubscriptionId, UserId};

/// The number of shards of the index.
const DUE_SHARDS: u64 = 8;

/// How many are read in one page.
const PAGE: i32 = 100;

/// A subscription that is due.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Due {
    /// The user.
    pub user_id: UserId,
    /// The subscription.
    pub id: SubscriptionId,
    /// Its position.
    pub status: Status,
}

/// One page of the index.
#[derive(Debug)]
pub struct DuePage {
    /// The items; it may be empty although more follow.
    pub items: Vec<Due>,
    /// The next position: in the same shard, or at the beginning of the next one. `None` at the end.
    pub next: Option<DuePlace>,
}

fn shard_of(id: &SubscriptionId) -> u64 {
    id.bare().bytes().fold(0, |sum: u64, byte| sum + u64::from(byte)) % DUE_SHARDS
}

/// The index attributes of a subscription that must be synchronised again.
pub(super) fn due_attributes(subscription: &Subscription, grace: Grace) -> Option<[(&'static str, AttributeValue); 2]> {
    let due_at = subscription.due_at(grace)?;
    let shard = s(format!("DUE#{}", shard_of(&subscription.id)));
    Some([("due_shard", shard), ("due_at", s(format!("{due_at}#{}", subscription.id)))])
}

impl<R: ReadDue> Store<R> {
    /// The subscriptions due at `now`, the oldest of a shard first: the page from this position on.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn due(&self, now: Timestamp, from: &DuePlace) -> Result<DuePage, StoreError> {
        let query = self
            .due_query(from)?
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            // Sorts after every id of that second: as text, a fraction of it comes before the whole second.
            .expression_attribute_values(":now", s(format!("{now:.0}$")));
        due_page(query, from.shard).await
    }

    /// The subscriptions to a plan that give access or may give it: the page from this position on.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn subscriptions_of_plan(&self, plan: &PlanId, from: &DuePlace) -> Result<DuePage, StoreError> {
        let query = self
            .due_query(from)?
            .key_condition_expression("due_shard = :shard")
            .filter_expression("plan_id = :plan")
            .expression_attribute_values(":plan", s(plan.to_string()));
        due_page(query, from.shard).await
    }
}

impl<R: SweepBilling> Store<R> {
    /// Removes a subscription of `user` with this time from the index: it is not synchronised again until it is
    /// written.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn remove_due(&self, user: &UserId, due: &Subscription, grace: Grace) -> Result<(), StoreError> {
        let Some([_, (_, due_at)]) = due_attributes(due, grace) else { return Ok(()) };
        let [(pk, partition), (sk, sort)] = key(user_partition(user), format!("{SUBSCRIPTION}{}", due.id));
        let call = self
            .client
            .update_item()
            .table_name(self.table(BILLING))
            .key(pk, partition)
            .key(sk, sort)
            .update_expression("REMOVE due_shard, due_at")
            .condition_expression("due_at = :due_at")
            .expression_attribute_values(":due_at", due_at);
        conditional(call).await.map(|_| ())
    }
}

impl Tables {
    fn due_query(&self, from: &DuePlace) -> Result<QueryFluentBuilder, StoreError> {
        Ok(self
            .client
            .query()
            .table_name(self.table(BILLING))
            .index_name("due")
            .expression_attribute_values(":shard", s(format!("DUE#{}", from.shard)))
            .limit(PAGE)
            .set_exclusive_start_key(from.after.as_deref().map(key_of).transpose()?)
            .return_consumed_capacity(ReturnConsumedCapacity::Total))
    }
}

async fn due_page(query: QueryFluentBuilder, shard: u64) -> Result<DuePage, StoreError> {
    let page = query.send().await.map_err(StoreError::of)?;
    let items = page.items.unwrap_or_default().into_iter().map(|row| read(BILLING, row));
    let next = match page.last_evaluated_key {
        Some(key) => Some(DuePlace { shard, after: Some(text_of(&key)) }),
        None => (shard + 1 < DUE_SHARDS).then(|| DuePlace { shard: shard + 1, after: None }),
    };
    Ok(DuePage { items: items.collect::<Result<_, _>>()?, next })
}

/// A key of the index, all of whose attributes are texts, as JSON.
fn text_of(key: &Item) -> String {
    let texts = key.iter().filter_map(|(name, value)| Some((name.as_str(), Value::from(value.as_s().ok()?.as_str()))));
    Value::Object(texts.map(|(name, value)| (name.to_owned(), value)).collect()).to_string()
}

fn key_of(text: &str) -> Result<Item, StoreError> {
    let texts: BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|error| StoreError::Unexpected(error.to_string()))?;
    Ok(texts.into_iter().map(|(name, value)| (name, s(value))).collect())
}
