//! Changes of an account in several tables at once: registration and verification of the address.

use crate::audit::audit_item;
use crate::codec::{Item, item, n, s};
use crate::gate::{count_admins, gate_item};
use crate::invitations::end_invitation;
use crate::outbox::{DECOY_SECONDS, OutboxMessage, outbox_item};
use crate::profiles::{
    Credentials, Profile, VERIFIED, credentials_item, email_marker_key, identity_item, name_hold_key, profile_item,
    user_key, username_marker_key,
};
use crate::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY, LIMITS, OUTBOX, SESSIONS};
use crate::sessions::{NewSession, onetime_item, pending_item, session_item, use_up};
use crate::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, Update};
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::gate::Gate;
use tollgate_domain::invitation::Invitation;
use tollgate_domain::onetime::OneTimeRow;
use tollgate_domain::{Email, MessageId, UserId, Username};

/// How long a requested name is reserved, in seconds (S6).
const NAME_HELD_SECONDS: i64 = 7 * 86_400;

/// A new account and all items that are written with it.
#[derive(Clone)]
pub struct NewAccount {
    /// The user.
    pub profile: Profile,
    /// The password credentials; an account from a provider has none.
    pub credentials: Option<Credentials>,
    /// The rights.
    pub gate: Gate,
    /// The row behind the mailed link and code, and the mail; a first admin has none.
    pub verification: Option<(OneTimeRow, OutboxMessage)>,
    /// Its audit entry.
    pub audit: AuditEntry,
    /// The invitation that it accepts.
    pub invited: Option<AcceptedInvitation>,
}

/// The invitation that a registration accepts.
#[derive(Clone)]
pub struct AcceptedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The session that starts with the account: its gate names it.
    pub session: Option<NewSession>,
    /// The audit entries of the invitation and of the sign-in.
    pub audit: Vec<AuditEntry>,
}

/// The result of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// The account was created.
    Done,
    /// The address has an account already.
    EmailTaken,
    /// The name has an account already.
    UsernameTaken,
    /// The provider's identity has an account already.
    IdentityTaken,
    /// The invitation was accepted, revoked or replaced before.
    InvitationEnded,
}

/// The conditions of an account's transactions that a caller distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Email,
    Username,
    Identity,
    Admins,
    EmailUnverified,
    Invitation,
    Invariant,
}

/// The sizes in bytes of the decoys that are written instead of an account: the same number of items and of write units
/// as an account, indexes included (a unit is 1 KiB).
const DECOY_BYTES: [usize; 6] = [1500, 1500, 1500, 20, 20, 20];

impl Store {
    /// Creates an account in one transaction: profile, markers, credentials, gate, mail and audit entry.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn register(&self, account: &NewAccount) -> Result<Registration, StoreError> {
        let profile = &account.profile;
        let (name, address) = (&profile.username, &profile.email);
        let name_marker = marker_item(username_marker_key(name), &profile.id, None)?;
        let address_marker = address_marker(address, &profile.id)?;
        let gate = Gate { has_password: Some(account.credentials.is_some()), ..account.gate.clone() };
        let mut transaction = self
            .transaction()
            .create(Condition::Username, IDENTITY, name_marker)
            .create(Condition::Email, IDENTITY, address_marker)
            .create(Condition::Invariant, IDENTITY, profile_item(profile)?)
            .create(Condition::Invariant, GATE, gate_item(&gate)?);
        if let Some(credentials) = &account.credentials {
            transaction =
                transaction.create(Condition::Email, CREDENTIALS, credentials_item(&profile.email, credentials)?);
        }
        for (provider, subject) in &profile.links {
            transaction =
                transaction.create(Condition::Identity, IDENTITY, identity_item(*provider, subject, &profile.id)?);
        }
        if let Some((row, mail)) = &account.verification {
            transaction = transaction.create(Condition::Invariant, SESSIONS, onetime_item(row)?).create(
                Condition::Invariant,
                OUTBOX,
                outbox_item(mail)?,
            );
        }
        if let Some(AcceptedInvitation { invitation, session, audit }) = &account.invited {
            transaction = end_invitation(transaction, invitation);
            if let Some(session) = session {
                transaction = transaction.create(Condition::Invariant, SESSIONS, session_item(session)?);
            }
            for entry in audit {
                transaction = transaction.create(Condition::Invariant, AUDIT, audit_item(entry)?);
            }
        }
        if account.gate.is_admin {
            transaction = transaction.update(Condition::Admins, GATE, count_admins(true));
        }
        match transaction.create(Condition::Invariant, AUDIT, audit_item(&account.audit)?).run().await {
            Ok(()) => Ok(Registration::Done),
            Err(Refusal::Condition(Condition::Email)) => Ok(Registration::EmailTaken),
            Err(Refusal::Condition(Condition::Username)) => Ok(Registration::UsernameTaken),
            Err(Refusal::Condition(Condition::Identity)) => Ok(Registration::IdentityTaken),
            Err(Refusal::Condition(Condition::Invitation)) => Ok(Registration::InvitationEnded),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Handles a registration of a known address: reserves the name, mails the owner, and writes decoys in place of the
    /// other items of [`Store::register`] (S6). Returns `false` when the name was reserved already.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn register_known(
        &self,
        username: &Username,
        mail: &OutboxMessage,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        #[derive(Serialize)]
        struct Hold {}
        let until = now.as_second() + NAME_HELD_SECONDS;
        let hold = item(&Hold {}, [("pk", name_hold_key(username)), ("ttl", n(until))])?;
        let free = Put::builder()
            .set_item(Some(hold))
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now", n(now.as_second()));
        let mut transaction = self.transaction().put_if(Condition::Username, LIMITS, free).create(
            Condition::Invariant,
            OUTBOX,
            outbox_item(mail)?,
        );
        for (index, bytes) in DECOY_BYTES.iter().enumerate() {
            transaction = transaction.create(Condition::Invariant, SESSIONS, decoy_item(&mail.id, index, *bytes, now)?);
        }
        match transaction.run().await {
            Ok(()) => Ok(true),
            Err(Refusal::Condition(Condition::Username)) => Ok(false),
            Err(other) => Err(other.unexpected()),
        }
    }

