//! The client of the tables of one deployment, which everything in this crate is built on.

use crate::StoreError;
use crate::table::codec::Item;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use aws_types::SdkConfig;
use std::sync::Arc;

/// The tables whose names start with `prefix`. It has no public method: what a caller may do depends on its role.
#[derive(Clone, Debug)]
pub struct Tables {
    pub(crate) client: Client,
    prefix: Arc<str>,
}

impl Tables {
    pub(crate) fn new(sdk: &SdkConfig, prefix: Arc<str>) -> Self {
        Self { client: Client::new(sdk), prefix }
    }

    pub(crate) fn table(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The item of a table without a sort key.
    pub(crate) async fn get(&self, table: &'static str, key: AttributeValue) -> Result<Option<Item>, StoreError> {
        let call = self.client.get_item().table_name(self.table(table)).key("pk", key).consistent_read(true);
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        Ok(answer.item)
    }
}
