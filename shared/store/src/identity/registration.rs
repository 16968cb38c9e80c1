//! Registration: a new account and all items that are written with it, or decoys where the address has an account.

use crate::audit::audit_item;
use crate::gate::admins::count_admins;
use crate::gate::gate_item;
use crate::identity::Condition;
use crate::identity::invitations::end_invitation;
use crate::identity::names::{address_marker, marker_item, name_hold_key, username_marker_key};
use crate::identity::passwords::{Credentials, credentials_item};
use crate::identity::profile::{Profile, identity_item, profile_item};
use crate::outbox::{OutboxMessage, outbox_item};
use crate::roles::ManageAccounts;
use crate::sessions::secrets::{decoy_item, onetime_item};
use crate::sessions::{NewSession, session_item};
use crate::table::codec::{item, n};
use crate::table::schema::{AUDIT, CREDENTIALS, GATE, IDENTITY, LIMITS, OUTBOX, SESSIONS};
use crate::table::transaction::Refusal;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::types::Put;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::Username;
use tollgate_domain::audit::AuditEntry;
use tollgate_domain::gate::Gate;
use tollgate_domain::invitation::Invitation;
use tollgate_domain::onetime::OneTimeRow;

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

/// The sizes in bytes of the decoys that are written instead of an account: the same number of items and of write units
/// as an account, indexes included (a unit is 1 KiB).
const DECOY_BYTES: [usize; 6] = [1500, 1500, 1500, 20, 20, 20];

impl<R: ManageAccounts> Store<R> {
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
}