    /// Puts a mailed secret's row together with its mail.
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn put_onetime(&self, row: &OneTimeRow, mail: &OutboxMessage) -> Result<(), StoreError> {
        let mut transaction = self.transaction().create(Condition::Invariant, SESSIONS, onetime_item(row)?);
        if let Some(address) = &row.new_email {
            transaction = transaction.put_any(Condition::Invariant, SESSIONS, pending_item(address, row)?);
        }
        transaction.create(Condition::Invariant, OUTBOX, outbox_item(mail)?).run().await.map_err(Refusal::unexpected)
    }

    /// The same work as [`Store::put_onetime`] without a secret: `rows` decoys, and `mail`, which is a decoy or another
    /// mail (S6).
    ///
    /// # Errors
    /// When DynamoDB does not answer.
    pub async fn put_decoys(&self, mail: &OutboxMessage, rows: usize, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.transaction().create(Condition::Invariant, OUTBOX, outbox_item(mail)?);
        for row in 0..rows {
            transaction = transaction.create(Condition::Invariant, SESSIONS, decoy_item(&mail.id, row, 400, now)?);
        }
        transaction.run().await.map_err(Refusal::unexpected)
    }

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

pub(crate) fn outcome(done: Result<(), Refusal<Condition>>) -> Result<bool, StoreError> {
    match done {
        Ok(()) => Ok(true),
        Err(Refusal::Condition(Condition::EmailUnverified)) => Ok(false),
        Err(other) => Err(other.unexpected()),
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

pub(crate) fn address_marker(address: &Email, user: &UserId) -> Result<Item, StoreError> {
    marker_item(email_marker_key(address), user, Some(address))
}

/// A marker, which makes a name or an address unique. An address's marker also stores the address as it was first
/// typed: mails go there, in whatever spelling it is typed later (S14).
fn marker_item(pk: AttributeValue, user: &UserId, address: Option<&Email>) -> Result<Item, StoreError> {
    #[derive(Serialize)]
    struct Marker<'a> {
        user_id: &'a UserId,
        address: Option<&'a Email>,
    }
    item(&Marker { user_id: user, address }, [("pk", pk)])
}

pub(crate) fn decoy_item(id: &MessageId, index: usize, bytes: usize, now: Timestamp) -> Result<Item, StoreError> {
    #[derive(Serialize)]
    struct Decoy {
        pad: String,
    }
    let ttl = n(now.as_second() + DECOY_SECONDS);
    item(
        &Decoy { pad: "-".repeat(bytes) },
        [("pk", s(format!("DECOY#{id}"))), ("sk", s(index.to_string())), ("ttl", ttl)],
    )
}
