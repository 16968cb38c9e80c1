//! What the convergence compares: the stored state of a user, Stripe's state, the catalogue and the settings.

use super::access::{Access, Grace};
use super::customer::Customer;
use super::payment::{Charge, ChargeStatus, Dispute, Invoice, Payment, PaymentStatus};
use super::plan::Plan;
use super::subscription::{Status, StripeSubscription, Subscription};
use crate::PlanId;
use crate::gate::Closing;
use std::collections::BTreeMap;

/// The stored billing state of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The customer, whose version orders the writes.
    pub customer: Customer,
    /// All subscriptions, ended ones too.
    pub subscriptions: Vec<Subscription>,
    /// All payments.
    pub payments: Vec<Payment>,
    /// How the account was closed, if it was.
    pub closing: Option<Closing>,
    /// The access in the gate.
    pub access: Access,
}

/// Stripe's state of a customer, fetched after the version was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StripeState {
    /// All readable subscriptions. The stored state of others is unchanged.
    pub subscriptions: Vec<StripeSubscription>,
    /// The invoices, all open ones among them.
    pub invoices: Vec<Invoice>,
    /// The charges of these or earlier invoices.
    pub charges: Vec<Charge>,
    /// Duplicate subscriptions, by Stripe's id, that were ended and whose known payments were refunded.
    pub ended_duplicates: Vec<String>,
    /// Subscriptions, by Stripe's id, whose end Stripe permanently refused.
    pub refused_ends: Vec<String>,
    /// Invoices, by Stripe's id, whose refund Stripe permanently refused.
    pub refused_refunds: Vec<String>,
    /// Subscriptions, by Stripe's id, whose trial is refused: the address or the card had one before.
    pub refused_trials: Vec<String>,
    /// Whether the customer was deleted at Stripe.
    pub is_customer_gone: bool,
}

impl StripeState {
    /// The subscriptions of `account` to a plan whose trial is seen for the first time.
    pub fn new_trials<'a>(
        &'a self,
        account: &'a Account,
        catalogue: &'a Catalogue,
    ) -> impl Iterator<Item = &'a StripeSubscription> {
        let is_stored =
            |id: &str| account.subscriptions.iter().any(|stored| stored.stripe_id == id && stored.had_trial);
        self.subscriptions.iter().filter(move |found| {
            found.subscription.had_trial
                && !is_stored(&found.subscription.stripe_id)
                && found.items.iter().any(|item| catalogue.prices.contains_key(&item.stripe_price_id))
        })
    }

    /// The state of a deleted customer: all live subscriptions have ended.
    #[must_use]
    pub fn customer_deleted(account: &Account) -> Self {
        let ended = |stored: &Subscription| Subscription { status: Status::Canceled, ..stored.clone() };
        Self {
            subscriptions: (account.subscriptions.iter())
                .filter(|stored| !stored.status.is_ended())
                .map(|stored| ended(stored).into())
                .collect(),
            is_customer_gone: true,
            ..Self::default()
        }
    }

    /// Whether a list of the latest objects is not sufficient for `account`, so that all objects must be fetched: for
    /// the result of an earlier debit or dispute, or a charge of an earlier invoice.
    #[must_use]
    pub fn is_undecided(&self, account: &Account) -> bool {
        let own = |payment: &Payment| {
            let intents = payment.payment_intents.clone();
            self.charges.iter().filter(move |charge| intents.contains(&charge.payment_intent))
        };
        let is_unsaid = |payment: &Payment| match payment.status {
            PaymentStatus::Processing => {
                !own(payment).any(|charge| matches!(charge.status, ChargeStatus::Pending | ChargeStatus::Succeeded))
            }
            PaymentStatus::Failed => {
                own(payment).any(|charge| charge.status == ChargeStatus::Succeeded)
                    && !self.invoices.iter().any(|invoice| invoice.stripe_id == payment.stripe_invoice_id)
            }
            _ if payment.is_disputed => !payment.is_dispute_lost,
            _ => own(payment).any(|charge| charge.dispute == Some(Dispute::Unread)),
        };
        account.payments.iter().any(is_unsaid)
    }
}

/// The plans and their current and former prices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// All plans, archived ones too.
    pub plans: Vec<Plan>,
    /// The plan of each of Stripe's prices.
    pub prices: BTreeMap<String, PlanId>,
}

/// The refund of the last paid period when the user deletes the account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RefundOnDeletion {
    /// Nothing.
    #[default]
    Nothing,
    /// The share of the unused time.
    Unused,
}

/// The settings of the convergence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// How long access continues after a failed payment.
    pub grace: Grace,
    /// The refund for a user who deletes the account.
    pub refund_on_deletion: RefundOnDeletion,
}
