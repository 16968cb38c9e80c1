//! The audit trail: one entry for each change.

use crate::{AuditId, RequestId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::str::FromStr;
use utoipa::ToSchema;

/// The personal fields of `before` and `after`.
const PERSONAL: [&str; 3] = ["email", "username", "user_agent"];

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:tt,)*) => {
        /// The action of an entry. The names are those of the contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        pub enum Action {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Action {
            /// All actions.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

actions! {
    /// An account was created.
    Registered = "user.registered",
    /// A session was created.
    SignedIn = "user.signed_in",
    /// A sign-in was refused.
    SignInFailed = "user.sign_in_failed",
    /// An address was verified.
    Verified = "user.verified",
    /// A closed account was enabled.
    Enabled = "user.enabled",
    /// An account was disabled by an admin.
    Disabled = "user.disabled",
    /// A user closed their own account.
    Deactivated = "user.deactivated",
    /// An account was removed or deleted.
    Deleted = "user.deleted",
    /// A password was changed or set.
    PasswordChanged = "user.password_changed",
    /// A user requested another address.
    EmailChangeRequested = "user.email_change_requested",
    /// The address of an account was changed.
    EmailChanged = "user.email_changed",
    /// A provider's identity was linked.
    Linked = "user.linked",
    /// A provider's identity was unlinked.
    Unlinked = "user.unlinked",
    /// A user was made an admin, or lost the role.
    RoleChanged = "user.role_changed",
    /// A session was ended.
    SessionRevoked = "session.revoked",
    /// A plan was created.
    PlanCreated = "plan.created",
    /// A plan was changed.
    PlanChanged = "plan.changed",
    /// A plan was archived.
    PlanArchived = "plan.archived",
    /// A subscription was stored for the first time.
    SubscriptionCreated = "subscription.created",
    /// A subscription was changed.
    SubscriptionChanged = "subscription.changed",
    /// A subscription has ended.
    SubscriptionEnded = "subscription.ended",
    /// Reconciliation repaired a subscription.
    SubscriptionRepaired = "subscription.repaired",
    /// Reconciliation repaired a payment.
    PaymentRepaired = "payment.repaired",
    /// A payment was refunded, in part or in full.
    PaymentRefunded = "payment.refunded",
    /// Stripe permanently refused the refund of a payment.
    PaymentRefundRefused = "payment.refund_refused",
    /// Stripe permanently refused the end of a subscription.
    SubscriptionEndRefused = "subscription.end_refused",
    /// The card's owner disputes a payment.
    PaymentDisputed = "payment.disputed",
    /// An admin requested a report.
    ReportRequested = "report.requested",
    /// An admin created a credential for a service.
    ServiceCredentialCreated = "service_credential.created",
    /// An admin deleted the credential of a service.
    ServiceCredentialDeleted = "service_credential.deleted",
    /// An admin invited an address.
    InvitationCreated = "invitation.created",
    /// An admin revoked an invitation.
    InvitationRevoked = "invitation.revoked",
    /// An account was created by an invitation.
    InvitationAccepted = "invitation.accepted",
    /// An operator ran a command that writes.
    OperatorCommand = "operator.command",
}

/// Not the name of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an action")]
pub struct UnknownActionError;

impl FromStr for Action {
    type Err = UnknownActionError;

    fn from_str(text: &str) -> Result<Self, UnknownActionError> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or(UnknownActionError)
    }
}

/// The `AuditEntry` of the contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its id, sorted by time.
    #[schema(value_type = String)]
    pub id: AuditId,
    /// The actor; `None`: the system or Stripe.
    #[schema(value_type = Option<String>)]
    pub actor_id: Option<UserId>,
    /// The action.
    pub action: Action,
    /// The id of the target; `None` where a sign-in failed for an unknown address.
    pub target_id: Option<String>,
    /// The values before.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The values after.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// The client's address.
    pub ip: Option<String>,
    /// The request.
    #[schema(value_type = Option<String>)]
    pub request_id: Option<RequestId>,
    /// The time.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl AuditEntry {
    /// The entry without the personal data of `person`; `None` if it has none. Data of another actor stays.
    #[must_use]
    pub fn erased(&self, person: &UserId) -> Option<Self> {
        let is_about = self.target_id.as_deref() == Some(person.to_string().as_str());
        let is_by = self.actor_id.map_or(is_about, |actor| actor == *person);
        let mut erased = self.clone();
        if is_by {
            erased.ip = None;
        }
        if is_about {
            for fields in [&mut erased.before, &mut erased.after].into_iter().flatten().filter_map(Value::as_object_mut)
            {
                fields.retain(|name, _| !PERSONAL.contains(&name.as_str()));
            }
        }
        (erased != *self).then_some(erased)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user(n: u8) -> UserId {
        UserId::new(Timestamp::UNIX_EPOCH, [n; 10])
    }

    fn entry(actor: Option<u8>, target: Option<u8>) -> AuditEntry {
        AuditEntry {
            id: AuditId::new(Timestamp::UNIX_EPOCH, [9; 10]),
            actor_id: actor.map(user),
            action: Action::EmailChanged,
            target_id: target.map(|n| user(n).to_string()),
            before: Some(json!({"email": "old@example.com", "email_verified": true})),
            after: Some(json!({"email": "new@example.com", "user_agent": "x", "username": "ann"})),
            ip: Some("203.0.113.7".to_owned()),
            request_id: None,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn every_action_reads_back_by_its_name() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        }
        assert_eq!("user.left".parse::<Action>(), Err(UnknownActionError));
    }

    #[test]
    fn erasure_removes_name_address_agent_and_ip_of_one_user_only() {
        let own = entry(Some(1), Some(1)).erased(&user(1)).unwrap();
        assert_eq!((own.before, own.after, own.ip), (Some(json!({"email_verified": true})), Some(json!({})), None));
        let failed_sign_in = entry(None, Some(1)).erased(&user(1)).unwrap();
        assert_eq!(failed_sign_in.ip, None);
        let by_an_admin = entry(Some(2), Some(1)).erased(&user(1)).unwrap();
        assert_eq!((by_an_admin.after, by_an_admin.ip), (Some(json!({})), entry(None, None).ip));
        let of_another = entry(Some(1), Some(2)).erased(&user(1)).unwrap();
        assert_eq!((of_another.before, of_another.ip), (entry(None, None).before, None));
        assert_eq!(entry(Some(2), Some(3)).erased(&user(1)), None);
        assert_eq!(entry(None, None).erased(&user(1)), None);
        let again = entry(Some(1), Some(1)).erased(&user(1)).unwrap();
        assert_eq!(again.erased(&user(1)), None, "nothing is left to erase");
    }
}
