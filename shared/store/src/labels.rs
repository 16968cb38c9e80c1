//! Labels.

use crate::roles::ReadLabels;
use crate::table::codec::s;
use crate::table::schema::LABELS;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

impl<R: ReadLabels> Store<R> {
    /// Whether there is a label.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn has_label(&self) -> Result<bool, StoreError> {
        let call = self.client.get_item().table_name(self.table(LABELS)).key("pk", s("LABEL"));
        let answer =
            call.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.map_err(StoreError::of)?;
        Ok(answer.item.is_some())
    }
}
