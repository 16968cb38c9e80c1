//! The verification of an account's address.

use crate::audit::audit_item;
use crate::identity::profile::{VERIFIED, user_key};
use crate::identity::{Condition, outcome};
use crate::roles::ManageAccounts;
use crate::sessions::secrets::use_up;
use crate::table::codec::s;
use crate::table::schema::{AUDIT, IDENTITY, SESSIONS};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use jiff::Timestamp;
use tollgate_domain::UserId;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::onetime::OneTimeRow;

impl<R: ManageAccounts> Store<R> {
    /// Marks the address of `user` as verified, on condition that it is still the row's. With `by_code` the row's code
    /// is used up in the same write. Returns `false` when it was verified, used up or changed before.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn verify_email(
        &self,
        row: &OneTimeRow,
        by_code: bool,
        audit: &AuditEntry,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.transaction().update(
            Condition::EmailUnverified,
            IDENTITY,
            address_verification(&row.user_id, &row.email_key),
        );
        if by_code {
            transaction = transaction.update(Condition::EmailUnverified, SESSIONS, use_up(row, "code_used_at", now));
        }
        outcome(transaction.create(Condition::Invariant, AUDIT, audit_item(audit)?).run().await)
    }
}

/// The update that verifies an address, on condition that it is still the account's, that it was not verified, and that
/// the account was not deleted: a deleted one is in no list.
pub(crate) fn address_verification(user: &UserId, email_key: &str) -> UpdateBuilder {
    Update::builder()
        .key("pk", user_key(user))
        .update_expression("SET email_verified = :true, #list = :verified")
        .condition_expression("email_key = :key AND email_verified = :false AND attribute_exists(#list)")
        .expression_attribute_names("#list", VERIFIED.0)
        .expression_attribute_values(":verified", s(VERIFIED.1))
        .expression_attribute_values(":true", AttributeValue::Bool(true))
        .expression_attribute_values(":false", AttributeValue::Bool(false))
        .expression_attribute_values(":key", s(email_key))
}
