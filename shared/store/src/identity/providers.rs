//! Identities at providers, and takeovers of unverified accounts by the owner of the address (S21–S23).

use crate::audit::audit_item;
use crate::gate::gate_key;
use crate::identity::profile::{Owner, Profile, identity_item, identity_key, user_key};
use crate::identity::verification::address_verification;
use crate::identity::{Condition, outcome};
use crate::outbox::{OutboxMessage, outbox_item};
use crate::roles::ManageAccounts;
use crate::sessions::secrets::use_up;
use crate::table::codec::{n, read, s};
use crate::table::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY, OUTBOX, SESSIONS};
use crate::table::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Update};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::user::IdentityProvider;
use tollgate_domain::{Email, SessionId, UserId};

/// The result of a change of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// The links were changed.
    Done,
    /// The identity belongs to another account.
    Taken,
    /// The account's links or its session have changed.
    Changed,
}

/// A takeover: an unverified account is given to the owner of its address; its previous password and sessions end.
#[derive(Clone, Copy)]
pub struct Takeover<'a> {
    /// The account.
    pub profile: &'a Profile,
    /// The password version that ends.
    pub replaces_version: u64,
    /// The session that it creates.
    pub session: Option<(&'a SessionId, Timestamp)>,
    /// The code that verifies the address.
    pub code: Option<&'a OneTimeRow>,
    /// The identity that verifies it.
    pub identity: Option<(IdentityProvider, &'a str)>,
    /// Its audit entries.
    pub audit: &'a [AuditEntry],
}

/// A map by provider as an attribute.
pub(crate) fn by_provider(map: &BTreeMap<IdentityProvider, String>) -> AttributeValue {
    AttributeValue::M(map.iter().map(|(provider, text)| (provider.as_str().to_owned(), s(text))).collect())
}

/// The deletion of the marker that assigns the identity to the account.
pub(crate) fn freed_identity(profile: &Profile, provider: IdentityProvider, subject: &str) -> DeleteBuilder {
    Delete::builder()
        .key("pk", identity_key(provider, subject))
        .condition_expression("user_id = :user")
        .expression_attribute_values(":user", s(profile.id.to_string()))
}

/// The update that replaces the links of a profile, on condition that they are unchanged.
fn relinked(
    profile: &Profile,
    links: &BTreeMap<IdentityProvider, String>,
    emails: &BTreeMap<IdentityProvider, String>,
) -> UpdateBuilder {
    let none_yet = if profile.links.is_empty() { " OR attribute_not_exists(links)" } else { "" };
    Update::builder()
        .key("pk", user_key(&profile.id))
        .update_expression("SET links = :links, link_emails = :emails")
        .condition_expression(format!("attribute_exists(pk) AND (links = :old{none_yet})"))
        .expression_attribute_values(":links", by_provider(links))
        .expression_attribute_values(":emails", by_provider(emails))
        .expression_attribute_values(":old", by_provider(&profile.links))
}

impl<R: ManageAccounts> Store<R> {
    /// The user of this identity.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn user_of_identity(
        &self,
        provider: IdentityProvider,
        subject: &str,
    ) -> Result<Option<UserId>, StoreError> {
        let item = self.get(IDENTITY, identity_key(provider, subject)).await?;
        item.map(|item| read::<Owner>(IDENTITY, item).map(|owner| owner.user_id)).transpose()
    }

    /// Gives an unverified account to the owner of its address: verified, without password, with only the new session.
    /// Returns `false` when the account, the identity or the code has changed.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn take_over(&self, takeover: &Takeover<'_>, now: Timestamp) -> Result<bool, StoreError> {
        let Takeover { profile, replaces_version, .. } = *takeover;
        let sessions = takeover.session.map(|(id, end)| (id.to_string(), s(end.to_string())));
        let mut account = address_verification(&profile.id, profile.email.key());
        if let Some((provider, subject)) = takeover.identity {
            let links = AttributeValue::M([(provider.as_str().to_owned(), s(subject))].into());
            let emails = AttributeValue::M([(provider.as_str().to_owned(), s(profile.email.key()))].into());
            account = account
                .update_expression(
                    "SET email_verified = :true, #list = :verified, links = :links, link_emails = :emails",
                )
                .expression_attribute_values(":emails", emails)
                .expression_attribute_values(":links", links);
        }
        let password = Delete::builder()
            .key("pk", s(profile.email.key()))
            .condition_expression("attribute_not_exists(pk) OR (user_id = :user AND password_version = :version)")
            .expression_attribute_values(":user", s(profile.id.to_string()))
            .expression_attribute_values(":version", n(replaces_version));
        let gate = Update::builder()
            .key("pk", gate_key(&profile.id))
            .update_expression("SET password_version = :next, has_password = :false, sessions = :sessions")
            .condition_expression("password_version = :version AND is_active = :true")
            .expression_attribute_values(":version", n(replaces_version))
            .expression_attribute_values(":next", n(replaces_version + 1))
            .expression_attribute_values(":sessions", AttributeValue::M(sessions.into_iter().collect()))
            .expression_attribute_values(":false", AttributeValue::Bool(false))
            .expression_attribute_values(":true", AttributeValue::Bool(true));
        let mut transaction = self
            .transaction()
            .update(Condition::EmailUnverified, IDENTITY, account)
            .delete(Condition::EmailUnverified, CREDENTIALS, password)
            .update(Condition::EmailUnverified, GATE, gate);
        if let Some((provider, subject)) = takeover.identity {
            transaction = transaction.create(
                Condition::EmailUnverified,
                IDENTITY,
                identity_item(provider, subject, &profile.id)?,
            );
        }
        if let Some(row) = takeover.code {
            transaction = transaction.update(Condition::EmailUnverified, SESSIONS, use_up(row, "code_used_at", now));
        }
        for entry in takeover.audit {
            transaction = transaction.create(Condition::Invariant, AUDIT, audit_item(entry)?);
        }
        outcome(transaction.run().await)
    }

    /// Links an identity, with its address, to the account of `profile`, while `session` is live.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn link(
        &self,
        profile: &Profile,
        identity: (IdentityProvider, &str, Option<&Email>),
        session: &SessionId,
        notice: &OutboxMessage,
        audit: &AuditEntry,
    ) -> Result<Linked, StoreError> {
        let (provider, subject, email) = identity;
        let (mut links, mut emails) = (profile.links.clone(), profile.link_emails.clone());
        links.insert(provider, subject.to_owned());
        emails.remove(&provider);
        emails.extend(email.map(|email| (provider, email.key().to_owned())));
        let is_live = ConditionCheck::builder()
            .key("pk", gate_key(&profile.id))
            .condition_expression("is_active = :true AND attribute_exists(sessions.#session)")
            .expression_attribute_names("#session", session.to_string())
            .expression_attribute_values(":true", AttributeValue::Bool(true));
        let transaction = self
            .transaction()
            .create(Condition::Identity, IDENTITY, identity_item(provider, subject, &profile.id)?)
            .update(Condition::EmailUnverified, IDENTITY, relinked(profile, &links, &emails))
            .check(Condition::EmailUnverified, GATE, is_live)
            .create(Condition::Invariant, OUTBOX, outbox_item(notice)?)
            .create(Condition::Invariant, AUDIT, audit_item(audit)?);
        linked(transaction.run().await)
    }

    /// Unlinks the identity of `provider` from the account of `profile`.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn unlink(
        &self,
        profile: &Profile,
        provider: IdentityProvider,
        audit: &AuditEntry,
    ) -> Result<Linked, StoreError> {
        let (mut links, mut emails) = (profile.links.clone(), profile.link_emails.clone());
        let Some(subject) = links.remove(&provider) else { return Ok(Linked::Changed) };
        emails.remove(&provider);
        let marker = freed_identity(profile, provider, &subject);
        let transaction = self
            .transaction()
            .update(Condition::EmailUnverified, IDENTITY, relinked(profile, &links, &emails))
            .delete(Condition::EmailUnverified, IDENTITY, marker)
            .create(Condition::Invariant, AUDIT, audit_item(audit)?);
        linked(transaction.run().await)
    }
}

fn linked(done: Result<(), Refusal<Condition>>) -> Result<Linked, StoreError> {
    match done {
        Ok(()) => Ok(Linked::Done),
        Err(Refusal::Condition(Condition::Identity)) => Ok(Linked::Taken),
        Err(Refusal::Condition(Condition::EmailUnverified)) => Ok(Linked::Changed),
        Err(other) => Err(other.unexpected()),
    }
}
