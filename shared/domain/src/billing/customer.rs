//! The customer: what ties a user to Stripe, and what is under way there. Its version orders every write of the user's
//! billing state.

use super::plan::PlanCode;
use crate::{Email, PlanId, UserId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long Stripe is sure to know an idempotency key, with a margin (R16).
const KEY_IS_KNOWN: SignedDuration = SignedDuration::from_hours(20);

/// One try at making something at Stripe. Its id is the idempotency key, kept as long as the outcome is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Random.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
}

impl Attempt {
    /// Whether Stripe may have forgotten it: whether the thing was made must be looked up.
    #[must_use]
    pub fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.started_at) > KEY_IS_KNOWN
    }
}

/// A checkout that was asked for: reserved before Stripe is called, so that two tabs get one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// The try at making it.
    pub attempt: Attempt,
    /// Of which plan.
    pub plan_id: PlanId,
    /// The same by its code.
    pub plan_code: PlanCode,
    /// At which price.
    pub stripe_price_id: String,
    /// With so many days of trial.
    pub trial_days: u32,
    /// Stripe's session, once it is known.
    #[serde(default)]
    pub session_id: Option<String>,
    /// Stripe's page of it.
    #[serde(default)]
    pub url: Option<String>,
}

/// A user as Stripe's customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Who it is.
    pub user_id: UserId,
    /// Where mails about payments go: the address that Stripe is told. `None` for one who was deleted.
    #[serde(default)]
    pub email: Option<Email>,
    /// Raised by each write of the user's subscriptions, payments, tier and access.
    pub version: u64,
    /// Stripe's id, once it is known.
    #[serde(default)]
    pub stripe_customer_id: Option<String>,
    /// The try at making it at Stripe.
    #[serde(default)]
    pub attempt: Option<Attempt>,
    /// The address that the try names: under its key Stripe wants the same one each time, though another was proved since.
    /// `None` where Stripe's id is known.
    #[serde(default)]
    pub attempt_email: Option<Email>,
    /// The last checkout, which may be open still: only Stripe knows.
    #[serde(default)]
    pub checkout: Option<Checkout>,
    /// Whether there was a trial: it is given once.
    #[serde(default)]
    pub had_trial: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_expires_before_stripe_forgets_its_key() {
        let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let attempt = Attempt { id: "a".into(), started_at: at(0) };
        assert!(!attempt.is_old(at(20)));
        assert!(attempt.is_old(at(20) + SignedDuration::from_secs(1)) && attempt.is_old(at(24)));
    }
}
