//! Payments: one for each invoice with an amount to pay.

use super::money::Currency;
use crate::{PaymentId, PlanId, SubscriptionId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::ToSchema;

/// Stripe's statuses of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// A draft.
    Draft,
    /// Open.
    Open,
    /// Paid.
    Paid,
    /// Uncollectible.
    Uncollectible,
    /// Void.
    Void,
}

/// An invoice as Stripe has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Stripe's id.
    pub stripe_id: String,
    /// The id of its payment: the same for the same invoice, sorted by its time.
    pub payment_id: PaymentId,
    /// Its subscription, by Stripe's id.
    pub stripe_subscription_id: Option<String>,
    /// Its prices at Stripe, the one with the highest amount first. The first that belongs to a plan counts.
    pub stripe_price_ids: Vec<String>,
    /// Its status.
    pub status: InvoiceStatus,
    /// The amount to pay, in minor units.
    pub amount_due_cents: i64,
    /// The paid amount.
    pub amount_paid_cents: i64,
    /// The currency.
    pub currency: Currency,
    /// Whether it is for a period after the first.
    pub is_renewal: bool,
    /// Whether payment was attempted.
    pub attempted: bool,
    /// Stripe's payment intents, paid or not.
    pub payment_intents: Vec<String>,
    /// Its page at Stripe.
    pub invoice_url: Option<String>,
    /// Its period.
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// When it is due, for an invoice that is sent by mail.
    pub due_at: Option<Timestamp>,
}

/// The state of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeStatus {
    /// The money arrived.
    Succeeded,
    /// A debit in progress: the bank has not answered yet.
    Pending,
    /// It was declined.
    Failed,
}

/// The state of a charge's dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispute {
    /// There is or was a dispute that was not fetched.
    Unread,
    /// The bank has not decided.
    Open,
    /// It was won.
    Won,
    /// It was lost.
    Lost,
}

/// A charge: an attempt at a payment, and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Stripe's id.
    pub stripe_id: String,
    /// Its payment intent at Stripe.
    pub payment_intent: String,
    /// Its state.
    pub status: ChargeStatus,
    /// Whether it is a bank debit, which may fail days after it was made.
    pub is_debit: bool,
    /// The paid amount, in minor units.
    pub paid_cents: i64,
    /// The refunded amount, in minor units.
    pub refunded_cents: i64,
    /// Its dispute, if there is or was one.
    pub dispute: Option<Dispute>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Invoice {
    pub(super) fn charges<'a>(&'a self, charges: &'a [Charge]) -> impl Iterator<Item = &'a Charge> {
        charges.iter().filter(|charge| charge.is_of(&self.payment_intents))
    }

    /// Whether a bank debit of it is in progress. It remains so until a charge says otherwise: a list of the latest
    /// charges may not contain it.
    fn is_processing(&self, was_processing: bool, charges: &[Charge]) -> bool {
        let has = |status| self.charges(charges).any(|charge| charge.status == status);
        has(ChargeStatus::Pending) || (was_processing && !has(ChargeStatus::Failed))
    }

    /// When the first attempt failed. Stripe does not store when a debit failed: the time of the fetch counts.
    fn refused_at(&self, was_processing: bool, charges: &[Charge], now: Timestamp) -> Timestamp {
        let refused = self.charges(charges).filter(|charge| charge.status == ChargeStatus::Failed);
        match refused.min_by_key(|charge| charge.created_at) {
            _ if was_processing => now,
            Some(charge) if charge.is_debit => now,
            Some(charge) => charge.created_at,
            None => self.due_at.unwrap_or(self.created_at),
        }
    }
}

impl Charge {
    fn is_of(&self, payment_intents: &[String]) -> bool {
        payment_intents.contains(&self.payment_intent)
    }

    /// Whether a part of it can be refunded: a payment with an open or lost dispute cannot.
    #[must_use]
    pub fn is_refundable(&self) -> bool {
        self.status == ChargeStatus::Succeeded
            && self.paid_cents > self.refunded_cents
            && matches!(self.dispute, None | Some(Dispute::Won))
    }
}

