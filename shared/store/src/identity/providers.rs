//! Identity providers: flows, identities, and takeovers of unverified accounts by the owner of the address (S21–S23).

use crate::audit::audit_item;
use crate::gate::gate_key;
use crate::identity::profile::{Owner, Profile, identity_item, identity_key, user_key};
use crate::identity::registration::{Condition, address_verification, outcome};
use crate::outbox::{OutboxMessage, outbox_item};
use crate::sessions::use_up;
use crate::table::codec::{item, n, read, s};
use crate::table::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY, OUTBOX, SESSIONS};
use crate::table::transaction::Refusal;
use crate::table::update::{Updated, conditional};
use crate::{Store, StoreError, write_id};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, ReturnConsumedCapacity, ReturnValue, Update};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::user::IdentityProvider;
use tollgate_domain::{Email, RequestId, SessionId, UserId};

/// A flow: one sign-in at a provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FlowRow {
    /// Its id; the state, the verifier and the nonce are derived from it.
    pub id: String,
    /// The provider.
    pub provider: IdentityProvider,
    /// A hash of the secret of the browser that began it.
    pub browser_hash: String,
    /// Where it returns to; `None`: the front end.
    #[serde(default)]
    pub return_to: Option<String>,
    /// The account to link the identity to; `None` for a sign-in.
    #[serde(default)]
    pub link: Option<LinkFor>,
    /// The session that the request which used it creates.
    #[serde(default)]
    pub session_id: Option<SessionId>,
    /// Its end.
    pub expires_at: Timestamp,
}

/// The request that uses a flow.
#[derive(Debug, Clone, Copy)]
pub struct UseOfFlow<'a> {
    /// The hashes of the secrets that its browser holds.
    pub browsers: &'a [String],
    /// The id of the session that it may create.
    pub session: &'a SessionId,
    /// The request.
    pub request: &'a RequestId,
}

/// The most operands of `IN`: more cookies of one name do not fit into the headers of a request.
const MAX_BROWSERS: usize = 100;

/// The result of using a flow.
#[derive(Debug, Clone)]
pub enum TakenFlow {
    /// It is used by this request.
    Now(FlowRow),
    /// Another request of the same browser has used it.
    Before(FlowRow),
    /// It is not a flow of this browser and provider, or too old.
    Refused,
}

/// The account and session that began a flow to link an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkFor {
    /// The account.
    pub user_id: UserId,
    /// The session, which must still be live at the end.
    pub session_id: SessionId,
}

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

fn flow_key(id: &str) -> [(&'static str, AttributeValue); 2] {
    [("pk", s(format!("FLOW#{id}"))), ("sk", s("FLOW"))]
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

impl Store {
    /// Stores the row of a new flow.
    ///
    /// # Errors
    /// When DynamoDB does not take it.
    pub async fn put_flow(&self, flow: &FlowRow) -> Result<(), StoreError> {
        let [pk, sk] = flow_key(&flow.id);
        let times = [("ends_ms", n(flow.expires_at.as_millisecond())), ("ttl", n(flow.expires_at.as_second() + 60))];
        let item = item(flow, [pk, sk, times[0].clone(), times[1].clone()])?;
        let call = self.client.put_item().table_name(self.table(SESSIONS)).set_item(Some(item));
        call.return_consumed_capacity(ReturnConsumedCapacity::Indexes).send().await.map_err(StoreError::of)?;
        Ok(())
    }

    /// Uses a flow: once, by this request, in the browser that began it.
    ///
    /// # Errors
    /// When DynamoDB does not answer, or the item is corrupt.
    pub async fn take_flow(
        &self,
        id: &str,
        provider: IdentityProvider,
        by: &UseOfFlow<'_>,
        now: Timestamp,
    ) -> Result<TakenFlow, StoreError> {
        let [(pk, flow), (sk, kind)] = flow_key(id);
        let names: Vec<_> = (0..by.browsers.len().min(MAX_BROWSERS)).map(|n| format!(":browser{n}")).collect();
        let mut call = self
            .client
            .update_item()
            .table_name(self.table(SESSIONS))
            .key(pk, flow)
            .key(sk, kind)
            .update_expression("SET used_by = :by, session_id = :session")
            .condition_expression(format!(
                "provider = :provider AND browser_hash IN ({}) AND ends_ms > :now \
                 AND (attribute_not_exists(used_by) OR used_by = :by)",
                names.join(", ")
            ))
            .expression_attribute_values(":by", s(write_id(by.request)))
            .expression_attribute_values(":session", s(by.session.to_string()))
            .expression_attribute_values(":provider", s(provider.as_str()))
            .expression_attribute_values(":now", n(now.as_millisecond()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, browser) in names.into_iter().zip(by.browsers) {
            call = call.expression_attribute_values(name, s(browser));
        }
        let refused = match conditional(call).await? {
            Updated::Done(flow) => return read(SESSIONS, flow).map(TakenFlow::Now),
            Updated::Refused(flow) if flow.is_empty() => return Ok(TakenFlow::Refused),
            Updated::Refused(flow) => read::<FlowRow>(SESSIONS, flow)?,
        };
        let is_own = refused.provider == provider && by.browsers.contains(&refused.browser_hash);
        let is_used = refused.session_id.is_some() && now < refused.expires_at;
        Ok(if is_own && is_used { TakenFlow::Before(refused) } else { TakenFlow::Refused })
    }

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
