//! Makes the first admin of a deployed stack: a user who has registered and verified the address. The operator needs
//! permission to write the stack's tables. No operation over HTTP makes the first admin.

use serde_json::json;
use tollgate_domain::audit::{Action, AuditEntry};
use tollgate_domain::{AuditId, Email, UserId};
use tollgate_platform::{Clock, random_bytes};
use tollgate_store::{RightsChange, Store, StoreError};

/// Why a user was not made an admin.
#[derive(Debug, thiserror::Error)]
pub enum MakeAdminError {
    /// Not a valid e-mail address.
    #[error("{0:?} is not an e-mail address")]
    InvalidEmail(String),
    /// No account has this address.
    #[error("{0} has no account: register first, on the account page")]
    Unknown(String),
    /// The address is not verified: it may belong to another person.
    #[error("{0} is not verified: follow the link in the mail first")]
    NotVerified(String),
    /// The account is closed.
    #[error("the account of {0} is closed")]
    Closed(String),
    /// Other writers change the rights of this account all the time.
    #[error("the rights of {0} change too often: try again")]
    Overtaken(String),
    /// The tables do not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeAdmin {
    /// The user is an admin from now on.
    Now(UserId),
    /// The user was one before.
    Before(UserId),
}

/// How often the account is read again after another writer has changed it.
const MAX_ATTEMPTS: usize = 4;

/// Makes the user of this address an admin.
///
/// # Errors
/// When there is no such user with a verified address who may sign in, or the tables do not answer.
pub async fn make_admin(store: &Store, address: &str, clock: &Clock) -> Result<MadeAdmin, MakeAdminError> {
    make_admin_as(store, address, clock, None).await
}

/// The same; the audit trail names the operator.
pub(crate) async fn make_admin_as(
    store: &Store,
    address: &str,
    clock: &Clock,
    operator: Option<&str>,
) -> Result<MadeAdmin, MakeAdminError> {
    let named = address.to_owned();
    let Ok(email) = Email::parse(address) else { return Err(MakeAdminError::InvalidEmail(named)) };
    for _ in 0..MAX_ATTEMPTS {
        let Some(user) = store.user_of_email(&email).await? else { return Err(MakeAdminError::Unknown(named)) };
        let (Some(profile), Some(gate)) = (store.profile(&user).await?, store.gate(&user).await?) else {
            return Err(MakeAdminError::Unknown(named));
        };
        if !gate.is_active {
            return Err(MakeAdminError::Closed(named));
        }
        if !profile.email_verified {
            return Err(MakeAdminError::NotVerified(named));
        }
        if gate.is_admin {
            return Ok(MadeAdmin::Before(user));
        }
        let now = clock.now();
        let mut after = json!({"is_admin": true});
        if let Some(operator) = operator {
            after["operator"] = json!(operator);
        }
        let entry = AuditEntry {
            id: AuditId::new(now, random_bytes()),
            actor_id: None,
            action: Action::RoleChanged,
            target_id: Some(user.to_string()),
            before: Some(json!({"is_admin": false})),
            after: Some(after),
            ip: None,
            request_id: None,
            created_at: now,
        };
        if store.set_admin(&gate, true, &entry).await? == RightsChange::Done {
            return Ok(MadeAdmin::Now(user));
        }
    }
    Err(MakeAdminError::Overtaken(named))
}
