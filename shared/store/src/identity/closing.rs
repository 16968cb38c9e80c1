//! How accounts are closed by their owner or an admin: deactivated or deleted. A deleted account is in no list and cannot
//! sign in from then on; its personal data is erased afterwards.

use crate::identity::profile::{CLOSED, user_key};
use crate::identity::rights::{RightsChange, flag, rights};
use crate::outbox::OutboxMessage;
use crate::roles::CloseAccounts;
use crate::table::codec::{Item, s};
use crate::table::listing::Partition;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::gate::{Closing, Gate};

/// The partition of the deleted accounts to erase.
pub(crate) const DELETED: Partition = (CLOSED.0, "deleted");

impl<R: CloseAccounts> Store<R> {
    /// Closes the account of `gate`, active or not: its user cannot sign in, every session ends, and `command` ends the
    /// subscription at Stripe, with its period or, for a deleted account, at once. A deleted account is in no list.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn close_account(
        &self,
        gate: &Gate,
        closing: Closing,
        command: &OutboxMessage,
        audit: &AuditEntry,
    ) -> Result<RightsChange, StoreError> {
        let no = || AttributeValue::Bool(false);
        let close = rights(gate)
            .expression_attribute_values(":false", no())
            .expression_attribute_values(":none", AttributeValue::M(Item::new()));
        let (close, profile) = match closing {
            Closing::Deactivated => (
                close
                    .update_expression("SET is_active = :false, #left = :new, sessions = :none")
                    .expression_attribute_values(":new", s("deactivated")),
                flag(&gate.user_id, ("is_active", false), CLOSED, true),
            ),
            Closing::Deleted => (
                close
                    .update_expression("SET is_active = :false, #left = :new, sessions = :none, is_admin = :false")
                    .expression_attribute_values(":new", s("deleted")),
                Update::builder()
                    .key("pk", user_key(&gate.user_id))
                    .condition_expression("attribute_exists(pk)")
                    .update_expression(
                        "SET is_active = :false, is_admin = :false, closed = :deleted \
                         REMOVE #list, admin, email_initial, username_initial, domain_initial",
                    )
                    .expression_attribute_names("#list", "list")
                    .expression_attribute_values(":false", no())
                    .expression_attribute_values(":deleted", s(DELETED.1)),
            ),
        };
        // A closed admin is not counted.
        let counted = (gate.is_admin && gate.is_active).then_some(false);
        self.change_rights(close, profile, counted, Some(command), audit).await
    }
}
