//! The index of what is due: subscriptions that are to be looked at again, by when, spread by their id. What was handled
//! stands there with another time or not at all, so that the index itself is the sweep's place.

use crate::codec::{Item, read, s};
use crate::schema::BILLING;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::Timestamp;
use serde::Deserialize;
use tollgate_domain::billing::{Grace, Subscription};
use tollgate_domain::{SubscriptionId, UserId};

/// The index spreads over so many partitions.
pub const DUE_SHARDS: u64 = 8;

/// How many are read at once.
const PAGE: i32 = 100;

/// A subscription that is due.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Due {
    /// Whose it is.
    pub user_id: UserId,
    /// Which.
    pub id: SubscriptionId,
}

/// One page of what is due.
#[derive(Debug)]
pub struct DuePage {
    /// What is due.
    pub items: Vec<Due>,
    /// Where the next page starts.
    pub next: Option<Item>,
}

fn shard_of(id: &SubscriptionId) -> u64 {
    id.bare().bytes().fold(0, |sum: u64, byte| sum + u64::from(byte)) % DUE_SHARDS
}

/// The attributes by which a subscription stands in the index, while it is to be looked at again.
pub(super) fn due_attributes(subscription: &Subscription, grace: Grace) -> Option<[(&'static str, AttributeValue); 2]> {
    let due_at = subscription.due_at(grace)?;
    let shard = s(format!("DUE#{}", shard_of(&subscription.id)));
    Some([("due_shard", shard), ("due_at", s(format!("{due_at}#{}", subscription.id)))])
}

impl Store {
    /// What is due at `now` in one shard, the longest due first.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn due(&self, shard: u64, now: Timestamp, from: Option<Item>) -> Result<DuePage, StoreError> {
        let call = self
            .client
            .query()
            .table_name(self.table(BILLING))
            .index_name("due")
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", s(format!("DUE#{shard}")))
            // Behind every id of that moment.
            .expression_attribute_values(":now", s(format!("{now}$")))
            .limit(PAGE)
            .set_exclusive_start_key(from)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let page = call.send().await.map_err(StoreError::of)?;
        let items = page.items.unwrap_or_default().into_iter().map(|row| read(BILLING, row));
        Ok(DuePage { items: items.collect::<Result<_, _>>()?, next: page.last_evaluated_key })
    }
}
