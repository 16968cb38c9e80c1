//! The service's own data: positions of sweeps, and the statistics.

pub(crate) mod reconciliation;

use crate::roles::{ReadStatistics, RunSchedules};
use crate::table::client::Tables;
use crate::table::codec::{Item, item, read, s};
use crate::table::listing::all_rows;
use crate::table::schema::SYSTEM;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tollgate_domain::statistics::{DayRow, Totals};

/// The partition of the statistics.
const STATISTICS: &str = "STATISTICS";
/// The prefix of the sort key of a day's row.
const DAY: &str = "DAY#";

/// The position of a sweep.
#[derive(Serialize, Deserialize)]
struct SweepPosition {
    at: Timestamp,
}

type Key = [(&'static str, AttributeValue); 2];

fn sweep_key(name: &str) -> Key {
    [("pk", s(format!("SWEEP#{name}"))), ("sk", s("PLACE"))]
}

fn run_key(schedule: &str) -> Key {
    [("pk", s(format!("SWEEP#{schedule}"))), ("sk", s("RUN"))]
}

fn statistics_key() -> Key {
    [("pk", s(STATISTICS)), ("sk", s("TOTALS"))]
}

impl<R: RunSchedules> Store<R> {
    /// The time up to which the sweep of this name is complete; `None` if it never completed.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn sweep_position(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.system_item::<SweepPosition>(sweep_key(name)).await?.map(|place| place.at))
    }

    /// Records that the sweep of this name is complete up to `at`.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn store_sweep_position(&self, name: &str, at: Timestamp) -> Result<(), StoreError> {
        self.put_system_item(item(&SweepPosition { at }, sweep_key(name))?).await
    }

    /// When the schedule of this name last began a run that reached its end; `None` before the first one.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn schedule_run(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.system_item::<SweepPosition>(run_key(name)).await?.map(|place| place.at))
    }

    /// Records that a run of the schedule of this name, begun at `at`, has reached its end.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn put_schedule_run(&self, name: &str, at: Timestamp) -> Result<(), StoreError> {
        self.put_system_item(item(&SweepPosition { at }, run_key(name))?).await
    }

    /// Stores the rows of days and then the totals, which say that the rows are complete.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn store_statistics(&self, totals: &Totals, rows: &[DayRow]) -> Result<(), StoreError> {
        for row in rows {
            let key = [("pk", s(STATISTICS)), ("sk", s(format!("{DAY}{}", row.day.date)))];
            self.put_system_item(item(row, key)?).await?;
        }
        self.put_system_item(item(totals, statistics_key())?).await
    }
}

impl<R: ReadStatistics> Store<R> {
    /// The totals of the statistics that were counted last; `None` before the first time.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn statistics(&self) -> Result<Option<Totals>, StoreError> {
        self.system_item(statistics_key()).await
    }

    /// The rows of the statistics since a day, the oldest first. The read is eventually consistent.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn statistics_days(&self, since: Date) -> Result<Vec<DayRow>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.table(SYSTEM))
            .key_condition_expression("pk = :pk AND sk BETWEEN :since AND :last")
            .expression_attribute_values(":pk", s(STATISTICS))
            .expression_attribute_values(":since", s(format!("{DAY}{since}")))
            .expression_attribute_values(":last", s(format!("{DAY}~")));
        let rows = all_rows(query).await?;
        rows.into_iter().map(|row| read(SYSTEM, row)).collect()
    }
}

impl Tables {
    async fn system_item<T: DeserializeOwned>(
        &self,
        [(pk, partition), (sk, sort)]: Key,
    ) -> Result<Option<T>, StoreError> {
        let call = self
            .client
            .get_item()
            .table_name(self.table(SYSTEM))
            .key(pk, partition)
            .key(sk, sort)
            .consistent_read(true);
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        answer.item.map(|item| read(SYSTEM, item)).transpose()
    }

    async fn put_system_item(&self, item: Item) -> Result<(), StoreError> {
        let call = self.client.put_item().table_name(self.table(SYSTEM)).set_item(Some(item));
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }
}
