//! Reminders: mails that depend on time only.

use super::access::Grace;
use super::payment::{Payment, PaymentStatus};
use super::subscription::{Status, Subscription};
use crate::{PaymentId, SubscriptionId};
use jiff::{SignedDuration, Timestamp};

/// How long before its end a trial reminder is sent.
pub const TRIAL_NOTICE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// The days after the first failure on which a failed payment is mailed again during the grace.
const FAILED_DAYS: [i64; 3] = [1, 3, 5];

/// A reminder about a subscription. Each is sent once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reminder {
    /// A trial ends, and the first period is charged.
    TrialEnding {
        /// The subscription.
        subscription: SubscriptionId,
        /// When.
        at: Timestamp,
    },
    /// A payment is overdue.
    PaymentFailed {
        /// The subscription.
        subscription: SubscriptionId,
        /// The payment.
        payment: PaymentId,
        /// The number of days since it failed.
        day: i64,
        /// When access ends without it.
        until: Timestamp,
    },
}

impl Subscription {
    /// The reminder that is due at `now`, if any: of several missed days the last.
    #[must_use]
    pub fn reminder(&self, payments: &[Payment], grace: Grace, now: Timestamp) -> Option<Reminder> {
        let until = self.access_until(grace).filter(|until| now < *until)?;
        match self.status {
            Status::Trialing => {
                let at = self.current_period_end;
                let is_near = now < at && at.duration_since(now) <= TRIAL_NOTICE;
                (is_near && self.will_renew()).then_some(Reminder::TrialEnding { subscription: self.id, at })
            }
            Status::PastDue => {
                let since = self.unpaid_since?;
                let is_open = |payment: &&Payment| {
                    payment.subscription_id == Some(self.id)
                        && payment.status == PaymentStatus::Failed
                        && payment.failed_at == Some(since)
                };
                let days = now.duration_since(since).as_hours() / 24;
                let day = FAILED_DAYS.into_iter().rev().find(|day| *day <= days)?;
                let payment = payments.iter().find(is_open)?.id;
                Some(Reminder::PaymentFailed { subscription: self.id, payment, day, until })
            }
            _ => None,
        }
    }
}
