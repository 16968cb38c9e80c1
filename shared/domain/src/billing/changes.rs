//! What the convergence decides: the changes to write, and what to end and to refund at Stripe.

use super::access::{Access, Grace};
use super::payment::Payment;
use super::shown::ShownSubscription;
use super::state::Account;
use super::subscription::Subscription;

/// A subscription that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The stored one; `None` for a new one.
    pub before: Option<Subscription>,
    /// The new state.
    pub after: Subscription,
}

/// What is to be refunded of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRefund {
    /// Stripe's invoice.
    pub stripe_invoice_id: String,
    /// Stripe's charges to refund. A payment outside Stripe has none.
    pub charges: Vec<ChargeRefund>,
}

/// A charge to refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRefund {
    /// Stripe's id.
    pub stripe_id: String,
    /// The amount, in minor units; `None` for the whole rest.
    pub amount_cents: Option<i64>,
}

/// Why a subscription ends at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The user has another one.
    Second,
    /// The user deleted the account.
    AccountDeleted,
    /// The address or the card had a trial before.
    TrialRefused,
}

/// A change to make at Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Ends at once with a refund.
    Now {
        /// The reason.
        reason: EndReason,
        /// Stripe's id.
        stripe_id: String,
        /// Stripe's id of the schedule that manages it and must be released first.
        schedule: Option<String>,
        /// Whether it must still be cancelled.
        is_live: bool,
        /// The payments to refund.
        paid: Vec<InvoiceRefund>,
        /// Whether the refund is known only after the end: the next fetch determines it.
        is_refund_pending: bool,
    },
    /// Refunds payments for an old invoice that were made after the subscription had ended.
    Refund {
        /// Stripe's id of the subscription.
        stripe_id: String,
        /// Those invoices.
        paid: Vec<InvoiceRefund>,
    },
    /// Ends at period end, for a user who closed the account.
    AtPeriodEnd {
        /// Stripe's id.
        stripe_id: String,
        /// Stripe's id of the schedule that manages it and must be released first.
        schedule: Option<String>,
    },
}

/// The changes to write in one transaction, on condition of the expected version of the customer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Subscriptions that are new or changed.
    pub subscriptions: Vec<Changed>,
    /// Payments that are new or changed.
    pub payments: Vec<Payment>,
    /// The new access in the gate, if it changes.
    pub access: Option<Access>,
    /// Whether a first trial was found.
    pub first_trial: bool,
    /// Whether the customer was deleted at Stripe.
    pub customer_is_gone: bool,
    /// What to do at Stripe after the write.
    pub endings: Vec<Ending>,
}

impl Changes {
    /// Whether the local state equals Stripe's.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.subscriptions.is_empty()
            && self.payments.is_empty()
            && self.access.is_none()
            && !self.first_trial
            && !self.customer_is_gone
    }

    /// The subscriptions of `account` once this is written.
    pub fn subscriptions_after<'a>(&'a self, account: &'a Account) -> impl Iterator<Item = &'a Subscription> {
        let stored = &account.subscriptions;
        let written = || self.subscriptions.iter().map(|changed| &changed.after);
        let new = written().filter(|after| stored.iter().all(|before| before.id != after.id));
        stored.iter().map(move |before| written().find(|after| after.id == before.id).unwrap_or(before)).chain(new)
    }

    /// The subscription that the user of `account` sees once this is written.
    #[must_use]
    pub fn shown_after(&self, account: &Account, grace: Grace) -> Option<ShownSubscription> {
        ShownSubscription::among(self.subscriptions_after(account), grace)
    }

    /// Keeps at most `most` subscriptions and payments and returns whether these are all. The next fetch gives the
    /// rest, and then the endings and the deletion of the customer.
    pub fn keep_first(&mut self, most: usize) -> bool {
        let is_all = self.subscriptions.len() <= most && self.payments.len() <= most;
        if !is_all {
            self.subscriptions.truncate(most);
            self.payments.truncate(most);
            self.endings.clear();
            self.customer_is_gone = false;
        }
        is_all
    }
}
