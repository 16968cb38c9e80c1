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
    /// Where it is in its life.
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
}

/// What became of money that was charged, and paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Stripe's payment intent that it was charged for.
    pub payment_intent: String,
    /// How much it was, in minor units.
    pub paid_cents: i64,
    /// What went back of it, in minor units.
    pub refunded_cents: i64,
    /// Whether the card's owner disputes it, or did.
    pub is_disputed: bool,
}

/// Where a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The money came.
    Succeeded,
    /// It did not, so far.
    Failed,
    /// All of it went back.
    Refunded,
}

impl PaymentStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Succeeded, Self::Failed, Self::Refunded];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
        }
    }
}

/// Not the status of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a payment's status")]
pub struct UnknownPaymentStatus;

impl FromStr for PaymentStatus {
    type Err = UnknownPaymentStatus;

    fn from_str(text: &str) -> Result<Self, UnknownPaymentStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownPaymentStatus)
    }
}

/// A payment as it is kept.
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
    /// What went back of it.
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
    /// Whether the card's owner disputes it, or did.
    #[serde(default)]
    pub is_disputed: bool,
    /// By what it was paid, or was to be: Stripe's payment intents.
    #[serde(default)]
    pub payment_intents: Vec<String>,
    /// When the invoice was made.
    pub created_at: Timestamp,
}

impl Payment {
    /// The payment of `invoice`, which is for `subscription` and `plan`, as it follows on `known`. An invoice of 0 makes
    /// none, nor does one that nobody has tried to pay.
    #[must_use]
    pub fn of(
        invoice: &Invoice,
        subscription: Option<SubscriptionId>,
        plan: Option<PlanId>,
        known: Option<&Self>,
    ) -> Option<Self> {
        let (amount_cents, status) = match invoice.status {
            InvoiceStatus::Paid => (invoice.amount_paid_cents, PaymentStatus::Succeeded),
            InvoiceStatus::Open | InvoiceStatus::Uncollectible if invoice.attempted => {
                (invoice.amount_due_cents, PaymentStatus::Failed)
            }
            // Taken back after it was tried: what stood there stands.
            InvoiceStatus::Draft | InvoiceStatus::Open | InvoiceStatus::Uncollectible | InvoiceStatus::Void => {
                return known.cloned();
            }
        };
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
            is_disputed: known.is_some_and(|known| known.is_disputed),
            payment_intents: invoice.payment_intents.clone(),
            created_at: invoice.created_at,
        };
        (amount_cents > 0).then(|| payment.given_back(known.map_or(0, |known| known.refunded_cents)))
    }

    /// Whether something changed. The link to the invoice does not count: it may differ on each read.
    #[must_use]
    pub fn differs_from(&self, known: &Self) -> bool {
        *self != Self { invoice_url: self.invoice_url.clone(), ..known.clone() }
    }

    /// The same where these charges have paid it: of an invoice that is not seen itself.
    #[must_use]
    pub fn paid_by(mut self, charges: &[Charge]) -> Self {
        let of_it = charges.iter().filter(|charge| self.payment_intents.contains(&charge.payment_intent));
        if of_it.map(|charge| charge.paid_cents).sum::<i64>() >= self.amount_cents {
            self.status = PaymentStatus::Succeeded;
        }
        self
    }

    /// The same after what became of its charges; those that are not among them are as they were.
    #[must_use]
    pub fn charged(mut self, charges: &[Charge]) -> Self {
        let of_it = |charge: &&Charge| self.payment_intents.contains(&charge.payment_intent);
        let own: Vec<_> = charges.iter().filter(of_it).collect();
        if own.is_empty() {
            return self;
        }
        let is_seen = |intent: &String| own.iter().any(|charge| charge.payment_intent == *intent);
        let least = if self.payment_intents.iter().all(is_seen) { 0 } else { self.refunded_cents };
        let refunded_cents = own.iter().map(|charge| charge.refunded_cents).sum::<i64>().max(least);
        self.is_disputed |= own.iter().any(|charge| charge.is_disputed);
        self.given_back(refunded_cents)
    }

    /// The same with so much of it gone back: it is refunded when that is all.
    fn given_back(mut self, cents: i64) -> Self {
        self.refunded_cents = cents.min(self.amount_cents);
        self.status = match self.status {
            PaymentStatus::Failed => PaymentStatus::Failed,
            _ if self.refunded_cents == self.amount_cents => PaymentStatus::Refunded,
            _ => PaymentStatus::Succeeded,
        };
        self
    }
}
