//! The count of active admins, of which one always stays.

use crate::roles::ManageAccounts;
use crate::table::codec::{n, s};
use crate::table::schema::GATE;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::Update;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;

/// The item that counts the active admins.
pub(crate) const ADMINS: &str = "ADMINS";

impl<R: ManageAccounts> Store<R> {
    /// Whether there has ever been an admin.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn has_admins(&self) -> Result<bool, StoreError> {
        Ok(self.get(GATE, s(ADMINS)).await?.is_some())
    }
}

/// An update that changes the count of active admins by one; it refuses to remove the last one.
pub(crate) fn count_admins(up: bool) -> UpdateBuilder {
    let update = Update::builder().key("pk", s(ADMINS)).expression_attribute_names("#count", "count");
    if up {
        update.update_expression("ADD #count :one SET v = :one").expression_attribute_values(":one", n(1))
    } else {
        update
            .update_expression("SET #count = #count - :one")
            .condition_expression("#count > :one")
            .expression_attribute_values(":one", n(1))
    }
}
