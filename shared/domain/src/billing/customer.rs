//! The customer: links a user to Stripe and holds running operations. Its version serialises every write of the user's
//! billing state.

use super::plan::PlanCode;
use super::shown::ShownSubscription;
use crate::{Email, PlanId, UserId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long Stripe certainly stores an idempotency key, with a margin (R16).
const KEY_IS_KNOWN: SignedDuration = SignedDuration::from_hours(20);

/// One attempt to create an object at Stripe. Its id is the idempotency key and is stored until the outcome is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Random.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
}

impl Attempt {
    /// Whether Stripe may have removed its key: then the object must be looked up.
    #[must_use]
    pub fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.started_at) > KEY_IS_KNOWN
    }
}

/// A requested checkout: reserved before Stripe is called, so that two tabs share one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// The attempt to create it.
    pub attempt: Attempt,
    /// The plan.
    pub plan_id: PlanId,
    /// Its code.
    pub plan_code: PlanCode,
    /// The price.
    pub stripe_price_id: String,
    /// The days of its trial.
    pub trial_days: u32,
    /// Stripe's session, once it is known.
    #[serde(default)]
    pub session_id: Option<String>,
    /// Its page at Stripe, until the next write of the billing state: the version before reads it here. This one takes
    /// the page from Stripe, with the state of the session.
    #[serde(default)]
    pub url: Option<String>,
}

/// A user as Stripe's customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The user.
    pub user_id: UserId,
    /// The address for payment mails, which Stripe gets. `None` for a deleted user.
    #[serde(default)]
    pub email: Option<Email>,
    /// Incremented by each write of the user's subscriptions, payments, tier and access.
    pub version: u64,
    /// Stripe's id, once it is known.
    #[serde(default)]
    pub stripe_customer_id: Option<String>,
    /// The attempt to create it at Stripe.
    #[serde(default)]
    pub attempt: Option<Attempt>,
    /// The address of the attempt: Stripe requires the same one for its key, even if another was verified since. `None`
    /// when Stripe's id is known.
    #[serde(default)]
    pub attempt_email: Option<Email>,
    /// The last checkout, which may still be open: only Stripe knows.
    #[serde(default)]
    pub checkout: Option<Checkout>,
    /// Whether the user had a trial: each user has one.
    #[serde(default)]
    pub had_trial: bool,
    /// The language of the mails about payments, as the profile had it; `None` where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// A copy of the subscription that the user sees, so that a request reads it together with the gate.
    #[serde(default)]
    pub shown: ShownCopy,
}

/// A copy of the subscription that the user sees, as the customer's item holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCopy {
    /// The version of the customer that was written with it.
    pub version: u64,
    /// `None` if the user has no subscription to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<ShownSubscription>,
}

impl Customer {
    /// The copy, if it was written with the current version: earlier versions of this service write no copy. The copy of
    /// a customer that was never written is current: there is no subscription.
    #[must_use]
    pub fn current_copy(&self) -> Option<&ShownCopy> {
        Some(&self.shown).filter(|shown| shown.version == self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_expires_before_stripe_removes_its_key() {
        let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let attempt = Attempt { id: "a".into(), started_at: at(0) };
        assert!(!attempt.is_old(at(20)));
        assert!(attempt.is_old(at(20) + SignedDuration::from_secs(1)) && attempt.is_old(at(24)));
    }
}
