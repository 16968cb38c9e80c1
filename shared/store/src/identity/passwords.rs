//! Passwords: the stored hashes (`credentials`), and their changes by a mailed link or with the old password.

use crate::audit::audit_item;
use crate::gate::gate_key;
use crate::identity::verification::address_verification;
use crate::identity::{Condition, outcome};
use crate::outbox::{OutboxMessage, outbox_item};
use crate::roles::UsePasswords;
use crate::sessions::secrets::use_up;
use crate::table::codec::SCHEMA_VERSION;
use crate::table::codec::{Item, item, n, read, s};
use crate::table::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY, OUTBOX, SESSIONS};
use crate::table::transaction::Transaction;
use crate::table::update::conditional;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::{Email, SessionId, UserId};

/// A change of password.
#[derive(Clone)]
pub struct NewPassword<'a> {
    /// The user.
    pub user_id: UserId,
    /// The address of the account: the key of its credentials.
    pub email: &'a Email,
    /// Argon2id in PHC form.
    pub hash: String,
    /// The version that it replaces: concurrent sign-ins fail.
    pub replaces_version: u64,
    /// The notice to the user.
    pub notice: OutboxMessage,
    /// The audit entries.
    pub audit: &'a [AuditEntry],
}

/// The credentials of an address: one read for each sign-in.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// The user.
    pub user_id: UserId,
    /// Argon2id in PHC form.
    pub hash: String,
    /// The password version of the gate.
    pub password_version: u64,
}

impl<R: UsePasswords> Store<R> {
    /// Sets a password by the link of `row`: uses it up, verifies the address, ends every session. `false` when the row
    /// is used up or the account is no longer as it was.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn reset_password(
        &self,
        new: &NewPassword<'_>,
        row: &OneTimeRow,
        verifies: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let gate = Update::builder()
            .update_expression("SET password_version = :next, has_password = :true, sessions = :sessions")
            .condition_expression("password_version = :version AND is_active = :true")
            .expression_attribute_values(":sessions", AttributeValue::M(Item::new()))
            .expression_attribute_values(":true", AttributeValue::Bool(true));
        let mut transaction =
            self.transaction().update(Condition::EmailUnverified, SESSIONS, use_up(row, "used_at", now));
        transaction = with_password(transaction, new, gate)?;
        if verifies {
            transaction = transaction.update(
                Condition::EmailUnverified,
                IDENTITY,
                address_verification(&row.user_id, &row.email_key),
            );
        }
        outcome(transaction.run().await)
    }

    /// Changes a password in `session`, which continues while all others end. Returns `false` when the session or the
    /// compared password has changed.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn change_password(
        &self,
        new: &NewPassword<'_>,
        session: (&SessionId, Timestamp),
    ) -> Result<bool, StoreError> {
        let own = Item::from([(session.0.to_string(), s(session.1.to_string()))]);
        let gate = Update::builder()
            .update_expression("SET password_version = :next, has_password = :true, sessions = :sessions")
            .condition_expression(
                "password_version = :version AND is_active = :true AND attribute_exists(sessions.#own)",
            )
            .expression_attribute_names("#own", session.0.to_string())
            .expression_attribute_values(":sessions", AttributeValue::M(own))
            .expression_attribute_values(":true", AttributeValue::Bool(true));
        outcome(with_password(self.transaction(), new, gate)?.run().await)
    }

    /// The credentials of an address.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn credentials(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        self.get(CREDENTIALS, s(email.key())).await?.map(|item| read(CREDENTIALS, item)).transpose()
    }

    /// Replaces `old` by a stronger hash of the same password, unless it has changed.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn renew_hash(&self, email: &Email, old: &str, new: &str) -> Result<(), StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(self.table(CREDENTIALS))
            .key("pk", s(email.key()))
            .update_expression("SET #hash = :new")
            .condition_expression("#hash = :old")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":old", s(old))
            .expression_attribute_values(":new", s(new));
        conditional(call).await.map(|_| ())
    }
}

/// Adds the writes of a new password: credentials, gate, notice and entries.
fn with_password<'a>(
    transaction: Transaction<'a, Condition>,
    new: &NewPassword<'_>,
    gate: UpdateBuilder,
) -> Result<Transaction<'a, Condition>, StoreError> {
    let versions = |update: UpdateBuilder| {
        update
            .expression_attribute_values(":version", n(new.replaces_version))
            .expression_attribute_values(":next", n(new.replaces_version + 1))
    };
    let credentials = Update::builder()
        .key("pk", s(new.email.key()))
        .update_expression("SET #hash = :hash, password_version = :next, user_id = :user, v = :v")
        // An account of a provider has no credentials yet; the gate's condition checks that it is still that account.
        .condition_expression("attribute_not_exists(pk) OR (user_id = :user AND password_version = :version)")
        .expression_attribute_names("#hash", "hash")
        .expression_attribute_values(":hash", s(&new.hash))
        .expression_attribute_values(":v", n(SCHEMA_VERSION))
        .expression_attribute_values(":user", s(new.user_id.to_string()));
    let mut transaction = transaction
        .update(Condition::EmailUnverified, CREDENTIALS, versions(credentials))
        .update(Condition::EmailUnverified, GATE, versions(gate.key("pk", gate_key(&new.user_id))))
        .create(Condition::Invariant, OUTBOX, outbox_item(&new.notice)?);
    for entry in new.audit {
        transaction = transaction.create(Condition::Invariant, AUDIT, audit_item(entry)?);
    }
    Ok(transaction)
}

pub(crate) fn credentials_item(email: &Email, credentials: &Credentials) -> Result<Item, StoreError> {
    item(credentials, [("pk", s(email.key()))])
}
