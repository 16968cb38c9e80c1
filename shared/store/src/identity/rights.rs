//! Changes of what a user may do. The gate decides, and the profile has a copy, written in the same transaction, so that a
//! list reads only profiles.

use crate::audit::audit_item;
use crate::gate::admins::count_admins;
use crate::gate::gate_key;
use crate::identity::profile::{ADMIN, CLOSED, Profile, user_key};
use crate::identity::verification::address_verification;
use crate::identity::{Condition, outcome};
use crate::outbox::{OutboxMessage, outbox_item};
use crate::roles::ChangeRights;
use crate::table::client::Tables;
use crate::table::codec::{Item, n, s};
use crate::table::listing::Partition;
use crate::table::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY, OUTBOX};
use crate::table::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Update};
use tollgate_domain::UserId;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::gate::{Closing, Gate};

/// The result of a change of a user's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsChange {
    /// The change was made.
    Done,
    /// It would leave no active admin.
    LastAdmin,
    /// The user's rights have changed, or the user was deleted.
    Changed,
}

impl<R: ChangeRights> Store<R> {
    /// Enables or disables the account of `gate`; when it is disabled, every session ends. An account that its owner
    /// has closed is enabled like any other.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn set_active(
        &self,
        gate: &Gate,
        is_active: bool,
        audit: &AuditEntry,
    ) -> Result<RightsChange, StoreError> {
        let update = rights(gate).expression_attribute_values(":new", AttributeValue::Bool(is_active));
        let update = match is_active {
            true => update.update_expression("SET is_active = :new REMOVE #left"),
            false => update
                .update_expression("SET is_active = :new, sessions = :none")
                .expression_attribute_values(":none", AttributeValue::M(Item::new())),
        };
        let profile = flag(&gate.user_id, ("is_active", is_active), CLOSED, !is_active);
        self.change_rights(update, profile, gate.is_admin.then_some(is_active), None, audit).await
    }

    /// Makes the user of `gate` an admin, or removes the role.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn set_admin(&self, gate: &Gate, is_admin: bool, audit: &AuditEntry) -> Result<RightsChange, StoreError> {
        let update = rights(gate)
            .update_expression("SET is_admin = :new")
            .expression_attribute_values(":new", AttributeValue::Bool(is_admin));
        let profile = flag(&gate.user_id, ("is_admin", is_admin), ADMIN, is_admin);
        // A user who may not sign in is not counted.
        self.change_rights(update, profile, gate.is_active.then_some(is_admin), None, audit).await
    }

    /// Marks the address of `profile` as verified by an admin. The previous password becomes invalid, since its owner
    /// has not verified the address. Returns `false` when the address was verified or changed in between.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn set_verified(
        &self,
        profile: &Profile,
        password_version: u64,
        audit: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let verification = address_verification(&profile.id, profile.email.key());
        let password = Delete::builder()
            .key("pk", s(profile.email.key()))
            .condition_expression("attribute_not_exists(pk) OR (user_id = :user AND password_version = :version)")
            .expression_attribute_values(":user", s(profile.id.to_string()))
            .expression_attribute_values(":version", n(password_version));
        let gate = Update::builder()
            .key("pk", gate_key(&profile.id))
            .update_expression("SET password_version = :next, has_password = :false, sessions = :none")
            .condition_expression("password_version = :version")
            .expression_attribute_values(":version", n(password_version))
            .expression_attribute_values(":next", n(password_version + 1))
            .expression_attribute_values(":none", AttributeValue::M(Item::new()))
            .expression_attribute_values(":false", AttributeValue::Bool(false));
        let transaction = self
            .transaction()
            .update(Condition::EmailUnverified, IDENTITY, verification)
            .delete(Condition::EmailUnverified, CREDENTIALS, password)
            .update(Condition::EmailUnverified, GATE, gate);
        outcome(transaction.create(Condition::Invariant, AUDIT, audit_item(audit)?).run().await)
    }
}

impl Tables {
    /// Changes gate and profile together; `counted` is the change of the number of active admins.
    pub(crate) async fn change_rights(
        &self,
        gate: UpdateBuilder,
        profile: UpdateBuilder,
        counted: Option<bool>,
        command: Option<&OutboxMessage>,
        audit: &AuditEntry,
    ) -> Result<RightsChange, StoreError> {
        let mut transaction = self.transaction().update(Condition::EmailUnverified, GATE, gate).update(
            Condition::EmailUnverified,
            IDENTITY,
            profile,
        );
        if let Some(up) = counted {
            transaction = transaction.update(Condition::Admins, GATE, count_admins(up));
        }
        if let Some(command) = command {
            transaction = transaction.create(Condition::Invariant, OUTBOX, outbox_item(command)?);
        }
        match transaction.create(Condition::Invariant, AUDIT, audit_item(audit)?).run().await {
            Ok(()) => Ok(RightsChange::Done),
            Err(Refusal::Condition(Condition::Admins)) => Ok(RightsChange::LastAdmin),
            Err(Refusal::Condition(Condition::EmailUnverified)) => Ok(RightsChange::Changed),
            Err(other) => Err(other.unexpected()),
        }
    }
}

/// A change of a gate, on condition that the user's rights are those of `gate`.
pub(crate) fn rights(gate: &Gate) -> UpdateBuilder {
    let (closing_condition, closing) = match gate.closing {
        None => ("attribute_not_exists(#left)", None),
        Some(Closing::Deactivated) => ("#left = :left", Some(s("deactivated"))),
        Some(Closing::Deleted) => ("#left = :left", Some(s("deleted"))),
    };
    let update = Update::builder()
        .key("pk", gate_key(&gate.user_id))
        .condition_expression(format!("is_active = :active AND is_admin = :admin AND {closing_condition}"))
        .expression_attribute_names("#left", "left")
        .expression_attribute_values(":active", AttributeValue::Bool(gate.is_active))
        .expression_attribute_values(":admin", AttributeValue::Bool(gate.is_admin));
    match closing {
        None => update,
        Some(closing) => update.expression_attribute_values(":left", closing),
    }
}

/// The same on the profile: the flag, and whether the user is in the index of users with `mark`.
pub(crate) fn flag(
    user: &UserId,
    (name, value): (&str, bool),
    (mark, partition): Partition,
    is_marked: bool,
) -> UpdateBuilder {
    let update = Update::builder()
        .key("pk", user_key(user))
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_names("#flag", name)
        .expression_attribute_names("#mark", mark)
        .expression_attribute_values(":flag", AttributeValue::Bool(value));
    match is_marked {
        true => update
            .update_expression("SET #flag = :flag, #mark = :mark")
            .expression_attribute_values(":mark", s(partition)),
        false => update.update_expression("SET #flag = :flag REMOVE #mark"),
    }
}
