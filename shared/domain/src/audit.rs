//! The audit trail: one entry for each change that happened.

use crate::{AuditId, RequestId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happened. The names are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// An account was made.
    #[serde(rename = "user.registered")]
    Registered,
    /// A session was made.
    #[serde(rename = "user.signed_in")]
    SignedIn,
    /// A sign-in was refused.
    #[serde(rename = "user.sign_in_failed")]
    SignInFailed,
    /// An address was proved.
    #[serde(rename = "user.verified")]
    Verified,
    /// A user closed the own account.
    #[serde(rename = "user.deactivated")]
    Deactivated,
    /// An account was taken away.
    #[serde(rename = "user.deleted")]
    Deleted,
    /// A password was changed or set anew.
    #[serde(rename = "user.password_changed")]
    PasswordChanged,
    /// An account has another address.
    #[serde(rename = "user.email_changed")]
    EmailChanged,
    /// A provider's sign-in was linked.
    #[serde(rename = "user.linked")]
    Linked,
    /// A provider's sign-in was taken away.
    #[serde(rename = "user.unlinked")]
    Unlinked,
    /// A user became an admin or ceased to be one.
    #[serde(rename = "user.role_changed")]
    RoleChanged,
    /// A session was ended.
    #[serde(rename = "session.revoked")]
    SessionRevoked,
    /// A plan was made.
    #[serde(rename = "plan.created")]
    PlanCreated,
    /// A plan is another now.
    #[serde(rename = "plan.changed")]
    PlanChanged,
    /// A plan cannot be had any more.
    #[serde(rename = "plan.archived")]
    PlanArchived,
    /// A subscription was seen for the first time.
    #[serde(rename = "subscription.created")]
    SubscriptionCreated,
    /// A subscription is in another state.
    #[serde(rename = "subscription.changed")]
    SubscriptionChanged,
    /// A subscription is over.
    #[serde(rename = "subscription.ended")]
    SubscriptionEnded,
    /// A subscription was kept otherwise than Stripe had it, and follows now.
    #[serde(rename = "subscription.repaired")]
    SubscriptionRepaired,
    /// A payment was kept otherwise than Stripe had it, or not at all, and follows now.
    #[serde(rename = "payment.repaired")]
    PaymentRepaired,
    /// Money went back.
    #[serde(rename = "payment.refunded")]
    PaymentRefunded,
    /// The card's owner disputes a payment.
    #[serde(rename = "payment.disputed")]
    PaymentDisputed,
}

/// The `AuditEntry` of the contract.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id, sorted by time.
    pub id: AuditId,
    /// Who did it; `None`: the system or Stripe.
    pub actor_id: Option<UserId>,
    /// What happened.
    pub action: Action,
    /// The id of what it happened to; `None` where a sign-in failed for an unknown address.
    pub target_id: Option<String>,
    /// What it was before.
    pub before: Option<Value>,
    /// What it is now.
    pub after: Option<Value>,
    /// From where.
    pub ip: Option<String>,
    /// In which request.
    pub request_id: Option<RequestId>,
    /// When.
    pub created_at: Timestamp,
}
