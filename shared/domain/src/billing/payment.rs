//! Payments: one for each invoice that asks for money.

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
    /// Not asked for yet.
    Draft,
    /// Asked for.
    Open,
    /// Paid.
    Paid,
    /// Given up.
    Uncollectible,
    /// Taken back.
    Void,
}

/// An invoice as Stripe has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Stripe's id.
    pub stripe_id: String,
    /// The id of the payment that it makes: the same for the same invoice, sorted by its time.
    pub payment_id: PaymentId,
    /// The subscription that it is for, by Stripe's id.
    pub stripe_subscription_id: Option<String>,
    /// What it is for, by Stripe's prices, the one that costs most first. The first that is a plan's counts.
    pub stripe_price_ids: Vec<String>,
    /// Its status.
    pub status: InvoiceStatus,
    /// What it asks for, in minor units.
    pub amount_due_cents: i64,
    /// What was paid of it.
    pub amount_paid_cents: i64,
    /// In this currency.
    pub currency: Currency,
    /// Whether it is for a period after the first.
    pub is_renewal: bool,
    /// Whether payment was tried.
    pub attempted: bool,
    /// By what it was paid, or was to be: Stripe's payment intents.
    pub payment_intents: Vec<String>,
    /// Stripe's page of it.
    pub invoice_url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// When it is due, for an invoice that is sent by mail.
    pub due_at: Option<Timestamp>,
}

/// Where a charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeStatus {
    /// The money came.
    Succeeded,
    /// The bank was asked and has not answered: a debit in progress.
    Pending,
    /// It was refused.
    Failed,
}

/// Where the dispute of a charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dispute {
    /// There is or was a dispute that was not fetched.
    Unread,
    /// The bank has not decided.
    Open,
    /// The money stays with us.
    Won,
    /// The money is gone.
    Lost,
}

/// A charge: an attempt at a payment, and what became of the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Stripe's id.
    pub stripe_id: String,
    /// Stripe's payment intent that it was charged for.
    pub payment_intent: String,
    /// Where it is.
    pub status: ChargeStatus,
    /// Whether it is a bank debit, which may fail days after it was made.
    pub is_debit: bool,
    /// How much was paid, in minor units.
    pub paid_cents: i64,
    /// What was refunded of it, in minor units.
    pub refunded_cents: i64,
    /// Its dispute, if there is or was one.
    pub dispute: Option<Dispute>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Invoice {
    pub(super) fn charges<'a>(&'a self, charges: &'a [Charge]) -> impl Iterator<Item = &'a Charge> {
        charges.iter().filter(|charge| charge.is_of(&self.payment_intents))
    }

    /// Whether a bank debit of it is in progress. One that was remains so until a charge says otherwise: a list of the latest
    /// charges may not hold it.
    fn is_processing(&self, was_processing: bool, charges: &[Charge]) -> bool {
        let has = |status| self.charges(charges).any(|charge| charge.status == status);
        has(ChargeStatus::Pending) || (was_processing && !has(ChargeStatus::Failed))
    }

    /// When the first attempt at it was refused. Stripe does not keep when a debit failed: that is when it becomes known.
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

    /// Whether something of it can be refunded: what is disputed, or was lost, cannot.
    #[must_use]
    pub fn is_refundable(&self) -> bool {
        self.status == ChargeStatus::Succeeded
            && self.paid_cents > self.refunded_cents
            && matches!(self.dispute, None | Some(Dispute::Won))
    }
}

/// Where a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// A bank debit is in progress: nothing is owed and nothing has failed.
    Processing,
    /// The money came.
    Succeeded,
    /// The payment failed so far.
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
    /// The subscription that it is for; `None` for one that is not ours.
    pub subscription_id: Option<SubscriptionId>,
    /// The plan that it is for; `None` for a price that is no plan's.
    #[serde(default)]
    pub plan_id: Option<PlanId>,
    /// The amount, in minor units.
    pub amount_cents: i64,
    /// The refunded amount.
    pub refunded_cents: i64,
    /// In this currency.
    pub currency: Currency,
    /// Where it is.
    pub status: PaymentStatus,
    /// Stripe's page of the invoice, as it was last seen. Stripe may create the link anew on each read, so it is never compared.
    pub invoice_url: Option<String>,
    /// What it is for.
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
    /// When an attempt at it was refused for the first time, or a debit was known to have failed.
    #[serde(default)]
    pub failed_at: Option<Timestamp>,
    /// Whether it was paid after its subscription had ended although it was due before: it buys no access.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_late: bool,
    /// Whether Stripe permanently refused its refund: it is not requested again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_refund_refused: bool,
    /// By what it was paid, or was to be: Stripe's payment intents.
    #[serde(default)]
    pub payment_intents: Vec<String>,
    /// When the invoice was made.
    pub created_at: Timestamp,
}

impl Payment {
    /// The payment of `invoice`, which is for `subscription` and `plan`, as it follows on `previous`. An invoice of 0
    /// makes none, nor does one without a payment attempt.
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
            // Taken back after it was tried: what stood there stands.
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

    /// Whether something changed. The link to the invoice does not count: it may differ on each read.
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

    /// The same after what became of its charges; those that are not among them are as they were.
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
        // What was not read stands as it is stored.
        self.is_dispute_lost = has(Dispute::Lost) || ((has(Dispute::Unread) || !is_whole) && self.is_dispute_lost);
        self.is_disputed =
            has(Dispute::Open) || self.is_dispute_lost || has(Dispute::Unread) || (!is_whole && self.is_disputed);
        self.given_back(refunded_cents)
    }

    /// The same with so much of it gone back: it is refunded when that is all.
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
