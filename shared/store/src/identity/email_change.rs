//! The change of an account's address: it takes effect when the new one is verified, and the first account to verify it
//! gets it.

use crate::audit::audit_item;
use crate::gate::gate_key;
use crate::identity::Condition;
use crate::identity::names::address_marker;
use crate::identity::names::email_marker_key;
use crate::identity::passwords::{Credentials, credentials_item};
use crate::identity::profile::{Profile, VERIFIED, domain_key, initial, user_key};
use crate::identity::providers::{by_provider, freed_identity};
use crate::outbox::{OutboxMessage, outbox_item};
use crate::roles::ManageAccounts;
use crate::sessions::secrets::decoy_item;
use crate::sessions::secrets::{onetime_item, pending_item, use_up};
use crate::table::codec::{n, s};
use crate::table::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY, OUTBOX, SESSIONS};
use crate::table::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Update};
use jiff::Timestamp;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::{Email, SessionId};

/// A change of address.
#[derive(Clone, Copy)]
pub struct AddressChange<'a> {
    /// The current state of the account.
    pub profile: &'a Profile,
    /// Its password, which moves to the new address.
    pub credentials: Option<&'a Credentials>,
    /// The expected state of the gate: neither a new password nor a takeover may happen in between.
    pub password_version: u64,
    /// The session that asked for it, which must be live.
    pub session: &'a SessionId,
    /// The new address.
    pub to: &'a Email,
    /// The row whose link or code verifies it.
    pub row: &'a OneTimeRow,
    /// The notice to the old one.
    pub notice: &'a OutboxMessage,
    /// The command that updates the customer at Stripe.
    pub command: &'a OutboxMessage,
    /// Its audit entries.
    pub audit: &'a [AuditEntry],
}

/// A request for another address, with all items that are written with it.
#[derive(Debug, Clone, Copy)]
pub struct AddressRequest<'a> {
    /// The row whose link or code verifies the new address; `None` past the cap of mails: decoys are written.
    pub row: Option<&'a OneTimeRow>,
    /// The mail to the new address: the link, a notice that it has an account, or a decoy.
    pub mail: &'a OutboxMessage,
    /// The notice to the current address.
    pub notice: &'a OutboxMessage,
    /// Its audit entry.
    pub audit: &'a AuditEntry,
}

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedAddress {
    /// The account has the new address.
    Done,
    /// Another account has it.
    Taken,
    /// The account has changed, or the secret is used up.
    Changed,
}

impl<R: ManageAccounts> Store<R> {
    /// Writes a request for another address: the same number and weight of items for a free and for a taken one (S6).
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn request_address(&self, request: &AddressRequest<'_>, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self
            .transaction()
            .create(Condition::Invariant, OUTBOX, outbox_item(request.mail)?)
            .create(Condition::Invariant, OUTBOX, outbox_item(request.notice)?)
            .create(Condition::Invariant, AUDIT, audit_item(request.audit)?);
        match request.row.and_then(|row| Some((row, row.new_email.as_ref()?))) {
            Some((row, address)) => {
                transaction = transaction.create(Condition::Invariant, SESSIONS, onetime_item(row)?).put_any(
                    Condition::Invariant,
                    SESSIONS,
                    pending_item(address, row)?,
                );
            }
            None => {
                for index in 0..2 {
                    let decoy = decoy_item(&request.mail.id, index, 400, now)?;
                    transaction = transaction.create(Condition::Invariant, SESSIONS, decoy);
                }
            }
        }
        transaction.run().await.map_err(Refusal::unexpected)
    }

