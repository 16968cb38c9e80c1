//! The parameters of a mail, as stored in the outbox. The secrets in some of them are derived when they are rendered: a
//! message only holds ids. A message of the previous version is still understood (R18): fields are only added, with a
//! default.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tollgate_domain::{InvitationId, UserId};

/// Why a payment was refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// The user already had another subscription.
    SecondSubscription,
    /// The account was deleted.
    AccountDeleted,
    /// The payment arrived after the subscription had ended.
    PaidAfterEnd,
}

/// A mail to be sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Verifies the address of a new account, or the new address of an account: a link and a code.
    Verify {
        /// The address.
        to: String,
        /// The user name of the account.
        username: String,
        /// The source of link and code.
        otp: OneTime,
        /// Whether it is the new address of an account.
        #[serde(default)]
        is_change: bool,
        /// The names of the providers that are unlinked by the change.
        #[serde(default)]
        unlinks: Vec<String>,
    },
    /// An admin invites an address: a link.
    Invitation {
        /// The address.
        to: String,
        /// The invitation, from which the link is derived.
        invitation_id: InvitationId,
        /// The id of the key.
        generation: String,
        /// It is invalid after this, and is not sent.
        expires_at: Timestamp,
    },
    /// An address with an account was registered again, or requested as a new address.
    AlreadyRegistered {
        /// The address.
        to: String,
    },
    /// Sets a new password: a link.
    Reset {
        /// The address.
        to: String,
        /// The user name of the account.
        username: String,
        /// The source of the link.
        otp: OneTime,
    },
    /// Signs in: a code.
    LoginCode {
        /// The address.
        to: String,
        /// The user name of the account.
        username: String,
        /// The source of the code.
        otp: OneTime,
    },
    /// A new address was requested for the account: a notice to the current one.
    EmailChangeRequested {
        /// The current address.
        to: String,
        /// The user name of the account.
        username: String,
        /// When.
        at: Timestamp,
    },
    /// The address of the account was changed: a notice to the old one.
    EmailChanged {
        /// The old address.
        to: String,
        /// The user name of the account.
        username: String,
        /// The time of the change.
        at: Timestamp,
    },
    /// A provider's sign-in was linked.
    ProviderLinked {
        /// The address.
        to: String,
        /// The user name of the account.
        username: String,
        /// The provider's display name.
        provider: String,
        /// The time of the link.
        at: Timestamp,
    },
    /// A subscription began.
    SubscriptionConfirmed {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
        /// The end of the first period.
        until: Timestamp,
    },
    /// A new period was paid for.
    Renewed {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
        /// The paid amount, in minor units.
        amount_cents: i64,
        /// Its currency: a lower-case code of ISO 4217.
        currency: String,
        /// The end of the new period.
        until: Timestamp,
        /// Stripe's page of the invoice.
        invoice_url: Option<String>,
    },
    /// A subscription was changed to another plan.
    PlanChanged {
        /// The address.
        to: String,
        /// The new plan's name.
        plan: String,
    },
    /// A change to a lower plan, or a shorter period, waits for the end of the period.
    DowngradeScheduled {
        /// The address.
        to: String,
        /// The future plan's name.
        plan: String,
        /// The time of the change.
        at: Timestamp,
    },
    /// A payment failed, and can still be made.
    PaymentFailed {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
        /// Stripe's payment page.
        invoice_url: Option<String>,
        /// When access ends, in a reminder.
        #[serde(default)]
        until: Option<Timestamp>,
        /// Whether it was for a change to that plan, which waits for it.
        #[serde(default)]
        is_change: bool,
    },
    /// A payment that the bank asks the customer to confirm.
    ActionRequired {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
        /// Stripe's page for the confirmation.
        invoice_url: Option<String>,
    },
    /// A subscription will not renew.
    SubscriptionCanceled {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
        /// When access ends.
        until: Timestamp,
    },
    /// A cancellation or a scheduled downgrade was undone.
    SubscriptionResumed {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
    },
    /// A subscription ended.
    SubscriptionEnded {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
    },
    /// A trial ends soon.
    TrialEnding {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
        /// When it ends.
        at: Timestamp,
    },
    /// A payment was refunded, in part or in full.
    Refunded {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
        /// The refunded amount; `None` in a message of the previous version: then it is the whole payment.
        #[serde(default)]
        amount: Option<Amount>,
        /// The reason of an automatic refund.
        #[serde(default)]
        reason: Option<RefundReason>,
    },
    /// A subscription was cancelled because its address or its card had a trial before.
    TrialRefused {
        /// The address.
        to: String,
        /// The plan's name.
        plan: String,
    },
    /// The password was changed.
    PasswordChanged {
        /// The address.
        to: String,
        /// The user name of the account.
        username: String,
        /// The time of the change.
        at: Timestamp,
    },
}

