//! The progress of the reconciliation with Stripe: the run, each page of Stripe's lists that it has read, and the
//! customers that it could not repair. It is one partition of the table `system`.

use crate::roles::Reconcile;
use crate::table::client::Tables;
use crate::table::codec::{Item, item, n, read, s};
use crate::table::listing::all_rows;
use crate::table::schema::SYSTEM;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const PARTITION: &str = "RECONCILIATION";
const RUN: &str = "RUN";
const PAGE: &str = "PAGE#";
const FAILED: &str = "FAILED#";
/// The rows of a run that was never resumed are removed after this time.
const KEPT_SECONDS: i64 = 7 * 86_400;

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// Its id.
    pub id: String,
    /// When it began.
    pub begun_at: Timestamp,
    /// It compares the invoices, charges, refunds and disputes that were created since then.
    pub since: Timestamp,
}

/// A page of one of Stripe's lists that a run has read and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconciledPage {
    /// The run.
    pub run: String,
    /// Its number within the run.
    pub number: u32,
    /// The list.
    pub list: String,
    /// After which of Stripe's ids the next page of the list starts; `None` for the last page.
    #[serde(default)]
    pub next: Option<String>,
    /// Our customers that are named on it, by Stripe's id.
    #[serde(default)]
    pub customers: Vec<String>,
    /// Those of them that are stored differently and that no earlier page of the run names here.
    #[serde(default)]
    pub differing: Vec<String>,
    /// Whether the differing customers were repaired, or are recorded as failed.
    #[serde(default)]
    pub is_repaired: bool,
}

/// All stored data of reconciliation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReconciliationState {
    /// The run that has not ended.
    pub run: Option<Reconciliation>,
    /// The pages, in their order. Pages of other runs may be among them.
    pub pages: Vec<ReconciledPage>,
    /// The customers, by Stripe's id, that an earlier run could not repair.
    pub failed: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct FailedCustomer {
    stripe_customer_id: String,
}

fn key(sk: String) -> [(&'static str, AttributeValue); 2] {
    [("pk", s(PARTITION)), ("sk", s(sk))]
}

fn page_key(number: u32) -> String {
    format!("{PAGE}{number:08}")
}

impl<R: Reconcile> Store<R> {
    /// Reads all stored data of reconciliation.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or an item is corrupt.
    pub async fn reconciliation(&self) -> Result<ReconciliationState, StoreError> {
        let call = self
            .client
            .query()
            .table_name(self.table(SYSTEM))
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(PARTITION))
            .consistent_read(true);
        let mut state = ReconciliationState::default();
        for row in all_rows(call).await? {
            let sk = row.get("sk").and_then(|sk| sk.as_s().ok()).cloned().unwrap_or_default();
            if sk == RUN {
                state.run = Some(read(SYSTEM, row)?);
            } else if sk.starts_with(PAGE) {
                state.pages.push(read(SYSTEM, row)?);
            } else {
                state.failed.push(read::<FailedCustomer>(SYSTEM, row)?.stripe_customer_id);
            }
        }
        Ok(state)
    }

    /// Stores the run and replaces any other.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn store_reconciliation(&self, run: &Reconciliation) -> Result<(), StoreError> {
        self.put_reconciliation_row(item(run, key(RUN.to_owned()))?).await
    }

    /// Deletes the run: it has ended.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn end_reconciliation(&self) -> Result<(), StoreError> {
        self.delete_reconciliation_row(RUN.to_owned()).await
    }

    /// Stores a page and replaces any other of its number.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn store_reconciled_page(&self, page: &ReconciledPage, now: Timestamp) -> Result<(), StoreError> {
        let mut row = item(page, key(page_key(page.number)))?;
        row.insert("ttl".to_owned(), n(now.as_second() + KEPT_SECONDS));
        self.put_reconciliation_row(row).await
    }

    /// Deletes the page of this number.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn forget_reconciled_page(&self, number: u32) -> Result<(), StoreError> {
        self.delete_reconciliation_row(page_key(number)).await
    }

    /// Records a customer that could not be repaired, so that the next run finds it.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn store_failed_customer(&self, stripe_customer: &str) -> Result<(), StoreError> {
        let failed = FailedCustomer { stripe_customer_id: stripe_customer.to_owned() };
        self.put_reconciliation_row(item(&failed, key(format!("{FAILED}{stripe_customer}")))?).await
    }

    /// Deletes the record of a customer that could not be repaired.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn forget_failed_customer(&self, stripe_customer: &str) -> Result<(), StoreError> {
        self.delete_reconciliation_row(format!("{FAILED}{stripe_customer}")).await
    }
}

impl Tables {
    async fn put_reconciliation_row(&self, row: Item) -> Result<(), StoreError> {
        let call = self.client.put_item().table_name(self.table(SYSTEM)).set_item(Some(row));
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }

    async fn delete_reconciliation_row(&self, sk: String) -> Result<(), StoreError> {
        let [(pk, partition), (sk, sort)] = key(sk);
        let call = self.client.delete_item().table_name(self.table(SYSTEM)).key(pk, partition).key(sk, sort);
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }
}