/// The status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// A bank debit is in progress: nothing is overdue and nothing has failed.
    Processing,
    /// The money arrived.
    Succeeded,
    /// All attempts so far have failed.
    Failed,
    /// Fully refunded.
    Refunded,
    /// A dispute of it is open, or was lost.
    Disputed,
}

impl PaymentStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Processing, Self::Succeeded, Self::Failed, Self::Refunded, Self::Disputed];

    /// Whether the money arrived, even if it was refunded later.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Succeeded | Self::Refunded | Self::Disputed)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
        }
    }
}

/// Not the status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a payment's status")]
pub struct UnknownPaymentStatusError;

impl FromStr for PaymentStatus {
    type Err = UnknownPaymentStatusError;

    fn from_str(text: &str) -> Result<Self, UnknownPaymentStatusError> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownPaymentStatusError)
    }
}

/// A stored payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Stripe's invoice.
    pub stripe_invoice_id: String,
    /// Its subscription; `None` for a subscription that is not ours.
    pub subscription_id: Option<SubscriptionId>,
    /// Its plan; `None` for a price without a plan.
    #[serde(default)]
    pub plan_id: Option<PlanId>,
    /// The amount, in minor units.
    pub amount_cents: i64,
    /// The refunded amount.
    pub refunded_cents: i64,
    /// The currency.
    pub currency: Currency,
    /// Its status.
    pub status: PaymentStatus,
    /// The address of the invoice at Stripe, as of the last fetch. Stripe may generate a new one on each read, so it is
    /// never compared.
    pub invoice_url: Option<String>,
    /// Its period.
    pub description: Option<String>,
    /// Whether it is for a period after the first.
    #[serde(default)]
    pub is_renewal: bool,
    /// Whether a dispute of it is open, or was lost.
    #[serde(default)]
    pub is_disputed: bool,
    /// Whether a dispute of it was lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_dispute_lost: bool,
    /// When its first attempt failed, or when a failed debit was detected.
    #[serde(default)]
    pub failed_at: Option<Timestamp>,
    /// Whether it was paid after its subscription had ended although it was due before: then it gives no access.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_late: bool,
    /// Whether Stripe permanently refused its refund: it is not requested again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_refund_refused: bool,
    /// Stripe's payment intents, paid or not.
    #[serde(default)]
    pub payment_intents: Vec<String>,
    /// When the invoice was created.
    pub created_at: Timestamp,
}

impl Payment {
    /// The payment of `invoice` for `subscription` and `plan`, as a successor of `previous`. An invoice of 0 has none,
    /// nor has one without a payment attempt.
    #[must_use]
    pub fn of(
        invoice: &Invoice,
        subscription: Option<SubscriptionId>,
        plan: Option<PlanId>,
        previous: Option<&Self>,
        charges: &[Charge],
        now: Timestamp,
    ) -> Option<Self> {
        let was_processing = previous.is_some_and(|previous| previous.status == PaymentStatus::Processing);
        let (amount_cents, status) = match invoice.status {
            InvoiceStatus::Paid => (invoice.amount_paid_cents, PaymentStatus::Succeeded),
            InvoiceStatus::Open | InvoiceStatus::Uncollectible if invoice.attempted => {
                let is_processing = invoice.is_processing(was_processing, charges);
                (
                    invoice.amount_due_cents,
                    if is_processing { PaymentStatus::Processing } else { PaymentStatus::Failed },
                )
            }
            // A debit that failed and is not retried.
            InvoiceStatus::Uncollectible | InvoiceStatus::Void if was_processing => {
                (invoice.amount_due_cents, PaymentStatus::Failed)
            }
            // Voided after an attempt: the stored status stays.
            InvoiceStatus::Draft | InvoiceStatus::Open | InvoiceStatus::Uncollectible | InvoiceStatus::Void => {
                return previous.cloned();
            }
        };
        let failed_at = previous.and_then(|previous| previous.failed_at);
        let payment = Self {
            id: invoice.payment_id,
            stripe_invoice_id: invoice.stripe_id.clone(),
            subscription_id: subscription,
            plan_id: plan,
            amount_cents,
            refunded_cents: 0,
            currency: invoice.currency,
            status,
            invoice_url: invoice.invoice_url.clone(),
            description: invoice.description.clone(),
            is_renewal: invoice.is_renewal,
            is_disputed: previous.is_some_and(|previous| previous.is_disputed),
            is_dispute_lost: previous.is_some_and(|previous| previous.is_dispute_lost),
            failed_at: match status {
                PaymentStatus::Failed => failed_at.or_else(|| Some(invoice.refused_at(was_processing, charges, now))),
                PaymentStatus::Processing => failed_at,
                PaymentStatus::Succeeded | PaymentStatus::Refunded | PaymentStatus::Disputed => None,
            },
            is_late: previous.is_some_and(|previous| previous.is_late),
            is_refund_refused: previous.is_some_and(|previous| previous.is_refund_refused),
            payment_intents: invoice.payment_intents.clone(),
            created_at: invoice.created_at,
        };
        (amount_cents > 0).then(|| payment.given_back(previous.map_or(0, |previous| previous.refunded_cents)))
    }