/// A mail with the language of its reader, as it is stored in the outbox.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressed {
    /// The language, if it is known. A message of an earlier version has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The mail.
    #[serde(flatten)]
    pub message: Message,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// In minor units.
    pub amount_cents: i64,
    /// Its currency: a lower-case code of ISO 4217.
    pub currency: String,
}

/// The parameters from which a mailed secret is derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTime {
    /// The user of the row.
    pub user_id: UserId,
    /// The row's id.
    pub id: String,
    /// The id of the key.
    pub generation: String,
    /// It is invalid after this, and is not sent.
    pub expires_at: Timestamp,
}

impl Message {
    /// Its kind: the name in its JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Verify { .. } => "verify",
            Self::Invitation { .. } => "invitation",
            Self::AlreadyRegistered { .. } => "already_registered",
            Self::Reset { .. } => "reset",
            Self::PasswordChanged { .. } => "password_changed",
            Self::LoginCode { .. } => "login_code",
            Self::EmailChangeRequested { .. } => "email_change_requested",
            Self::EmailChanged { .. } => "email_changed",
            Self::ProviderLinked { .. } => "provider_linked",
            Self::SubscriptionConfirmed { .. } => "subscription_confirmed",
            Self::Renewed { .. } => "renewed",
            Self::PlanChanged { .. } => "plan_changed",
            Self::DowngradeScheduled { .. } => "downgrade_scheduled",
            Self::PaymentFailed { .. } => "payment_failed",
            Self::ActionRequired { .. } => "action_required",
            Self::SubscriptionCanceled { .. } => "subscription_canceled",
            Self::SubscriptionResumed { .. } => "subscription_resumed",
            Self::SubscriptionEnded { .. } => "subscription_ended",
            Self::TrialEnding { .. } => "trial_ending",
            Self::Refunded { .. } => "refunded",
            Self::TrialRefused { .. } => "trial_refused",
        }
    }

    /// Its recipient.
    #[must_use]
    pub fn to(&self) -> &str {
        match self {
            Self::Verify { to, .. }
            | Self::Invitation { to, .. }
            | Self::AlreadyRegistered { to }
            | Self::Reset { to, .. }
            | Self::LoginCode { to, .. }
            | Self::EmailChangeRequested { to, .. }
            | Self::EmailChanged { to, .. }
            | Self::ProviderLinked { to, .. }
            | Self::SubscriptionConfirmed { to, .. }
            | Self::Renewed { to, .. }
            | Self::PlanChanged { to, .. }
            | Self::DowngradeScheduled { to, .. }
            | Self::PaymentFailed { to, .. }
            | Self::ActionRequired { to, .. }
            | Self::SubscriptionCanceled { to, .. }
            | Self::SubscriptionResumed { to, .. }
            | Self::SubscriptionEnded { to, .. }
            | Self::TrialEnding { to, .. }
            | Self::Refunded { to, .. }
            | Self::TrialRefused { to, .. }
            | Self::PasswordChanged { to, .. } => to,
        }
    }
}
