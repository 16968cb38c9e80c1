//! The desk: what the service notes for itself. For now how far each sweep came.

use crate::codec::{item, read, s};
use crate::schema::DESK;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a sweep came.
#[derive(Serialize, Deserialize)]
struct SweepPlace {
    at: Timestamp,
}

fn sweep_key(name: &str) -> [(&'static str, AttributeValue); 2] {
    [("pk", s(format!("SWEEP#{name}"))), ("sk", s("PLACE"))]
}

impl Store {
    /// Up to where the sweep of this name has done everything; `None` where it never came to an end.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn sweep_place(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let [(pk, sweep), (sk, place)] = sweep_key(name);
        let call =
            self.client.get_item().table_name(self.table(DESK)).key(pk, sweep).key(sk, place).consistent_read(true);
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        answer.item.map(|item| read::<SweepPlace>(DESK, item).map(|place| place.at)).transpose()
    }

    /// Notes that the sweep of this name has done everything up to `at`.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn keep_sweep_place(&self, name: &str, at: Timestamp) -> Result<(), StoreError> {
        let item = item(&SweepPlace { at }, sweep_key(name))?;
        let call = self.client.put_item().table_name(self.table(DESK)).set_item(Some(item));
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }
}