    /// Whether it has changed. The address of the invoice does not count: it may differ on each read.
    #[must_use]
    pub fn differs_from(&self, previous: &Self) -> bool {
        *self != Self { invoice_url: self.invoice_url.clone(), ..previous.clone() }
    }

    /// The same if these charges have paid it: for an invoice that was not fetched.
    #[must_use]
    pub fn paid_by(mut self, charges: &[Charge]) -> Self {
        let of_it = charges.iter().filter(|charge| charge.is_of(&self.payment_intents));
        let paid = of_it.filter(|charge| charge.status == ChargeStatus::Succeeded);
        if paid.map(|charge| charge.paid_cents).sum::<i64>() >= self.amount_cents {
            self.status = PaymentStatus::Succeeded;
            self.failed_at = None;
        }
        self
    }

    /// The same after the outcome of its charges; charges that are not among them are unchanged.
    #[must_use]
    pub fn charged(mut self, charges: &[Charge]) -> Self {
        let of_it = |charge: &&Charge| charge.status == ChargeStatus::Succeeded && charge.is_of(&self.payment_intents);
        let own: Vec<_> = charges.iter().filter(of_it).collect();
        if own.is_empty() {
            return self;
        }
        let is_seen = |intent: &String| own.iter().any(|charge| charge.payment_intent == *intent);
        let is_whole = self.payment_intents.iter().all(is_seen);
        let least = if is_whole { 0 } else { self.refunded_cents };
        let refunded_cents = own.iter().map(|charge| charge.refunded_cents).sum::<i64>().max(least);
        let has = |dispute: Dispute| own.iter().any(|charge| charge.dispute == Some(dispute));
        // Charges that were not fetched keep the stored state.
        self.is_dispute_lost = has(Dispute::Lost) || ((has(Dispute::Unread) || !is_whole) && self.is_dispute_lost);
        self.is_disputed =
            has(Dispute::Open) || self.is_dispute_lost || has(Dispute::Unread) || (!is_whole && self.is_disputed);
        self.given_back(refunded_cents)
    }

    /// The same with this refunded amount: it is refunded when that is the whole amount.
    fn given_back(mut self, cents: i64) -> Self {
        self.refunded_cents = cents.min(self.amount_cents);
        self.status = match self.status {
            PaymentStatus::Failed => PaymentStatus::Failed,
            PaymentStatus::Processing => PaymentStatus::Processing,
            _ if self.is_disputed => PaymentStatus::Disputed,
            _ if self.refunded_cents == self.amount_cents => PaymentStatus::Refunded,
            _ => PaymentStatus::Succeeded,
        };
        self
    }
}
