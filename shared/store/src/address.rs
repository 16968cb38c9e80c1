//! The change of an account's address: it takes effect when the new one is proved, and who proves it first has it.

use crate::accounts::{Part, address_marker};
use crate::audit::audit_item;
use crate::codec::{n, s};
use crate::gate::gate_key;
use crate::outbox::{Outgoing, outbox_item};
use crate::profiles::{Credentials, PROVED, Profile, credentials_item, email_marker_key, initial, user_key};
use crate::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY, OUTBOX, SESSIONS};
use crate::sessions::use_up;
use crate::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Update};
use jiff::Timestamp;
use tollgate_domain::Email;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::onetime::OneTimeRow;

/// An address that takes the place of another.
#[derive(Clone, Copy)]
pub struct AddressChange<'a> {
    /// The account as it stands.
    pub profile: &'a Profile,
    /// Its password, which moves with it.
    pub credentials: Option<&'a Credentials>,
    /// What the gate says: neither a new password nor a takeover may come between.
    pub password_version: u64,
    /// The address to have.
    pub to: &'a Email,
    /// The row whose link or code proves it.
    pub row: &'a OneTimeRow,
    /// The notice to the old one.
    pub notice: &'a Outgoing,
    /// The order to tell Stripe.
    pub order: &'a Outgoing,
    /// The entry of it.
    pub audit: &'a AuditEntry,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedAddress {
    /// The account has the new address.
    Done,
    /// Another account has it.
    Taken,
    /// The account is not what it was, or the proof is used up.
    Changed,
}

impl Store {
    /// Moves an account to another address: marker, credentials and profile at once.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn change_address(
        &self,
        change: &AddressChange<'_>,
        now: Timestamp,
    ) -> Result<ChangedAddress, StoreError> {
        let (profile, to) = (change.profile, change.to);
        let user = s(profile.id.to_string());
        let moved = Update::builder()
            .key("pk", user_key(&profile.id))
            .update_expression("SET email = :email, email_key = :key, email_initial = :initial, email_verified = :true, #list = :proved")
            .condition_expression("email_key = :old")
            .expression_attribute_values(":email", s(to.as_str()))
            .expression_attribute_values(":key", s(to.key()))
            .expression_attribute_values(":initial", s(initial(to.key())))
            .expression_attribute_names("#list", PROVED.0)
            .expression_attribute_values(":proved", s(PROVED.1))
            .expression_attribute_values(":old", s(profile.email.key()))
            .expression_attribute_values(":true", AttributeValue::Bool(true));
        let freed = Delete::builder()
            .key("pk", email_marker_key(&profile.email))
            .condition_expression("user_id = :user")
            .expression_attribute_values(":user", user.clone());
        let same = ConditionCheck::builder()
            .key("pk", gate_key(&profile.id))
            .condition_expression("is_active = :true AND password_version = :version")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":version", n(change.password_version));
        let mut transaction = self
            .transaction()
            .create(Part::Email, IDENTITY, address_marker(to, &profile.id)?)
            .update(Part::Proof, IDENTITY, moved)
            .delete(Part::Proof, IDENTITY, freed)
            .check(Part::Proof, GATE, same)
            .update(Part::Proof, SESSIONS, use_up(change.row, "used_at", now))
            .create(Part::Other, OUTBOX, outbox_item(change.notice)?)
            .create(Part::Other, OUTBOX, outbox_item(change.order)?)
            .create(Part::Other, AUDIT, audit_item(change.audit)?);
        if let Some(credentials) = change.credentials {
            let left = Delete::builder()
                .key("pk", s(profile.email.key()))
                .condition_expression("user_id = :user AND password_version = :version")
                .expression_attribute_values(":user", user)
                .expression_attribute_values(":version", n(credentials.password_version));
            transaction = transaction.delete(Part::Proof, CREDENTIALS, left).create(
                Part::Email,
                CREDENTIALS,
                credentials_item(to, credentials)?,
            );
        }
        match transaction.run().await {
            Ok(()) => Ok(ChangedAddress::Done),
            Err(Refusal::Condition(Part::Email)) => Ok(ChangedAddress::Taken),
            Err(Refusal::Condition(Part::Proof)) => Ok(ChangedAddress::Changed),
            Err(other) => Err(other.unexpected()),
        }
    }
}