    /// Moves an account to another address: marker, credentials and profile at once. Identities that were linked with
    /// another address are unlinked.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn change_address(
        &self,
        change: &AddressChange<'_>,
        now: Timestamp,
    ) -> Result<ChangedAddress, StoreError> {
        let (profile, to) = (change.profile, change.to);
        let freed = Delete::builder()
            .key("pk", email_marker_key(&profile.email))
            .condition_expression("user_id = :user")
            .expression_attribute_values(":user", s(profile.id.to_string()));
        let (moved, unlinked) = moved_profile(profile, to);
        let mut transaction = self
            .transaction()
            .create(Condition::Email, IDENTITY, address_marker(to, &profile.id)?)
            .update(Condition::EmailUnverified, IDENTITY, moved)
            .delete(Condition::EmailUnverified, IDENTITY, freed)
            .check(Condition::EmailUnverified, GATE, same_gate(change))
            .update(Condition::EmailUnverified, SESSIONS, use_up(change.row, "used_at", now))
            .create(Condition::Invariant, OUTBOX, outbox_item(change.notice)?)
            .create(Condition::Invariant, OUTBOX, outbox_item(change.command)?);
        for identity in unlinked {
            transaction = transaction.delete(Condition::EmailUnverified, IDENTITY, identity);
        }
        for entry in change.audit {
            transaction = transaction.create(Condition::Invariant, AUDIT, audit_item(entry)?);
        }
        if let Some(credentials) = change.credentials {
            let left = Delete::builder()
                .key("pk", s(profile.email.key()))
                .condition_expression("user_id = :user AND password_version = :version")
                .expression_attribute_values(":user", s(profile.id.to_string()))
                .expression_attribute_values(":version", n(credentials.password_version));
            transaction = transaction.delete(Condition::EmailUnverified, CREDENTIALS, left).create(
                Condition::Email,
                CREDENTIALS,
                credentials_item(to, credentials)?,
            );
        }
        match transaction.run().await {
            Ok(()) => Ok(ChangedAddress::Done),
            Err(Refusal::Condition(Condition::Email)) => Ok(ChangedAddress::Taken),
            Err(Refusal::Condition(Condition::EmailUnverified)) => Ok(ChangedAddress::Changed),
            Err(other) => Err(other.unexpected()),
        }
    }
}

/// The profile with its new address, and the identities that are unlinked by it.
fn moved_profile(profile: &Profile, to: &Email) -> (UpdateBuilder, Vec<DeleteBuilder>) {
    let domain = domain_key(to);
    let (mut links, mut emails) = (profile.links.clone(), profile.link_emails.clone());
    let mut unlinked = Vec::new();
    for provider in profile.links_to_end(to) {
        emails.remove(&provider);
        unlinked.extend(links.remove(&provider).map(|subject| freed_identity(profile, provider, &subject)));
    }
    let none_yet = if profile.links.is_empty() { " OR attribute_not_exists(links)" } else { "" };
    let moved = Update::builder()
        .key("pk", user_key(&profile.id))
        .update_expression(
            "SET email = :email, email_key = :key, email_initial = :initial, domain_key = :domain, \
             domain_initial = :domain_initial, email_verified = :true, #list = :verified, links = :links, link_emails = :emails",
        )
        .condition_expression(format!("email_key = :old AND (links = :old_links{none_yet})"))
        .expression_attribute_values(":links", by_provider(&links))
        .expression_attribute_values(":emails", by_provider(&emails))
        .expression_attribute_values(":old_links", by_provider(&profile.links))
        .expression_attribute_values(":email", s(to.as_str()))
        .expression_attribute_values(":key", s(to.key()))
        .expression_attribute_values(":initial", s(initial(to.key())))
        .expression_attribute_values(":domain_initial", s(initial(&domain)))
        .expression_attribute_values(":domain", s(&domain))
        .expression_attribute_names("#list", VERIFIED.0)
        .expression_attribute_values(":verified", s(VERIFIED.1))
        .expression_attribute_values(":old", s(profile.email.key()))
        .expression_attribute_values(":true", AttributeValue::Bool(true));
    (moved, unlinked)
}

/// The gate is as it was read, and the session that asked for the change is live.
fn same_gate(change: &AddressChange<'_>) -> ConditionCheckBuilder {
    ConditionCheck::builder()
        .key("pk", gate_key(&change.profile.id))
        .condition_expression(
            "is_active = :true AND password_version = :version AND attribute_exists(sessions.#session)",
        )
        .expression_attribute_names("#session", change.session.to_string())
        .expression_attribute_values(":true", AttributeValue::Bool(true))
        .expression_attribute_values(":version", n(change.password_version))
}
